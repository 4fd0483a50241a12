//! Postgres: schemas as SQLite files, all of one moment, and back.

use std::{
    collections::BTreeSet,
    path::Path,
    str::FromStr,
    time::{Duration, Instant},
};

use futures::TryStreamExt as _;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Postgres, Row as _,
    SqliteConnection, Transaction,
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use crate::{
    BackupError,
    names::{self, Use},
    shape::{self, Kind, Table, quoted, run_postgres, run_sqlite},
};

/// Rows of one statement.
const ROWS: usize = 500;
/// Bytes of one statement.
const BYTES: usize = 4 << 20;
/// How long connections of a process that has ended may take to vanish.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) async fn connect(url: &str) -> Result<PgConnection, BackupError> {
    let what = || BackupError::database("connecting to Postgres");
    PgConnectOptions::from_str(url)
        .map_err(what())?
        .application_name("ordo backup")
        .disable_statement_logging()
        .options([("jit", "off"), ("synchronous_commit", "on")])
        .connect()
        .await
        .map_err(what())
}

/// The service's databases, with what they are for.
pub(crate) async fn databases(
    connection: &mut PgConnection,
    service: &str,
) -> Result<Vec<(String, Use)>, BackupError> {
    let schemas: Vec<String> =
        sqlx::query_scalar("select nspname::text from pg_namespace order by 1")
            .fetch_all(connection)
            .await
            .map_err(BackupError::database("listing schemas"))?;
    Ok(schemas
        .iter()
        .filter_map(|schema| names::database_of(service, schema))
        .filter_map(|database| Some((names::use_of(service, &database)?, database)))
        .map(|(used, database)| (database, used))
        .collect())
}

/// A transaction that sees one moment.
pub(crate) async fn snapshot(
    connection: &mut PgConnection,
) -> Result<Transaction<'_, Postgres>, BackupError> {
    connection
        .begin_with("begin isolation level repeatable read read only")
        .await
        .map_err(BackupError::database("beginning a snapshot"))
}

/// Writes a schema, as `connection` sees it, to a new SQLite file.
pub(crate) async fn copy(
    connection: &mut PgConnection,
    database: &str,
    to: &Path,
) -> Result<(), BackupError> {
    let schema = names::schema_of(database);
    let writing = || BackupError::database(format!("writing {}", to.display()));
    // The file is synced when it is complete; until then it is of no use to anybody.
    let mut file = SqliteConnectOptions::new()
        .filename(to)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Off)
        .synchronous(SqliteSynchronous::Off)
        .disable_statement_logging()
        .connect()
        .await
        .map_err(writing())?;
    run_sqlite(&mut file, "begin".to_owned())
        .await
        .map_err(writing())?;
    for table in shape::of_postgres(connection, &schema).await? {
        run_sqlite(&mut file, table.create_with_key())
            .await
            .map_err(writing())?;
        let reading = || BackupError::database(format!("reading {database}"));
        let select = format!(
            "select {} from {}.{}",
            table.column_list(),
            quoted(&schema),
            quoted(&table.name)
        );
        let mut rows = sqlx::query(AssertSqlSafe(select)).fetch(&mut *connection);
        let mut batch = Batch::new(&table);
        while let Some(row) = rows.try_next().await.map_err(reading())? {
            batch.take_postgres(&row).map_err(reading())?;
            if batch.is_full() {
                batch.insert_sqlite(&mut file).await.map_err(writing())?;
            }
        }
        batch.insert_sqlite(&mut file).await.map_err(writing())?;
        for index in table.create_indexes() {
            run_sqlite(&mut file, index).await.map_err(writing())?;
        }
    }
    run_sqlite(&mut file, "commit".to_owned())
        .await
        .map_err(writing())?;
    file.close().await.map_err(writing())
}

/// Who uses the service's databases.
pub(crate) async fn users(
    connection: &mut PgConnection,
    service: &str,
) -> Result<Option<String>, BackupError> {
    let end = Instant::now() + PATIENCE;
    loop {
        let found: Vec<String> = sqlx::query_scalar(
            "select distinct application_name from pg_stat_activity
             where datname = current_database() and pid <> pg_backend_pid()
               and left(application_name, length($1)) = $1 order by 1",
        )
        .bind(format!("ordo {service}."))
        .fetch_all(&mut *connection)
        .await
        .map_err(BackupError::database("looking for users of the database"))?;
        if found.is_empty() {
            return Ok(None);
        }
        if Instant::now() >= end {
            return Ok(Some(format!("connected: {}", found.join(", "))));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Removes a database.
pub(crate) async fn remove(
    connection: &mut PgConnection,
    database: &str,
) -> Result<(), BackupError> {
    let schema = quoted(&names::schema_of(database));
    run_postgres(
        connection,
        format!("drop schema if exists {schema} cascade"),
    )
    .await
    .map_err(BackupError::database(format!("removing {database}")))
}

/// Makes a schema of a SQLite file.
pub(crate) async fn load(
    connection: &mut PgConnection,
    database: &str,
    from: &Path,
    is_log: bool,
) -> Result<(), BackupError> {
    let reading = || BackupError::database(format!("reading {}", from.display()));
    let writing = || BackupError::database(format!("writing {database}"));
    let schema = quoted(&names::schema_of(database));
    run_postgres(
        connection,
        format!("create schema {schema}; set local search_path to {schema}"),
    )
    .await
    .map_err(writing())?;
    let mut file = SqliteConnectOptions::new()
        .filename(from)
        .read_only(true)
        .immutable(true)
        .disable_statement_logging()
        .connect()
        .await
        .map_err(reading())?;
    // The log's keys are compared byte by byte on either database.
    let text = if is_log { "text collate \"C\"" } else { "text" };
    for table in shape::of_sqlite(&mut file, database).await? {
        run_postgres(connection, table.create(text))
            .await
            .map_err(writing())?;
        let select = format!(
            "select {} from {}",
            table.column_list(),
            quoted(&table.name)
        );
        let mut rows = sqlx::query(AssertSqlSafe(select)).fetch(&mut file);
        let mut batch = Batch::new(&table);
        while let Some(row) = rows.try_next().await.map_err(reading())? {
            batch.take_sqlite(&row).map_err(reading())?;
            if batch.is_full() {
                batch.insert_postgres(connection).await.map_err(writing())?;
            }
        }
        drop(rows);
        batch.insert_postgres(connection).await.map_err(writing())?;
        for statement in table.add_key().into_iter().chain(table.create_indexes()) {
            run_postgres(connection, statement)
                .await
                .map_err(writing())?;
        }
    }
    file.close().await.map_err(reading())
}

/// One column of some rows.
enum Values {
    Bigint(Vec<Option<i64>>),
    Text(Vec<Option<String>>),
    Bytea(Vec<Option<Vec<u8>>>),
}

/// Rows on their way.
struct Batch<'t> {
    table: &'t Table,
    columns: Vec<Values>,
    rows: usize,
    bytes: usize,
}

impl<'t> Batch<'t> {
    fn new(table: &'t Table) -> Self {
        let empty = |kind: Kind| match kind {
            Kind::Bigint => Values::Bigint(Vec::new()),
            Kind::Text => Values::Text(Vec::new()),
            Kind::Bytea => Values::Bytea(Vec::new()),
        };
        Self {
            table,
            columns: table
                .columns
                .iter()
                .map(|column| empty(column.kind))
                .collect(),
            rows: 0,
            bytes: 0,
        }
    }

    fn is_full(&self) -> bool {
        self.rows >= ROWS || self.bytes >= BYTES
    }

    fn clear(&mut self) {
        *self = Self::new(self.table);
    }

    fn take_postgres(&mut self, row: &sqlx::postgres::PgRow) -> Result<(), sqlx::Error> {
        for (n, column) in self.columns.iter_mut().enumerate() {
            self.bytes += match column {
                Values::Bigint(values) => push(values, row.try_get(n)?, |_| 8),
                Values::Text(values) => push(values, row.try_get(n)?, String::len),
                Values::Bytea(values) => push(values, row.try_get(n)?, Vec::len),
            };
        }
        self.rows += 1;
        Ok(())
    }

    fn take_sqlite(&mut self, row: &sqlx::sqlite::SqliteRow) -> Result<(), sqlx::Error> {
        for (n, column) in self.columns.iter_mut().enumerate() {
            self.bytes += match column {
                Values::Bigint(values) => push(values, row.try_get(n)?, |_| 8),
                Values::Text(values) => push(values, row.try_get(n)?, String::len),
                Values::Bytea(values) => push(values, row.try_get(n)?, Vec::len),
            };
        }
        self.rows += 1;
        Ok(())
    }

    async fn insert_sqlite(&mut self, file: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        if self.rows == 0 {
            return Ok(());
        }
        let row = format!("({})", vec!["?"; self.columns.len()].join(","));
        let sql = format!(
            "insert into {} ({}) values {}",
            quoted(&self.table.name),
            self.table.column_list(),
            vec![row; self.rows].join(",")
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for n in 0..self.rows {
            for column in &self.columns {
                query = match column {
                    Values::Bigint(values) => query.bind(values.get(n).copied().flatten()),
                    Values::Text(values) => query.bind(values.get(n).cloned().flatten()),
                    Values::Bytea(values) => query.bind(values.get(n).cloned().flatten()),
                };
            }
        }
        query.execute(file).await?;
        self.clear();
        Ok(())
    }

    async fn insert_postgres(&mut self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.rows == 0 {
            return Ok(());
        }
        let arrays: Vec<String> = self
            .table
            .columns
            .iter()
            .enumerate()
            .map(|(n, column)| format!("${}::{}[]", n + 1, column.kind.sql()))
            .collect();
        let sql = format!(
            "insert into {} ({}) select * from unnest({})",
            quoted(&self.table.name),
            self.table.column_list(),
            arrays.join(", ")
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for column in &self.columns {
            query = match column {
                Values::Bigint(values) => query.bind(values),
                Values::Text(values) => query.bind(values),
                Values::Bytea(values) => query.bind(values),
            };
        }
        query.execute(connection).await?;
        self.clear();
        Ok(())
    }
}

fn push<T>(values: &mut Vec<Option<T>>, value: Option<T>, size: impl Fn(&T) -> usize) -> usize {
    let bytes = value.as_ref().map_or(0, size);
    values.push(value);
    bytes
}

/// Databases without those in `kept`.
pub(crate) fn others(
    databases: &[(String, Use)],
    kept: &BTreeSet<&str>,
    wanted: impl Fn(Use) -> bool,
) -> Vec<String> {
    databases
        .iter()
        .filter(|(database, used)| wanted(*used) && !kept.contains(database.as_str()))
        .map(|(database, _)| database.clone())
        .collect()
}
