//! Bytes of events as they were once stored: every version of the code reads them.

use ordo_event_log::Aggregate;

use super::fixtures::*;
use crate::order::*;

/// `<full type name> <payload in hex>`, one event a line.
const STORED: &str = include_str!("golden.txt");

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap())
        .collect()
}

/// The stored events, decoded.
pub fn golden_events() -> Vec<OrderEvent> {
    let decode = |stored: &str| {
        let (type_name, hex) = stored.split_once(' ').expect("type and bytes");
        Order::decode(type_name, &bytes(hex)).expect(type_name)
    };
    STORED.lines().map(decode).collect()
}

/// A story in which every type of event happens.
fn story() -> Vec<OrderEvent> {
    let mut unpaid = place();
    unpaid.personal.known.phone = false;
    unpaid.payments = vec![failed("p0", 2_800)];
    let change = || PersonalChange {
        based_on: 0,
        personal: personal(),
    };
    let completed = CompleteInformation {
        personal: Some(change()),
        ..CompleteInformation::default()
    };
    let amended = PersonalChange {
        based_on: 1,
        ..change()
    };
    let two = |case: &str| ReturnedLines {
        case_id: case.into(),
        lines: vec![units("1", 1)],
    };
    let mut events = history(
        unpaid,
        [
            Intent::CompleteInformation(Box::new(completed)),
            Intent::RecordPayment(paid("p1", 2_800)),
            Intent::AmendAddress(Box::new(AmendAddress { change: amended })),
            short(1, 1, true, vec![shortage("2", "B", 1)]),
            all_reserved(),
            Intent::RecordStockLoss(RecordStockLoss {
                reservation_version: 4,
                allocations: vec![allocation("1", "A", "HZ", 1)],
                cause: "SHORT_PICK".into(),
            }),
            cancel(vec![units("2", 1)]),
            stopped(everything()),
            cancel(vec![units("1", 1)]),
            Intent::RecordCancellationRefused(RecordCancellationRefused {
                cancellation_id: "o1-X2".into(),
                fulfilment_order_id: "o1-F2".into(),
                detail: "it has left".into(),
            }),
            Intent::RecordShipment(RecordShipment {
                fulfilment_order_id: "o1-F2".into(),
                parcel_id: "o1-F2-P1".into(),
                lines: vec![units("1", 2)],
                carrier: "sf".into(),
                tracking_number: "SF1".into(),
            }),
            Intent::ConfirmDelivery(ConfirmDelivery { accepted: true }),
            Intent::RecordReturnApproved(two("o1-C1")),
            Intent::RecordReturned(two("o1-C1")),
            Intent::RecordReturnApproved(two("o1-C2")),
            Intent::RecordReturnAbandoned(two("o1-C2")),
            refund("o1-C1-R1", 1_000, vec![units("1", 1)]),
        ],
    );
    let unpaid = || Place {
        payments: vec![],
        ..place()
    };
    events.extend(history(unpaid(), [cancel(vec![])]));
    events.extend(history(
        unpaid(),
        [Intent::Reject(Reject {
            detail: "no".into(),
        })],
    ));
    events
}

#[test]
fn events_stored_by_earlier_versions_are_read() {
    let mut types = std::collections::BTreeSet::new();
    for stored in STORED.lines() {
        let (type_name, hex) = stored.split_once(' ').expect("type and bytes");
        let event = Order::decode(type_name, &bytes(hex)).expect(type_name);
        assert_eq!(
            Order::encode(&event).payload,
            bytes(hex),
            "{type_name} loses something"
        );
        types.insert(type_name);
    }
    let missing: Vec<_> = OrderEvent::type_names()
        .iter()
        .filter(|name| !types.contains(**name))
        .collect();
    assert!(
        missing.is_empty(),
        "no stored bytes of {missing:?}: see `print_golden_bytes`"
    );
}

/// `cargo test -p ordo-intake print_golden_bytes -- --ignored --nocapture` prints lines to append for new events.
#[test]
#[ignore = "a tool for adding to golden.txt"]
fn print_golden_bytes() {
    for event in story() {
        let stored = Order::encode(&event);
        let hex: String = stored
            .payload
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        println!("{} {hex}", stored.type_name);
    }
}
