use ordo_proto::fulfilment::FulfilmentOrderStatus;

use super::*;
use crate::fulfilment_order::FulfilmentOrderError;

#[test]
fn all_packed_parcels_leave_and_the_order_closes() {
    let outcome = given(two_parcels()).when(dispatch([])).then([
        dispatched(1, [units("1", 3)]),
        dispatched(2, [units("2", 1)]),
        closed(),
    ]);
    assert_eq!(outcome.state.status(), FulfilmentOrderStatus::Dispatched);
}

#[test]
fn one_parcel_may_leave_before_the_others() {
    let outcome = given(two_parcels())
        .when(dispatch(["P2"]))
        .then([dispatched(2, [units("2", 1)])]);
    assert_eq!(outcome.state.status(), FulfilmentOrderStatus::Packed);

    let mut events = two_parcels();
    events.push(dispatched(2, [units("2", 1)]));
    given(events)
        .when(dispatch([]))
        .then([dispatched(1, [units("1", 3)]), closed()]);
}

#[test]
fn a_part_may_leave_while_the_rest_is_still_picked() {
    let events = [
        opened(),
        started("wang"),
        picked("1", 2),
        packed_unchecked(1, [units("1", 2)]),
    ];
    let outcome = given(events)
        .when(dispatch([]))
        .then([dispatched(1, [units("1", 2)])]);
    assert_eq!(outcome.state.status(), FulfilmentOrderStatus::Picking);
}

fn leaving_with(carrier: &str) -> FulfilmentOrderCommand {
    FulfilmentOrderCommand::Dispatch {
        parcel_ids: vec![format!("{ID}-P1")],
        carrier: carrier.to_owned(),
        tracking_number: String::new(),
    }
}

#[test]
fn parcels_leave_without_a_number() {
    given(two_parcels())
        .when(leaving_with("Swift"))
        .then([ParcelDispatched {
            fulfilment_order_id: ID.into(),
            order_id: ORDER.into(),
            site_id: "north".into(),
            parcel_id: format!("{ID}-P1"),
            carrier: "Swift".into(),
            tracking_number: String::new(),
            lines: vec![units("1", 3)],
        }
        .into()]);
}

#[test]
fn a_parcel_that_is_sent_has_a_carrier() {
    for nobody in ["", " "] {
        given(two_parcels())
            .when(leaving_with(nobody))
            .then_error(FulfilmentOrderError::CarrierMissing);
    }
}

#[test]
fn what_the_customer_collects_leaves_without_a_carrier() {
    let mut events = two_parcels();
    for event in &mut events {
        if let FulfilmentOrderEvent::Opened(opened) = event {
            opened.delivery_method = "PICKUP".into();
        }
    }
    given(events)
        .when(leaving_with(""))
        .then_matching(|events| matches!(events, [FulfilmentOrderEvent::ParcelDispatched(_)]));
}

#[test]
fn a_parcel_named_twice_leaves_once() {
    given(two_parcels())
        .when(dispatch(["P2", "P2"]))
        .then([dispatched(2, [units("2", 1)])]);
}

#[test]
fn a_parcel_leaves_only_once() {
    let mut events = two_parcels();
    events.push(dispatched(2, [units("2", 1)]));
    given(events).when(dispatch(["P1", "P2"])).then_error(
        FulfilmentOrderError::AlreadyDispatched {
            parcel_ids: vec![format!("{ID}-P2")],
        },
    );
}

#[test]
fn an_unknown_parcel_is_refused() {
    given(two_parcels())
        .when(dispatch(["P3"]))
        .then_error(FulfilmentOrderError::UnknownParcel {
            parcel_id: format!("{ID}-P3"),
        });
}

#[test]
fn without_a_packed_parcel_nothing_leaves() {
    given(all_picked())
        .when(dispatch([]))
        .then_error(FulfilmentOrderError::NothingToDispatch);
}
