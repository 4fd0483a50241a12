//! One Postgres server per test process.

use std::{
    fs::{self, File, Permissions},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::process::Signal;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::{
    locate,
    server::{IoContext, Process, ServerError, tail},
};

const START_DEADLINE: Duration = Duration::from_secs(60);

static SHARED: OnceCell<Postgres> = OnceCell::const_new();

/// How a server of the caller's own is set up.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Folder in which the server's own is made. Short: paths of unix sockets are at most 107 bytes long.
    pub parent: PathBuf,
    /// Environment of the server.
    pub environment: Vec<(String, String)>,
    /// Further settings, `name=value`; the last one of a name counts.
    pub settings: Vec<String>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            // Not from TMPDIR, which may be long.
            parent: PathBuf::from("/tmp"),
            environment: Vec::new(),
            settings: Vec::new(),
        }
    }
}

/// A Postgres server with `fsync` on and up to 400 connections, reached through a unix socket in a folder of its own.
/// It is stopped and removed when the test process ends, however that ends.
#[derive(Debug)]
pub struct Postgres {
    folder: TempDir,
    databases: AtomicU64,
    programs: PathBuf,
    account: Account,
    options: PostgresOptions,
    process: Mutex<Option<Process>>,
}

impl Postgres {
    /// The process's server, started by the first caller.
    pub async fn start_shared() -> Result<&'static Self, ServerError> {
        SHARED.get_or_try_init(Self::start).await
    }

    /// A server of the caller's own.
    pub async fn start() -> Result<Self, ServerError> {
        Self::start_with(PostgresOptions::default()).await
    }

    /// A server of the caller's own, with settings of the caller's own.
    pub async fn start_with(options: PostgresOptions) -> Result<Self, ServerError> {
        let programs = locate::postgres_bin()?;
        let folder = tempfile::Builder::new()
            .prefix("ordo-pg-")
            .tempdir_in(&options.parent)
            .context(|| "making a folder for Postgres".into())?;
        let account = Account::choose(folder.path())?;
        let log = folder.path().join("postgres.log");
        account.take(folder.path())?;

        let (initdb, data) = (programs.join("initdb"), folder.path().join("data"));
        tokio::task::spawn_blocking(move || init(&initdb, &data, account, &log))
            .await
            .map_err(|error| ServerError::Io {
                what: "running initdb".into(),
                source: error.into(),
            })??;
        let server = Self {
            folder,
            databases: AtomicU64::new(0),
            programs,
            account,
            options,
            process: Mutex::new(None),
        };
        server.launch().await?;
        Ok(server)
    }

    /// Whether the server runs.
    pub fn is_running(&self) -> bool {
        self.process()
            .as_mut()
            .is_some_and(|process| process.ended().is_none())
    }

    /// The server's first process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        let mut process = self.process();
        let process = process.as_mut()?;
        process.ended().is_none().then(|| process.id())
    }

    /// An immediate stop: no checkpoint, no word to clients. The next start recovers from the log.
    pub async fn stop_at_once(&self) -> Result<(), ServerError> {
        let process = self.process().take();
        if let Some(mut process) = process {
            process.signal(Signal::QUIT);
            let end = Instant::now() + START_DEADLINE;
            while process.ended().is_none() && Instant::now() < end {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        Ok(())
    }

    /// Starts the server again (stopping it at once if it runs), with the same data.
    pub async fn restart(&self) -> Result<(), ServerError> {
        self.stop_at_once().await?;
        self.launch().await
    }

    /// Where its socket is and, in `data`, its databases.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A client program of the server's own version: `pg_dump`, `psql`.
    pub fn client(&self, program: &str) -> Command {
        Command::new(self.programs.join(program))
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the server and waits until it serves.
    async fn launch(&self) -> Result<(), ServerError> {
        let folder = self.folder.path();
        let log = folder.join("postgres.log");
        let program = self.programs.join("postgres");
        let mut process = serve(&program, folder, self.account, &self.options, &log)?;
        let end = Instant::now() + START_DEADLINE;
        while let Err(error) = connect(folder, "postgres").await {
            if process.ended().is_some() || Instant::now() >= end {
                return Err(ServerError::NotStarted {
                    program: "postgres",
                    log: format!("{error}: {}", tail(&log)),
                });
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        *self.process() = Some(process);
        Ok(())
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
    options: &PostgresOptions,
    log: &Path,
) -> Result<Process, ServerError> {
    let mut command = account.command(program, folder, log)?;
    command.envs(options.environment.iter().cloned());
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
    for setting in &options.settings {
        command.args(["-c", setting]);
    }
    Process::start(command, "QUIT", folder)
}
