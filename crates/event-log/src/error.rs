//! Why the log refuses.

use std::sync::Arc;

use crate::aggregate::CodecError;

/// A database that did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It answered with an error, or not at all.
    #[error("the log's database does not answer")]
    Database(#[from] sqlx::Error),
    /// A statement took longer than allowed.
    #[error("the log's database took longer than {0:?}")]
    Timeout(std::time::Duration),
    /// Other replicas kept committing first.
    #[error("other writers won {0} times in a row")]
    Contended(u32),
    /// The log was stopped while a command was under way.
    #[error("the log stopped")]
    Stopped,
    /// The thin layer over the database refuses.
    #[error(transparent)]
    Sql(#[from] ordo_sql::SqlError),
    /// It holds what this log never writes.
    #[error("the log's database is damaged: {0}")]
    Damaged(String),
}

/// Why a log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The configuration makes no sense.
    #[error("{0}")]
    Config(String),
    /// The number of partitions is fixed when a log is created.
    #[error(
        "the log of {service} has {existing} partitions, not {wanted}; the number is fixed when a log is created"
    )]
    Partitions {
        /// Owner of the log.
        service: String,
        /// What it was created with.
        existing: u32,
        /// What the configuration wants.
        wanted: u32,
    },
    /// The database belongs to something else.
    #[error("the database holds the log of {existing}, not of {wanted}")]
    Service {
        /// Whose log it is.
        existing: String,
        /// Whose log was to be opened.
        wanted: String,
    },
    /// Written by a version of this program that stores logs in another form.
    #[error("the log is stored in format {existing}; this version reads format {supported}")]
    Format {
        /// The log's format.
        existing: i64,
        /// This version's.
        supported: i64,
    },
    /// The database does not answer.
    #[error("the log's database cannot be opened")]
    Store(#[from] StoreError),
}

impl From<ordo_sql::SqlError> for OpenError {
    fn from(error: ordo_sql::SqlError) -> Self {
        Self::Store(error.into())
    }
}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Why events cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The log has no such partition.
    #[error(
        "the log has {partitions} partitions, counted from 0; there is no partition {partition}"
    )]
    NoSuchPartition {
        /// Asked for.
        partition: u32,
        /// There are.
        partitions: u32,
    },
    /// Stored bytes that this version cannot read.
    #[error("a stored event cannot be read")]
    Codec(#[from] CodecError),
    /// The stream holds what the log never writes.
    #[error("the stream is damaged")]
    Damaged(#[source] Arc<StoreError>),
    /// The database does not answer; try again.
    #[error("the log cannot be read")]
    Unavailable(#[from] StoreError),
}

/// Why a command had no effect, or (only [`Unavailable`](ExecuteError::Unavailable)) why it is not known whether it had one.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError<E> {
    /// The decision refused it. Nothing is recorded: the same command id may be used again.
    #[error("refused: {0}")]
    Refused(E),
    /// The command id was used before, with other content.
    #[error("command id `{command_id}` was already used with other content")]
    CommandIdReused {
        /// The id.
        command_id: String,
    },
    /// Too many commands wait for the partition; try again a little later.
    #[error("too many commands are waiting")]
    Overloaded,
    /// The log is closing.
    #[error("the log is closed")]
    Closed,
    /// It can never be stored: too many or too large events, an id that is too long or of another partition, a partition
    /// that does not exist. The caller has a mistake.
    #[error("the command cannot be stored: {0}")]
    Invalid(String),
    /// A stored event or answer that it depends on cannot be read by this version.
    #[error("what the command depends on cannot be read")]
    Codec(#[source] CodecError),
    /// The database did not answer in time. Whether the command took effect is not known: repeat it with the same command
    /// id.
    #[error("the log is out of reach")]
    Unavailable(#[source] Arc<StoreError>),
}

impl<E> ExecuteError<E> {
    /// Changes the refusal's type.
    pub fn map_refused<O>(self, f: impl FnOnce(E) -> O) -> ExecuteError<O> {
        match self {
            Self::Refused(refusal) => ExecuteError::Refused(f(refusal)),
            Self::CommandIdReused { command_id } => ExecuteError::CommandIdReused { command_id },
            Self::Overloaded => ExecuteError::Overloaded,
            Self::Closed => ExecuteError::Closed,
            Self::Invalid(detail) => ExecuteError::Invalid(detail),
            Self::Codec(error) => ExecuteError::Codec(error),
            Self::Unavailable(error) => ExecuteError::Unavailable(error),
        }
    }
}
