//! The seam for a database that this crate does not connect to itself. The simulation (`tests/sim`) puts a SQLite beneath it
//! that runs on the calling thread, fails when it is told to and keeps to a clock of its own; nothing in production does.

use std::{fmt, sync::Arc};

use futures::future::BoxFuture;

use crate::{error::SqlError, open::OpenOptions, row::Row, value::Value};

/// Databases by name, in place of a folder or a Postgres database. They speak SQLite's SQL.
pub trait Databases: Send + Sync + fmt::Debug + 'static {
    /// Opens `database`, and creates it when it is not there.
    fn open<'a>(
        &'a self,
        database: &'a str,
        options: OpenOptions,
    ) -> BoxFuture<'a, Result<Arc<dyn Database>, SqlError>>;

    /// Removes `database`; nothing happens when it is not there.
    fn remove<'a>(&'a self, database: &'a str) -> BoxFuture<'a, Result<(), SqlError>>;
}

/// One database.
pub trait Database: Send + Sync + fmt::Debug + 'static {
    /// Whether several processes may open it at once, as on Postgres.
    fn is_shared(&self) -> bool;

    /// Begins a transaction that may write, or one that sees a single moment.
    fn begin(&self, access: Access) -> BoxFuture<'_, Result<Box<dyn Transaction>, SqlError>>;

    /// Runs statements that are separated by `;` as one transaction, all or nothing; the parameters belong to them in order.
    fn run(&self, sql: String, params: Vec<Value>) -> BoxFuture<'_, Result<Answer, SqlError>>;

    /// Runs one query that only reads.
    fn read(&self, sql: String, params: Vec<Value>) -> BoxFuture<'_, Result<Answer, SqlError>>;

    /// Refuses everything from now on.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// A transaction under way; undone when it is dropped.
pub trait Transaction: Send + 'static {
    /// Runs statements that are separated by `;`; the answer is the last one's.
    fn run(&mut self, sql: String, params: Vec<Value>) -> BoxFuture<'_, Result<Answer, SqlError>>;

    /// Makes everything in it lasting and visible at once.
    fn commit(self: Box<Self>) -> BoxFuture<'static, Result<(), SqlError>>;

    /// Undoes everything in it.
    fn rollback(self: Box<Self>) -> BoxFuture<'static, Result<(), SqlError>>;
}

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading and writing.
    Write,
    /// Reading only, all of it at one moment.
    Snapshot,
}

/// What a statement came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Names of the columns.
    pub columns: Arc<[String]>,
    /// Rows of a query.
    pub rows: Vec<Vec<Value>>,
    /// Rows that the statement changed.
    pub touched: u64,
}

impl Answer {
    pub(crate) fn into_rows(self) -> impl Iterator<Item = Row> + Send {
        let columns = self.columns;
        self.rows
            .into_iter()
            .map(move |values| Row::plain(Arc::clone(&columns), values))
    }
}
