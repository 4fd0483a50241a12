//! What follows from events: instructions from intake become fulfilment orders, and what happens to goods moves their stock.

pub mod consume_reservation;
pub mod correct_stock;
pub mod follow_intake;

use ordo_event_log::{ExecuteError, RecordedEvent};
use ordo_projection::ReactionError;
use prost::{Message, Name};

/// The event's message, when it is an `M`.
fn message<M: Message + Name + Default>(event: &RecordedEvent) -> Result<Option<M>, ReactionError> {
    if *event.type_name != *M::full_name() {
        return Ok(None);
    }
    M::decode(event.payload.clone())
        .map(Some)
        .map_err(ReactionError::failed)
}

fn is<M: Name>(event: &RecordedEvent) -> bool {
    *event.type_name == *M::full_name()
}

/// Events of one order wait for each other.
fn entity(event: &RecordedEvent, order_id: &str) -> String {
    format!("{}/{order_id}", event.tenant)
}

/// How to go on after an own command failed: a refusal needs a person, an absence needs time.
fn own_command_failed<E>(error: ExecuteError<E>) -> ReactionError
where
    E: std::error::Error + Send + Sync + 'static,
{
    match error {
        ExecuteError::Refused(refusal) => ReactionError::park(refusal.to_string()),
        ExecuteError::Overloaded | ExecuteError::Closed | ExecuteError::Unavailable(_) => {
            ReactionError::retry(error)
        }
        ExecuteError::CommandIdReused { .. }
        | ExecuteError::Invalid(_)
        | ExecuteError::Codec(_) => ReactionError::failed(error),
    }
}
