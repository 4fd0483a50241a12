//! How the work ends, and what may change until then.

use ordo_proto::fulfilment::{
    FulfilmentAddressChanged, FulfilmentOrderCancelled, FulfilmentOrderClosed,
};

use super::{
    FulfilmentOrderError, FulfilmentOrderEvent, FulfilmentOrderState, NewRecipient, state,
};

/// Adds the closing event when `events` leave nothing to send.
pub(super) fn close_if_nothing_remains(
    before: &FulfilmentOrderState,
    mut events: Vec<FulfilmentOrderEvent>,
) -> Vec<FulfilmentOrderEvent> {
    let after = events.iter().fold(before.clone(), state::evolve);
    if let FulfilmentOrderState::InProgress(work) = &after
        && work.remaining().is_empty()
    {
        events.push(
            FulfilmentOrderClosed {
                fulfilment_order_id: work.fulfilment_order_id.clone(),
                order_id: work.order_id.clone(),
            }
            .into(),
        );
    }
    events
}

/// Stops what has not left. Parcels that left stay left: when nothing else remains, it is too late. What was closed because
/// nothing could be found is stopped too, so that whoever asked hears of it.
pub(super) fn cancel(
    state: &FulfilmentOrderState,
    cause: String,
) -> Result<Vec<FulfilmentOrderEvent>, FulfilmentOrderError> {
    let (fulfilment_order_id, order_id, lines) = match state {
        FulfilmentOrderState::Cancelled { .. } => return Ok(Vec::new()),
        FulfilmentOrderState::Closed(closed) if closed.parcel_ids.is_empty() => {
            (&closed.fulfilment_order_id, &closed.order_id, Vec::new())
        }
        FulfilmentOrderState::Unknown
        | FulfilmentOrderState::Open(_)
        | FulfilmentOrderState::InProgress(_)
        | FulfilmentOrderState::Closed(_) => {
            let work = state.work()?;
            (&work.fulfilment_order_id, &work.order_id, work.remaining())
        }
    };
    Ok(vec![
        FulfilmentOrderCancelled {
            fulfilment_order_id: fulfilment_order_id.clone(),
            order_id: order_id.clone(),
            cause,
            lines,
        }
        .into(),
    ])
}

pub(super) fn change_address(
    state: &FulfilmentOrderState,
    recipient: NewRecipient,
) -> Result<Vec<FulfilmentOrderEvent>, FulfilmentOrderError> {
    let work = state.work()?;
    if recipient == NewRecipient::default() {
        return Ok(Vec::new());
    }
    Ok(vec![
        FulfilmentAddressChanged {
            fulfilment_order_id: work.fulfilment_order_id.clone(),
            contact: recipient.contact,
            address: recipient.address,
            region: recipient.region,
        }
        .into(),
    ])
}
