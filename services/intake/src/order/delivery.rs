//! Parcels that left and arrived, and the order's good end.

use ordo_proto::{
    intake::{LinesDelivered, LinesShipped, OrderCompleted},
    types::LineQuantity,
};

use super::{
    Draft, OrderError, Phase,
    body::{ParcelEntry, count, units},
    command::{Complete, ConfirmDelivery, RecordDelivery, RecordShipment, RecordTrackingNumber},
};

/// A parcel left. Told again, or after its delivery was told, its units are not counted twice.
pub(super) fn record_shipment(draft: &mut Draft, it: RecordShipment) -> Result<(), OrderError> {
    match parcel(draft, &it.parcel_id) {
        Some(parcel) if parcel.shipped => return Ok(()),
        Some(_) => {}
        None => may_leave(draft, &it.fulfilment_order_id, &it.parcel_id, &it.lines)?,
    }
    draft.record(LinesShipped {
        fulfilment_order_id: it.fulfilment_order_id,
        parcel_id: it.parcel_id,
        lines: it.lines,
        carrier: it.carrier,
        tracking_number: it.tracking_number,
    });
    Ok(())
}

fn parcel<'a>(draft: &'a Draft, parcel_id: &str) -> Option<&'a ParcelEntry> {
    draft
        .body()
        .parcels
        .iter()
        .find(|parcel| parcel.id == parcel_id)
}

/// The parcel's content is with the warehouse that sends it.
fn may_leave(
    draft: &Draft,
    fulfilment_order_id: &str,
    parcel_id: &str,
    lines: &[LineQuantity],
) -> Result<(), OrderError> {
    if draft.phase().ended() {
        return Err(OrderError::Ended {
            phase: draft.phase(),
        });
    }
    let Some(fulfilment) = draft.body().fulfilment(fulfilment_order_id) else {
        return Err(OrderError::UnknownFulfilmentOrder {
            fulfilment_order_id: fulfilment_order_id.to_owned(),
        });
    };
    for LineQuantity { line_id, .. } in lines {
        if count(lines, line_id) > count(&fulfilment.open, line_id) {
            return Err(OrderError::ShipsTooMuch {
                parcel_id: parcel_id.to_owned(),
                line_id: line_id.clone(),
            });
        }
    }
    Ok(())
}

/// A parcel that had left got its number, or another one: told as a shipment without units.
pub(super) fn record_tracking_number(
    draft: &mut Draft,
    it: RecordTrackingNumber,
) -> Result<(), OrderError> {
    match parcel(draft, &it.parcel_id) {
        None => Err(OrderError::UnknownParcel {
            parcel_id: it.parcel_id,
        }),
        Some(parcel)
            if parcel.carrier == it.carrier && parcel.tracking_number == it.tracking_number =>
        {
            Ok(())
        }
        Some(_) => {
            draft.record(LinesShipped {
                fulfilment_order_id: it.fulfilment_order_id,
                parcel_id: it.parcel_id,
                lines: Vec::new(),
                carrier: it.carrier,
                tracking_number: it.tracking_number,
            });
            Ok(())
        }
    }
}

/// A parcel arrived. When its departure has not been told yet, it is taken to have left too.
pub(super) fn record_delivery(draft: &mut Draft, it: RecordDelivery) -> Result<(), OrderError> {
    let lines = match parcel(draft, &it.parcel_id) {
        Some(parcel) if parcel.delivered => return Ok(()),
        Some(parcel) => parcel.lines.clone(),
        None => {
            may_leave(draft, &it.fulfilment_order_id, &it.parcel_id, &it.lines)?;
            it.lines
        }
    };
    draft.record(LinesDelivered {
        parcel_id: it.parcel_id,
        lines,
    });
    Ok(())
}

/// A person says that everything shipped has arrived; an order that is accepted in full completes at once.
pub(super) fn confirm(draft: &mut Draft, it: ConfirmDelivery) -> Result<(), OrderError> {
    match draft.phase() {
        Phase::Received | Phase::Open => {}
        Phase::Completed => return Ok(()),
        phase @ (Phase::Cancelled | Phase::Rejected) => return Err(OrderError::Ended { phase }),
    }
    let body = draft.body();
    if body.lines.iter().all(|line| line.shipped == 0) {
        return Err(OrderError::NothingShipped);
    }
    let under_way = body
        .lines
        .iter()
        .map(|line| units(&line.line.line_id, line.shipped - line.delivered));
    let lines: Vec<_> = under_way.filter(|line| line.quantity > 0).collect();
    if !lines.is_empty() {
        draft.record(LinesDelivered {
            parcel_id: String::new(),
            lines,
        });
    }
    if it.accepted && draft.body().all_settled() && draft.body().holds.is_empty() {
        draft.record(OrderCompleted {
            cause: "ACCEPTED".to_owned(),
        });
    }
    Ok(())
}

/// The time after delivery is over.
pub(super) fn complete(draft: &mut Draft, it: Complete) -> Result<(), OrderError> {
    if draft.phase().ended() {
        return Ok(());
    }
    if !draft.body().all_settled() {
        return Err(OrderError::NotDelivered);
    }
    if !draft.body().holds.is_empty() {
        return Err(OrderError::Held);
    }
    draft.record(OrderCompleted { cause: it.cause });
    Ok(())
}
