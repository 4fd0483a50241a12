#![allow(clippy::unwrap_used, clippy::expect_used)]

mod deciding;
mod exchanging_goods;
mod opening;
mod refunding;
mod returning_goods;

use ordo_decider::{Given, given as given_any};
use ordo_proto::{
    aftersales::{
        CaseApproved, CaseClosed, CaseOpened, CaseRejected, ReceivedLine, RefundFailed,
        RefundGranted, RefundSettled, ReplacementFreed, ReplacementOrdered, ReplacementRequested,
        ReplacementWithdrawn, ReturnParcelRecorded, ReturnReceived,
    },
    types::LineQuantity,
};

use super::*;
use crate::money::money;

const ID: &str = "o1-C1";
const FULL: Purse = Purse {
    left: 15_000,
    complete: true,
};

fn given(events: impl IntoIterator<Item = CaseEvent>) -> Given<Case> {
    given_any::<Case>(events)
}

fn gbp(minor_units: i64) -> Money {
    money("GBP", minor_units)
}

fn line(line_id: &str, quantity: i64) -> CaseLine {
    CaseLine {
        line_id: line_id.to_owned(),
        sku: format!("SKU-{line_id}"),
        quantity,
        reason: "CHANGED_MIND".to_owned(),
        replacement_sku: String::new(),
    }
}

fn worth(line_id: &str, quantity: i64, value: i64) -> LineValue {
    LineValue {
        line_id: line_id.to_owned(),
        quantity,
        value: Some(gbp(value)),
    }
}

fn units(line_id: &str, quantity: i64) -> LineQuantity {
    LineQuantity {
        line_id: line_id.to_owned(),
        quantity,
    }
}

/// Three units of line 1, paid 100.00.
fn asking(kind: CaseKind) -> OpenCase {
    OpenCase {
        case_id: ID.to_owned(),
        order_id: "o1".to_owned(),
        customer_id: "c1".to_owned(),
        kind,
        lines: vec![line("1", 3)],
        values: vec![worth("1", 3, 10_000)],
        amount: None,
        ship_in_advance: false,
        site_id: "shop".to_owned(),
    }
}

fn opened_as(open: OpenCase) -> CaseEvent {
    CaseOpened {
        case_id: open.case_id,
        order_id: open.order_id,
        kind: open.kind.into(),
        lines: open.lines,
        customer_id: open.customer_id,
        requested_amount: open.amount,
        ship_in_advance: open.ship_in_advance,
        site_id: open.site_id,
        values: open.values,
    }
    .into()
}

fn opened(kind: CaseKind) -> CaseEvent {
    opened_as(asking(kind))
}

fn approved(kind: CaseKind, values: Vec<LineValue>) -> CaseEvent {
    CaseApproved {
        case_id: ID.to_owned(),
        order_id: "o1".to_owned(),
        lines: values
            .iter()
            .map(|v| units(&v.line_id, v.quantity))
            .collect(),
        values,
        kind: kind.into(),
    }
    .into()
}

fn all_approved(kind: CaseKind) -> CaseEvent {
    approved(kind, vec![worth("1", 3, 10_000)])
}

fn back(resellable: i64, not_resellable: i64) -> ReceivedLine {
    ReceivedLine {
        line_id: "1".to_owned(),
        sku: "SKU-1".to_owned(),
        resellable,
        not_resellable,
        ..ReceivedLine::default()
    }
}

fn received(lines: Vec<ReceivedLine>, last: bool) -> CaseEvent {
    ReturnReceived {
        case_id: ID.to_owned(),
        order_id: "o1".to_owned(),
        site_id: "shop".to_owned(),
        lines,
        last,
    }
    .into()
}

fn granted(number: u32, amount: i64, quantity: i64, last: bool) -> CaseEvent {
    RefundGranted {
        case_id: ID.to_owned(),
        order_id: "o1".to_owned(),
        refund_id: format!("{ID}-R{number}"),
        amount: Some(gbp(amount)),
        lines: if quantity == 0 {
            vec![]
        } else {
            vec![units("1", quantity)]
        },
        last,
    }
    .into()
}

fn settled(number: u32, amount: i64) -> CaseEvent {
    RefundSettled {
        refund_id: format!("{ID}-R{number}"),
        amount: Some(gbp(amount)),
    }
    .into()
}

fn failed(number: u32) -> CaseEvent {
    RefundFailed {
        refund_id: format!("{ID}-R{number}"),
        failure: "REFUND_REFUSED".to_owned(),
    }
    .into()
}

fn closed(outcome: &str) -> CaseEvent {
    CaseClosed {
        case_id: ID.to_owned(),
        order_id: "o1".to_owned(),
        outcome: outcome.to_owned(),
    }
    .into()
}

fn replacement_requested(await_return: bool) -> CaseEvent {
    ReplacementRequested {
        case_id: ID.to_owned(),
        order_id: "o1".to_owned(),
        lines: vec![CaseLine {
            replacement_sku: "SKU-1".to_owned(),
            ..line("1", 3)
        }],
        await_return,
    }
    .into()
}

fn replacement_ordered() -> CaseEvent {
    ReplacementOrdered {
        case_id: ID.to_owned(),
        replacement_order_id: "o2".to_owned(),
    }
    .into()
}

fn replacement_freed() -> CaseEvent {
    ReplacementFreed {
        case_id: ID.to_owned(),
        replacement_order_id: "o2".to_owned(),
    }
    .into()
}

fn replacement_withdrawn(order_id: &str) -> CaseEvent {
    ReplacementWithdrawn {
        case_id: ID.to_owned(),
        order_id: "o1".to_owned(),
        replacement_order_id: order_id.to_owned(),
    }
    .into()
}

fn receipt(resellable: i64, not_resellable: i64) -> Receipt {
    Receipt {
        lines: vec![ReceiptLine {
            line_id: "1".to_owned(),
            resellable,
            not_resellable,
            ..ReceiptLine::default()
        }],
        purse: FULL,
        refund: true,
        ..Receipt::default()
    }
}

fn nothing_more() -> Receipt {
    Receipt {
        last: true,
        purse: FULL,
        refund: true,
        ..Receipt::default()
    }
}

fn grant(amount: Option<i64>, last: bool) -> CaseCommand {
    CaseCommand::Grant(Grant {
        amount: amount.map(gbp),
        last,
        purse: FULL,
    })
}

fn settle(number: u32, amount: i64) -> CaseCommand {
    CaseCommand::SettleRefund {
        refund_id: format!("{ID}-R{number}"),
        amount: gbp(amount),
        purse: FULL,
    }
}

fn ordered() -> CaseCommand {
    CaseCommand::RecordReplacement {
        replacement_order_id: "o2".to_owned(),
    }
}

/// A return, approved.
fn returning() -> Vec<CaseEvent> {
    vec![opened(CaseKind::Return), all_approved(CaseKind::Return)]
}

fn exchanging(await_return: bool) -> Vec<CaseEvent> {
    let open = OpenCase {
        ship_in_advance: !await_return,
        ..asking(CaseKind::Exchange)
    };
    vec![
        opened_as(open),
        all_approved(CaseKind::Exchange),
        replacement_requested(await_return),
    ]
}

fn with(mut events: Vec<CaseEvent>, more: impl IntoIterator<Item = CaseEvent>) -> Vec<CaseEvent> {
    events.extend(more);
    events
}

#[test]
fn every_event_is_read_back_as_it_was_stored() {
    for event in with(
        exchanging(true),
        [
            received(vec![back(1, 1)], true),
            granted(1, 1, 1, true),
            settled(1, 1),
            closed("REFUNDED"),
        ],
    ) {
        let stored = Case::encode(&event);
        assert_eq!(
            Case::decode(stored.type_name, &stored.payload).unwrap(),
            event
        );
    }
    assert!(Case::decode("ordo.intake.v1.OrderPlaced", &[]).is_err());
}
