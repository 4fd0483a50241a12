//! What the errors of the crates below mean to a caller. Internal detail goes to the log, never into the answer.

use std::{error::Error, time::Duration};

use ordo_event_log::{ExecuteError, FeedError, ReadError, StoreError};
use ordo_privacy::PrivacyError;
use ordo_projection::{NotYet, RebuildError};
use ordo_sql::SqlError;

use crate::{
    reason::{
        COMMAND_ID_REUSED, COMMAND_TOO_LARGE, CONFLICT, INTERNAL, LOG_DIVERGED, OVERLOADED,
        READ_MODEL_BEHIND, Reason, SHUTTING_DOWN, STORE_UNAVAILABLE, STORED_DATA_UNREADABLE,
        UNKNOWN_PARTITION,
    },
    refusal::Refusal,
};

impl<E: Into<Refusal>> From<ExecuteError<E>> for Refusal {
    fn from(error: ExecuteError<E>) -> Self {
        match error {
            ExecuteError::Refused(refusal) => refusal.into(),
            ExecuteError::CommandIdReused { command_id } => Refusal::new(
                &COMMAND_ID_REUSED,
                format!("command id `{command_id}` was already used with other content"),
            )
            .with("command_id", command_id),
            ExecuteError::Overloaded => plain(&OVERLOADED),
            ExecuteError::Closed => plain(&SHUTTING_DOWN),
            ExecuteError::Invalid(detail) => Refusal::new(&COMMAND_TOO_LARGE, detail),
            ExecuteError::Codec(error) => internal(&STORED_DATA_UNREADABLE, &error),
            ExecuteError::Unavailable(error) => store(&error),
        }
    }
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        match &error {
            ReadError::NoSuchPartition { partition, .. } => {
                Refusal::new(&UNKNOWN_PARTITION, error.to_string()).with("partition", partition)
            }
            ReadError::Codec(_) | ReadError::Damaged(_) => {
                internal(&STORED_DATA_UNREADABLE, &error)
            }
            ReadError::Unavailable(error) => store(error),
        }
    }
}

impl From<FeedError> for Refusal {
    fn from(error: FeedError) -> Self {
        match &error {
            FeedError::Diverged {
                partition,
                position,
                ..
            } => Refusal::new(&LOG_DIVERGED, error.to_string())
                .with("partition", partition)
                .with("position", position),
            FeedError::Unavailable { .. } => internal(&STORE_UNAVAILABLE, &error),
        }
    }
}

/// A read model that is behind is UNAVAILABLE with RetryInfo: the same query succeeds a little later, and retrying it is
/// what generic clients do with that code.
impl From<NotYet> for Refusal {
    fn from(error: NotYet) -> Self {
        let message = error.to_string();
        match error {
            NotYet::Behind {
                service,
                partition,
                wanted,
                reached,
            } => Self::new(&READ_MODEL_BEHIND, message)
                .with("service", service)
                .with("partition", partition)
                .with("wanted", wanted)
                .with("reached", reached),
            NotYet::Building => {
                Self::new(&READ_MODEL_BEHIND, message).retry_after(Duration::from_secs(1))
            }
            NotYet::UnknownPartition { service, partition } => {
                Self::new(&UNKNOWN_PARTITION, message)
                    .with("service", service)
                    .with("partition", partition)
            }
        }
    }
}

impl From<RebuildError> for Refusal {
    fn from(error: RebuildError) -> Self {
        match error {
            RebuildError::Sql(error) => error.into(),
            RebuildError::Diverged(_) | RebuildError::Interrupted(_) => internal(&CONFLICT, &error),
            RebuildError::Closed => plain(&SHUTTING_DOWN),
        }
    }
}

impl From<SqlError> for Refusal {
    fn from(error: SqlError) -> Self {
        match &error {
            SqlError::Closed => plain(&SHUTTING_DOWN),
            _ if error.is_transient() => internal(&STORE_UNAVAILABLE, &error),
            _ => internal(&INTERNAL, &error),
        }
    }
}

impl From<PrivacyError> for Refusal {
    fn from(error: PrivacyError) -> Self {
        match &error {
            PrivacyError::Unavailable(_) => internal(&STORE_UNAVAILABLE, &error),
            PrivacyError::Tampered { .. } | PrivacyError::Decode { .. } => {
                internal(&STORED_DATA_UNREADABLE, &error)
            }
            PrivacyError::MasterKeyMissing { .. }
            | PrivacyError::NoKeyStore
            | PrivacyError::NoRandomness => internal(&INTERNAL, &error),
        }
    }
}

/// A database that other replicas keep winning is a lost race; every other fault of it is an absence.
fn store(error: &StoreError) -> Refusal {
    match error {
        StoreError::Contended(_) => internal(&CONFLICT, error),
        StoreError::Damaged(_) => internal(&STORED_DATA_UNREADABLE, error),
        // The rest are absences: what the database cannot do now it may do later.
        _ => internal(&STORE_UNAVAILABLE, error),
    }
}

fn plain(reason: &Reason) -> Refusal {
    Refusal::new(reason, reason.meaning)
}

/// Tells the caller the reason's meaning and the log what happened.
fn internal(reason: &Reason, error: &(dyn Error + 'static)) -> Refusal {
    let mut causes = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        causes.push_str(": ");
        causes.push_str(&cause.to_string());
        source = cause.source();
    }
    tracing::error!(reason = reason.name, error = causes, "call failed");
    plain(reason)
}

#[cfg(test)]
#[path = "mapping_tests.rs"]
mod tests;
