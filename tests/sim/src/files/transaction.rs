//! A transaction under way.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt as _, future::BoxFuture};
use ordo_sql::{
    SqlError, Value,
    plugged::{Answer, Transaction},
};

use super::{File, Files, Held, Place, away, connection, locked, shape};
use crate::world::Life;

pub(super) struct OpenTransaction {
    pub files: Arc<Files>,
    pub file: Arc<File>,
    pub life: Arc<Life>,
    pub number: u64,
    pub writes: bool,
    /// A statement failed with the connection: there is nothing left to commit.
    pub broken: bool,
}

impl OpenTransaction {
    fn take(&self) -> Option<Held> {
        locked(&self.files.open).remove(&self.number)
    }

    /// Runs now.
    fn run_here(&self, sql: &str, params: &[Value]) -> Result<Answer, SqlError> {
        self.file.check()?;
        if self.writes {
            return connection::run(&locked(&self.file.writer), sql, params);
        }
        match locked(&self.files.open)
            .get(&self.number)
            .map(|held| &held.place)
        {
            Some(Place::Reader(reader)) => connection::run(reader, sql, params),
            _ => Err(SqlError::Closed),
        }
    }

    async fn run_one(&mut self, sql: String, params: Vec<Value>) -> Result<Answer, SqlError> {
        let world = &self.files.world;
        world.pass(&self.life).await;
        if self.broken {
            return Err(away("the connection is gone"));
        }
        if world.hits(world.weather.sql_error) {
            world.fault(
                "sql.error",
                format_args!("{} in {}", self.file.name, self.life.name),
            );
            self.broken = true;
            return Err(away("the connection broke"));
        }
        let answer = self.run_here(&sql, &params);
        world.note(
            "sql.step",
            format_args!(
                "{} in {} {:x} {}",
                self.file.name,
                self.life.name,
                connection::digest(&sql, &params),
                shape(&answer)
            ),
        );
        answer
    }

    async fn commit_now(self: Box<Self>) -> Result<(), SqlError> {
        let world = Arc::clone(&self.files.world);
        let weather = &world.weather;
        world.pass(&self.life).await;
        if self.broken {
            return Err(away("the connection is gone"));
        }
        self.file.check()?;
        let name = format!("{} of {}", self.file.name, self.life.name);
        if !self.writes {
            return Ok(());
        }
        if world.hits(weather.commit_refused) {
            world.fault("commit.refused", format_args!("{name}"));
            return Err(away("the commit failed"));
        }
        let Some(held) = self.take() else {
            return Err(SqlError::Closed);
        };
        if world.hits(weather.commit_late) {
            world.fault("commit.late", format_args!("{name}"));
            let wait = Duration::from_millis(world.below(3_000));
            let world = Arc::clone(&world);
            // It is with the server now, whatever becomes of the process.
            tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                let done = connection::commit(&locked(&held.file.writer));
                world.note("commit.arrives", format_args!("{name} {}", done.is_ok()));
                held.undo();
            });
            return Err(away("the commit was not answered"));
        }
        let done = connection::commit(&locked(&self.file.writer));
        world.note("sql.commit", format_args!("{name} {}", done.is_ok()));
        held.undo();
        world.pass(&self.life).await;
        if done.is_ok() && world.hits(weather.commit_unknown) {
            world.fault("commit.unknown", format_args!("{name}"));
            return Err(away("the commit was not answered"));
        }
        done
    }
}

impl Transaction for OpenTransaction {
    fn run(&mut self, sql: String, params: Vec<Value>) -> BoxFuture<'_, Result<Answer, SqlError>> {
        self.run_one(sql, params).boxed()
    }

    fn commit(self: Box<Self>) -> BoxFuture<'static, Result<(), SqlError>> {
        self.commit_now().boxed()
    }

    fn rollback(self: Box<Self>) -> BoxFuture<'static, Result<(), SqlError>> {
        async move {
            self.files.world.pass(&self.life).await;
            Ok(())
        }
        .boxed()
    }
}

impl Drop for OpenTransaction {
    fn drop(&mut self) {
        if let Some(held) = self.take() {
            held.undo();
        }
    }
}
