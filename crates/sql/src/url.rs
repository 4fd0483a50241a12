//! Where databases are.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use sqlx::postgres::PgConnectOptions;

use crate::{error::SqlError, plugged::Databases};

/// Where a service keeps its databases: a folder of SQLite files, or one Postgres database with a schema for each.
///
/// Printed without its password.
#[derive(Clone)]
pub enum StoreUrl {
    /// `sqlite:///var/lib/ordo` or `sqlite:./data`: one file `<database>.db` per database.
    SqliteDir(PathBuf),
    /// `postgres://user:password@host:port/database`: one schema per database.
    Postgres(String),
    /// Databases that somebody else brings; no text stands for them.
    Plugged(Arc<dyn Databases>),
}

impl PartialEq for StoreUrl {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::SqliteDir(one), Self::SqliteDir(other)) => one == other,
            (Self::Postgres(one), Self::Postgres(other)) => one == other,
            (Self::Plugged(one), Self::Plugged(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl Eq for StoreUrl {}

impl FromStr for StoreUrl {
    type Err = SqlError;

    fn from_str(text: &str) -> Result<Self, SqlError> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        let path = text
            .strip_prefix("sqlite://")
            .or_else(|| text.strip_prefix("sqlite:"))
            .filter(|path| !path.is_empty())
            .ok_or_else(|| SqlError::Url("expected sqlite:<folder> or postgres://…".to_owned()))?;
        Ok(Self::SqliteDir(PathBuf::from(path)))
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SqliteDir(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => f.write_str(&without_password(url)),
            Self::Plugged(databases) => write!(f, "{databases:?}"),
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreUrl({self})")
    }
}

/// What is safe to print of `url`: user, host, port and database.
fn without_password(url: &str) -> String {
    let Ok(options) = PgConnectOptions::from_str(url) else {
        return "postgres:(not a valid URL)".to_owned();
    };
    format!(
        "postgres://{}@{}:{}/{}",
        options.get_username(),
        options.get_host(),
        options.get_port(),
        options.get_database().unwrap_or_default(),
    )
}

/// The file of `database` in `folder`.
pub(crate) fn sqlite_file(folder: &Path, database: &str) -> PathBuf {
    folder.join(format!("{database}.db"))
}

/// The schema's name: everything but ASCII letters and digits becomes `_`.
pub(crate) fn schema_name(database: &str) -> String {
    database
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .collect()
}

/// 1 to 60 characters of `a-z A-Z 0-9 . - _`, beginning with a letter: safe as a file's and, folded, as a schema's name
/// (Postgres cuts names at 63 bytes).
pub(crate) fn check_database_name(name: &str) -> Result<(), SqlError> {
    let valid = (1..=60).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    if valid {
        Ok(())
    } else {
        Err(SqlError::Url(format!("`{name}` is not a database name")))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn both_forms_of_sqlite_url_are_read() {
        for (text, path) in [
            ("sqlite:///var/ordo", "/var/ordo"),
            ("sqlite:./data", "./data"),
            ("sqlite:data", "data"),
        ] {
            assert_eq!(
                text.parse::<StoreUrl>().unwrap(),
                StoreUrl::SqliteDir(path.into())
            );
        }
        for text in ["", "sqlite:", "mysql://x", "/var/ordo"] {
            assert!(text.parse::<StoreUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_printed_url_holds_no_password() {
        let secret = "s3cr3t";
        for url in [
            "postgres://ordo:s3cr3t@db:5432/ordo",
            "postgres://ordo:s3cr3t@/ordo?host=/run/pg",
            "postgres://ordo@db/ordo?password=s3cr3t",
            "postgres://ordo:a/s3cr3t@b@db/ordo",
            "postgres://ordo:a?s3cr3t@db/ordo",
        ] {
            let url: StoreUrl = url.parse().unwrap();
            assert!(!format!("{url} {url:?}").contains(secret), "{url}");
        }
    }

    #[test]
    fn names_that_escape_the_folder_or_the_schema_are_refused() {
        assert!(check_database_name("intake.order_list.g12").is_ok());
        for name in ["", "../x", "a/b", "a\"b", "1a", ".hidden"] {
            assert!(check_database_name(name).is_err(), "{name}");
        }
    }
}
