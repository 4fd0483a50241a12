use ordo_decider::given;
use ordo_proto::intake::{
    HoldReason, OrderStatus, PaymentRefunded, PaymentStatus, PaymentTerms, RefundPart,
};

use super::fixtures::*;
use crate::order::{status, *};

fn unpaid() -> Vec<OrderEvent> {
    history(
        Place {
            payments: vec![],
            ..place()
        },
        [],
    )
}

fn pay(payment: Payment) -> Command {
    command(Intent::RecordPayment(payment))
}

#[test]
fn the_payment_that_covers_what_is_due_frees_the_order() {
    let part = given::<Order>(unpaid())
        .when(pay(paid("p1", 800)))
        .then_matching(|events| names(events) == ["PaymentCaptured"]);
    assert_eq!(
        status::payment(body(&part.state)),
        PaymentStatus::PartlyPaid
    );
    assert_eq!(
        body(&part.state).holds[0].detail,
        "8.00 CNY of 28.00 CNY is paid"
    );
    let events = history(
        Place {
            payments: vec![],
            ..place()
        },
        [Intent::RecordPayment(paid("p1", 800))],
    );
    let all = given::<Order>(events)
        .when(pay(paid("p2", 2_000)))
        .then_matching(|events| {
            names(events)
                == [
                    "PaymentCaptured",
                    "HoldReleased",
                    "OrderOpened",
                    "ReservationRequested",
                ]
        });
    assert_eq!(status::payment(body(&all.state)), PaymentStatus::Paid);
}

#[test]
fn the_same_payment_told_again_changes_nothing() {
    given::<Order>(history(place(), []))
        .when(pay(paid("p1", 2_800)))
        .then_nothing();
}

#[test]
fn the_same_payment_with_another_amount_is_refused() {
    given::<Order>(history(place(), []))
        .when(pay(paid("p1", 2_801)))
        .then_error(OrderError::PaymentChanged {
            payment_id: "p1".into(),
        });
}

#[test]
fn a_payment_of_nothing_is_refused() {
    given::<Order>(unpaid())
        .when(pay(paid("p1", 0)))
        .then_error(OrderError::AmountNotPositive);
}

#[test]
fn a_failure_told_after_the_success_changes_nothing() {
    given::<Order>(history(place(), []))
        .when(pay(failed("p1", 2_800)))
        .then_nothing();
}

#[test]
fn a_payment_that_failed_may_be_tried_again() {
    let events = history(
        Place {
            payments: vec![failed("p1", 2_800)],
            ..place()
        },
        [],
    );
    let paid = given::<Order>(events)
        .when(pay(paid("p1", 2_800)))
        .then_matching(|events| names(events)[0] == "PaymentCaptured");
    assert_eq!(phase(&paid.state), Phase::Open);
}

#[test]
fn a_part_payment_after_a_failure_leaves_only_the_rest_to_wait_for() {
    let events = history(
        Place {
            payments: vec![failed("p1", 2_800)],
            ..place()
        },
        [],
    );
    let paid = given::<Order>(events)
        .when(pay(paid("p2", 100)))
        .then_matching(|_| true);
    assert_eq!(holds(&paid.state), [(HoldReason::Unpaid, vec![])]);
}

#[test]
fn what_is_paid_too_much_is_held_until_it_is_paid_back() {
    let events = history(place(), [Intent::RecordPayment(paid("p2", 50))]);
    assert_eq!(
        holds(&state(&events)),
        [(HoldReason::AmountMismatch, vec!["payments".into()])]
    );
    let back = given::<Order>(events)
        .when(command(refund("r1", 50, vec![])))
        .then_matching(|events| names(events) == ["PaymentRefunded", "HoldReleased"]);
    assert_eq!(holds(&back.state), []);
}

#[test]
fn a_late_payment_of_a_cancelled_order_is_recorded_and_paid_back() {
    let events = history(
        Place {
            payments: vec![],
            ..place()
        },
        [cancel(vec![])],
    );
    let refunded = PaymentRefunded {
        refund_id: "o1-R1".into(),
        case_id: String::new(),
        amount: Some(cny(2_800)),
        parts: vec![RefundPart {
            payment_id: "late".into(),
            method: "alipay".into(),
            amount: Some(cny(2_800)),
        }],
        lines: vec![],
    };
    let late = given::<Order>(events)
        .when(pay(paid("late", 2_800)))
        .then_matching(|events| {
            names(events) == ["PaymentCaptured", "PaymentRefunded"] && events[1] == refunded.into()
        });
    assert_eq!(status::order(&late.state), OrderStatus::Cancelled);
    assert_eq!(status::payment(body(&late.state)), PaymentStatus::Refunded);
}

#[test]
fn a_refund_is_taken_from_the_payments_as_they_came_in() {
    let split = Place {
        payments: vec![paid("p1", 1_000), paid("p2", 1_800)],
        ..place()
    };
    let part = |payment_id: &str, amount| RefundPart {
        payment_id: payment_id.into(),
        method: "alipay".into(),
        amount: Some(cny(amount)),
    };
    given::<Order>(history(split, []))
        .when(command(refund("o1-C1-R1", 1_500, vec![units("1", 1)])))
        .then([PaymentRefunded {
            refund_id: "o1-C1-R1".into(),
            case_id: "o1-C1".into(),
            amount: Some(cny(1_500)),
            parts: vec![part("p1", 1_000), part("p2", 500)],
            lines: vec![units("1", 1)],
        }
        .into()]);
}

#[test]
fn the_same_refund_told_again_changes_nothing_and_another_amount_is_refused() {
    let events = history(place(), [refund("r1", 500, vec![])]);
    given::<Order>(events.clone())
        .when(command(refund("r1", 500, vec![])))
        .then_nothing();
    given::<Order>(events)
        .when(command(refund("r1", 501, vec![])))
        .then_error(OrderError::RefundChanged {
            refund_id: "r1".into(),
        });
}

#[test]
fn never_more_is_refunded_than_was_paid() {
    given::<Order>(history(place(), [refund("r1", 2_000, vec![])]))
        .when(command(refund("r2", 801, vec![])))
        .then_error(OrderError::RefundExceedsPaid {
            refundable: 800,
            currency: "CNY".to_owned(),
        });
}

#[test]
fn never_more_units_are_refunded_than_were_ordered() {
    given::<Order>(history(place(), []))
        .when(command(refund("r1", 100, vec![units("2", 2)])))
        .then_error(OrderError::RefundsTooManyUnits {
            line_id: "2".into(),
        });
    given::<Order>(history(place(), []))
        .when(command(refund("r1", 100, vec![units("9", 1)])))
        .then_error(OrderError::UnknownLine {
            line_id: "9".into(),
        });
}

#[test]
fn cash_on_delivery_may_come_in_after_completion_and_what_is_too_much_goes_back() {
    let cod = Place {
        payment_terms: PaymentTerms::CashOnDelivery,
        payments: vec![],
        ..place()
    };
    let events = history(
        cod,
        [
            all_reserved(),
            shipped(1, everything()),
            Intent::ConfirmDelivery(ConfirmDelivery { accepted: true }),
        ],
    );
    given::<Order>(events.clone())
        .when(pay(paid("cash", 2_800)))
        .then_matching(|events| names(events) == ["PaymentCaptured"]);
    let over = given::<Order>(events)
        .when(pay(paid("cash", 3_000)))
        .then_matching(|events| names(events) == ["PaymentCaptured", "PaymentRefunded"]);
    assert_eq!(body(&over.state).paid(), 2_800);
}

#[test]
fn cash_to_collect_adds_up_over_several_parcels() {
    let cod = Place {
        payment_terms: PaymentTerms::CashOnDelivery,
        payments: vec![paid("deposit", 400)],
        ..place()
    };
    let two_sites = reserved(
        1,
        2,
        vec![allocation("1", "A", "HZ", 2), allocation("2", "B", "BJ", 1)],
    );
    let events = history(cod, [two_sites]);
    let collects: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            OrderEvent::FulfilmentRequested(it) => it.collect_on_delivery.clone(),
            _ => None,
        })
        .map(|money| money.minor_units)
        .collect();
    assert_eq!(collects, [2_000, 400]);
}
