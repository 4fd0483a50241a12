//! Records on orders what inventory reserved and what it could not.

use futures::future::BoxFuture;
use ordo_event_log::RecordedEvent;
use ordo_projection::{Reaction, ReactionContext, ReactionError};
use ordo_proto::{
    intake::{Allocation, Shortage},
    inventory::{
        ReservationAllocated, ReservationAllocation, ReservationExpired, ReservationLine,
        ReservationReleased, ReservationShort, ReservationUnitsLost,
    },
};

use super::{entity, is, message, units};
use crate::{
    order::{
        Intent, OrderError, RecordReservation, RecordShortage, RecordStockLoss, RecordTakenBack,
        Told,
    },
    orders::{Orders, TellError},
};

/// The reaction.
pub struct FollowInventory {
    orders: Orders,
}

impl FollowInventory {
    /// Tells `orders`.
    pub fn new(orders: Orders) -> Self {
        Self { orders }
    }

    /// Whether the order itself asked for what inventory released. A restore may have made it forget that.
    async fn is_own_release(&self, event: &RecordedEvent) -> Result<bool, ReactionError> {
        let cause = event.metadata.causation_id.as_str();
        if cause.is_empty() {
            return Ok(false);
        }
        let events = self.orders.events(&event.tenant, &event.stream.id).await;
        let events = events.map_err(ReactionError::failed)?;
        Ok(events.iter().any(|own| own.event_id.to_string() == cause))
    }
}

fn allocations(allocations: Vec<ReservationAllocation>) -> Vec<Allocation> {
    let here = |there: ReservationAllocation| Allocation {
        line_id: there.line_id,
        sku: there.sku,
        site_id: there.site_id,
        quantity: there.quantity,
    };
    allocations.into_iter().map(here).collect()
}

fn taken_back(
    there: Vec<ReservationAllocation>,
    abandoned: Vec<ReservationLine>,
) -> RecordTakenBack {
    RecordTakenBack {
        allocations: allocations(there),
        abandoned: abandoned
            .into_iter()
            .map(|line| units(line.line_id, line.quantity))
            .collect(),
    }
}

/// What the order is told. The reservation's id is the order's.
pub(super) fn intent(event: &RecordedEvent) -> Result<Option<Intent>, ReactionError> {
    let reservation_version = event.stream_version;
    let told = Told {
        epoch: event.epoch,
        version: event.stream_version,
    };
    if let Some(it) = message::<ReservationAllocated>(event)? {
        return Ok(Some(Intent::RecordReservation(RecordReservation {
            attempt: it.attempt,
            told,
            allocations: allocations(it.allocations),
        })));
    }
    if let Some(it) = message::<ReservationShort>(event)? {
        let shortages = it.shortages.into_iter().map(|shortage| Shortage {
            line_id: shortage.line_id,
            sku: shortage.sku,
            missing: shortage.missing,
            unknown_sku: shortage.unknown_sku,
        });
        return Ok(Some(Intent::RecordShortage(RecordShortage {
            attempt: it.attempt,
            told,
            shortages: shortages.collect(),
            waiting: it.waiting,
        })));
    }
    if let Some(it) = message::<ReservationUnitsLost>(event)? {
        return Ok(Some(Intent::RecordStockLoss(RecordStockLoss {
            reservation_version,
            allocations: allocations(it.allocations),
            cause: it.cause,
        })));
    }
    if let Some(it) = message::<ReservationExpired>(event)? {
        let taken_back = taken_back(it.allocations, it.abandoned);
        return Ok(Some(Intent::RecordReservationExpired(taken_back)));
    }
    if let Some(it) = message::<ReservationReleased>(event)? {
        let taken_back = taken_back(it.allocations, it.abandoned);
        return Ok(Some(Intent::RecordReleasedElsewhere(taken_back)));
    }
    Ok(None)
}

impl Reaction for FollowInventory {
    fn name(&self) -> &'static str {
        "follow_inventory"
    }

    fn entity(&self, event: &RecordedEvent) -> Option<String> {
        let concerns = is::<ReservationAllocated>(event)
            || is::<ReservationShort>(event)
            || is::<ReservationUnitsLost>(event)
            || is::<ReservationReleased>(event)
            || is::<ReservationExpired>(event);
        concerns.then(|| entity(&event.tenant, &event.stream.id))
    }

    fn react<'a>(
        &'a self,
        event: &'a RecordedEvent,
        context: &'a mut ReactionContext,
    ) -> BoxFuture<'a, Result<(), ReactionError>> {
        Box::pin(async move {
            let Some(intent) = intent(event)? else {
                return Ok(());
            };
            if is::<ReservationReleased>(event) && self.is_own_release(event).await? {
                return Ok(());
            }
            match self
                .orders
                .tell(context, "record", &event.stream.id, intent)
                .await
            {
                // A reservation that somebody made for something else than an order.
                Ok(()) | Err(TellError::Refused(OrderError::NoSuchOrder)) => Ok(()),
                Err(error) => Err(error.into()),
            }
        })
    }
}
