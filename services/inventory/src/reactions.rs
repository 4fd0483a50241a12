//! What follows from inventory's own events.

mod expire_reservations;
mod open_site;
mod retry_waiting;
#[cfg(test)]
mod specs;

use ordo_event_log::{EventLog, ExecuteError, RecordedEvent};
use ordo_projection::{ReactionContext, ReactionError};

pub use self::{
    expire_reservations::ExpireReservations, open_site::OpenSite, retry_waiting::RetryWaiting,
};
use crate::{commands::InventoryError, grpc::partition};

/// `<tenant>/<id>`.
fn entity(event: &RecordedEvent, id: &str) -> String {
    format!("{}/{id}", event.tenant)
}

/// A command that follows from the event or timer at hand.
fn command(log: &EventLog, context: &ReactionContext, label: &str) -> ordo_event_log::Command {
    let tenant = context.tenant();
    ordo_event_log::Command::new(tenant.clone(), partition(log, tenant))
        .id(context.command_id(label))
        .metadata(context.metadata())
}

/// A busy or absent log is tried again; anything else is shown to an operator.
fn failed(error: ExecuteError<InventoryError>) -> ReactionError {
    match error {
        ExecuteError::Overloaded | ExecuteError::Closed | ExecuteError::Unavailable(_) => {
            ReactionError::retry(error)
        }
        ExecuteError::Refused(_)
        | ExecuteError::CommandIdReused { .. }
        | ExecuteError::Invalid(_)
        | ExecuteError::Codec(_) => ReactionError::failed(error),
    }
}
