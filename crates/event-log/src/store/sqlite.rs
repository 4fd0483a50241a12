//! SQLite: readers in a pool, and one connection that writes.
//!
//! The driver hands every query to a thread, which costs about as much as inserting ten rows; so a small commit is one query
//! that holds a whole transaction. Preparing a statement costs about as much as running it; so a large commit is made of
//! statements whose sizes are powers of two, which stay prepared.

use std::ops::Range;

use ordo_sql::{Row, Value};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, SqliteConnection, SqlitePool,
    error::ErrorKind,
    sqlite::{SqliteArguments, SqliteConnectOptions, SqlitePoolOptions},
};
use tokio::sync::{Mutex, MutexGuard};

use super::{
    Commit, CommitError,
    load::Wanted,
    open::Created,
    schema::{self, BUMP_EPOCH, FORMAT, SQLITE},
    statements::{self, CREATE_HEADS, CREATE_LOG, READ_LOG},
};
use crate::{
    config::EventLogConfig,
    error::{OpenError, StoreError},
    event::TenantId,
};

pub(super) struct Sqlite {
    readers: SqlitePool,
    write_options: SqliteConnectOptions,
    /// `None` before the first write and after a failed one.
    writer: Mutex<Option<SqliteConnection>>,
}

/// Most rows of a commit that is one query.
const SMALL: usize = 8;
/// Most rows of a statement of a larger commit.
const MOST_ROWS: usize = 128;

/// Rows of an `insert`, in the order of its columns.
type Arguments = Result<SqliteArguments, sqlx::Error>;

impl Sqlite {
    pub fn connect(
        read: &SqliteConnectOptions,
        write: &SqliteConnectOptions,
        config: &EventLogConfig,
    ) -> Self {
        let readers = SqlitePoolOptions::new()
            .max_connections(config.read_connections.max(1))
            .acquire_timeout(config.statement_timeout)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_lazy_with(read.clone().disable_statement_logging());
        Self {
            readers,
            write_options: write.clone().disable_statement_logging(),
            writer: Mutex::new(None),
        }
    }

    pub async fn create(&self, service: &str, partitions: u32) -> Result<Created, OpenError> {
        let mut writer = self.writer().await?;
        let connection = connection(&mut writer)?;
        let mut tx = connection.begin_with("begin immediate").await?;
        for sql in schema::tables(&SQLITE) {
            sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await?;
        }
        sqlx::query(CREATE_LOG)
            .bind(service)
            .bind(i64::from(partitions))
            .bind(FORMAT)
            .execute(&mut *tx)
            .await?;
        let row = sqlx::query(READ_LOG).fetch_one(&mut *tx).await?;
        let created = Created {
            service: row.try_get(0)?,
            partitions: row.try_get(1)?,
            format: row.try_get(2)?,
        };
        sqlx::query(CREATE_HEADS)
            .bind(created.partitions)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(created)
    }

    pub async fn rows(&self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        let mut query = sqlx::query(sql);
        for param in params {
            query = match param {
                Value::I64(value) => query.bind(*value),
                Value::Text(value) => query.bind(value.as_str()),
                Value::Bytes(value) => query.bind(value.as_slice()),
                other => return Err(StoreError::Damaged(format!("parameter {other:?}"))),
            };
        }
        let rows = query.fetch_all(&self.readers).await?;
        Ok(rows.into_iter().map(Row::from).collect())
    }

    async fn read(&self, sql: String, arguments: Arguments) -> Result<Vec<Row>, StoreError> {
        let rows = sqlx::query_with(AssertSqlSafe(sql), arguments?)
            // The text depends on the number of rows asked for: not worth keeping.
            .persistent(false)
            .fetch_all(&self.readers)
            .await?;
        Ok(rows.into_iter().map(Row::from).collect())
    }

    pub async fn commands(&self, ids: &[(&TenantId, &str)]) -> Result<Vec<Row>, StoreError> {
        let arguments = arguments(|arguments| statements::bind_commands(ids, arguments));
        self.read(statements::commands(ids.len()), arguments).await
    }

    /// See [`Store::load`](super::Store::load) for the columns.
    pub async fn load(&self, wanted: &[Wanted<'_>], page: u64) -> Result<Vec<Row>, StoreError> {
        let arguments = arguments(|arguments| statements::bind_load(wanted, page, arguments));
        self.read(statements::load(wanted.len()), arguments).await
    }

    /// A transaction. The statements after a refused one are not run.
    pub async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        let mut writer = self.writer().await.map_err(CommitError::Unknown)?;
        // Out of its place meanwhile: should this not come to its end, the connection is closed and its transaction undone.
        let Some(mut connection) = writer.take() else {
            return Err(CommitError::Unknown(sqlx::Error::PoolClosed.into()));
        };
        let rows = commit.events.len() + commit.commands.len() + commit.snapshots.len();
        let written = if rows <= SMALL {
            write_at_once(&mut connection, commit).await
        } else {
            write_in_turn(&mut connection, commit).await
        };
        let Err(error) = written else {
            *writer = Some(connection);
            return Ok(());
        };
        // Undo what is left of the transaction; a connection that cannot do that is not used again.
        if sqlx::raw_sql("rollback")
            .execute(&mut connection)
            .await
            .is_ok()
        {
            *writer = Some(connection);
        }
        match error.as_database_error().map(|error| error.kind()) {
            Some(ErrorKind::UniqueViolation) => Err(CommitError::Taken),
            Some(ErrorKind::NotNullViolation) => Err(CommitError::Conflict),
            _ => Err(CommitError::Unknown(error.into())),
        }
    }

    pub async fn bump_epoch(&self) -> Result<Vec<Row>, StoreError> {
        let mut writer = self.writer().await?;
        let rows = sqlx::query(BUMP_EPOCH)
            .fetch_all(connection(&mut writer)?)
            .await?;
        Ok(rows.into_iter().map(Row::from).collect())
    }

    async fn writer(&self) -> Result<MutexGuard<'_, Option<SqliteConnection>>, StoreError> {
        let mut writer = self.writer.lock().await;
        if writer.is_none() {
            *writer = Some(self.write_options.connect().await?);
        }
        Ok(writer)
    }

    pub async fn close(&self) {
        self.readers.close().await;
        if let Some(connection) = self.writer.lock().await.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "closing the log's writing connection");
        }
    }
}

/// One query with the whole transaction. Small commits are alike, so that it stays prepared.
async fn write_at_once(
    connection: &mut SqliteConnection,
    commit: &Commit,
) -> Result<(), sqlx::Error> {
    let arguments = arguments(|arguments| statements::bind_commit(commit, arguments));
    run(connection, statements::commit(commit), arguments).await
}

/// A transaction statement by statement.
async fn write_in_turn(
    connection: &mut SqliteConnection,
    commit: &Commit,
) -> Result<(), sqlx::Error> {
    let head = arguments(|arguments| statements::bind_head(commit, arguments));
    run(connection, statements::begin(), head).await?;
    for rows in pieces(commit.events.len()) {
        let (events, metadata) = (&commit.events[rows.clone()], &commit.metadata[rows]);
        let values = arguments(|arguments| statements::bind_events(events, metadata, arguments));
        run(connection, statements::insert_events(events.len()), values).await?;
    }
    for rows in pieces(commit.commands.len()) {
        let commands = &commit.commands[rows];
        let values = arguments(|arguments| statements::bind_commands_of(commands, arguments));
        run(
            connection,
            statements::insert_commands(commands.len()),
            values,
        )
        .await?;
    }
    for rows in pieces(commit.snapshots.len()) {
        let snapshots = &commit.snapshots[rows];
        let values = arguments(|arguments| statements::bind_snapshots(snapshots, arguments));
        run(
            connection,
            statements::put_snapshots(snapshots.len()),
            values,
        )
        .await?;
    }
    run(connection, "commit".to_owned(), arguments(|_| Ok(()))).await
}

async fn run(
    connection: &mut SqliteConnection,
    sql: String,
    arguments: Arguments,
) -> Result<(), sqlx::Error> {
    sqlx::query_with(AssertSqlSafe(sql), arguments?)
        .execute(connection)
        .await
        .map(|_| ())
}

/// `rows` rows in pieces of the largest powers of two, up to [`MOST_ROWS`].
fn pieces(rows: usize) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let left = rows - from;
        let size = (1 << left.checked_ilog2()?).min(MOST_ROWS);
        from += size;
        Some(from - size..from)
    })
}

fn connection(writer: &mut Option<SqliteConnection>) -> Result<&mut SqliteConnection, sqlx::Error> {
    writer.as_mut().ok_or(sqlx::Error::PoolClosed)
}

fn arguments(
    fill: impl FnOnce(&mut SqliteArguments) -> Result<(), sqlx::error::BoxDynError>,
) -> Arguments {
    let mut arguments = SqliteArguments::default();
    fill(&mut arguments).map_err(sqlx::Error::Encode)?;
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_into_few_sizes_and_none_is_left_out() {
        for rows in 0..1000 {
            let pieces: Vec<_> = pieces(rows).collect();
            let all: Vec<_> = pieces.iter().cloned().flatten().collect();
            assert_eq!(all, (0..rows).collect::<Vec<_>>());
            assert!(pieces.iter().all(|piece| piece.len().is_power_of_two()));
            assert!(pieces.len() <= rows / MOST_ROWS + 7);
        }
    }
}
