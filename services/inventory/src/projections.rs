//! Read models.

pub mod availability;
pub mod catalogue;
pub mod movements;
#[cfg(test)]
pub(crate) mod testing;

use ordo_event_log::{CodecError, RecordedEvent};
use ordo_projection::ProjectionError;
use ordo_sql::SqlError;
use prost::{Message, Name};

/// Why a question to a read model has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The database refused or is away.
    #[error("the read model's database failed")]
    Sql(#[from] SqlError),
    /// A message inside a row cannot be read.
    #[error("a row holds a message that cannot be read")]
    Decode(#[from] prost::DecodeError),
}

/// The event's message, when it is an `M`.
pub(crate) fn message<M: Message + Name + Default>(
    event: &RecordedEvent,
) -> Result<Option<M>, ProjectionError> {
    if *event.type_name != M::full_name() {
        return Ok(None);
    }
    M::decode(&*event.payload).map(Some).map_err(|source| {
        CodecError::Decode {
            type_name: M::full_name(),
            source,
        }
        .into()
    })
}
