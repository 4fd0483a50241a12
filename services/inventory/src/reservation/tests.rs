#![allow(clippy::unwrap_used, clippy::expect_used)]

mod ending;

use ordo_decider::{Given, given};
use ordo_proto::inventory::{ReservationAllocation, ReservationLine, ReservationShortage};

use super::*;
use crate::ids::Sku;

const ORDER: &str = "01abc";

fn line(line_id: &str, sku: &str, quantity: i64) -> ReservationLine {
    ReservationLine {
        line_id: line_id.into(),
        sku: sku.into(),
        quantity,
    }
}

fn allocation(line_id: &str, sku: &str, site_id: &str, quantity: i64) -> Allocation {
    Allocation {
        line_id: line_id.into(),
        sku: sku.into(),
        site_id: site_id.into(),
        quantity,
    }
}

fn told(allocations: &[Allocation]) -> Vec<ReservationAllocation> {
    allocations.iter().map(Into::into).collect()
}

fn request(attempt: u32, lines: impl Into<Vec<ReservationLine>>) -> ReservationRequested {
    ReservationRequested {
        reservation_id: ORDER.into(),
        attempt,
        lines: lines.into(),
        wait_for_stock: true,
        split_allowed: true,
        ..ReservationRequested::default()
    }
}

fn allocated(attempt: u32, allocations: &[Allocation]) -> ReservationEvent {
    ReservationAllocated {
        reservation_id: ORDER.into(),
        attempt,
        allocations: told(allocations),
        why: "near".into(),
    }
    .into()
}

fn missing(line_id: &str, sku: &str, quantity: i64, unknown_sku: bool) -> Missing {
    Missing {
        line_id: line_id.into(),
        sku: sku.into(),
        quantity,
        unknown_sku,
    }
}

fn short(attempt: u32, missing: &[Missing], waiting: bool) -> ReservationEvent {
    ReservationShort {
        reservation_id: ORDER.into(),
        attempt,
        shortages: missing.iter().map(ReservationShortage::from).collect(),
        waiting,
    }
    .into()
}

fn settle(allocations: &[Allocation], missing: &[Missing]) -> ReservationCommand {
    ReservationCommand::Settle {
        allocations: allocations.to_vec(),
        why: "near".into(),
        missing: missing.to_vec(),
    }
}

fn released(allocations: &[Allocation], abandoned: &[ReservationLine]) -> ReservationEvent {
    ReservationReleased {
        reservation_id: ORDER.into(),
        allocations: told(allocations),
        abandoned: abandoned.to_vec(),
        cause: "CUSTOMER".into(),
    }
    .into()
}

fn release(parts: &[(&str, i64)], site_id: Option<&str>) -> ReservationCommand {
    ReservationCommand::Release {
        lines: these(parts),
        site_id: site_id.map(SiteId::from),
        cause: "CUSTOMER".into(),
    }
}

fn consume(parcel_id: &str, site_id: &str, parts: &[(&str, i64)]) -> ReservationCommand {
    ReservationCommand::Consume {
        parcel_id: parcel_id.into(),
        site_id: site_id.into(),
        lines: these(parts),
    }
}

fn consumed(parcel_id: &str, allocations: &[Allocation]) -> ReservationEvent {
    ReservationConsumed {
        reservation_id: ORDER.into(),
        allocations: told(allocations),
        parcel_id: parcel_id.into(),
    }
    .into()
}

fn these(parts: &[(&str, i64)]) -> Vec<Part> {
    parts
        .iter()
        .map(|(line_id, quantity)| Part {
            line_id: (*line_id).into(),
            quantity: *quantity,
        })
        .collect()
}

/// Wants 5 mugs and 1 pot; has 3 mugs at W1 and 1 at W2, and waits for a mug and the pot.
fn partly_served() -> Vec<ReservationEvent> {
    vec![
        request(1, [line("1", "MUG", 5), line("2", "POT", 1)]).into(),
        allocated(
            1,
            &[
                allocation("1", "MUG", "W1", 3),
                allocation("1", "MUG", "W2", 1),
            ],
        ),
        short(
            1,
            &[missing("1", "MUG", 1, false), missing("2", "POT", 1, false)],
            true,
        ),
    ]
}

fn given_partly_served() -> Given<Reservation> {
    given(partly_served())
}

#[test]
fn a_request_is_recorded_and_then_its_outcome() {
    let wish = request(1, [line("1", "MUG", 2)]);
    let state = given::<Reservation>([])
        .when(ReservationCommand::Request(wish.clone()))
        .then([wish.clone().into()])
        .state;
    assert_eq!(state.wanted().len(), 1);
    let found = [allocation("1", "MUG", "W1", 2)];
    let state = given::<Reservation>([wish.into()])
        .when(settle(&found, &[]))
        .then([allocated(1, &found)])
        .state;
    assert_eq!(state.open(), found);
    assert!(state.wanted().is_empty());
}

#[test]
fn what_is_short_is_waited_for_when_the_order_waits() {
    let lacking = [missing("1", "MUG", 2, false)];
    let state = given::<Reservation>([request(1, [line("1", "MUG", 2)]).into()])
        .when(settle(&[], &lacking))
        .then([short(1, &lacking, true)])
        .state;
    assert_eq!(state.wanted_by_sku().get("MUG"), Some(&2));
    assert_eq!(state.shortages(), lacking);
}

#[test]
fn what_is_short_is_given_up_when_the_order_does_not_wait() {
    let lacking = [missing("1", "MUG", 2, false)];
    let wish = ReservationRequested {
        wait_for_stock: false,
        ..request(1, [line("1", "MUG", 2)])
    };
    let state = given::<Reservation>([wish.into()])
        .when(settle(&[], &lacking))
        .then([short(1, &lacking, false)])
        .state;
    assert!(state.wanted().is_empty());
    assert_eq!(state.shortages(), lacking);
}

#[test]
fn all_or_nothing_waits_for_every_line() {
    let wish = ReservationRequested {
        all_or_nothing: true,
        ..request(1, [line("1", "MUG", 2), line("2", "POT", 1)])
    };
    let lacking = [missing("2", "POT", 1, false)];
    let state = given::<Reservation>([wish.into()])
        .when(settle(&[], &lacking))
        .then([short(1, &lacking, true)])
        .state;
    assert_eq!(state.wanted().len(), 2);
}

#[test]
fn an_unknown_sku_is_not_waited_for() {
    let both = [line("1", "MUG", 2), line("2", "???", 1)];
    let lacking = [missing("1", "MUG", 2, false), missing("2", "???", 1, true)];
    let state = given::<Reservation>([request(1, both.clone()).into()])
        .when(settle(&[], &lacking))
        .then([short(1, &lacking, true)])
        .state;
    assert_eq!(
        state.wanted().len(),
        1,
        "the mug is waited for, the unknown SKU is not"
    );

    let all = ReservationRequested {
        all_or_nothing: true,
        ..request(1, both)
    };
    given::<Reservation>([all.into()])
        .when(settle(&[], &lacking))
        .then([short(1, &lacking, false)]);

    let only = [missing("1", "???", 1, true)];
    given::<Reservation>([request(1, [line("1", "???", 1)]).into()])
        .when(settle(&[], &only))
        .then([short(1, &only, false)]);
}

#[test]
fn more_than_is_wanted_is_never_allocated() {
    let refused = |found, wanted| ReservationError::AllocatesTooMany {
        line_id: "1".into(),
        found,
        wanted,
    };
    let wish = || [request(1, [line("1", "MUG", 2)]).into()];
    let two_sites = [
        allocation("1", "MUG", "W1", 2),
        allocation("1", "MUG", "W2", 1),
    ];
    given::<Reservation>(wish())
        .when(settle(&two_sites, &[]))
        .then_error(refused(3, 2));
    let other_sku = [allocation("1", "POT", "W1", 1)];
    given::<Reservation>(wish())
        .when(settle(&other_sku, &[]))
        .then_error(refused(1, 0));
    let late = ReservationCommand::Allocate {
        allocations: two_sites.to_vec(),
        why: String::new(),
    };
    given_partly_served().when(late).then_error(refused(3, 1));
}

#[test]
fn units_that_come_later_are_added() {
    let come = [allocation("1", "MUG", "W1", 1)];
    let state = given_partly_served()
        .when(ReservationCommand::Allocate {
            allocations: come.to_vec(),
            why: "near".into(),
        })
        .then([allocated(1, &come)])
        .state;
    assert_eq!(state.open_at(&"1".into(), &"W1".into()), 4);
    assert_eq!(
        state.wanted_by_sku().keys().cloned().collect::<Vec<Sku>>(),
        [Sku::from("POT")]
    );
    assert_eq!(state.shortages(), [missing("2", "POT", 1, false)]);
}

#[test]
fn the_latest_attempt_again_changes_nothing() {
    let again = request(1, [line("1", "MUG", 5), line("2", "POT", 1)]);
    given_partly_served()
        .when(ReservationCommand::Request(again))
        .then_nothing();
}

#[test]
fn the_latest_attempt_with_another_content_is_refused() {
    let other = request(1, [line("1", "MUG", 6)]);
    given_partly_served()
        .when(ReservationCommand::Request(other))
        .then_error(ReservationError::AttemptReused { attempt: 1 });
}

#[test]
fn an_attempt_that_was_followed_by_another_is_refused() {
    let later = request(3, [line("2", "POT", 1)]);
    let old = request(2, [line("2", "POT", 1)]);
    given::<Reservation>([later.into()])
        .when(ReservationCommand::Request(old))
        .then_error(ReservationError::AttemptSuperseded {
            attempt: 2,
            latest: 3,
        });
}

#[test]
fn a_later_attempt_replaces_what_is_waited_for_and_keeps_what_is_reserved() {
    let next = request(2, [line("3", "CUP", 4)]);
    let state = given_partly_served()
        .when(ReservationCommand::Request(next.clone()))
        .then([next.into()])
        .state;
    assert_eq!(state.open().len(), 2);
    assert_eq!(
        state.wanted_by_sku().keys().cloned().collect::<Vec<Sku>>(),
        [Sku::from("CUP")]
    );
}

#[test]
fn a_later_attempt_without_lines_ends_the_waiting() {
    let next = request(2, []);
    let state = given_partly_served()
        .when(ReservationCommand::Request(next.clone()))
        .then([next.into()])
        .state;
    assert!(state.wanted().is_empty());
    assert_eq!(state.open().len(), 2);
}

#[test]
fn a_request_has_lines_each_once_and_positive() {
    let refused = |line_id: &str| ReservationError::LineInvalid {
        line_id: line_id.into(),
    };
    let first = |lines: Vec<ReservationLine>| ReservationCommand::Request(request(1, lines));
    given::<Reservation>([])
        .when(first(vec![]))
        .then_error(refused(""));
    given::<Reservation>([])
        .when(first(vec![line("1", "MUG", 0)]))
        .then_error(refused("1"));
    given::<Reservation>([])
        .when(first(vec![line("1", "MUG", 1), line("1", "POT", 1)]))
        .then_error(refused("1"));
}

#[test]
fn sent_units_are_no_longer_open() {
    let state = given_partly_served()
        .when(consume("P1", "W1", &[("1", 2)]))
        .then([consumed("P1", &[allocation("1", "MUG", "W1", 2)])])
        .state;
    assert_eq!(state.open_at(&"1".into(), &"W1".into()), 1);
    assert_eq!(state.consumed(), [allocation("1", "MUG", "W1", 2)]);
}

#[test]
fn the_same_parcel_again_sends_nothing() {
    let sent = consumed("P1", &[allocation("1", "MUG", "W1", 2)]);
    given::<Reservation>([partly_served(), vec![sent]].concat())
        .when(consume("P1", "W1", &[("1", 2)]))
        .then_nothing();
}

#[test]
fn more_than_is_reserved_at_the_site_is_never_sent() {
    let refused = |wanted, reserved| ReservationError::ConsumesTooMany {
        line_id: "1".into(),
        site_id: "W2".into(),
        wanted,
        reserved,
    };
    given_partly_served()
        .when(consume("P1", "W2", &[("1", 2)]))
        .then_error(refused(2, 1));
    given_partly_served()
        .when(consume("P1", "W2", &[("1", 1), ("1", 1)]))
        .then_error(refused(2, 1));
}

fn expiring(at: i64) -> Vec<ReservationEvent> {
    let wish = ReservationRequested {
        expires_at: Some(Timestamp(at).into()),
        ..request(1, [line("1", "MUG", 2), line("2", "POT", 1)])
    };
    vec![
        wish.into(),
        allocated(1, &[allocation("1", "MUG", "W1", 2)]),
        short(1, &[missing("2", "POT", 1, false)], true),
    ]
}

#[test]
fn a_line_that_changes_its_sku_keeps_what_is_reserved_of_the_old_one_until_it_is_released() {
    let swap = request(2, [line("1", "CUP", 2)]);
    let found = [allocation("1", "CUP", "W1", 2)];
    let state =
        Reservation::fold(&[partly_served(), vec![swap.into(), allocated(2, &found)]].concat());
    assert_eq!(state.open_at(&"1".into(), &"W1".into()), 5);
    assert!(state.wanted().is_empty());
}

#[test]
fn every_event_is_read_back_as_it_was_written() {
    let events = [
        partly_served(),
        vec![
            released(&[], &[line("1", "MUG", 1)]),
            consumed("P1", &[allocation("1", "MUG", "W1", 1)]),
        ],
    ]
    .concat();
    for event in events {
        let encoded = Reservation::encode(&event);
        assert_eq!(
            Reservation::decode(encoded.type_name, &encoded.payload).unwrap(),
            event
        );
    }
}
