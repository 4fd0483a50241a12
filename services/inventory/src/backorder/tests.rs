#![allow(clippy::unwrap_used, clippy::expect_used)]

use ordo_decider::given;

use super::*;

fn on(change: BackorderChange) -> BackorderCommand {
    BackorderCommand {
        sku: "MUG".into(),
        change,
    }
}

fn wait(id: &str, quantity: i64) -> BackorderCommand {
    on(BackorderChange::Wait {
        reservation_id: id.into(),
        quantity,
        site_id: None,
    })
}

fn served_to(through: u64, done: bool) -> BackorderCommand {
    on(BackorderChange::Served { through, done })
}

fn queued(id: &str, quantity: i64) -> BackorderEvent {
    BackorderQueued {
        sku: "MUG".into(),
        reservation_id: id.into(),
        quantity,
        site_id: String::new(),
    }
    .into()
}

fn left(id: &str) -> BackorderEvent {
    BackorderLeft {
        sku: "MUG".into(),
        reservation_id: id.into(),
    }
    .into()
}

fn due() -> BackorderEvent {
    BackorderDue { sku: "MUG".into() }.into()
}

fn served(through: u64, done: bool) -> BackorderEvent {
    BackorderServed {
        sku: "MUG".into(),
        through,
        done,
    }
    .into()
}

fn order(state: &Backorder) -> Vec<&str> {
    state
        .waiters()
        .map(|waiter| waiter.reservation_id.as_str())
        .collect()
}

fn a_b_c() -> Vec<BackorderEvent> {
    vec![queued("A", 2), queued("B", 3), queued("C", 4)]
}

#[test]
fn who_comes_first_is_first() {
    let state = given::<Backorder>([queued("B", 3)])
        .when(wait("A", 2))
        .then([queued("A", 2)])
        .state;
    assert_eq!(order(&state), ["B", "A"]);
    assert_eq!(state.waiting(), 5);
}

#[test]
fn who_waits_for_more_or_fewer_keeps_its_place() {
    let state = given::<Backorder>(a_b_c())
        .when(wait("A", 9))
        .then([queued("A", 9)])
        .state;
    assert_eq!(order(&state), ["A", "B", "C"]);
    assert_eq!(state.waiting(), 16);
}

#[test]
fn the_same_wish_changes_nothing() {
    given::<Backorder>(a_b_c())
        .when(wait("B", 3))
        .then_nothing();
    given::<Backorder>(a_b_c())
        .when(wait("D", 0))
        .then_nothing();
}

#[test]
fn who_waits_for_nothing_leaves_and_comes_back_last() {
    let state = given::<Backorder>(a_b_c())
        .when(wait("A", 0))
        .then([left("A")])
        .state;
    assert_eq!((order(&state), state.waiting()), (vec!["B", "C"], 7));
    let state = given::<Backorder>([a_b_c(), vec![left("A")]].concat())
        .when(wait("A", 1))
        .then([queued("A", 1)])
        .state;
    assert_eq!(order(&state), ["B", "C", "A"]);
}

#[test]
fn units_that_come_make_the_queue_due_unless_nobody_waits() {
    given::<Backorder>([])
        .when(on(BackorderChange::UnitsCame))
        .then_nothing();
    let state = given::<Backorder>(a_b_c())
        .when(on(BackorderChange::UnitsCame))
        .then([due()])
        .state;
    assert_eq!(state.next_after(0).unwrap().1.reservation_id.as_str(), "A");
    given::<Backorder>([a_b_c(), vec![due()]].concat())
        .when(on(BackorderChange::UnitsCame))
        .then_nothing();
}

#[test]
fn units_that_come_while_it_is_served_start_it_over() {
    let state = given::<Backorder>([a_b_c(), vec![due(), served(2, false)]].concat())
        .when(on(BackorderChange::UnitsCame))
        .then([due()])
        .state;
    assert_eq!(state.next_after(0).unwrap().1.reservation_id.as_str(), "A");
}

#[test]
fn serving_goes_on_where_it_stopped_and_ends_when_done() {
    let history = || [a_b_c(), vec![due()]].concat();
    let state = given::<Backorder>(history())
        .when(served_to(2, false))
        .then([served(2, false)])
        .state;
    assert_eq!(state.next_after(0).unwrap().1.reservation_id.as_str(), "C");
    assert!(state.next_after(3).is_none());
    let state = given::<Backorder>(history())
        .when(served_to(2, true))
        .then([served(2, true)])
        .state;
    assert!(!state.is_due() && state.next_after(0).is_none());
    given::<Backorder>(a_b_c())
        .when(served_to(2, true))
        .then_nothing();
}

#[test]
fn nothing_is_due_when_the_last_one_left() {
    let state = Backorder::fold(&[queued("A", 1), due(), left("A")]);
    assert!(!state.is_due());
    assert_eq!(state.waiting(), 0);
}

#[test]
fn while_it_is_due_units_are_owed_to_those_before() {
    let idle = Backorder::fold(&a_b_c());
    assert_eq!(
        idle.owed_before(&"N".into()),
        0,
        "nothing is owed while nothing is due"
    );
    let due_now = Backorder::fold(&[a_b_c(), vec![due()]].concat());
    let owed = |state: &Backorder, id: &str| state.owed_before(&id.into());
    assert_eq!(owed(&due_now, "N"), 9, "a newcomer comes after everybody");
    assert_eq!(
        (
            owed(&due_now, "A"),
            owed(&due_now, "B"),
            owed(&due_now, "C")
        ),
        (0, 2, 5)
    );
    let half = Backorder::fold(&[a_b_c(), vec![due(), served(1, false)]].concat());
    assert_eq!(
        (owed(&half, "B"), owed(&half, "C")),
        (0, 3),
        "A had its turn"
    );
}

#[test]
fn a_snapshot_holds_the_whole_state() {
    let named = BackorderQueued {
        sku: "MUG".into(),
        reservation_id: "S".into(),
        quantity: 1,
        site_id: "W1".into(),
    };
    for history in [
        vec![],
        a_b_c(),
        [
            a_b_c(),
            vec![left("B"), named.into(), due(), served(1, false)],
        ]
        .concat(),
    ] {
        let state = Backorder::fold(&history);
        let bytes = Backorder::snapshot(&state).unwrap();
        assert_eq!(Backorder::restore(&bytes).unwrap(), state);
    }
    assert!(Backorder::restore(&[0xff]).is_err());
}

#[test]
fn every_event_is_read_back_as_it_was_written() {
    for event in [queued("A", 1), left("A"), due(), served(1, true)] {
        let encoded = Backorder::encode(&event);
        assert_eq!(
            Backorder::decode(encoded.type_name, &encoded.payload).unwrap(),
            event
        );
    }
}
