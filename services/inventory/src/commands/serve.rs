//! Serves those who wait for a SKU, first come, first served.
//!
//! One call looks at a bounded number of waiters, so that a long queue does not hold up everything else in the partition. It
//! ends: every call moves the queue's mark forward or clears it, and only new units set it back.

use ordo_event_log::Halt;

use super::{
    InventoryError, Streams,
    facts::available_anywhere,
    settle::{decide_queue, serve, units_came},
};
use crate::{
    backorder::{Backorder, BackorderChange},
    ids::Sku,
};

/// Units moved by one call, in allocations, after which it stops; keeps a command within the log's limits.
const MAX_ALLOCATIONS: usize = 1_000;

/// What a call did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// Waiters that got units.
    pub served: u32,
    /// Waiters looked at.
    pub looked_at: u32,
    /// Nothing is due any more.
    pub done: bool,
}

/// Looks at up to `limit` waiters of `sku`, when its queue is due.
pub fn serve_backorder(
    streams: &mut impl Streams,
    sku: &Sku,
    limit: u32,
) -> Result<Served, Halt<InventoryError>> {
    let mut outcome = Served {
        served: 0,
        looked_at: 0,
        done: true,
    };
    if !streams.state::<Backorder>(sku.as_str())?.is_due() {
        return Ok(outcome);
    }
    let mut through = 0;
    let mut allocations = 0;
    loop {
        let next = streams
            .state::<Backorder>(sku.as_str())?
            .next_after(through);
        let Some((place, reservation_id)) =
            next.map(|(place, waiter)| (place, waiter.reservation_id.clone()))
        else {
            break;
        };
        if available_anywhere(streams, sku)? == 0 {
            break;
        }
        if outcome.looked_at == limit || allocations >= MAX_ALLOCATIONS {
            outcome.done = false;
            break;
        }
        let found = serve(streams, &reservation_id, Some(sku))?;
        through = place;
        outcome.looked_at += 1;
        outcome.served += u32::from(found > 0);
        allocations += found;
    }
    let served = BackorderChange::Served {
        through,
        done: outcome.done,
    };
    decide_queue(streams, sku, served)?;
    Ok(outcome)
}

/// Tells those who wait for these SKUs that units became available in another way than by a movement.
pub fn announce_units(
    streams: &mut impl Streams,
    skus: &[Sku],
) -> Result<(), Halt<InventoryError>> {
    units_came(streams, skus)
}
