#![allow(clippy::unwrap_used, clippy::expect_used)]

use ordo_proto::aftersales::ReceiptLine;

use super::*;
use crate::{
    case::Status,
    purchase::{OrderedLine, OrderedPurchase},
};

fn gbp(minor_units: i64) -> Money {
    money("GBP", minor_units)
}

fn units(line_id: &str, quantity: i64) -> LineQuantity {
    LineQuantity {
        line_id: line_id.to_owned(),
        quantity,
    }
}

fn wanted(line_id: &str, quantity: i64) -> CaseLine {
    CaseLine {
        line_id: line_id.to_owned(),
        quantity,
        reason: "CHANGED_MIND".to_owned(),
        ..CaseLine::default()
    }
}

/// Three units of line 1 for 100.00, two of line 2 for 50.00; everything paid and delivered from site `north`.
fn bought() -> PurchaseState {
    let line = |line_id: &str, quantity, total| OrderedLine {
        line_id: line_id.to_owned(),
        sku: format!("SKU-{line_id}"),
        title: String::new(),
        quantity,
        total,
    };
    let facts = [
        PurchaseCommand::Record(OrderedPurchase {
            order_id: "o1".to_owned(),
            customer_id: "c1".to_owned(),
            lines: vec![line("1", 3, 10_000), line("2", 2, 5_000)],
            due: gbp(15_000),
            site_id: "shop".to_owned(),
            ..OrderedPurchase::default()
        }),
        PurchaseCommand::Pay {
            payment_id: "p1".to_owned(),
            amount: gbp(15_000),
        },
        PurchaseCommand::Deliver {
            fact_id: "e1".to_owned(),
            lines: vec![units("1", 3), units("2", 2)],
        },
    ];
    facts
        .into_iter()
        .fold(PurchaseState::default(), |state, fact| {
            let events = Purchase::decide(&state, fact).unwrap();
            events.iter().fold(state, Purchase::evolve)
        })
}

fn opening(kind: CaseKind, lines: Vec<CaseLine>) -> Opening {
    Opening {
        case_id: "o1-C1".to_owned(),
        order_id: "o1".to_owned(),
        kind,
        lines,
        ..Opening::default()
    }
}

/// The purchase and a case of it, after `commands`.
fn after(commands: impl IntoIterator<Item = DeskCommand>) -> Decision {
    let start = Decision {
        purchase: bought(),
        ..Decision::default()
    };
    commands.into_iter().fold(start, |now, command| {
        decide(&now.purchase, &now.case, command).unwrap()
    })
}

fn refused(commands: impl IntoIterator<Item = DeskCommand>, last: DeskCommand) -> DeskError {
    let now = after(commands);
    decide(&now.purchase, &now.case, last).unwrap_err()
}

fn open(kind: CaseKind, lines: Vec<CaseLine>, approve: bool) -> DeskCommand {
    DeskCommand::Open(Opening {
        approve,
        ..opening(kind, lines)
    })
}

fn receive(lines: Vec<(&str, i64, i64)>, last: bool) -> DeskCommand {
    let lines = lines
        .into_iter()
        .map(|(line_id, resellable, not_resellable)| ReceiptLine {
            line_id: line_id.to_owned(),
            resellable,
            not_resellable,
            ..ReceiptLine::default()
        });
    DeskCommand::Receive(Receipt {
        lines: lines.collect(),
        last,
        refund: true,
        ..Receipt::default()
    })
}

fn case_events(decision: &Decision) -> Vec<&'static str> {
    decision
        .case_events
        .iter()
        .map(|e| short(e.encode_event().type_name))
        .collect()
}

fn purchase_events(decision: &Decision) -> Vec<&'static str> {
    decision
        .purchase_events
        .iter()
        .map(|e| short(e.encode_event().type_name))
        .collect()
}

fn short(type_name: &'static str) -> &'static str {
    type_name.rsplit('.').next().unwrap()
}

#[test]
fn a_case_claims_its_units_of_the_purchase() {
    let opened = after([open(CaseKind::Return, vec![wanted("1", 2)], false)]);
    assert_eq!(purchase_events(&opened), ["PurchaseClaimed"]);
    assert_eq!(case_events(&opened), ["CaseOpened"]);
    let request = opened.case.request().unwrap();
    assert_eq!(request.worth(), 6_666);
    assert_eq!(
        request.lines[0].sku, "SKU-1",
        "the purchase knows what line 1 was"
    );
    assert_eq!(request.site_id, "shop");
}

#[test]
fn a_trusted_agent_approves_at_once() {
    let opened = after([open(CaseKind::Return, vec![wanted("1", 2)], true)]);
    assert_eq!(case_events(&opened), ["CaseOpened", "CaseApproved"]);
    assert_eq!(opened.case.status(), Some(Status::Approved));
}

#[test]
fn a_refused_case_claims_nothing() {
    let error = refused([], open(CaseKind::Return, vec![wanted("1", 4)], false));
    assert_eq!(
        error,
        DeskError::Purchase(PurchaseError::NotClaimable {
            line_id: "1".to_owned(),
            wanted: 4,
            claimable: 3
        })
    );
}

#[test]
fn an_id_that_is_taken_is_refused_before_anything_is_claimed() {
    let error = refused(
        [open(CaseKind::Return, vec![wanted("1", 1)], false)],
        open(CaseKind::Return, vec![wanted("1", 1)], false),
    );
    assert_eq!(error, DeskError::Case(CaseError::OpenAlready));
}

#[test]
fn no_more_money_can_be_asked_for_than_was_captured() {
    let ask = |minor_units| {
        DeskCommand::Open(Opening {
            amount: Some(gbp(minor_units)),
            ..opening(CaseKind::RefundOnly, vec![])
        })
    };
    assert_eq!(
        refused([], ask(15_001)),
        DeskError::Purchase(PurchaseError::AboveCaptured {
            wanted: 15_001,
            left: 15_000,
            currency: "GBP".to_owned(),
        })
    );
    let in_euro = DeskCommand::Open(Opening {
        amount: Some(money("EUR", 1)),
        ..opening(CaseKind::RefundOnly, vec![])
    });
    assert!(matches!(
        refused([], in_euro),
        DeskError::Purchase(PurchaseError::OtherCurrency { .. })
    ));
    assert_eq!(after([ask(15_000)]).case.status(), Some(Status::Requested));
}

#[test]
fn what_is_not_approved_goes_back_to_the_purchase() {
    let approved = after([
        open(
            CaseKind::Return,
            vec![wanted("1", 3), wanted("2", 1)],
            false,
        ),
        DeskCommand::Approve {
            lines: vec![units("1", 2)],
        },
    ]);
    assert_eq!(purchase_events(&approved), ["PurchaseUnclaimed"]);
    let case = approved.case.approved().unwrap();
    assert_eq!(
        (
            case.lines.len(),
            case.lines[0].approved,
            case.lines[0].value
        ),
        (1, 2, 6_666)
    );
    assert_eq!(approved.purchase.claimed("1"), 2);
    assert_eq!(approved.purchase.claimed("2"), 0);
}

#[test]
fn approving_more_than_was_asked_for_is_refused() {
    let error = refused(
        [open(CaseKind::Return, vec![wanted("1", 1)], false)],
        DeskCommand::Approve {
            lines: vec![units("1", 2)],
        },
    );
    assert!(matches!(
        error,
        DeskError::Case(CaseError::AboveRequested { .. })
    ));
}

#[test]
fn approving_an_unknown_case_is_refused() {
    assert_eq!(
        refused([], DeskCommand::Approve { lines: vec![] }),
        DeskError::Case(CaseError::Unknown)
    );
}

#[test]
fn a_second_approval_is_refused_and_gives_nothing_back() {
    let error = refused(
        [open(CaseKind::Return, vec![wanted("1", 3)], true)],
        DeskCommand::Approve { lines: vec![] },
    );
    assert_eq!(
        error,
        DeskError::Case(CaseError::DecidedAlready {
            status: Status::Approved
        })
    );
}

#[test]
fn a_rejected_or_withdrawn_case_gives_everything_back() {
    for end in [
        DeskCommand::Reject {
            reason: "worn".to_owned(),
        },
        DeskCommand::Withdraw,
    ] {
        let ended = after([open(CaseKind::Return, vec![wanted("1", 3)], false), end]);
        assert_eq!(purchase_events(&ended), ["PurchaseUnclaimed"]);
        assert_eq!(ended.purchase.claimed("1"), 0);
    }
}

#[test]
fn a_receipt_promises_the_money_in_the_same_step() {
    let received = after([
        open(CaseKind::Return, vec![wanted("1", 3), wanted("2", 2)], true),
        receive(vec![("1", 1, 2), ("2", 2, 0)], false),
    ]);
    assert_eq!(case_events(&received), ["ReturnReceived", "RefundGranted"]);
    assert_eq!(purchase_events(&received), ["PurchaseRefundGranted"]);
    assert_eq!(received.purchase.money_left(), 0);
}

#[test]
fn units_that_never_came_can_be_claimed_again() {
    let ended = after([
        open(CaseKind::Return, vec![wanted("1", 3)], true),
        receive(vec![("1", 1, 0)], true),
    ]);
    assert_eq!(
        purchase_events(&ended),
        ["PurchaseRefundGranted", "PurchaseUnclaimed"]
    );
    let line = ended.purchase.line("1").unwrap();
    assert_eq!(ended.purchase.claimable(line), 2);
    assert_eq!(
        ended.purchase.worth(line, 2),
        6_667,
        "nothing of the 100.00 is lost"
    );
}

#[test]
fn units_kept_with_a_replacement_sent_in_advance_stay_claimed() {
    let advance = DeskCommand::Open(Opening {
        ship_in_advance: true,
        approve: true,
        ..opening(CaseKind::Exchange, vec![wanted("1", 2)])
    });
    let ordered = DeskCommand::RecordReplacement {
        replacement_order_id: "o2".to_owned(),
    };
    let ended = after([advance, ordered, receive(vec![("1", 1, 0)], true)]);
    assert_eq!(case_events(&ended), ["ReturnReceived", "CaseClosed"]);
    assert_eq!(ended.purchase.claimed("1"), 2);
    assert_eq!(ended.purchase.granted(), 0);
}

#[test]
fn an_incomplete_exchange_refunds_what_came_and_frees_the_rest() {
    let ended = after([
        open(CaseKind::Exchange, vec![wanted("1", 3)], true),
        receive(vec![("1", 1, 0)], true),
    ]);
    assert_eq!(
        case_events(&ended),
        ["ReturnReceived", "ReplacementWithdrawn", "RefundGranted"]
    );
    assert_eq!(ended.purchase.granted(), 3_333);
    assert_eq!(ended.purchase.claimed("1"), 1);
}

#[test]
fn a_failed_refund_gives_its_money_back_to_the_purchase_and_can_be_granted_again() {
    let failed = after([
        open(CaseKind::Return, vec![wanted("1", 3)], true),
        receive(vec![], false),
        DeskCommand::FailRefund {
            refund_id: "o1-C1-R1".to_owned(),
            failure: "REFUND_ABOVE_CAPTURED".to_owned(),
        },
    ]);
    assert_eq!(purchase_events(&failed), ["PurchaseRefundFailed"]);
    assert_eq!(failed.purchase.money_left(), 15_000);
    let again = decide(
        &failed.purchase,
        &failed.case,
        DeskCommand::Refund {
            amount: None,
            last: false,
        },
    )
    .unwrap();
    assert_eq!(again.purchase.granted(), 10_000);
    let settled = decide(
        &again.purchase,
        &again.case,
        DeskCommand::SettleRefund {
            refund_id: "o1-C1-R2".to_owned(),
            amount: gbp(10_000),
        },
    )
    .unwrap();
    assert_eq!(case_events(&settled), ["RefundSettled", "CaseClosed"]);
}

#[test]
fn a_failure_told_twice_gives_nothing_back_twice() {
    let fail = DeskCommand::FailRefund {
        refund_id: "o1-C1-R1".to_owned(),
        failure: "REFUND_ABOVE_CAPTURED".to_owned(),
    };
    let twice = after([
        open(CaseKind::Return, vec![wanted("1", 3)], true),
        receive(vec![], false),
        fail.clone(),
        fail,
    ]);
    assert_eq!(
        (purchase_events(&twice), case_events(&twice)),
        (vec![], vec![])
    );
}

#[test]
fn goodwill_paid_before_is_taken_off_the_return_and_ends_it() {
    let goodwill = after([
        DeskCommand::Open(Opening {
            amount: Some(gbp(9_000)),
            approve: true,
            ..opening(CaseKind::RefundOnly, vec![])
        }),
        DeskCommand::Refund {
            amount: None,
            last: false,
        },
    ]);
    let second = DeskCommand::Open(Opening {
        case_id: "o1-C2".to_owned(),
        approve: true,
        ..opening(CaseKind::Return, vec![wanted("1", 3)])
    });
    let opened = decide(&goodwill.purchase, &CaseState::Unopened, second).unwrap();
    let received = decide(&opened.purchase, &opened.case, receive(vec![], false)).unwrap();
    assert_eq!(received.purchase.money_left(), 0);
    let settled = decide(
        &received.purchase,
        &received.case,
        DeskCommand::SettleRefund {
            refund_id: "o1-C2-R1".to_owned(),
            amount: gbp(6_000),
        },
    )
    .unwrap();
    assert_eq!(settled.case.status(), Some(Status::Closed));
}
