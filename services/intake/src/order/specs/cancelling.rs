use ordo_decider::given;
use ordo_proto::intake::{CancellationRequested, HoldReason, OrderStatus};

use super::fixtures::*;
use crate::order::{status, *};

#[test]
fn before_stock_is_asked_for_an_order_is_just_cancelled() {
    let unpaid = history(
        Place {
            payments: vec![],
            ..place()
        },
        [],
    );
    let cancelled = given::<Order>(unpaid)
        .when(command(cancel(vec![])))
        .then_matching(|events| names(events) == ["LinesCancelled", "OrderCancelled"]);
    assert_eq!(status::order(&cancelled.state), OrderStatus::Cancelled);
    assert_eq!(body(&cancelled.state).due(), 0);
    assert_eq!(holds(&cancelled.state), []);
}

#[test]
fn a_cancelled_order_gives_its_stock_and_the_money_back() {
    let held = history(
        place(),
        [
            Intent::Hold(Hold {
                detail: "wait".into(),
            }),
            all_reserved(),
        ],
    );
    let cancelled = given::<Order>(held)
        .when(command(cancel(vec![])))
        .then_matching(|events| {
            names(events)
                == [
                    "LinesCancelled",
                    "PaymentRefunded",
                    "ReservationReleaseRequested",
                    "OrderCancelled",
                ]
        });
    assert_eq!(body(&cancelled.state).paid(), 0);
}

#[test]
fn cancelling_again_changes_nothing() {
    given::<Order>(history(place(), [cancel(vec![])]))
        .when(command(cancel(vec![])))
        .then_nothing();
    let pending = history(place(), [all_reserved(), cancel(vec![])]);
    given::<Order>(pending)
        .when(command(cancel(vec![])))
        .then_nothing();
}

#[test]
fn an_order_without_lines_can_be_cancelled() {
    let empty = Place {
        lines: vec![],
        charges: vec![],
        payments: vec![],
        ..place()
    };
    given::<Order>(history(empty, []))
        .when(command(cancel(vec![])))
        .then_matching(|events| names(events) == ["OrderCancelled"]);
}

#[test]
fn a_part_is_cancelled_and_its_share_paid_back() {
    let held = history(
        place(),
        [
            Intent::Hold(Hold {
                detail: "wait".into(),
            }),
            all_reserved(),
        ],
    );
    let rest = given::<Order>(held)
        .when(command(cancel(vec![units("1", 1)])))
        .then_matching(|events| {
            names(events)
                == [
                    "LinesCancelled",
                    "PaymentRefunded",
                    "ReservationReleaseRequested",
                ]
        });
    let body = body(&rest.state);
    assert_eq!(
        (body.due(), body.paid(), body.reserved("1")),
        (1_800, 1_800, 1)
    );
}

#[test]
fn goodwill_paid_earlier_is_not_taken_back_by_a_cancellation() {
    let events = history(place(), [refund("o1-C1-R1", 100, vec![])]);
    let rest = given::<Order>(events)
        .when(command(cancel(vec![units("2", 1)])))
        .then_matching(|_| true);
    assert_eq!(body(&rest.state).refunded(), 600);
}

#[test]
fn goods_at_the_warehouse_are_cancelled_once_it_agrees() {
    let events = history(place(), [all_reserved()]);
    given::<Order>(events)
        .when(command(cancel(vec![])))
        .then([CancellationRequested {
            cancellation_id: "o1-X1".into(),
            lines: everything(),
            cause: "CUSTOMER".into(),
            fulfilment_order_ids: vec!["o1-F1".into()],
        }
        .into()]);
    let events = history(place(), [all_reserved(), cancel(vec![])]);
    let cancelled = given::<Order>(events)
        .when(command(stopped(everything())))
        .then_matching(|events| {
            names(events)
                == [
                    "FulfilmentStopped",
                    "LinesCancelled",
                    "PaymentRefunded",
                    "ReservationReleaseRequested",
                    "OrderCancelled",
                ]
        });
    assert_eq!(status::order(&cancelled.state), OrderStatus::Cancelled);
}

#[test]
fn what_was_stopped_and_is_still_wanted_is_released_again() {
    let events = history(place(), [all_reserved(), cancel(vec![units("1", 1)])]);
    let again = given::<Order>(events)
        .when(command(stopped(everything())))
        .then_matching(|events| {
            names(events)
                == [
                    "FulfilmentStopped",
                    "LinesCancelled",
                    "PaymentRefunded",
                    "ReservationReleaseRequested",
                    "FulfilmentRequested",
                ]
        });
    assert_eq!(body(&again.state).released("1"), 1);
    assert_eq!(body(&again.state).fulfilments[1].id, "o1-F2");
}

#[test]
fn what_left_before_the_warehouse_could_stop_is_told_with_the_way_out() {
    let first_parcel = shipped(1, vec![units("1", 2)]);
    let events = history(place(), [all_reserved(), cancel(vec![]), first_parcel]);
    let rest = given::<Order>(events)
        .when(command(stopped(vec![units("2", 1)])))
        .then_matching(|events| {
            let OrderEvent::CancellationRefused(refused) = &events[1] else {
                return false;
            };
            names(events)
                == [
                    "FulfilmentStopped",
                    "CancellationRefused",
                    "LinesCancelled",
                    "PaymentRefunded",
                    "ReservationReleaseRequested",
                ]
                && refused.way_out.contains("intercept")
        });
    assert_eq!(status::order(&rest.state), OrderStatus::Open);
    assert_eq!(body(&rest.state).due(), 2_300);
}

fn refused() -> Intent {
    Intent::RecordCancellationRefused(RecordCancellationRefused {
        cancellation_id: "o1-X1".into(),
        fulfilment_order_id: "o1-F1".into(),
        detail: "the parcel has left".into(),
    })
}

#[test]
fn the_warehouses_refusal_ends_the_cancellation() {
    let events = history(place(), [all_reserved(), cancel(vec![])]);
    let going_on = given::<Order>(events)
        .when(command(refused()))
        .then_matching(|events| names(events) == ["CancellationRefused"]);
    assert!(body(&going_on.state).cancellations.is_empty());
    let events = history(place(), [all_reserved(), cancel(vec![]), refused()]);
    given::<Order>(events)
        .when(command(refused()))
        .then_nothing();
}

#[test]
fn a_warehouse_that_stops_by_itself_is_looked_at_by_a_person() {
    let events = history(place(), [all_reserved()]);
    let held = given::<Order>(events)
        .when(command(stopped(everything())))
        .then_matching(|events| names(events) == ["FulfilmentStopped", "OrderHeld"]);
    assert_eq!(holds(&held.state)[0].0, HoldReason::Review);
    let release = Intent::ReleaseHold(ReleaseHold {
        hold_id: "REVIEW-1".into(),
        note: String::new(),
    });
    let events = history(place(), [all_reserved(), stopped(everything())]);
    given::<Order>(events.clone())
        .when(command(release))
        .then_matching(|events| names(events) == ["HoldReleased", "FulfilmentRequested"]);
    given::<Order>(events)
        .when(command(stopped(everything())))
        .then_nothing();
}

#[test]
fn a_fulfilment_order_that_is_not_ours_cannot_be_stopped() {
    given::<Order>(history(place(), []))
        .when(command(stopped(everything())))
        .then_error(OrderError::UnknownFulfilmentOrder {
            fulfilment_order_id: "o1-F1".into(),
        });
}

#[test]
fn what_was_shipped_cannot_be_cancelled_and_the_way_out_is_told() {
    let events = history(place(), [all_reserved(), shipped(1, everything())]);
    given::<Order>(events.clone())
        .when(command(cancel(vec![])))
        .then_error(OrderError::AlreadyShipped);
    given::<Order>(events)
        .when(command(cancel(vec![units("2", 1)])))
        .then_error(OrderError::AlreadyShipped);
    assert!(OrderError::AlreadyShipped.way_out().contains("return"));
}

#[test]
fn a_completed_order_is_returned_and_not_cancelled() {
    let events = history(
        place(),
        [
            all_reserved(),
            shipped(1, everything()),
            Intent::ConfirmDelivery(ConfirmDelivery { accepted: true }),
        ],
    );
    let ended = OrderError::Ended {
        phase: Phase::Completed,
    };
    assert!(ended.way_out().contains("case"));
    given::<Order>(events)
        .when(command(cancel(vec![])))
        .then_error(ended);
}

#[test]
fn no_more_is_cancelled_than_there_is() {
    let too_much = cancel(vec![units("1", 2), units("1", 1)]);
    given::<Order>(history(place(), []))
        .when(command(too_much))
        .then_error(OrderError::CancelsTooMuch {
            line_id: "1".into(),
            cancellable: 2,
        });
    given::<Order>(history(place(), []))
        .when(command(cancel(vec![units("7", 1)])))
        .then_error(OrderError::UnknownLine {
            line_id: "7".into(),
        });
}

#[test]
fn a_rejected_order_gives_everything_back_and_takes_nothing_more() {
    let reject = || {
        Intent::Reject(Reject {
            detail: "fraud".into(),
        })
    };
    let events = history(place(), [Intent::Hold(Hold::default()), all_reserved()]);
    let rejected = given::<Order>(events)
        .when(command(reject()))
        .then_matching(|events| {
            names(events)
                == [
                    "LinesCancelled",
                    "ReservationReleaseRequested",
                    "PaymentRefunded",
                    "OrderRejected",
                ]
        });
    assert_eq!(status::order(&rejected.state), OrderStatus::Rejected);
    let events = history(place(), [reject()]);
    given::<Order>(events.clone())
        .when(command(reject()))
        .then_nothing();
    given::<Order>(events)
        .when(command(cancel(vec![])))
        .then_error(OrderError::Ended {
            phase: Phase::Rejected,
        });
}

#[test]
fn goods_at_the_warehouse_cannot_be_rejected() {
    let reject = Intent::Reject(Reject::default());
    given::<Order>(history(place(), [all_reserved()]))
        .when(command(reject.clone()))
        .then_error(OrderError::ReleasedToWarehouse);
    given::<Order>(history(place(), [all_reserved(), shipped(1, everything())]))
        .when(command(reject))
        .then_error(OrderError::AlreadyShipped);
}
