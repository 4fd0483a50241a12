//! Units that the warehouse could not find.
//!
//! They leave their fulfilment order at once, and are asked for again, once by itself. Not before inventory has booked their
//! loss: until then its book says that they lie where they were not found, and it would give them to the order again. The two
//! facts come from two services, in either order. When a line is not found a second time, or the loss cannot be booked in
//! full, a person decides: releasing the hold asks for the units.

use ordo_proto::{
    intake::{
        Allocation, FulfilmentStopped, Hold, HoldReason, ReservationReleaseRequested,
        StockLossBooked,
    },
    types::LineQuantity,
};

use super::{
    Body, Draft, OrderError,
    body::{count, units},
    cancel,
    command::{RecordShortPick, RecordStockLoss},
    hold::{Raised, raise},
};

/// Cause of everything about units that the warehouse could not find. Fulfilment tells inventory of them together with the
/// loss, in one step, so that nobody reserves units that are not there.
pub(crate) const SHORT_PICK: &str = "SHORT_PICK";

/// The warehouse could not find reserved units.
pub(super) fn record(draft: &mut Draft, it: RecordShortPick) -> Result<(), OrderError> {
    if draft.phase().ended() {
        return Ok(());
    }
    let body = draft.body();
    let Some(fulfilment) = body.fulfilment(&it.fulfilment_order_id) else {
        return Err(OrderError::UnknownFulfilmentOrder {
            fulfilment_order_id: it.fulfilment_order_id,
        });
    };
    let missing = it.missing.min(count(&fulfilment.open, &it.line_id));
    if missing <= 0 {
        return Ok(());
    }
    let site_id = fulfilment.site_id.clone();
    let cancelling: i64 = body
        .cancellations
        .iter()
        .filter(|cancellation| cancellation.asked.contains(&it.fulfilment_order_id))
        .map(|cancellation| count(&cancellation.lines, &it.line_id))
        .sum();
    let lines: Vec<LineQuantity> = vec![units(&it.line_id, missing)];
    draft.record(FulfilmentStopped {
        fulfilment_order_id: it.fulfilment_order_id,
        lines: lines.clone(),
        cause: SHORT_PICK.to_owned(),
    });
    draft.record(ReservationReleaseRequested {
        lines,
        cause: SHORT_PICK.to_owned(),
        site_id,
    });
    let cancelled = missing.min(cancelling);
    if cancelled > 0 {
        cancel::cancel_units(
            draft,
            vec![units(&it.line_id, cancelled)],
            SHORT_PICK,
            "not found",
        )?;
    }
    if cancelled == missing || draft.phase().ended() {
        return Ok(());
    }
    let line = draft.body().line(&it.line_id);
    let first_time = line.is_some_and(|line| line.short_picks == 1);
    let detail = if first_time {
        "the warehouse could not find the units; they are sourced again when inventory has booked the loss"
    } else {
        "the warehouse could not find the units again"
    };
    raise(
        draft,
        Raised::new(HoldReason::ShortPick, detail).lines(vec![it.line_id]),
    );
    Ok(())
}

/// Inventory has booked the loss of units that were reserved for the order.
pub(super) fn record_loss(draft: &mut Draft, it: RecordStockLoss) -> Result<(), OrderError> {
    let body = draft.body();
    let is_old = it.reservation_version != 0 && it.reservation_version <= body.reservation_version;
    let is_ours = it.cause == SHORT_PICK && !is_old;
    if draft.phase().ended() || !is_ours {
        return Ok(());
    }
    let known = |lost: &Allocation| lost.quantity > 0 && body.line(&lost.line_id).is_some();
    let allocations: Vec<_> = it.allocations.into_iter().filter(known).collect();
    if allocations.is_empty() {
        return Ok(());
    }
    draft.record(StockLossBooked {
        allocations,
        reservation_version: it.reservation_version,
    });
    Ok(())
}

/// Whether the lines of a `SHORT_PICK` hold may be asked for while it holds the order: for the first time, and when nothing of
/// what was not found is still in inventory's book.
pub(super) fn is_sourced_again(body: &Body, hold: &Hold) -> bool {
    let mut lines = hold.line_ids.iter().filter_map(|id| body.line(id));
    lines.all(|line| line.short_picks == 1 && line.lost >= line.not_found)
}

/// Counts the units; see [`StockLossBooked`].
pub(super) fn count_loss(body: &mut Body, booked: &StockLossBooked) {
    body.reservation_version = body.reservation_version.max(booked.reservation_version);
    for lost in &booked.allocations {
        if let Some(line) = body.line_mut(&lost.line_id) {
            line.lost += lost.quantity;
        }
    }
}
