//! Why a backup or a restore does not happen.

use std::path::{Path, PathBuf};

use ordo_event_log::{OpenError, ReadError};
use ordo_sql::SqlError;

/// A backup that was not taken, is not whole, or was not restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is no log to back up, or no keys.
    #[error("{store} holds no {database}")]
    NothingThere {
        /// The database that was looked for.
        database: String,
        /// Where it was looked for, without a password.
        store: String,
    },
    /// The folder is taken.
    #[error("{0} is not empty; a backup is written to a folder of its own")]
    NotEmpty(PathBuf),
    /// The folder holds no complete backup.
    #[error("{folder} holds no complete backup: {detail}")]
    NotABackup {
        /// The folder.
        folder: PathBuf,
        /// What is missing or wrong.
        detail: String,
    },
    /// A file is not what was written.
    #[error("the backup is damaged: {0}")]
    Damaged(String),
    /// The backup is another service's.
    #[error("the backup is of {found}, not of {wanted}")]
    OtherService {
        /// Whose backup it is.
        found: String,
        /// Whose was wanted.
        wanted: String,
    },
    /// There is something that a restore would take away.
    #[error(
        "{store} already holds {existing} of {service}; --replace puts the backup in its place"
    )]
    Exists {
        /// Whose databases.
        service: String,
        /// Where, without a password.
        store: String,
        /// The first database that is there.
        existing: String,
    },
    /// The databases are in use.
    #[error("{service} is running on {store} ({detail}); stop every replica of it first")]
    Running {
        /// Whose databases.
        service: String,
        /// Where, without a password.
        store: String,
        /// What shows it.
        detail: String,
    },
    /// A table that cannot be carried from one kind of database to the other.
    #[error("{table} cannot be backed up: {detail}")]
    Unsupported {
        /// Database and table.
        table: String,
        /// Why.
        detail: String,
    },
    /// The store cannot be opened.
    #[error("the store cannot be opened")]
    Sql(#[from] SqlError),
    /// The database refused or went away.
    #[error("{what}")]
    Database {
        /// What was being done.
        what: String,
        /// What the database says.
        source: sqlx::Error,
    },
    /// The log in the backup cannot be opened.
    #[error("the log cannot be opened")]
    Open(#[from] OpenError),
    /// The log in the backup cannot be read.
    #[error("the log cannot be read")]
    Read(#[from] ReadError),
    /// A file or folder cannot be read or written.
    #[error("{}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl BackupError {
    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::File { path, source }
    }

    pub(crate) fn database(what: impl Into<String>) -> impl FnOnce(sqlx::Error) -> Self {
        let what = what.into();
        |source| Self::Database { what, source }
    }
}
