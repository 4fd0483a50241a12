//! The kinds of stores that are backed up.

use std::path::Path;

use ordo_sql::StoreUrl;

use crate::BackupError;

/// A store that exists outside this process.
pub(crate) enum Place<'s> {
    /// A folder of files.
    Sqlite(&'s Path),
    /// The URL of a database with schemas.
    Postgres(&'s str),
}

impl<'s> Place<'s> {
    pub fn of(store: &'s StoreUrl) -> Result<Self, BackupError> {
        if let StoreUrl::SqliteDir(folder) = store {
            return Ok(Self::Sqlite(folder));
        }
        if let StoreUrl::Postgres(url) = store {
            return Ok(Self::Postgres(url));
        }
        #[allow(unreachable_code, reason = "stores of tests live in memory")]
        Err(BackupError::Unsupported {
            table: store.to_string(),
            detail: "the store is neither SQLite nor Postgres".to_owned(),
        })
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }
}
