//! A database's handle.

use std::sync::Arc;

use futures::{
    StreamExt as _, TryStreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};

use crate::{
    error::SqlError,
    plugged::{Access, Answer, Database},
    row::Row,
    tx::Tx,
    value::{Value, postgres_arguments, sqlite_arguments},
};

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// SQLite
    Sqlite,
    /// Postgres
    Postgres,
}

/// A database: cheap to clone, shared by all clones.
#[derive(Clone, Debug)]
pub enum Db {
    /// A SQLite file.
    Sqlite(Arc<SqliteDb>),
    /// A schema of a Postgres database.
    Postgres(Arc<PostgresDb>),
    /// A database that somebody else brings. Speaks SQLite's SQL.
    Plugged(Arc<dyn Database>),
}

/// Pools over one SQLite file: writers queue for the only connection that may write, readers never wait for them.
#[derive(Debug)]
pub struct SqliteDb {
    /// One connection.
    pub writer: SqlitePool,
    /// Connections that refuse to write.
    pub readers: SqlitePool,
}

/// A pool whose connections see one schema.
#[derive(Debug)]
pub struct PostgresDb {
    /// Connections, made when needed.
    pub pool: PgPool,
    /// The schema.
    pub schema: String,
}

impl Db {
    /// Which database it is, where a statement must differ.
    pub fn backend(&self) -> Backend {
        match self {
            Self::Sqlite(_) | Self::Plugged(_) => Backend::Sqlite,
            Self::Postgres(_) => Backend::Postgres,
        }
    }

    /// Whether several processes may have it open at once. A SQLite file belongs to one.
    pub fn is_shared(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(_) => true,
            Self::Plugged(db) => db.is_shared(),
        }
    }

    /// Begins a transaction that may write. On SQLite it holds the only writing connection until it ends.
    pub async fn begin(&self) -> Result<Tx, SqlError> {
        Ok(match self {
            Self::Sqlite(db) => Tx::sqlite(db.writer.begin_with("begin immediate").await?),
            Self::Postgres(db) => Tx::postgres(db.pool.begin().await?),
            Self::Plugged(db) => Tx::plugged(db.begin(Access::Write).await?),
        })
    }

    /// Begins a transaction that only reads, all of it at one moment, and never waits for writers.
    pub async fn snapshot(&self) -> Result<Tx, SqlError> {
        Ok(match self {
            Self::Sqlite(db) => Tx::sqlite(db.readers.begin().await?),
            Self::Postgres(db) => Tx::postgres(
                db.pool
                    .begin_with("begin isolation level repeatable read read only")
                    .await?,
            ),
            Self::Plugged(db) => Tx::plugged(db.begin(Access::Snapshot).await?),
        })
    }

    /// Runs one writing statement as a transaction of its own and returns the number of rows it touched.
    pub async fn execute(&self, sql: &str, params: &[Value]) -> Result<u64, SqlError> {
        Ok(match self {
            Self::Sqlite(db) => sqlx::query_with(AssertSqlSafe(sql), sqlite_arguments(params)?)
                .execute(&db.writer)
                .await?
                .rows_affected(),
            Self::Postgres(db) => sqlx::query_with(AssertSqlSafe(sql), postgres_arguments(params)?)
                .execute(&db.pool)
                .await?
                .rows_affected(),
            Self::Plugged(db) => db.run(sql.to_owned(), params.to_vec()).await?.touched,
        })
    }

    /// All rows of a query. It must not write; that needs a [`Tx`].
    pub async fn fetch_all(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, SqlError> {
        Ok(match self {
            Self::Sqlite(db) => sqlx::query_with(AssertSqlSafe(sql), sqlite_arguments(params)?)
                .fetch_all(&db.readers)
                .await?
                .into_iter()
                .map(Row::from)
                .collect(),
            Self::Postgres(db) => sqlx::query_with(AssertSqlSafe(sql), postgres_arguments(params)?)
                .fetch_all(&db.pool)
                .await?
                .into_iter()
                .map(Row::from)
                .collect(),
            Self::Plugged(db) => {
                let answer = db.read(sql.to_owned(), params.to_vec()).await?;
                answer.into_rows().collect()
            }
        })
    }

    /// The first row of a query, if there is one. It must not write.
    pub async fn fetch_optional(
        &self,
        sql: &str,
        params: &[Value],
    ) -> Result<Option<Row>, SqlError> {
        Ok(match self {
            Self::Sqlite(db) => sqlx::query_with(AssertSqlSafe(sql), sqlite_arguments(params)?)
                .fetch_optional(&db.readers)
                .await?
                .map(Row::from),
            Self::Postgres(db) => sqlx::query_with(AssertSqlSafe(sql), postgres_arguments(params)?)
                .fetch_optional(&db.pool)
                .await?
                .map(Row::from),
            Self::Plugged(db) => {
                let answer = db.read(sql.to_owned(), params.to_vec()).await?;
                answer.into_rows().next()
            }
        })
    }

    /// The rows of a query as they arrive, for results that do not fit in memory. It must not write.
    pub fn fetch<'a>(
        &'a self,
        sql: &'a str,
        params: &[Value],
    ) -> Result<BoxStream<'a, Result<Row, SqlError>>, SqlError> {
        Ok(match self {
            Self::Sqlite(db) => sqlx::query_with(AssertSqlSafe(sql), sqlite_arguments(params)?)
                .fetch(&db.readers)
                .map(|row| Ok(row?.into()))
                .boxed(),
            Self::Postgres(db) => sqlx::query_with(AssertSqlSafe(sql), postgres_arguments(params)?)
                .fetch(&db.pool)
                .map(|row| Ok(row?.into()))
                .boxed(),
            Self::Plugged(db) => rows_of(db.read(sql.to_owned(), params.to_vec())),
        })
    }

    /// How many handles share this database, this one included.
    pub fn handles(&self) -> usize {
        match self {
            Self::Sqlite(db) => Arc::strong_count(db),
            Self::Postgres(db) => Arc::strong_count(db),
            Self::Plugged(db) => Arc::strong_count(db),
        }
    }

    /// Waits for transactions and queries under way, then closes every connection. Later calls on any clone fail with
    /// [`SqlError::Closed`].
    pub async fn close(&self) {
        match self {
            Self::Sqlite(db) => {
                db.readers.close().await;
                db.writer.close().await;
            }
            Self::Postgres(db) => db.pool.close().await,
            Self::Plugged(db) => db.close().await,
        }
    }
}

/// An answer that comes whole, as a stream.
pub(crate) fn rows_of<'a>(
    answer: BoxFuture<'a, Result<Answer, SqlError>>,
) -> BoxStream<'a, Result<Row, SqlError>> {
    let rows = async move {
        let answer = answer.await?;
        Ok::<_, SqlError>(stream::iter(answer.into_rows().map(Ok)))
    };
    stream::once(rows).try_flatten().boxed()
}
