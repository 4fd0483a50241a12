//! What left the building leaves the stock.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use ordo_event_log::RecordedEvent;
use ordo_projection::{Reaction, ReactionContext, ReactionError};
use ordo_proto::{
    fulfilment::{ParcelDispatched, WorkLine},
    inventory::ConsumeReservationRequest,
    types::{CommandHeader, LineQuantity},
};
use ordo_rpc::{Call, Remote, Verdict, classify, reaction_error};
use tonic::Status;

use super::{entity, is, message};

/// After a restore of inventory, intake asks for its reservations again while parcels are told again, and neither waits for
/// the other: what is refused for one of these is tried again some times before a person has to look.
const NOT_THERE_YET: [&str; 2] = ["RESERVATION_NOT_FOUND", "NOT_RESERVED"];

/// Tells inventory about every parcel that left.
pub struct ConsumeReservation {
    remote: Remote,
}

impl ConsumeReservation {
    /// Calls inventory through `remote`.
    pub fn new(remote: Remote) -> Self {
        Self { remote }
    }

    async fn consume(
        &self,
        event: &RecordedEvent,
        context: &ReactionContext,
    ) -> Result<(), ReactionError> {
        let Some(left) = message::<ParcelDispatched>(event)? else {
            return Ok(());
        };
        let request = ConsumeReservationRequest {
            header: Some(CommandHeader {
                command_id: context.command_id("consume"),
                reason: String::new(),
            }),
            // The reservation of an order has the order's id.
            reservation_id: left.order_id,
            site_id: left.site_id,
            parcel_id: left.parcel_id,
            lines: by_line(&left.lines),
        };
        let call = Call::from_reaction(context);
        let mut inventory = self.remote.inventory(&call).map_err(reaction_error)?;
        inventory
            .consume_reservation(request)
            .await
            .map(|_| ())
            .map_err(refusal)
    }
}

fn refusal(status: Status) -> ReactionError {
    match classify(&status) {
        Verdict::Refused { reason, .. } if NOT_THERE_YET.contains(&reason.as_str()) => {
            ReactionError::failed(status)
        }
        _ => reaction_error(status),
    }
}

impl Reaction for ConsumeReservation {
    fn name(&self) -> &'static str {
        "consume_reservation"
    }

    fn commands(&self) -> &'static [&'static str] {
        &["inventory"]
    }

    fn entity(&self, event: &RecordedEvent) -> Option<String> {
        let order_id = || crate::ids::order_of_fulfilment_order(&event.stream.id);
        is::<ParcelDispatched>(event)
            .then(order_id)?
            .map(|order_id| entity(event, order_id))
    }

    fn react<'a>(
        &'a self,
        event: &'a RecordedEvent,
        context: &'a mut ReactionContext,
    ) -> BoxFuture<'a, Result<(), ReactionError>> {
        Box::pin(self.consume(event, context))
    }
}

fn by_line(lines: &[WorkLine]) -> Vec<LineQuantity> {
    let mut units: BTreeMap<&str, i64> = BTreeMap::new();
    for line in lines {
        let sum = units.entry(&line.line_id).or_default();
        *sum = sum.saturating_add(line.quantity);
    }
    let lines = units.into_iter().map(|(line_id, quantity)| LineQuantity {
        line_id: line_id.to_owned(),
        quantity,
    });
    lines.collect()
}
