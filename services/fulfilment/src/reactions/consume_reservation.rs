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
use ordo_rpc::{Call, Remote, reaction_error};

use super::{entity, is, message};

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
            .map_err(reaction_error)
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
