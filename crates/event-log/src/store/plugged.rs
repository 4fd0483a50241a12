//! A database that is plugged in instead of a real one; see [`ordo_sql::plugged`]. It is told what SQLite is told.

use std::sync::Arc;

use ordo_sql::{Db, Row, Value, params, plugged::Database};
use sqlx::error::BoxDynError;

use super::{
    Commit, CommitError,
    load::Wanted,
    open::Created,
    schema::{self, BUMP_EPOCH, FORMAT, SQLITE},
    statements::{self, CREATE_HEADS, CREATE_LOG, READ_LOG},
};
use crate::{error::StoreError, event::TenantId};

pub(super) struct Plugged {
    database: Arc<dyn Database>,
}

/// What SQLite calls a NULL where none may be (SQLITE_CONSTRAINT_NOTNULL).
const NOT_NULL: &str = "1299";

impl Plugged {
    pub fn new(database: Arc<dyn Database>) -> Self {
        Self { database }
    }

    fn db(&self) -> Db {
        Db::Plugged(Arc::clone(&self.database))
    }

    pub async fn create(&self, service: &str, partitions: u32) -> Result<Created, StoreError> {
        let mut tx = self.db().begin().await?;
        for sql in schema::tables(&SQLITE) {
            tx.execute_script(&sql).await?;
        }
        tx.execute(CREATE_LOG, &params![service, partitions, FORMAT])
            .await?;
        let Some(row) = tx.fetch_optional(READ_LOG, &[]).await? else {
            return Err(StoreError::Damaged("the log has no row".to_owned()));
        };
        let created = Created {
            service: row.text(0)?,
            partitions: row.i64(1)?,
            format: row.i64(2)?,
        };
        tx.execute(CREATE_HEADS, &params![created.partitions])
            .await?;
        tx.commit().await?;
        Ok(created)
    }

    pub async fn rows(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        Ok(self.db().fetch_all(sql, params).await?)
    }

    pub async fn commands(&self, ids: &[(&TenantId, &str)]) -> Result<Vec<Row>, StoreError> {
        let params = bound(|params| statements::bind_commands(ids, params))?;
        self.rows(&statements::commands(ids.len()), &params).await
    }

    /// See [`Store::load`](super::Store::load) for the columns.
    pub async fn load(&self, wanted: &[Wanted<'_>], page: u64) -> Result<Vec<Row>, StoreError> {
        let params = bound(|params| statements::bind_load(wanted, page, params))?;
        self.rows(&statements::load(wanted.len()), &params).await
    }

    /// The whole transaction at once, as on SQLite.
    pub async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        let params = bound(|params| statements::bind_commit(commit, params))
            .map_err(CommitError::Unknown)?;
        match self.database.run(statements::commit(commit), params).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_unique_violation() => Err(CommitError::Taken),
            Err(error) if error.code().as_deref() == Some(NOT_NULL) => Err(CommitError::Conflict),
            Err(error) => Err(CommitError::Unknown(error.into())),
        }
    }

    pub async fn bump_epoch(&self) -> Result<Vec<Row>, StoreError> {
        let mut tx = self.db().begin().await?;
        let rows = tx.fetch_all(BUMP_EPOCH, &[]).await?;
        tx.commit().await?;
        Ok(rows)
    }

    pub async fn close(&self) {
        self.database.close().await;
    }
}

fn bound(
    fill: impl FnOnce(&mut Vec<Value>) -> Result<(), BoxDynError>,
) -> Result<Vec<Value>, StoreError> {
    let mut params = Vec::new();
    fill(&mut params).map_err(sqlx::Error::Encode)?;
    Ok(params)
}
