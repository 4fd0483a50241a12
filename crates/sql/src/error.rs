//! What can go wrong, told apart by SQLSTATE and never by an error's text.

use sqlx::error::ErrorKind;

/// Why a statement or connection failed. No text here holds a password or a bound parameter.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// The store's URL is not of a known form.
    #[error("not a store URL: {0}")]
    Url(String),
    /// The database is away, full, or shutting down. The same call may succeed later.
    #[error("the database is out of reach")]
    Unavailable(#[source] Box<sqlx::Error>),
    /// Another transaction was in the way (serialization failure, deadlock, busy). Begin the transaction again.
    #[error("the transaction met another one")]
    Conflict(#[source] Box<sqlx::Error>),
    /// A row with the same unique key is there already.
    #[error("a unique key is taken{}", .constraint.as_ref().map(|name| format!(" ({name})")).unwrap_or_default())]
    Unique {
        /// Name of the constraint or index; only Postgres tells it.
        constraint: Option<String>,
        /// What the driver says.
        #[source]
        source: Box<sqlx::Error>,
    },
    /// Refused: wrong SQL, a violated check, a missing table. Trying again does not help.
    #[error("the database refused the statement (code {})", .code.as_deref().unwrap_or("unknown"))]
    Refused {
        /// SQLSTATE on Postgres, the extended result code on SQLite.
        code: Option<String>,
        /// What the driver says.
        #[source]
        source: Box<sqlx::Error>,
    },
    /// A column's value is not of the type asked for, or NULL where a value is needed.
    #[error("column {column}: {detail}")]
    Column {
        /// Index or name asked for.
        column: String,
        /// What is wrong.
        detail: String,
    },
    /// A parameter that this database cannot take.
    #[error("parameter {index}: {detail}")]
    Parameter {
        /// Counted from 1.
        index: usize,
        /// What is wrong.
        detail: String,
    },
    /// The pool was closed.
    #[error("the database handle is closed")]
    Closed,
    /// The folder of SQLite files cannot be made, or a file cannot be removed.
    #[error("the store's folder cannot be written")]
    Folder(#[source] std::io::Error),
}

impl SqlError {
    /// The error of a [plugged](crate::plugged) database: `code` is SQLite's extended result code.
    pub fn reported(code: u32, detail: impl Into<String>) -> Self {
        let source = Box::new(sqlx::Error::Protocol(detail.into()));
        // SQLITE_CONSTRAINT_PRIMARYKEY, _UNIQUE and _ROWID.
        if matches!(code, 1555 | 2067 | 2579) {
            return Self::Unique {
                constraint: None,
                source,
            };
        }
        let code = code.to_string();
        match class(&code) {
            Class::Away => Self::Unavailable(source),
            Class::Conflict => Self::Conflict(source),
            Class::Other => Self::Refused {
                code: Some(code),
                source,
            },
        }
    }

    /// Whether the same work may succeed when it is begun again.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Conflict(_))
    }

    /// Whether a unique key was violated.
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Unique { .. })
    }

    /// SQLSTATE (Postgres) or extended result code (SQLite), when the database gave one.
    pub fn code(&self) -> Option<String> {
        match self {
            Self::Unavailable(source) | Self::Conflict(source) | Self::Unique { source, .. } => {
                database_code(source)
            }
            Self::Refused { code, .. } => code.clone(),
            _ => None,
        }
    }
}

fn database_code(error: &sqlx::Error) -> Option<String> {
    error
        .as_database_error()
        .and_then(|error| error.code())
        .map(|code| code.into_owned())
}

impl From<sqlx::Error> for SqlError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolClosed => Self::Closed,
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Protocol(_) => Self::Unavailable(Box::new(error)),
            sqlx::Error::Database(database) => {
                let code = database.code().map(|code| code.into_owned());
                if database.kind() == ErrorKind::UniqueViolation {
                    let constraint = database.constraint().map(str::to_owned);
                    return Self::Unique {
                        constraint,
                        source: Box::new(error),
                    };
                }
                match code.as_deref().map(class) {
                    Some(Class::Away) => Self::Unavailable(Box::new(error)),
                    Some(Class::Conflict) => Self::Conflict(Box::new(error)),
                    _ => Self::Refused {
                        code,
                        source: Box::new(error),
                    },
                }
            }
            _ => Self::Refused {
                code: None,
                source: Box::new(error),
            },
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Class {
    Away,
    Conflict,
    Other,
}

/// Sorts a code. SQLSTATE has five characters; SQLite's extended result codes are decimal numbers whose low byte is the
/// primary code.
fn class(code: &str) -> Class {
    if code.len() == 5 {
        return match code {
            // serialization_failure, deadlock_detected, lock_not_available
            "40001" | "40P01" | "55P03" => Class::Conflict,
            // Connection exceptions, insufficient resources, operator intervention, system errors.
            _ if ["08", "53", "57", "58"].contains(&&code[..2]) => Class::Away,
            // read_only_sql_transaction: the server became a standby.
            "25006" => Class::Away,
            _ => Class::Other,
        };
    }
    match code.parse::<u32>().map(|code| code & 0xff) {
        // BUSY, LOCKED
        Ok(5 | 6) => Class::Conflict,
        // NOMEM, IOERR, FULL, CANTOPEN
        Ok(7 | 10 | 13 | 14) => Class::Away,
        _ => Class::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_databases_are_sorted() {
        for code in ["40001", "40P01", "5", "517", "6"] {
            assert_eq!(class(code), Class::Conflict, "{code}");
        }
        for code in ["57P01", "53300", "08006", "13", "778", "14"] {
            assert_eq!(class(code), Class::Away, "{code}");
        }
        for code in ["42P01", "1", "1555", "23505", "é1"] {
            assert_eq!(class(code), Class::Other, "{code}");
        }
    }
}
