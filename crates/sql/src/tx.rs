//! A transaction.

use futures::{StreamExt as _, stream::BoxStream};
use sqlx::{AssertSqlSafe, Postgres, Sqlite, Transaction};

use crate::{
    db::{Backend, rows_of},
    error::SqlError,
    plugged::Transaction as Plugged,
    row::Row,
    value::{Value, postgres_arguments, sqlite_arguments},
};

/// A transaction. Dropped without [`commit`](Tx::commit) it is rolled back.
pub struct Tx(Inner);

enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
    Plugged(Box<dyn Plugged>),
}

impl Tx {
    pub(crate) fn sqlite(tx: Transaction<'static, Sqlite>) -> Self {
        Self(Inner::Sqlite(tx))
    }

    pub(crate) fn postgres(tx: Transaction<'static, Postgres>) -> Self {
        Self(Inner::Postgres(tx))
    }

    pub(crate) fn plugged(tx: Box<dyn Plugged>) -> Self {
        Self(Inner::Plugged(tx))
    }

    /// Which database it is, where a statement must differ.
    pub fn backend(&self) -> Backend {
        match &self.0 {
            Inner::Sqlite(_) | Inner::Plugged(_) => Backend::Sqlite,
            Inner::Postgres(_) => Backend::Postgres,
        }
    }

    /// Runs one statement and returns the number of rows it touched.
    pub async fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, SqlError> {
        Ok(match &mut self.0 {
            Inner::Sqlite(tx) => sqlx::query_with(AssertSqlSafe(sql), sqlite_arguments(params)?)
                .execute(&mut **tx)
                .await?
                .rows_affected(),
            Inner::Postgres(tx) => {
                sqlx::query_with(AssertSqlSafe(sql), postgres_arguments(params)?)
                    .execute(&mut **tx)
                    .await?
                    .rows_affected()
            }
            Inner::Plugged(tx) => tx.run(sql.to_owned(), params.to_vec()).await?.touched,
        })
    }

    /// Runs statements that take no parameters and are separated by `;`, for example a schema.
    pub async fn execute_script(&mut self, sql: &str) -> Result<(), SqlError> {
        match &mut self.0 {
            Inner::Sqlite(tx) => sqlx::raw_sql(AssertSqlSafe(sql))
                .execute(&mut **tx)
                .await
                .map(|_| ())?,
            Inner::Postgres(tx) => sqlx::raw_sql(AssertSqlSafe(sql))
                .execute(&mut **tx)
                .await
                .map(|_| ())?,
            Inner::Plugged(tx) => tx.run(sql.to_owned(), Vec::new()).await.map(|_| ())?,
        }
        Ok(())
    }

    /// All rows of a query, which may write and return (`insert … returning`).
    pub async fn fetch_all(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, SqlError> {
        Ok(match &mut self.0 {
            Inner::Sqlite(tx) => sqlx::query_with(AssertSqlSafe(sql), sqlite_arguments(params)?)
                .fetch_all(&mut **tx)
                .await?
                .into_iter()
                .map(Row::from)
                .collect(),
            Inner::Postgres(tx) => {
                sqlx::query_with(AssertSqlSafe(sql), postgres_arguments(params)?)
                    .fetch_all(&mut **tx)
                    .await?
                    .into_iter()
                    .map(Row::from)
                    .collect()
            }
            Inner::Plugged(tx) => {
                let answer = tx.run(sql.to_owned(), params.to_vec()).await?;
                answer.into_rows().collect()
            }
        })
    }

    /// The first row of a query, if there is one.
    pub async fn fetch_optional(
        &mut self,
        sql: &str,
        params: &[Value],
    ) -> Result<Option<Row>, SqlError> {
        Ok(match &mut self.0 {
            Inner::Sqlite(tx) => sqlx::query_with(AssertSqlSafe(sql), sqlite_arguments(params)?)
                .fetch_optional(&mut **tx)
                .await?
                .map(Row::from),
            Inner::Postgres(tx) => {
                sqlx::query_with(AssertSqlSafe(sql), postgres_arguments(params)?)
                    .fetch_optional(&mut **tx)
                    .await?
                    .map(Row::from)
            }
            Inner::Plugged(tx) => {
                let answer = tx.run(sql.to_owned(), params.to_vec()).await?;
                answer.into_rows().next()
            }
        })
    }

    /// The rows of a query as they arrive, for results that do not fit in memory.
    pub fn fetch<'a>(
        &'a mut self,
        sql: &'a str,
        params: &[Value],
    ) -> Result<BoxStream<'a, Result<Row, SqlError>>, SqlError> {
        Ok(match &mut self.0 {
            Inner::Sqlite(tx) => sqlx::query_with(AssertSqlSafe(sql), sqlite_arguments(params)?)
                .fetch(&mut **tx)
                .map(|row| Ok(row?.into()))
                .boxed(),
            Inner::Postgres(tx) => {
                sqlx::query_with(AssertSqlSafe(sql), postgres_arguments(params)?)
                    .fetch(&mut **tx)
                    .map(|row| Ok(row?.into()))
                    .boxed()
            }
            Inner::Plugged(tx) => rows_of(tx.run(sql.to_owned(), params.to_vec())),
        })
    }

    /// Makes everything in it lasting and visible at once.
    pub async fn commit(self) -> Result<(), SqlError> {
        match self.0 {
            Inner::Sqlite(tx) => tx.commit().await?,
            Inner::Postgres(tx) => tx.commit().await?,
            Inner::Plugged(tx) => tx.commit().await?,
        }
        Ok(())
    }

    /// Undoes everything in it.
    pub async fn rollback(self) -> Result<(), SqlError> {
        match self.0 {
            Inner::Sqlite(tx) => tx.rollback().await?,
            Inner::Postgres(tx) => tx.rollback().await?,
            Inner::Plugged(tx) => tx.rollback().await?,
        }
        Ok(())
    }
}
