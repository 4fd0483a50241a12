#![allow(clippy::unwrap_used, clippy::expect_used)]

mod claims;
mod facts;

use ordo_decider::given;
use ordo_proto::{
    aftersales::{
        LineValue, PurchaseCancelled, PurchaseClaimed, PurchaseDelivered, PurchaseLine,
        PurchasePaymentRecorded, PurchaseRecorded, PurchaseRefundFailed, PurchaseRefundGranted,
        PurchaseRefunded, PurchaseShipped, PurchaseSourced, PurchaseUnclaimed,
    },
    types::{LineQuantity, Money},
};

use super::*;
use crate::money::money;

fn gbp(minor_units: i64) -> Money {
    money("GBP", minor_units)
}

fn units(line_id: &str, quantity: i64) -> LineQuantity {
    LineQuantity {
        line_id: line_id.to_owned(),
        quantity,
    }
}

fn ordered(line_id: &str, quantity: i64, total: i64) -> OrderedLine {
    OrderedLine {
        line_id: line_id.to_owned(),
        sku: format!("SKU-{line_id}"),
        title: format!("Goods {line_id}"),
        quantity,
        total,
    }
}

fn order(lines: Vec<OrderedLine>, due: i64) -> OrderedPurchase {
    OrderedPurchase {
        order_id: "o1".to_owned(),
        customer_id: "c1".to_owned(),
        channel: "pos".to_owned(),
        channel_order_number: "17".to_owned(),
        lines,
        due: gbp(due),
        site_id: "shop".to_owned(),
    }
}

fn line(line_id: &str, quantity: i64, total: i64, paid: i64) -> PurchaseLine {
    PurchaseLine {
        line_id: line_id.to_owned(),
        sku: format!("SKU-{line_id}"),
        title: format!("Goods {line_id}"),
        quantity,
        paid: Some(gbp(paid)),
        total: Some(gbp(total)),
    }
}

fn recorded(lines: Vec<PurchaseLine>, due: i64) -> PurchaseEvent {
    PurchaseRecorded {
        order_id: "o1".to_owned(),
        customer_id: "c1".to_owned(),
        channel: "pos".to_owned(),
        channel_order_number: "17".to_owned(),
        lines,
        due: Some(gbp(due)),
        site_id: "shop".to_owned(),
    }
    .into()
}

/// Three units of line 1 for 100.00 in all, two of line 2 for 50.00.
fn bought() -> PurchaseEvent {
    recorded(
        vec![line("1", 3, 10_000, 10_000), line("2", 2, 5_000, 5_000)],
        15_000,
    )
}

fn delivered(fact_id: &str, lines: Vec<LineQuantity>) -> PurchaseEvent {
    PurchaseDelivered {
        lines,
        fact_id: fact_id.to_owned(),
    }
    .into()
}

fn paid(payment_id: &str, amount: i64) -> PurchaseEvent {
    PurchasePaymentRecorded {
        payment_id: payment_id.to_owned(),
        amount: Some(gbp(amount)),
    }
    .into()
}

fn worth(line_id: &str, quantity: i64, value: i64) -> LineValue {
    LineValue {
        line_id: line_id.to_owned(),
        quantity,
        value: Some(gbp(value)),
    }
}

fn claimed(case_id: &str, values: Vec<LineValue>) -> PurchaseEvent {
    PurchaseClaimed {
        case_id: case_id.to_owned(),
        lines: values
            .iter()
            .map(|v| units(&v.line_id, v.quantity))
            .collect(),
        values,
    }
    .into()
}

fn unclaimed(case_id: &str, values: Vec<LineValue>) -> PurchaseEvent {
    PurchaseUnclaimed {
        case_id: case_id.to_owned(),
        lines: values
            .iter()
            .map(|v| units(&v.line_id, v.quantity))
            .collect(),
        values,
    }
    .into()
}

fn granted(refund_id: &str, amount: i64) -> PurchaseEvent {
    PurchaseRefundGranted {
        case_id: "o1-C1".to_owned(),
        refund_id: refund_id.to_owned(),
        amount: Some(gbp(amount)),
    }
    .into()
}

fn claim(case_id: &str, lines: Vec<LineQuantity>) -> PurchaseCommand {
    PurchaseCommand::Claim {
        case_id: case_id.to_owned(),
        lines,
    }
}

fn unclaim(case_id: &str, lines: Vec<LineQuantity>) -> PurchaseCommand {
    PurchaseCommand::Unclaim {
        case_id: case_id.to_owned(),
        lines,
    }
}

fn grant(amount: Money) -> PurchaseCommand {
    PurchaseCommand::Grant {
        case_id: "o1-C1".to_owned(),
        refund_id: "o1-C1-R1".to_owned(),
        amount,
    }
}

fn cancel(fact_id: &str, lines: Vec<LineQuantity>, due: Option<i64>) -> PurchaseCommand {
    PurchaseCommand::Cancel {
        fact_id: fact_id.to_owned(),
        lines,
        due: due.map(gbp),
    }
}

#[test]
fn every_event_is_read_back_as_it_was_stored() {
    for event in [
        bought(),
        paid("p1", 1),
        delivered("e1", vec![units("1", 1)]),
        claimed("o1-C1", vec![worth("1", 1, 1)]),
        granted("o1-C1-R1", 1),
    ] {
        let stored = Purchase::encode(&event);
        assert_eq!(
            Purchase::decode(stored.type_name, &stored.payload).unwrap(),
            event
        );
    }
    assert!(Purchase::decode("ordo.intake.v1.OrderPlaced", &[]).is_err());
}
