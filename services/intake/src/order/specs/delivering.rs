use ordo_decider::given;
use ordo_proto::intake::{FulfilmentStatus, LinesDelivered, LinesShipped, OrderCompleted};

use super::fixtures::*;
use crate::order::{status, *};

fn confirm(accepted: bool) -> Command {
    command(Intent::ConfirmDelivery(ConfirmDelivery { accepted }))
}

fn complete() -> Command {
    command(Intent::Complete(Complete {
        cause: "TIME_AFTER_DELIVERY".into(),
    }))
}

#[test]
fn parcels_are_counted_once_however_often_they_are_told() {
    let events = history(place(), [all_reserved(), shipped(1, vec![units("1", 2)])]);
    assert_eq!(
        status::fulfilment(body(&state(&events))),
        FulfilmentStatus::PartlyShipped
    );
    given::<Order>(events)
        .when(command(shipped(1, vec![units("1", 2)])))
        .then_nothing();
    let events = history(
        place(),
        [
            all_reserved(),
            shipped(1, everything()),
            delivered(1, everything()),
        ],
    );
    assert_eq!(
        status::fulfilment(body(&state(&events))),
        FulfilmentStatus::Delivered
    );
    given::<Order>(events)
        .when(command(delivered(1, everything())))
        .then_nothing();
}

#[test]
fn a_delivery_told_before_its_shipment_is_not_lost_and_not_downgraded() {
    let events = history(place(), [all_reserved(), delivered(1, everything())]);
    let late = given::<Order>(events)
        .when(command(shipped(1, everything())))
        .then_matching(|events| names(events) == ["LinesShipped"]);
    let body = body(&late.state);
    assert_eq!(status::fulfilment(body), FulfilmentStatus::Delivered);
    let quantities = body.quantities(&body.lines[0]);
    assert_eq!(
        (
            quantities.shipped,
            quantities.delivered,
            quantities.reserved
        ),
        (2, 2, 0)
    );
    assert_eq!(body.parcels[0].tracking_number, "SF1");
}

#[test]
fn a_number_that_comes_later_is_told_without_units() {
    let number = || {
        Intent::RecordTrackingNumber(RecordTrackingNumber {
            parcel_id: "o1-F1-P1".into(),
            fulfilment_order_id: "o1-F1".into(),
            carrier: "yto".into(),
            tracking_number: "YT9".into(),
        })
    };
    let events = history(place(), [all_reserved(), shipped(1, everything())]);
    given::<Order>(events)
        .when(command(number()))
        .then([LinesShipped {
            fulfilment_order_id: "o1-F1".into(),
            parcel_id: "o1-F1-P1".into(),
            lines: vec![],
            carrier: "yto".into(),
            tracking_number: "YT9".into(),
        }
        .into()]);
    let events = history(
        place(),
        [all_reserved(), shipped(1, everything()), number()],
    );
    assert_eq!(body(&state(&events)).lines[0].shipped, 2);
    given::<Order>(events)
        .when(command(number()))
        .then_nothing();
    given::<Order>(history(place(), []))
        .when(command(number()))
        .then_error(OrderError::UnknownParcel {
            parcel_id: "o1-F1-P1".into(),
        });
}

#[test]
fn a_parcel_cannot_hold_more_than_is_wanted() {
    given::<Order>(history(place(), [all_reserved()]))
        .when(command(shipped(1, vec![units("1", 2), units("2", 2)])))
        .then_error(OrderError::ShipsTooMuch {
            parcel_id: "o1-F1-P1".into(),
            line_id: "2".into(),
        });
}

#[test]
fn parcels_of_foreign_fulfilment_orders_and_of_ended_orders_are_refused() {
    let unknown = || OrderError::UnknownFulfilmentOrder {
        fulfilment_order_id: "o1-F1".into(),
    };
    given::<Order>(history(place(), []))
        .when(command(shipped(1, everything())))
        .then_error(unknown());
    given::<Order>(history(place(), []))
        .when(command(delivered(1, everything())))
        .then_error(unknown());
    let cancelled = [all_reserved(), cancel(vec![]), stopped(everything())];
    given::<Order>(history(place(), cancelled))
        .when(command(shipped(1, everything())))
        .then_error(OrderError::Ended {
            phase: Phase::Cancelled,
        });
}

#[test]
fn an_accepted_order_completes_at_once() {
    let events = history(place(), [all_reserved(), shipped(1, everything())]);
    given::<Order>(events).when(confirm(true)).then([
        LinesDelivered {
            parcel_id: String::new(),
            lines: everything(),
        }
        .into(),
        OrderCompleted {
            cause: "ACCEPTED".into(),
        }
        .into(),
    ]);
}

#[test]
fn a_confirmed_order_completes_when_its_time_is_over() {
    let confirmed = Intent::ConfirmDelivery(ConfirmDelivery { accepted: false });
    let events = history(
        place(),
        [all_reserved(), shipped(1, everything()), confirmed],
    );
    assert_eq!(phase(&state(&events)), Phase::Open);
    given::<Order>(events.clone())
        .when(command(delivered(1, everything())))
        .then_nothing();
    given::<Order>(events)
        .when(complete())
        .then([OrderCompleted {
            cause: "TIME_AFTER_DELIVERY".into(),
        }
        .into()]);
}

#[test]
fn an_order_that_is_accepted_in_part_stays_open() {
    let events = history(place(), [all_reserved(), shipped(1, vec![units("1", 2)])]);
    let open = given::<Order>(events)
        .when(confirm(true))
        .then_matching(|events| names(events) == ["LinesDelivered"]);
    assert_eq!(phase(&open.state), Phase::Open);
}

#[test]
fn nothing_is_delivered_that_was_not_shipped() {
    given::<Order>(history(place(), [all_reserved()]))
        .when(confirm(true))
        .then_error(OrderError::NothingShipped);
    given::<Order>(history(place(), [cancel(vec![])]))
        .when(confirm(true))
        .then_error(OrderError::Ended {
            phase: Phase::Cancelled,
        });
}

#[test]
fn an_order_completes_only_delivered_and_unheld() {
    let events = history(place(), [all_reserved(), shipped(1, everything())]);
    given::<Order>(events)
        .when(complete())
        .then_error(OrderError::NotDelivered);
    let held = [
        all_reserved(),
        shipped(1, everything()),
        delivered(1, everything()),
        Intent::RecordPayment(paid("p2", 1)),
    ];
    given::<Order>(history(place(), held))
        .when(complete())
        .then_error(OrderError::Held);
    given::<Order>(history(place(), [cancel(vec![])]))
        .when(complete())
        .then_nothing();
}
