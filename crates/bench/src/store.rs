//! Where a benchmark keeps its databases.

use std::sync::{Mutex, PoisonError};

use ordo_sql::StoreUrl;
use sqlx::Connection as _;
use tempfile::TempDir;

use crate::{
    database::{Database, connect},
    error::{BenchError, During as _},
    postgres::PrivatePostgres,
};

/// A place for a benchmark's databases, none of which outlives it.
#[derive(Debug)]
pub struct Home {
    kind: &'static str,
    settings: String,
    url: StoreUrl,
    /// Tells this run's databases from all others.
    run: String,
    made: Mutex<Vec<String>>,
    /// Databases of a Postgres server (not schemas), made whole.
    whole: Mutex<Vec<Database>>,
    _folder: Option<TempDir>,
    _server: Option<PrivatePostgres>,
}

impl Home {
    /// `sqlite` is a temporary folder, `sqlite:<folder>` one inside that folder, `postgres` a server of our own, and
    /// `postgres://…` schemas of our own on that server.
    pub async fn open(store: &str) -> Result<Self, BenchError> {
        let run = uuid::Uuid::now_v7().simple().to_string();
        let run = format!("bench{}", &run[20..]);
        let mut folder = None;
        let mut server = None;
        let (kind, url, settings) = match store {
            "postgres" => {
                let started = PrivatePostgres::start().await?;
                let url = StoreUrl::Postgres(started.url());
                server = Some(started);
                (
                    "postgres",
                    url,
                    format!("own server, {}", PrivatePostgres::settings()),
                )
            }
            "sqlite" => {
                let made = temporary(None)?;
                let url = StoreUrl::SqliteDir(made.path().to_owned());
                folder = Some(made);
                ("sqlite", url, SQLITE.to_owned())
            }
            other => match other.parse::<StoreUrl>().during("reading --store")? {
                StoreUrl::SqliteDir(parent) => {
                    std::fs::create_dir_all(&parent)
                        .during(format_args!("making {}", parent.display()))?;
                    let made = temporary(Some(&parent))?;
                    let url = StoreUrl::SqliteDir(made.path().to_owned());
                    folder = Some(made);
                    ("sqlite", url, SQLITE.to_owned())
                }
                url @ StoreUrl::Postgres(_) => {
                    let settings = server_settings(&url).await?;
                    ("postgres", url, settings)
                }
                StoreUrl::Plugged(_) => {
                    return Err(BenchError::Option(
                        "--store is sqlite, sqlite:<folder>, postgres or postgres://…".to_owned(),
                    ));
                }
            },
        };
        Ok(Self {
            kind,
            settings,
            url,
            run,
            made: Mutex::default(),
            whole: Mutex::default(),
            _folder: folder,
            _server: server,
        })
    }

    /// `sqlite` or `postgres`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// What decides about durability and speed there, for a report.
    pub fn settings(&self) -> &str {
        &self.settings
    }

    /// The store.
    pub fn url(&self) -> &StoreUrl {
        &self.url
    }

    /// A service's name of this run's own; its log is dropped at the end.
    pub fn service(&self, name: &str) -> String {
        let service = format!("{}{name}", self.run);
        self.remember(format!("{service}.log"));
        service
    }

    /// A database's name of this run's own, which is dropped at the end.
    pub fn database(&self, name: &str) -> String {
        let database = format!("{}.{name}", self.run);
        self.remember(database.clone());
        database
    }

    fn remember(&self, database: String) {
        self.made
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(database);
    }

    /// Address of an empty database of its own on the Postgres server, which is dropped at the end, for programs which choose
    /// the names of their schemas themselves. `None` with SQLite.
    pub async fn whole(&self, name: &str) -> Result<Option<String>, BenchError> {
        let StoreUrl::Postgres(url) = &self.url else {
            return Ok(None);
        };
        let database = Database::make(url, &format!("{}_{name}", self.run)).await?;
        let url = database.url().to_owned();
        self.whole
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(database);
        Ok(Some(url))
    }

    /// Drops everything that was made. Close its handles first.
    pub async fn remove(self) -> Result<(), BenchError> {
        let made = self
            .made
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .split_off(0);
        for database in made {
            self.url
                .remove(&database)
                .await
                .during(format_args!("removing {database}"))?;
        }
        let whole = self
            .whole
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .split_off(0);
        for database in whole {
            database.remove().await?;
        }
        Ok(())
    }
}

/// As crates/sql opens logs.
const SQLITE: &str = "WAL, synchronous=FULL, 16 MiB cache";

fn temporary(inside: Option<&std::path::Path>) -> Result<TempDir, BenchError> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("ordo-bench-");
    match inside {
        Some(folder) => builder.tempdir_in(folder),
        None => builder.tempdir(),
    }
    .during("making a folder for SQLite")
}

/// What the server says about durability.
async fn server_settings(url: &StoreUrl) -> Result<String, BenchError> {
    let StoreUrl::Postgres(url) = url else {
        return Ok(String::new());
    };
    let mut connection = connect(url).await?;
    let settings: Vec<(String, String)> = sqlx::query_as(
        "select name, setting || coalesce(' ' || unit, '') from pg_settings
         where name in ('server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers', 'max_wal_size')
         order by name",
    )
    .fetch_all(&mut connection)
    .await
    .during("asking the server for its settings")?;
    connection
        .close()
        .await
        .during("closing the connection to the server")?;
    let settings: Vec<_> = settings
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    Ok(settings.join(" "))
}
