//! How units leave a reservation other than in a parcel.

use super::*;

#[test]
fn releasing_everything_gives_back_all_and_stops_waiting() {
    let held = [
        allocation("1", "MUG", "W1", 3),
        allocation("1", "MUG", "W2", 1),
    ];
    let waited = [line("1", "MUG", 1), line("2", "POT", 1)];
    let state = given_partly_served()
        .when(release(&[], None))
        .then([released(&held, &waited)])
        .state;
    assert!(state.open().is_empty() && state.wanted().is_empty());
    given::<Reservation>([partly_served(), vec![released(&held, &waited)]].concat())
        .when(release(&[], None))
        .then_nothing();
}

#[test]
fn releasing_at_a_site_gives_back_what_is_reserved_there_and_no_more() {
    given_partly_served()
        .when(release(&[("1", 2)], Some("W1")))
        .then([released(&[allocation("1", "MUG", "W1", 2)], &[])]);
    given_partly_served()
        .when(release(&[("1", 9), ("1", 9), ("2", 1)], Some("W2")))
        .then([released(&[allocation("1", "MUG", "W2", 1)], &[])]);
    given_partly_served()
        .when(release(&[("1", 1)], Some("W9")))
        .then_nothing();
}

#[test]
fn releasing_a_site_gives_back_all_that_is_reserved_there() {
    let state = given_partly_served()
        .when(release(&[], Some("W1")))
        .then([released(&[allocation("1", "MUG", "W1", 3)], &[])])
        .state;
    assert_eq!((state.open().len(), state.wanted().len()), (1, 2));
}

#[test]
fn releasing_without_a_site_ends_waiting_and_leaves_what_is_reserved() {
    let state = given_partly_served()
        .when(release(&[("1", 4), ("2", 1)], None))
        .then([released(&[], &[line("1", "MUG", 1), line("2", "POT", 1)])])
        .state;
    assert_eq!(state.open().len(), 2);
}

#[test]
fn a_reservation_expires_when_its_time_has_come() {
    let expired: ReservationEvent = ReservationExpired {
        reservation_id: ORDER.into(),
        allocations: told(&[allocation("1", "MUG", "W1", 2)]),
        abandoned: vec![line("2", "POT", 1)],
    }
    .into();
    given::<Reservation>(expiring(100))
        .when(ReservationCommand::Expire { now: Timestamp(99) })
        .then_nothing();
    let state = given::<Reservation>(expiring(100))
        .when(ReservationCommand::Expire {
            now: Timestamp(100),
        })
        .then([expired.clone()])
        .state;
    assert!(state.open().is_empty() && state.wanted().is_empty());
    given::<Reservation>([expiring(100), vec![expired]].concat())
        .when(ReservationCommand::Expire {
            now: Timestamp(101),
        })
        .then_nothing();
}

#[test]
fn a_later_attempt_moves_or_lifts_the_expiry() {
    let extended = ReservationRequested {
        expires_at: Some(Timestamp(200).into()),
        ..request(2, [])
    };
    let expire = || ReservationCommand::Expire {
        now: Timestamp(150),
    };
    given::<Reservation>([expiring(100), vec![extended.into()]].concat())
        .when(expire())
        .then_nothing();
    given::<Reservation>([expiring(100), vec![request(2, []).into()]].concat())
        .when(expire())
        .then_nothing();
}

#[test]
fn nothing_expires_once_everything_is_sent() {
    let history = [
        expiring(100)[..2].to_vec(),
        vec![consumed("P1", &[allocation("1", "MUG", "W1", 2)])],
    ]
    .concat();
    let state = given::<Reservation>([history, vec![short(1, &[], false)]].concat())
        .when(ReservationCommand::Expire {
            now: Timestamp(100),
        })
        .then_nothing()
        .state;
    assert_eq!(state.consumed().len(), 1);
}

#[test]
fn lost_units_are_no_longer_open_and_not_waited_for() {
    let lost = allocation("1", "MUG", "W1", 1);
    let event: ReservationEvent = ReservationUnitsLost {
        reservation_id: ORDER.into(),
        allocations: told(std::slice::from_ref(&lost)),
        cause: "NOT_IN_STOCK".into(),
    }
    .into();
    let before = Reservation::fold(&partly_served()).wanted_by_sku();
    let state = given_partly_served()
        .when(ReservationCommand::Lose {
            allocations: vec![lost],
            cause: "NOT_IN_STOCK".into(),
        })
        .then([event])
        .state;
    assert_eq!(state.open_at(&"1".into(), &"W1".into()), 2);
    assert_eq!(state.wanted_by_sku(), before);
}
