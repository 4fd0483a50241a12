//! Bytes of events as they were once stored: every version of the code reads them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;

use ordo_event_log::Aggregate;
use ordo_proto::{
    aftersales::{
        CaseApproved, CaseClosed, CaseKind, CaseLine, CaseOpened, CaseRejected, LineValue,
        PurchaseCancelled, PurchaseClaimed, PurchaseDelivered, PurchaseLine,
        PurchasePaymentRecorded, PurchaseRecorded, PurchaseRefundFailed, PurchaseRefundGranted,
        PurchaseRefunded, PurchaseShipped, PurchaseSourced, PurchaseUnclaimed, ReceivedLine,
        RefundFailed, RefundGranted, RefundSettled, ReplacementFreed, ReplacementOrdered,
        ReplacementRequested, ReplacementWithdrawn, ReturnParcelRecorded, ReturnReceived,
    },
    types::{LineQuantity, Money},
};

use crate::{
    case::{Case, CaseEvent},
    money::money,
    purchase::{Purchase, PurchaseEvent},
};

/// `<full type name> <payload in hex>`, one event a line.
const STORED: &str = include_str!("golden.txt");

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap())
        .collect()
}

/// The event's bytes after reading and writing them.
fn again<A: Aggregate>(type_name: &str, stored: &[u8]) -> Vec<u8> {
    let event = A::decode(type_name, stored).expect(type_name);
    A::encode(&event).payload.to_vec()
}

#[test]
fn events_stored_by_earlier_versions_are_read() {
    let mut seen = BTreeSet::new();
    for line in STORED.lines() {
        let (type_name, hex) = line.split_once(' ').expect("type and bytes");
        let stored = bytes(hex);
        let written = if PurchaseEvent::type_names().contains(&type_name) {
            again::<Purchase>(type_name, &stored)
        } else {
            again::<Case>(type_name, &stored)
        };
        assert_eq!(written, stored, "{type_name} loses something");
        seen.insert(type_name);
    }
    let all = PurchaseEvent::type_names()
        .iter()
        .chain(CaseEvent::type_names());
    let missing: Vec<_> = all.filter(|name| !seen.contains(**name)).collect();
    assert!(
        missing.is_empty(),
        "no stored bytes of {missing:?}: see `print_golden_bytes`"
    );
}

/// `cargo test -p ordo-aftersales --lib print_golden_bytes -- --ignored --nocapture` prints lines to append for new events.
#[test]
#[ignore = "a tool for adding to golden.txt"]
fn print_golden_bytes() {
    let purchases = purchase_events()
        .into_iter()
        .map(|event| Purchase::encode(&event));
    let cases = case_events().into_iter().map(|event| Case::encode(&event));
    for stored in purchases.chain(cases) {
        let hex: String = stored
            .payload
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        println!("{} {hex}", stored.type_name);
    }
}

fn text(value: &str) -> String {
    value.to_owned()
}

fn gbp(minor_units: i64) -> Option<Money> {
    Some(money("GBP", minor_units))
}

fn units() -> Vec<LineQuantity> {
    vec![LineQuantity {
        line_id: text("1"),
        quantity: 2,
    }]
}

fn values() -> Vec<LineValue> {
    vec![LineValue {
        line_id: text("1"),
        quantity: 2,
        value: gbp(2_069),
    }]
}

fn bought() -> Vec<PurchaseLine> {
    vec![PurchaseLine {
        line_id: text("1"),
        sku: text("MUG"),
        title: text("Mug"),
        quantity: 2,
        paid: gbp(2_069),
        total: gbp(2_000),
    }]
}

fn wanted() -> Vec<CaseLine> {
    vec![CaseLine {
        line_id: text("1"),
        sku: text("MUG"),
        quantity: 2,
        reason: text("DEFECTIVE"),
        replacement_sku: text("MUG-BLUE"),
    }]
}

/// One of every type, with every field set.
fn purchase_events() -> Vec<PurchaseEvent> {
    vec![
        PurchaseRecorded {
            order_id: text("o1"),
            customer_id: text("c1"),
            channel: text("pos"),
            channel_order_number: text("17"),
            lines: bought(),
            due: gbp(3_000),
            site_id: text("shop"),
        }
        .into(),
        PurchaseSourced {
            fulfilment_order_id: text("o1-F1"),
            site_id: text("north"),
        }
        .into(),
        PurchasePaymentRecorded {
            payment_id: text("p1"),
            amount: gbp(3_000),
        }
        .into(),
        PurchaseShipped {
            lines: units(),
            site_id: text("north"),
            fact_id: text("e1"),
        }
        .into(),
        PurchaseDelivered {
            lines: units(),
            fact_id: text("e2"),
        }
        .into(),
        PurchaseCancelled {
            lines: units(),
            fact_id: text("e3"),
            due: gbp(1_000),
            lines_now: bought(),
        }
        .into(),
        PurchaseRefunded {
            refund_id: text("o1-C1-R1"),
            amount: gbp(2_069),
        }
        .into(),
        PurchaseClaimed {
            case_id: text("o1-C1"),
            lines: units(),
            values: values(),
        }
        .into(),
        PurchaseUnclaimed {
            case_id: text("o1-C1"),
            lines: units(),
            values: values(),
        }
        .into(),
        PurchaseRefundGranted {
            case_id: text("o1-C1"),
            refund_id: text("o1-C1-R1"),
            amount: gbp(2_069),
        }
        .into(),
        PurchaseRefundFailed {
            refund_id: text("o1-C1-R1"),
        }
        .into(),
    ]
}

/// One of every type, with every field set.
fn case_events() -> Vec<CaseEvent> {
    let (case_id, order_id) = (|| text("o1-C1"), || text("o1"));
    vec![
        CaseOpened {
            case_id: case_id(),
            order_id: order_id(),
            kind: CaseKind::Exchange.into(),
            lines: wanted(),
            customer_id: text("c1"),
            requested_amount: gbp(500),
            ship_in_advance: true,
            site_id: text("north"),
            values: values(),
        }
        .into(),
        CaseApproved {
            case_id: case_id(),
            order_id: order_id(),
            lines: units(),
            values: values(),
            kind: CaseKind::Return.into(),
        }
        .into(),
        CaseRejected {
            case_id: case_id(),
            order_id: order_id(),
            reason: text("worn"),
        }
        .into(),
        ReturnParcelRecorded {
            case_id: case_id(),
            carrier: text("sf"),
            tracking_number: text("SF1"),
        }
        .into(),
        ReturnReceived {
            case_id: case_id(),
            order_id: order_id(),
            site_id: text("north"),
            lines: vec![ReceivedLine {
                line_id: text("1"),
                sku: text("MUG"),
                resellable: 1,
                not_resellable: 1,
                remark: text("handle broken"),
                beyond_repair: 1,
            }],
            last: true,
        }
        .into(),
        RefundGranted {
            case_id: case_id(),
            order_id: order_id(),
            refund_id: text("o1-C1-R1"),
            amount: gbp(2_069),
            lines: units(),
            last: true,
        }
        .into(),
        RefundSettled {
            refund_id: text("o1-C1-R1"),
            amount: gbp(2_069),
        }
        .into(),
        RefundFailed {
            refund_id: text("o1-C1-R1"),
            failure: text("REFUND_ABOVE_PAID: no"),
        }
        .into(),
        ReplacementRequested {
            case_id: case_id(),
            order_id: order_id(),
            lines: wanted(),
            await_return: true,
        }
        .into(),
        ReplacementOrdered {
            case_id: case_id(),
            replacement_order_id: text("o2"),
        }
        .into(),
        ReplacementFreed {
            case_id: case_id(),
            replacement_order_id: text("o2"),
        }
        .into(),
        ReplacementWithdrawn {
            case_id: case_id(),
            order_id: order_id(),
            replacement_order_id: text("o2"),
        }
        .into(),
        CaseClosed {
            case_id: case_id(),
            order_id: order_id(),
            outcome: text("REFUNDED"),
        }
        .into(),
    ]
}
