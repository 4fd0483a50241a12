use ordo_proto::{
    fulfilment::{FulfilmentAddressChanged, FulfilmentOrderCancelled, FulfilmentOrderStatus},
    types::{Region, Sealed},
};

use super::*;
use crate::fulfilment_order::{FulfilmentOrderError, NewRecipient};

fn cancelled(lines: impl Into<Vec<WorkLine>>) -> FulfilmentOrderEvent {
    FulfilmentOrderCancelled {
        fulfilment_order_id: ID.into(),
        order_id: ORDER.into(),
        cause: "CUSTOMER".into(),
        lines: lines.into(),
    }
    .into()
}

fn all_left() -> Vec<FulfilmentOrderEvent> {
    let mut events = two_parcels();
    events.push(dispatched(1, [units("1", 3)]));
    events.push(dispatched(2, [units("2", 1)]));
    events.push(closed());
    events
}

fn moved() -> NewRecipient {
    NewRecipient {
        address: Some(Sealed {
            key_id: "shop/anna".into(),
            ..Sealed::default()
        }),
        region: Some(Region {
            city: "Leeds".into(),
            ..Region::default()
        }),
        contact: None,
    }
}

fn change_address() -> FulfilmentOrderCommand {
    FulfilmentOrderCommand::ChangeAddress(moved())
}

fn address_changed() -> FulfilmentOrderEvent {
    FulfilmentAddressChanged {
        fulfilment_order_id: ID.into(),
        contact: None,
        address: moved().address,
        region: moved().region,
    }
    .into()
}

#[test]
fn an_open_fulfilment_order_is_cancelled_whole() {
    let outcome = given([opened()])
        .when(cancel())
        .then([cancelled([units("1", 3), units("2", 1)])]);
    assert_eq!(outcome.state.status(), FulfilmentOrderStatus::Cancelled);
}

#[test]
fn packed_goods_are_put_back_by_cancelling() {
    given(two_parcels())
        .when(cancel())
        .then([cancelled([units("1", 3), units("2", 1)])]);
}

#[test]
fn units_that_were_missing_are_not_cancelled_again() {
    given([opened(), started("wang"), short("1", 2)])
        .when(cancel())
        .then([cancelled([units("1", 1), units("2", 1)])]);
}

#[test]
fn after_a_part_has_left_the_rest_can_be_stopped() {
    let mut events = two_parcels();
    events.push(dispatched(1, [units("1", 3)]));
    let outcome = given(events)
        .when(cancel())
        .then([cancelled([units("2", 1)])]);
    assert_eq!(outcome.state.status(), FulfilmentOrderStatus::Dispatched);
}

#[test]
fn what_has_left_cannot_be_cancelled() {
    given(all_left())
        .when(cancel())
        .then_error(FulfilmentOrderError::AlreadyDispatched {
            parcel_ids: vec![format!("{ID}-P1"), format!("{ID}-P2")],
        });
}

#[test]
fn cancelling_twice_changes_nothing() {
    given([opened(), cancelled([units("1", 3), units("2", 1)])])
        .when(cancel())
        .then_nothing();
}

#[test]
fn cancelling_is_heard_even_when_nothing_was_found() {
    given([
        opened(),
        started("wang"),
        short("1", 3),
        short("2", 1),
        closed(),
    ])
    .when(cancel())
    .then([cancelled([])]);
}

#[test]
fn nothing_is_done_for_a_cancelled_order() {
    let cancelled = || [opened(), cancelled([units("1", 3), units("2", 1)])];
    for command in [
        start("wang"),
        record(pick("1", 1)),
        dispatch([]),
        change_address(),
    ] {
        given(cancelled())
            .when(command)
            .then_error(FulfilmentOrderError::Cancelled);
    }
}

#[test]
fn nothing_is_done_for_an_order_of_which_nothing_was_found() {
    let events = [
        opened(),
        started("wang"),
        short("1", 3),
        short("2", 1),
        closed(),
    ];
    given(events)
        .when(record(pick("1", 1)))
        .then_error(FulfilmentOrderError::NothingFound);
}

#[test]
fn the_address_changes_until_everything_has_left() {
    let outcome = given([opened()])
        .when(change_address())
        .then([address_changed()]);
    assert_eq!(outcome.state.status(), FulfilmentOrderStatus::Open);
    given(two_parcels())
        .when(change_address())
        .then([address_changed()]);
    given(all_left())
        .when(change_address())
        .then_error(FulfilmentOrderError::AlreadyDispatched {
            parcel_ids: vec![format!("{ID}-P1"), format!("{ID}-P2")],
        });
}

#[test]
fn an_empty_change_of_address_changes_nothing() {
    given([opened()])
        .when(FulfilmentOrderCommand::ChangeAddress(
            NewRecipient::default(),
        ))
        .then_nothing();
}
