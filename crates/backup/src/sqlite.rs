//! SQLite: copies of files that are in use, and files that must not be.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{
    BackupError, files,
    names::{self, Use},
};

/// How long a process that is ending may take to let go of its files.
const PATIENCE: Duration = Duration::from_secs(3);

/// The service's databases in `folder`, with what they are for.
pub(crate) fn databases(folder: &Path, service: &str) -> Result<Vec<(String, Use)>, BackupError> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(BackupError::file(folder))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.map_err(BackupError::file(folder))?.file_name();
        let Some(database) = name.to_str().and_then(|name| name.strip_suffix(".db")) else {
            continue;
        };
        if let Some(used) = names::use_of(service, database) {
            found.push((database.to_owned(), used));
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(found)
}

pub(crate) fn path(folder: &Path, database: &str) -> PathBuf {
    folder.join(format!("{database}.db"))
}

/// Writes the database, as it is at one moment, to a new file. Whoever uses it goes on doing so.
pub(crate) async fn copy(folder: &Path, database: &str, to: &Path) -> Result<(), BackupError> {
    let what = || BackupError::database(format!("copying {database}"));
    let target = to.to_str().ok_or_else(|| BackupError::File {
        path: to.to_owned(),
        source: std::io::Error::other("the path is not UTF-8"),
    })?;
    let mut connection = SqliteConnectOptions::new()
        .filename(path(folder, database))
        .create_if_missing(false)
        .busy_timeout(Duration::from_secs(10))
        .connect()
        .await
        .map_err(what())?;
    sqlx::query("vacuum into ?")
        .bind(target)
        .execute(&mut connection)
        .await
        .map_err(what())?;
    connection.close().await.map_err(what())
}

/// Makes sure that nobody has the database open, and that all of it is in its one file. Says who is there otherwise.
pub(crate) async fn claim(
    folder: &Path,
    database: &str,
) -> Result<Result<(), String>, BackupError> {
    let file = path(folder, database);
    if !file.exists() {
        return Ok(Ok(()));
    }
    let end = Instant::now() + PATIENCE;
    loop {
        match single_file(&file).await {
            Ok(()) => return Ok(Ok(())),
            Err(error) if Instant::now() >= end => {
                return match &error {
                    // 5: somebody has it open. 6: a table is locked.
                    sqlx::Error::Database(refused)
                        if refused
                            .code()
                            .is_some_and(|code| code == "5" || code == "6") =>
                    {
                        Ok(Err(format!("{} is open", file.display())))
                    }
                    _ => Err(BackupError::Database {
                        what: format!("opening {}", file.display()),
                        source: error,
                    }),
                };
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Leaving the write-ahead log needs the file for oneself, and puts everything into it.
async fn single_file(file: &Path) -> Result<(), sqlx::Error> {
    let mut connection: SqliteConnection = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(false)
        .busy_timeout(Duration::from_millis(100))
        .connect()
        .await?;
    let mode: String = sqlx::query_scalar("pragma journal_mode = delete")
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    if mode == "delete" {
        return Ok(());
    }
    Err(sqlx::Error::Protocol(format!(
        "the journal stays in mode {mode}"
    )))
}

/// Removes a database and what SQLite keeps beside it.
pub(crate) fn remove(folder: &Path, database: &str) -> Result<(), BackupError> {
    let file = path(folder, database);
    for suffix in ["-wal", "-shm", "-journal", ""] {
        let mut path = file.clone().into_os_string();
        path.push(suffix);
        files::remove(Path::new(&path))?;
    }
    Ok(())
}

/// Runs one statement with one number in a file that nobody uses.
pub(crate) async fn set(file: &Path, sql: &'static str, value: i64) -> Result<(), BackupError> {
    let what = || BackupError::database(format!("writing {}", file.display()));
    let mut connection = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(false)
        .pragma("synchronous", "full")
        .connect()
        .await
        .map_err(what())?;
    sqlx::query(sql)
        .bind(value)
        .execute(&mut connection)
        .await
        .map_err(what())?;
    connection.close().await.map_err(what())
}
