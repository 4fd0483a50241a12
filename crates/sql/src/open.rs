//! Opening and removing databases.

use std::{path::Path, str::FromStr, time::Duration};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{
        SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions,
        SqliteSynchronous,
    },
};

use crate::{
    db::{Db, PostgresDb, SqliteDb},
    error::SqlError,
    url::{StoreUrl, check_database_name, schema_name, sqlite_file},
};

/// A connection that lay idle this long is asked whether it still lives before it is used.
const IDLE_BEFORE_PING: Duration = Duration::from_secs(1);

/// How a database is opened.
#[derive(Clone, Copy, Debug)]
pub struct OpenOptions {
    /// Whether a commit is on disk when it returns. Without it a power cut may take the last commits, in order, and leaves
    /// the database whole: right for what can be rebuilt.
    pub durable: bool,
    /// Most connections to Postgres; most concurrent readers of a SQLite file.
    pub max_connections: u32,
    /// How long to wait for a connection before giving up with [`SqlError::Unavailable`].
    pub acquire_timeout: Duration,
}

impl OpenOptions {
    /// For logs, keys, inboxes and timers: a commit survives a power cut.
    pub fn durable() -> Self {
        Self {
            durable: true,
            max_connections: 3,
            acquire_timeout: Duration::from_secs(10),
        }
    }

    /// For read models: what a power cut takes is read from the log again.
    pub fn disposable() -> Self {
        Self {
            durable: false,
            ..Self::durable()
        }
    }

    /// Sets [`max_connections`](Self::max_connections).
    #[must_use]
    pub fn max_connections(mut self, max: u32) -> Self {
        self.max_connections = max;
        self
    }
}

impl StoreUrl {
    /// Opens `database` (for example `intake.log`: 1 to 60 letters, digits, `.`, `-`, `_`) and creates it when it is not
    /// there: the file `<folder>/intake.log.db`, or the schema `intake_log`, which every connection then searches first.
    pub async fn open(&self, database: &str, options: OpenOptions) -> Result<Db, SqlError> {
        check_database_name(database)?;
        match self {
            Self::SqliteDir(folder) => open_sqlite(folder, database, options).await,
            Self::Postgres(url) => open_postgres(url, database, options).await,
            Self::Plugged(databases) => Ok(Db::Plugged(databases.open(database, options).await?)),
        }
    }

    /// Removes `database` and everything in it; nothing happens when it is not there. Close its handles first.
    pub async fn remove(&self, database: &str) -> Result<(), SqlError> {
        check_database_name(database)?;
        match self {
            Self::SqliteDir(folder) => {
                let file = sqlite_file(folder, database);
                for suffix in ["-wal", "-shm", ""] {
                    let mut path = file.clone().into_os_string();
                    path.push(suffix);
                    match tokio::fs::remove_file(path).await {
                        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                            return Err(SqlError::Folder(error));
                        }
                        _ => {}
                    }
                }
                Ok(())
            }
            Self::Postgres(url) => {
                let mut connection = postgres_options(url)?.connect().await?;
                let drop = format!(
                    "drop schema if exists \"{}\" cascade",
                    schema_name(database)
                );
                sqlx::raw_sql(AssertSqlSafe(drop))
                    .execute(&mut connection)
                    .await?;
                connection.close().await?;
                Ok(())
            }
            Self::Plugged(databases) => databases.remove(database).await,
        }
    }
}

async fn open_sqlite(folder: &Path, database: &str, options: OpenOptions) -> Result<Db, SqlError> {
    tokio::fs::create_dir_all(folder)
        .await
        .map_err(SqlError::Folder)?;
    let connect = SqliteConnectOptions::new()
        .filename(sqlite_file(folder, database))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(if options.durable {
            SqliteSynchronous::Full
        } else {
            SqliteSynchronous::Normal
        })
        .busy_timeout(Duration::from_secs(10))
        .foreign_keys(true)
        // 16 MiB of pages per connection.
        .pragma("cache_size", "-16384")
        // Journals of single statements and sorted rows stay off the disk: nothing of theirs outlives the statement.
        .pragma("temp_store", "memory");
    // One connection, so that writers queue here and not inside SQLite's busy handler. Opened now: it creates the file.
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(options.acquire_timeout)
        .idle_timeout(None)
        .max_lifetime(None)
        .after_release(|connection, _| Box::pin(is_usable(connection)))
        .connect_with(connect.clone())
        .await?;
    let readers = SqlitePoolOptions::new()
        .max_connections(options.max_connections.max(1))
        .acquire_timeout(options.acquire_timeout)
        .idle_timeout(Duration::from_secs(60))
        .max_lifetime(None)
        .test_before_acquire(false)
        .after_release(|connection, _| Box::pin(is_usable(connection)))
        .connect_lazy_with(connect.pragma("query_only", "on"));
    Ok(Db::Sqlite(SqliteDb { writer, readers }.into()))
}

/// Whether a connection may serve the next caller. A full disk or a failing fsync makes SQLite undo a transaction on its own; the
/// driver's `rollback` is then refused, and it counts the transaction as open for ever: no other would begin on that connection.
async fn is_usable(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if connection.is_in_transaction() {
        // Its rollback is on the way.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

fn postgres_options(url: &str) -> Result<PgConnectOptions, SqlError> {
    // The parser's error names the part that is wrong, never its value.
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| SqlError::Url("the Postgres URL is not valid".to_owned()))?;
    // `create … if not exists` would tell every start what exists.
    Ok(options.options([("client_min_messages", "warning")]))
}

async fn open_postgres(url: &str, database: &str, options: OpenOptions) -> Result<Db, SqlError> {
    let connect = postgres_options(url)?;
    let schema = schema_name(database);
    create_schema(&connect, &schema).await?;
    let connect = connect
        .application_name(&format!("ordo {database}"))
        .options([
            ("search_path", schema.as_str()),
            (
                "synchronous_commit",
                if options.durable { "on" } else { "off" },
            ),
            // A client that vanished inside a transaction must not hold its locks for ever.
            ("idle_in_transaction_session_timeout", "60s"),
            // Short statements on indexed rows: compiling them costs more than it saves.
            ("jit", "off"),
        ]);
    let pool = PgPoolOptions::new()
        .max_connections(options.max_connections.max(1))
        .min_connections(0)
        .acquire_timeout(options.acquire_timeout)
        .idle_timeout(Duration::from_secs(60))
        // A connection that lay idle may have ended with a restart of the server; one in constant use is not asked each time.
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for < IDLE_BEFORE_PING {
                    return Ok(true);
                }
                Ok(connection.ping().await.is_ok())
            })
        })
        .connect_lazy_with(connect);
    Ok(Db::Postgres(PostgresDb { pool, schema }.into()))
}

/// Creates the schema; whoever else creates it at the same moment wins without harm.
async fn create_schema(connect: &PgConnectOptions, schema: &str) -> Result<(), SqlError> {
    let mut connection: PgConnection = connect.connect().await?;
    let exists: Option<i32> = sqlx::query_scalar("select 1 from pg_namespace where nspname = $1")
        .bind(schema)
        .fetch_optional(&mut connection)
        .await?;
    if exists.is_none() {
        let create = format!("create schema if not exists \"{schema}\"");
        let created = sqlx::raw_sql(AssertSqlSafe(create))
            .execute(&mut connection)
            .await;
        // `if not exists` still loses the race inside the catalogue: 23505, or 42P06.
        if let Err(error) = created.map_err(SqlError::from)
            && !error.is_unique_violation()
            && error.code().as_deref() != Some("42P06")
        {
            return Err(error);
        }
    }
    connection.close().await?;
    Ok(())
}
