//! SQLite: readers in a pool, and one connection that writes.
//!
//! The driver hands every query to a thread, which costs about as much as inserting ten rows; so a commit is one query
//! that holds a whole transaction.

use std::fmt::Write as _;

use ordo_sql::{Row, Value};
use sqlx::{
    Arguments as _, AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _,
    SqliteConnection, SqlitePool,
    error::ErrorKind,
    sqlite::{SqliteArguments, SqliteConnectOptions, SqlitePoolOptions},
};
use tokio::sync::{Mutex, MutexGuard};

use super::{
    Commit, CommitError,
    load::Wanted,
    open::Created,
    rows::command_columns,
    schema::{BUMP_EPOCH, FORMAT, TABLES},
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
        for table in TABLES {
            let sql = table.replace("{text}", "text");
            sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await?;
        }
        sqlx::query(
            "insert into log (service, partitions, format) select ?, ?, ? where not exists (select 1 from log)",
        )
        .bind(service)
        .bind(i64::from(partitions))
        .bind(FORMAT)
        .execute(&mut *tx)
        .await?;
        let row = sqlx::query("select service, partitions, format from log")
            .fetch_one(&mut *tx)
            .await?;
        let created = Created {
            service: row.try_get(0)?,
            partitions: row.try_get(1)?,
            format: row.try_get(2)?,
        };
        sqlx::query(
            "with recursive n(n) as (select 0 union all select n + 1 from n where n + 1 < ?)
             insert into heads (partition, epoch, position, hash, time)
             select n, 1, 0, zeroblob(32), 0 from n where true on conflict do nothing",
        )
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
        let mut sql = String::from("with w(tenant, command_id) as (values ");
        value_rows(&mut sql, 2, ids.len());
        // `cross join` keeps the order of the tables, so that `commands` is looked up by its key.
        sql.push_str(concat!(
            ") select ",
            command_columns!(),
            " from w cross join commands c on c.tenant = w.tenant and c.command_id = w.command_id"
        ));
        let arguments = arguments(|arguments| {
            for (tenant, id) in ids {
                arguments.add(tenant.as_str())?;
                arguments.add(*id)?;
            }
            Ok(())
        });
        self.read(sql, arguments).await
    }

    /// See [`Store::load`](super::Store::load) for the columns.
    pub async fn load(&self, wanted: &[Wanted<'_>], page: u64) -> Result<Vec<Row>, StoreError> {
        let mut sql = String::from("with q(n, tenant, aggregate, id, after, fold) as (values ");
        value_rows(&mut sql, 6, wanted.len());
        sql.push_str(
            "), w as materialized (
                select q.n, q.tenant, q.aggregate, q.id, coalesce(s.version, q.after) as after,
                       s.version as snapshot, s.state
                from q left join snapshots s on s.tenant = q.tenant and s.aggregate = q.aggregate
                                            and s.stream_id = q.id and s.fold_version = q.fold
             )
             select w.n, w.snapshot as version, null as partition, null as type, w.state as payload
             from w where w.snapshot is not null
             union all
             select w.n, e.version, e.partition, e.type, e.payload
             from w cross join events e on e.tenant = w.tenant and e.aggregate = w.aggregate
                                       and e.stream_id = w.id and e.version > w.after and e.version <= w.after + ?
             order by 1, 2",
        );
        let arguments = arguments(|arguments| {
            for (n, wanted) in wanted.iter().enumerate() {
                arguments.add(n as i64)?;
                arguments.add(wanted.tenant)?;
                arguments.add(wanted.aggregate)?;
                arguments.add(wanted.id)?;
                arguments.add(wanted.after as i64)?;
                arguments.add(wanted.fold())?;
            }
            arguments.add(page as i64)?;
            Ok(())
        });
        self.read(sql, arguments).await
    }

    /// One query with the whole transaction. A head that another process has moved makes the update write NULL, which the
    /// column refuses; the statements after a refused one are not run.
    pub async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        let (sql, arguments) = transaction(commit);
        let mut writer = self.writer().await.map_err(CommitError::Unknown)?;
        let result = async {
            let connection = connection(&mut writer)?;
            sqlx::query_with(AssertSqlSafe(sql), arguments?)
                .persistent(false)
                .execute(&mut *connection)
                .await
        }
        .await;
        let Err(error) = result else { return Ok(()) };
        // Undo what is left of the transaction; a connection that cannot do that is not used again.
        if let Some(mut connection) = writer.take()
            && sqlx::raw_sql("rollback")
                .execute(&mut connection)
                .await
                .is_ok()
        {
            *writer = Some(connection);
        }
        let kind = error.as_database_error().map(|error| error.kind());
        if matches!(
            kind,
            Some(ErrorKind::UniqueViolation | ErrorKind::NotNullViolation)
        ) {
            Err(CommitError::Conflict)
        } else {
            Err(CommitError::Unknown(error.into()))
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

fn connection(writer: &mut Option<SqliteConnection>) -> Result<&mut SqliteConnection, sqlx::Error> {
    writer.as_mut().ok_or(sqlx::Error::PoolClosed)
}

/// Rows of one statement: SQLite takes 32,766 parameters, and the widest row has 13.
const ROWS: usize = 2000;

/// The statements of a commit and their parameters, in order.
fn transaction(commit: &Commit) -> (String, Arguments) {
    let mut sql = String::from(
        "begin immediate;
         update heads set position = case when epoch = ? and position = ? and hash = ? then ? end, hash = ?, time = ?
         where partition = ?;",
    );
    for chunk in commit.events.chunks(ROWS) {
        sql.push_str(
            "insert into events (partition, position, epoch, tenant, aggregate, stream_id, version, event_id, type,
                                 time, payload, metadata, hash) values ",
        );
        value_rows(&mut sql, 13, chunk.len());
        sql.push(';');
    }
    for chunk in commit.commands.chunks(ROWS) {
        sql.push_str(
            "insert into commands (tenant, command_id, fingerprint, partition, epoch, position, events, time, answer)
             values ",
        );
        value_rows(&mut sql, 9, chunk.len());
        sql.push(';');
    }
    for chunk in commit.snapshots.chunks(ROWS) {
        sql.push_str(
            "insert into snapshots (tenant, aggregate, stream_id, fold_version, version, state) values ",
        );
        value_rows(&mut sql, 6, chunk.len());
        sql.push_str(
            " on conflict (tenant, aggregate, stream_id) do update
              set fold_version = excluded.fold_version, version = excluded.version, state = excluded.state;",
        );
    }
    sql.push_str("commit");
    let arguments = arguments(|arguments| {
        let (from, to) = (&commit.from, &commit.to);
        arguments.add(from.head.epoch as i64)?;
        arguments.add(from.head.position as i64)?;
        arguments.add(from.head.hash.0.as_slice())?;
        arguments.add(to.head.position as i64)?;
        arguments.add(to.head.hash.0.as_slice())?;
        arguments.add(to.time.0)?;
        arguments.add(i64::from(commit.partition))?;
        for (event, metadata) in commit.events.iter().zip(&commit.metadata) {
            arguments.add(i64::from(event.partition))?;
            arguments.add(event.position as i64)?;
            arguments.add(event.epoch as i64)?;
            arguments.add(event.tenant.as_str())?;
            arguments.add(&*event.stream.aggregate)?;
            arguments.add(&*event.stream.id)?;
            arguments.add(event.stream_version as i64)?;
            arguments.add(event.event_id.as_bytes().as_slice())?;
            arguments.add(&*event.type_name)?;
            arguments.add(event.time.0)?;
            arguments.add(&*event.payload)?;
            arguments.add(&**metadata)?;
            arguments.add(event.hash.0.as_slice())?;
        }
        for command in &commit.commands {
            arguments.add(command.tenant.as_str())?;
            arguments.add(command.command_id.as_str())?;
            arguments.add(command.fingerprint.as_slice())?;
            arguments.add(i64::from(command.partition))?;
            arguments.add(command.epoch as i64)?;
            arguments.add(command.position as i64)?;
            arguments.add(command.events as i64)?;
            arguments.add(command.time.0)?;
            arguments.add(&*command.answer)?;
        }
        for snapshot in &commit.snapshots {
            arguments.add(snapshot.key.tenant.as_str())?;
            arguments.add(snapshot.key.aggregate)?;
            arguments.add(&*snapshot.key.id)?;
            arguments.add(i64::from(snapshot.fold_version))?;
            arguments.add(snapshot.version as i64)?;
            arguments.add(snapshot.state.as_slice())?;
        }
        Ok(())
    });
    (sql, arguments)
}

fn arguments(
    fill: impl FnOnce(&mut SqliteArguments) -> Result<(), sqlx::error::BoxDynError>,
) -> Arguments {
    let mut arguments = SqliteArguments::default();
    fill(&mut arguments).map_err(sqlx::Error::Encode)?;
    Ok(arguments)
}

/// `(?,?),(?,?)`
fn value_rows(sql: &mut String, columns: usize, rows: usize) {
    let row = format!("({})", vec!["?"; columns].join(","));
    for index in 0..rows {
        let comma = if index == 0 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(sql, "{comma}{row}");
    }
}
