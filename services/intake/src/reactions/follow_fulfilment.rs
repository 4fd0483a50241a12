//! Records on orders what the warehouse and the carriers did.

use futures::future::BoxFuture;
use ordo_event_log::RecordedEvent;
use ordo_projection::{Reaction, ReactionContext, ReactionError};
use ordo_proto::{
    fulfilment::{
        FulfilmentOrderCancelled, LineShortPicked, ParcelDelivered, ParcelDispatched,
        TrackingNumberAssigned, WorkLine,
    },
    types::LineQuantity,
};

use super::{entity, is, message, order_of, units};
use crate::{
    order::{
        Intent, RecordDelivery, RecordFulfilmentStopped, RecordShipment, RecordShortPick,
        RecordTrackingNumber,
    },
    orders::Orders,
};

/// The reaction.
pub struct FollowFulfilment {
    orders: Orders,
}

impl FollowFulfilment {
    /// Tells `orders`.
    pub fn new(orders: Orders) -> Self {
        Self { orders }
    }
}

fn lines(lines: Vec<WorkLine>) -> Vec<LineQuantity> {
    let here = |line: WorkLine| units(line.line_id, line.quantity);
    lines
        .into_iter()
        .map(here)
        .filter(|line| line.quantity > 0)
        .collect()
}

/// What the order is told.
pub(super) fn intent(event: &RecordedEvent) -> Result<Option<Intent>, ReactionError> {
    if let Some(it) = message::<FulfilmentOrderCancelled>(event)? {
        return Ok(Some(Intent::RecordFulfilmentStopped(
            RecordFulfilmentStopped {
                fulfilment_order_id: it.fulfilment_order_id,
                lines: lines(it.lines),
                cause: it.cause,
            },
        )));
    }
    if let Some(it) = message::<LineShortPicked>(event)? {
        return Ok(Some(Intent::RecordShortPick(RecordShortPick {
            fulfilment_order_id: it.fulfilment_order_id,
            line_id: it.line_id,
            missing: it.missing,
        })));
    }
    if let Some(it) = message::<ParcelDispatched>(event)? {
        return Ok(Some(Intent::RecordShipment(RecordShipment {
            fulfilment_order_id: it.fulfilment_order_id,
            parcel_id: it.parcel_id,
            lines: lines(it.lines),
            carrier: it.carrier,
            tracking_number: it.tracking_number,
        })));
    }
    if let Some(it) = message::<TrackingNumberAssigned>(event)? {
        return Ok(Some(Intent::RecordTrackingNumber(RecordTrackingNumber {
            parcel_id: it.parcel_id,
            fulfilment_order_id: it.fulfilment_order_id,
            carrier: it.carrier,
            tracking_number: it.tracking_number,
        })));
    }
    if let Some(it) = message::<ParcelDelivered>(event)? {
        return Ok(Some(Intent::RecordDelivery(RecordDelivery {
            parcel_id: it.parcel_id,
            fulfilment_order_id: it.fulfilment_order_id,
            lines: lines(it.lines),
        })));
    }
    Ok(None)
}

impl Reaction for FollowFulfilment {
    fn name(&self) -> &'static str {
        "follow_fulfilment"
    }

    fn entity(&self, event: &RecordedEvent) -> Option<String> {
        let concerns = is::<FulfilmentOrderCancelled>(event)
            || is::<LineShortPicked>(event)
            || is::<ParcelDispatched>(event)
            || is::<TrackingNumberAssigned>(event)
            || is::<ParcelDelivered>(event);
        concerns.then(|| entity(&event.tenant, order_of(&event.stream.id)))
    }

    fn react<'a>(
        &'a self,
        event: &'a RecordedEvent,
        context: &'a mut ReactionContext,
    ) -> BoxFuture<'a, Result<(), ReactionError>> {
        Box::pin(async move {
            if let Some(intent) = intent(event)? {
                self.orders
                    .tell(context, "record", order_of(&event.stream.id), intent)
                    .await?;
            }
            Ok(())
        })
    }
}
