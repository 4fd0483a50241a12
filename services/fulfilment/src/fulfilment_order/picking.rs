//! From the shelf.

use ordo_proto::fulfilment::{LinePicked, LineShortPicked, PickingStarted, ShortPickReason};

use super::{
    FulfilmentOrderError, FulfilmentOrderEvent, FulfilmentOrderState, Pick, Work,
    ending::close_if_nothing_remains,
};

pub(super) fn start(
    state: &FulfilmentOrderState,
    worker: String,
    take_over: bool,
) -> Result<Vec<FulfilmentOrderEvent>, FulfilmentOrderError> {
    let work = state.work()?;
    if matches!(state, FulfilmentOrderState::InProgress(_)) {
        if work.worker == worker {
            return Ok(Vec::new());
        }
        // Two people at the same shelf for the same order is how goods go out twice.
        if !take_over {
            return Err(FulfilmentOrderError::BeingPicked {
                worker: work.worker.clone(),
            });
        }
    }
    Ok(vec![started(work, worker)])
}

pub(super) fn record(
    state: &FulfilmentOrderState,
    pick: Pick,
) -> Result<Vec<FulfilmentOrderEvent>, FulfilmentOrderError> {
    let work = state.work()?;
    let line = work.line(&pick.line_id)?;
    check_counts(&pick, line.quantities.to_pick())?;
    check_scan(&pick, &line.sku)?;

    let mut events = Vec::new();
    if matches!(state, FulfilmentOrderState::Open(_)) {
        events.push(started(work, pick.worker));
    }
    if pick.quantity > 0 {
        events.push(
            LinePicked {
                fulfilment_order_id: work.fulfilment_order_id.clone(),
                line_id: line.line_id.clone(),
                sku: line.sku.clone(),
                quantity: pick.quantity,
                barcode: pick.scan.map(|scan| scan.barcode).unwrap_or_default(),
            }
            .into(),
        );
    }
    if pick.missing > 0 {
        events.push(
            LineShortPicked {
                fulfilment_order_id: work.fulfilment_order_id.clone(),
                order_id: work.order_id.clone(),
                site_id: work.site_id.clone(),
                line_id: line.line_id.clone(),
                sku: line.sku.clone(),
                missing: pick.missing,
                reason: pick.reason.into(),
            }
            .into(),
        );
    }
    Ok(close_if_nothing_remains(state, events))
}

fn started(work: &Work, worker: String) -> FulfilmentOrderEvent {
    PickingStarted {
        fulfilment_order_id: work.fulfilment_order_id.clone(),
        worker,
    }
    .into()
}

fn check_counts(pick: &Pick, wanted: i64) -> Result<(), FulfilmentOrderError> {
    let line_id = || pick.line_id.clone();
    if pick.quantity < 0 || pick.missing < 0 || (pick.quantity == 0 && pick.missing == 0) {
        return Err(FulfilmentOrderError::BadQuantity { line_id: line_id() });
    }
    let reported = pick.quantity.saturating_add(pick.missing);
    if reported > wanted {
        return Err(FulfilmentOrderError::TooManyPicked {
            line_id: line_id(),
            reported,
            wanted,
        });
    }
    if pick.missing > 0 && pick.reason == ShortPickReason::Unspecified {
        return Err(FulfilmentOrderError::ShortReasonMissing { line_id: line_id() });
    }
    Ok(())
}

fn check_scan(pick: &Pick, sku: &str) -> Result<(), FulfilmentOrderError> {
    match &pick.scan {
        Some(scan) if !scan.means(sku) => Err(FulfilmentOrderError::WrongItem {
            line_id: pick.line_id.clone(),
            sku: sku.to_owned(),
            barcode: scan.barcode.clone(),
            belongs_to: scan.skus.clone(),
        }),
        Some(_) | None => Ok(()),
    }
}
