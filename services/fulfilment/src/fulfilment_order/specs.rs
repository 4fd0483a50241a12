//! What a fulfilment order does, in sentences.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod checking;
mod dispatching;
mod ending;
mod opening;
mod packing;
mod picking;
mod quantities;

use ordo_decider::{Given, given as given_events};
use ordo_proto::fulfilment::{
    FulfilmentOrderClosed, FulfilmentOrderOpened, LineChecked, LinePicked, LineShortPicked,
    ParcelDispatched, ParcelPacked, PickingStarted, ShortPickReason, WorkLine,
};

use super::{FulfilmentOrder, FulfilmentOrderCommand, FulfilmentOrderEvent, Pick};

const ORDER: &str = "0000000000000000000000order";
const ID: &str = "0000000000000000000000order-F1";

fn given(events: impl IntoIterator<Item = FulfilmentOrderEvent>) -> Given<FulfilmentOrder> {
    given_events(events)
}

fn units(line_id: &str, quantity: i64) -> WorkLine {
    WorkLine {
        line_id: line_id.into(),
        sku: format!("SKU-{line_id}"),
        title: format!("Thing {line_id}"),
        quantity,
    }
}

fn instruction(lines: impl Into<Vec<WorkLine>>) -> FulfilmentOrderOpened {
    FulfilmentOrderOpened {
        fulfilment_order_id: ID.into(),
        order_id: ORDER.into(),
        site_id: "north".into(),
        lines: lines.into(),
        delivery_method: "SHIP".into(),
        ..FulfilmentOrderOpened::default()
    }
}

/// Three units of line 1 and one of line 2.
fn opened() -> FulfilmentOrderEvent {
    instruction([units("1", 3), units("2", 1)]).into()
}

fn started(worker: &str) -> FulfilmentOrderEvent {
    PickingStarted {
        fulfilment_order_id: ID.into(),
        worker: worker.into(),
    }
    .into()
}

fn picked(line_id: &str, quantity: i64) -> FulfilmentOrderEvent {
    LinePicked {
        fulfilment_order_id: ID.into(),
        line_id: line_id.into(),
        sku: format!("SKU-{line_id}"),
        quantity,
        barcode: String::new(),
    }
    .into()
}

fn short(line_id: &str, missing: i64) -> FulfilmentOrderEvent {
    LineShortPicked {
        fulfilment_order_id: ID.into(),
        order_id: ORDER.into(),
        site_id: "north".into(),
        line_id: line_id.into(),
        sku: format!("SKU-{line_id}"),
        missing,
        reason: ShortPickReason::NotInStock.into(),
    }
    .into()
}

fn checked(line_id: &str, passed: i64, failed: i64) -> FulfilmentOrderEvent {
    LineChecked {
        fulfilment_order_id: ID.into(),
        line_id: line_id.into(),
        passed,
        failed,
        reason: if failed > 0 {
            "SCRATCHED".into()
        } else {
            String::new()
        },
        order_id: ORDER.into(),
        site_id: "north".into(),
        sku: format!("SKU-{line_id}"),
    }
    .into()
}

fn packed(n: u32, lines: impl Into<Vec<WorkLine>>) -> FulfilmentOrderEvent {
    ParcelPacked {
        fulfilment_order_id: ID.into(),
        parcel_id: format!("{ID}-P{n}"),
        lines: lines.into(),
        ..ParcelPacked::default()
    }
    .into()
}

fn packed_unchecked(n: u32, lines: impl Into<Vec<WorkLine>>) -> FulfilmentOrderEvent {
    ParcelPacked {
        fulfilment_order_id: ID.into(),
        parcel_id: format!("{ID}-P{n}"),
        lines: lines.into(),
        check_skipped: true,
        ..ParcelPacked::default()
    }
    .into()
}

fn dispatched(n: u32, lines: impl Into<Vec<WorkLine>>) -> FulfilmentOrderEvent {
    ParcelDispatched {
        fulfilment_order_id: ID.into(),
        order_id: ORDER.into(),
        site_id: "north".into(),
        parcel_id: format!("{ID}-P{n}"),
        carrier: "swift".into(),
        tracking_number: "S1".into(),
        lines: lines.into(),
    }
    .into()
}

fn closed() -> FulfilmentOrderEvent {
    FulfilmentOrderClosed {
        fulfilment_order_id: ID.into(),
        order_id: ORDER.into(),
    }
    .into()
}

/// Opened, and all of it picked by wang.
fn all_picked() -> Vec<FulfilmentOrderEvent> {
    vec![opened(), started("wang"), picked("1", 3), picked("2", 1)]
}

/// All of it picked and packed unchecked: line 1 in the first parcel, line 2 in the second.
fn two_parcels() -> Vec<FulfilmentOrderEvent> {
    let mut events = all_picked();
    events.push(packed_unchecked(1, [units("1", 3)]));
    events.push(packed_unchecked(2, [units("2", 1)]));
    events
}

fn pick(line_id: &str, quantity: i64) -> Pick {
    Pick {
        worker: "wang".into(),
        line_id: line_id.into(),
        quantity,
        ..Pick::default()
    }
}

fn record(pick: Pick) -> FulfilmentOrderCommand {
    FulfilmentOrderCommand::RecordPick(pick)
}

fn start(worker: &str) -> FulfilmentOrderCommand {
    FulfilmentOrderCommand::StartPicking {
        worker: worker.into(),
        take_over: false,
    }
}

fn cancel() -> FulfilmentOrderCommand {
    FulfilmentOrderCommand::Cancel {
        cause: "CUSTOMER".into(),
    }
}

fn dispatch(parcel_ids: impl IntoIterator<Item = &'static str>) -> FulfilmentOrderCommand {
    FulfilmentOrderCommand::Dispatch {
        parcel_ids: parcel_ids
            .into_iter()
            .map(|n| format!("{ID}-{n}"))
            .collect(),
        carrier: "swift".into(),
        tracking_number: "S1".into(),
    }
}
