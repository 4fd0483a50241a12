//! One Postgres server per test process.

use std::{
    fs::{self, File, Permissions},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::Path,
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::{
    locate,
    server::{IoContext, Process, ServerError, tail},
};

const START_DEADLINE: Duration = Duration::from_secs(60);

static SHARED: OnceCell<Postgres> = OnceCell::const_new();

/// A Postgres server with `fsync` on and up to 400 connections, reached through a unix socket in a folder of its own.
/// It is stopped and removed when the test process ends, however that ends.
#[derive(Debug)]
pub struct Postgres {
    folder: TempDir,
    databases: AtomicU64,
    _process: Process,
}

impl Postgres {
    /// The process's server, started by the first caller.
    pub async fn start_shared() -> Result<&'static Self, ServerError> {
        SHARED.get_or_try_init(Self::start).await
    }

    /// A server of the caller's own.
    pub async fn start() -> Result<Self, ServerError> {
        let programs = locate::postgres_bin()?;
        // Unix socket paths are at most 107 bytes long, so the folder is not taken from TMPDIR.
        let folder = tempfile::Builder::new()
            .prefix("ordo-pg-")
            .tempdir_in("/tmp")
            .context(|| "making a folder for Postgres".into())?;
        let account = Account::choose(folder.path())?;
        let log = folder.path().join("postgres.log");
        account.take(folder.path())?;

        let (initdb, data) = (programs.join("initdb"), folder.path().join("data"));
        let (to, account_of_initdb) = (log.clone(), account);
        tokio::task::spawn_blocking(move || init(&initdb, &data, account_of_initdb, &to))
            .await
            .map_err(|error| ServerError::Io {
                what: "running initdb".into(),
                source: error.into(),
            })??;

        let mut process = serve(&programs.join("postgres"), folder.path(), account, &log)?;
        let end = Instant::now() + START_DEADLINE;
        while let Err(error) = connect(folder.path(), "postgres").await {
            if process.ended().is_some() || Instant::now() >= end {
                return Err(ServerError::NotStarted {
                    program: "postgres",
                    log: format!("{error}: {}", tail(&log)),
                });
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(Self {
            folder,
            databases: AtomicU64::new(0),
            _process: process,
        })
    }

    /// Creates an empty database and gives its URL.
    pub async fn fresh_database(&self) -> Result<String, ServerError> {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut connection = connect(self.folder.path(), "postgres").await?;
        // The name is made here.
        sqlx::query(AssertSqlSafe(format!("create database {name}")))
            .execute(&mut connection)
            .await?;
        connection.close().await?;
        Ok(self.url_of(&name))
    }

    /// URL of an existing database.
    pub fn url_of(&self, database: &str) -> String {
        format!(
            "postgres://postgres@localhost/{database}?host={}",
            self.folder.path().display()
        )
    }
}

async fn connect(folder: &Path, database: &str) -> Result<PgConnection, sqlx::Error> {
    PgConnectOptions::new_without_pgpass()
        .socket(folder)
        .username("postgres")
        .database(database)
        .connect()
        .await
}

/// Who runs the server: Postgres refuses to run as root.
#[derive(Clone, Copy, Debug)]
struct Account(Option<(u32, u32)>);

impl Account {
    fn choose(made_by_us: &Path) -> Result<Self, ServerError> {
        let us = fs::metadata(made_by_us)
            .context(|| "looking at the folder for Postgres".into())?
            .uid();
        if us != 0 {
            return Ok(Self(None));
        }
        let passwd = fs::read_to_string("/etc/passwd").context(|| "reading /etc/passwd".into())?;
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| ids_of(&passwd, name))
            .map(|ids| Self(Some(ids)))
            .ok_or(ServerError::NotFound {
                program: "account `postgres`",
                hint: "Postgres refuses to run as root; add a user named postgres",
            })
    }

    /// Gives `path` to the account.
    fn take(self, path: &Path) -> Result<(), ServerError> {
        if let Some((uid, gid)) = self.0 {
            chown(path, Some(uid), Some(gid))
                .context(|| format!("giving away {}", path.display()))?;
        }
        fs::set_permissions(path, Permissions::from_mode(0o700))
            .context(|| format!("closing {}", path.display()))
    }

    fn command(self, program: &Path, folder: &Path, log: &Path) -> Result<Command, ServerError> {
        let file = File::options()
            .create(true)
            .append(true)
            .open(log)
            .context(|| "opening the log of Postgres".into())?;
        let errors = file
            .try_clone()
            .context(|| "opening the log of Postgres".into())?;
        let mut command = Command::new(program);
        command
            .current_dir(folder)
            .env_remove("PGDATA")
            .env_remove("PGPORT")
            .stdout(file)
            .stderr(errors);
        if let Some((uid, gid)) = self.0 {
            command.uid(uid).gid(gid);
        }
        Ok(command)
    }
}

fn ids_of(passwd: &str, name: &str) -> Option<(u32, u32)> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

fn init(program: &Path, data: &Path, account: Account, log: &Path) -> Result<(), ServerError> {
    let folder = data.parent().unwrap_or(data);
    let status = account
        .command(program, folder, log)?
        .arg("--pgdata")
        .arg(data)
        .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
        // The new cluster needs no sync; the server syncs what the test writes.
        .args(["--locale=C", "--no-sync", "--no-instructions"])
        .status()
        .context(|| "running initdb".into())?;
    if status.success() {
        return Ok(());
    }
    Err(ServerError::NotStarted {
        program: "initdb",
        log: tail(log),
    })
}

fn serve(
    program: &Path,
    folder: &Path,
    account: Account,
    log: &Path,
) -> Result<Process, ServerError> {
    let mut command = account.command(program, folder, log)?;
    command.arg("-D").arg(folder.join("data"));
    command.arg("-k").arg(folder);
    for setting in [
        "listen_addresses=",
        "max_connections=400",
        "fsync=on",
        "shared_buffers=64MB",
        "timezone=UTC",
    ] {
        command.args(["-c", setting]);
    }
    Process::start(command, "QUIT", folder)
}
