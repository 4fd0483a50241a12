//! A Postgres server for one benchmark.

use std::{
    env,
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::{ConnectOptions as _, Connection as _, postgres::PgConnectOptions};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::error::{BenchError, During as _};

const PATIENCE: Duration = Duration::from_secs(60);

/// What the server runs with beyond Postgres's own defaults: everything that makes a commit durable stays on.
const SETTINGS: [&str; 7] = [
    "listen_addresses=",
    "max_connections=600",
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "shared_buffers=512MB",
    "max_wal_size=4GB",
];

/// A Postgres server in a temporary folder, reached through a unix socket; it ends with its handle or with this process.
#[derive(Debug)]
pub struct PrivatePostgres {
    server: Child,
    folder: TempDir,
}

impl PrivatePostgres {
    /// Starts one. The programs are looked for in ORDO_POSTGRES_BIN, in Debian's folders and on PATH. As root it runs as the
    /// user `postgres`, because Postgres refuses to run as root.
    pub async fn start() -> Result<Self, BenchError> {
        let programs = programs()?;
        // Socket paths are at most 107 bytes long, so the folder is not taken from TMPDIR.
        let folder = tempfile::Builder::new()
            .prefix("ordo-bench-pg-")
            .tempdir_in("/tmp")
            .during("making a folder for Postgres")?;
        let account = account(folder.path())?;
        if let Some((user, group)) = account {
            chown(folder.path(), Some(user), Some(group)).during("giving Postgres its folder")?;
        }
        fs::set_permissions(folder.path(), Permissions::from_mode(0o700))
            .during("closing the folder of Postgres")?;
        let made = command(&programs.join("initdb"), folder.path(), account)
            .arg("--pgdata")
            .arg(folder.path().join("data"))
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
            .args(["--locale=C", "--no-instructions"])
            .output()
            .await
            .during("running initdb")?;
        if !made.status.success() {
            let why = String::from_utf8_lossy(&made.stderr).into_owned();
            return Err(BenchError::Wrong(format!("initdb fails: {why}")));
        }
        let mut server = command(&programs.join("postgres"), folder.path(), account);
        server
            .arg("-D")
            .arg(folder.path().join("data"))
            .arg("-k")
            .arg(folder.path());
        for setting in SETTINGS {
            server.args(["-c", setting]);
        }
        let mut server = server.spawn().during("starting Postgres")?;
        let end = Instant::now() + PATIENCE;
        loop {
            let Err(error) = answers(folder.path()).await else {
                break;
            };
            if let Some(status) = server.try_wait().during("looking after Postgres")? {
                return Err(BenchError::Wrong(format!("Postgres ended with {status}")));
            }
            if Instant::now() >= end {
                return Err(error).during("waiting for Postgres");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(Self { server, folder })
    }

    /// Address of its database `postgres`.
    pub fn url(&self) -> String {
        format!(
            "postgres://postgres@localhost/postgres?host={}",
            self.folder.path().display()
        )
    }

    /// Its settings, for a report.
    pub fn settings() -> String {
        SETTINGS.join(" ")
    }
}

impl Drop for PrivatePostgres {
    #[allow(
        clippy::disallowed_methods,
        reason = "the end of a benchmark; nothing else runs, and the folder must outlive the server"
    )]
    fn drop(&mut self) {
        // SIGQUIT ends the server with its children; the folder goes right after, so nothing needs to be written out.
        if let Some(pid) = self.server.id().and_then(|id| Pid::from_raw(id as i32)) {
            let _ = kill_process(pid, Signal::QUIT);
        }
        let end = Instant::now() + Duration::from_secs(5);
        while matches!(self.server.try_wait(), Ok(None)) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

async fn answers(folder: &Path) -> Result<(), sqlx::Error> {
    let connection = PgConnectOptions::new_without_pgpass()
        .socket(folder)
        .username("postgres")
        .database("postgres")
        .connect()
        .await?;
    connection.close().await
}

/// A command as the account, which dies with this process where util-linux is installed.
fn command(program: &Path, folder: &Path, account: Option<(u32, u32)>) -> Command {
    let setpriv = Path::new("/usr/bin/setpriv");
    let mut command = if setpriv.is_file() {
        let mut command = Command::new(setpriv);
        command.args(["--pdeathsig", "QUIT", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command
        .current_dir(folder)
        .env_remove("PGDATA")
        .env_remove("PGPORT")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    if let Some((user, group)) = account {
        command.uid(user).gid(group);
    }
    command
}

fn programs() -> Result<PathBuf, BenchError> {
    let named = env::var_os("ORDO_POSTGRES_BIN").map(PathBuf::from);
    let debian = (13..=30)
        .rev()
        .map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")));
    let path = env::var_os("PATH").unwrap_or_default();
    named
        .into_iter()
        .chain(debian)
        .chain(env::split_paths(&path))
        .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
        .ok_or_else(|| {
            BenchError::Option(
                "no Postgres is installed here: name its folder of programs in ORDO_POSTGRES_BIN, or a server with --store postgres://…"
                    .to_owned(),
            )
        })
}

/// User and group to run as; `None`: as we are.
fn account(made_by_us: &Path) -> Result<Option<(u32, u32)>, BenchError> {
    let us = fs::metadata(made_by_us)
        .during("looking at the folder for Postgres")?
        .uid();
    if us != 0 {
        return Ok(None);
    }
    let passwd = fs::read_to_string("/etc/passwd").during("reading /etc/passwd")?;
    let ids = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some("postgres") {
            return None;
        }
        Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
    });
    ids.map(Some).ok_or_else(|| {
        BenchError::Option(
            "Postgres refuses to run as root, and there is no user `postgres`".to_owned(),
        )
    })
}
