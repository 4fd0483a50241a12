//! Inventory was restored to before it told the order of its units, and tells it again, or something else.

use ordo_decider::given;
use ordo_proto::intake::{Allocation, HoldReason, Shortage};

use super::fixtures::*;
use crate::order::*;

/// What the restored inventory says, under a higher epoch.
fn told_again(attempt: u32, version: u64, allocations: Vec<Allocation>) -> Intent {
    Intent::RecordReservation(RecordReservation {
        attempt,
        told: Told { epoch: 2, version },
        allocations,
    })
}

fn short_now(attempt: u32, version: u64, shortages: Vec<Shortage>) -> Intent {
    Intent::RecordShortage(RecordShortage {
        attempt,
        told: Told { epoch: 2, version },
        shortages,
        waiting: true,
    })
}

/// Everything of the order at one site.
fn all_at(site_id: &str) -> Vec<Allocation> {
    vec![
        allocation("1", "A", site_id, 2),
        allocation("2", "B", site_id, 1),
    ]
}

fn held() -> Intent {
    Intent::Hold(Hold {
        detail: "look".into(),
    })
}

/// Units that are forgotten, and those that are counted already, of each event.
fn effects(events: &[OrderEvent]) -> (i64, i64) {
    let (mut forgotten, mut again) = (0, 0);
    for event in events {
        match event {
            OrderEvent::ReservationReleaseRequested(release) => {
                assert_eq!(release.cause, "FORGOTTEN");
                assert!(told_by_others(release), "inventory is not asked to release");
                forgotten += release.lines.iter().map(|line| line.quantity).sum::<i64>();
            }
            OrderEvent::StockReserved(reserved) => {
                again += reserved.again.iter().map(|it| it.quantity).sum::<i64>();
            }
            _ => {}
        }
    }
    (forgotten, again)
}

#[test]
fn what_is_told_again_is_counted_once() {
    let everything_left = shipped(1, vec![units("1", 2), units("2", 1)]);
    for before in [vec![], vec![everything_left]] {
        let intents = std::iter::once(all_reserved()).chain(before);
        let events = history(place(), intents);
        let reserved = |events: &[OrderEvent]| body(&state(events)).reserved("1");
        let counted = reserved(&events);
        given::<Order>(events.clone())
            .when(command(told_again(1, 2, all_at("HZ"))))
            .then_matching(|more| {
                let all: Vec<_> = events.iter().chain(more).cloned().collect();
                names(more) == ["StockReserved"]
                    && effects(more) == (0, 3)
                    && reserved(&all) == counted
            });
    }
}

#[test]
fn what_was_told_before_the_restore_is_old_afterwards() {
    let events = history(place(), [all_reserved(), told_again(1, 2, all_at("HZ"))]);
    given::<Order>(events)
        .when(command(reserved(1, 3, all_at("HZ"))))
        .then([]);
}

#[test]
fn what_is_not_there_any_more_is_asked_for_again() {
    let events = history(place(), [held(), all_reserved()]);
    let short = short_now(1, 2, vec![shortage("1", "A", 2)]);
    given::<Order>(events)
        .when(command(short.clone()))
        .then_matching(|events| {
            names(events)
                == [
                    "StockShort",
                    "ReservationReleaseRequested",
                    "ReservationReleaseRequested",
                ]
                && effects(events) == (3, 0)
        });
    let release = Intent::ReleaseHold(ReleaseHold {
        hold_id: "REVIEW-1".into(),
        note: String::new(),
    });
    given::<Order>(history(place(), [held(), all_reserved(), short]))
        .when(command(release))
        .then_matching(|events| names(events) == ["HoldReleased", "ReservationRequested"]);
}

#[test]
fn what_the_warehouse_has_holds_the_order_until_inventory_has_it_again() {
    let short = short_now(1, 2, vec![shortage("1", "A", 2)]);
    given::<Order>(history(place(), [all_reserved()]))
        .when(command(short.clone()))
        .then_matching(|events| {
            let Some(OrderEvent::Held(held)) = events.last() else {
                return false;
            };
            let hold = held.hold.as_ref().unwrap();
            names(events) == ["StockShort", "OrderHeld"]
                && hold.reason() == HoldReason::ShortStock
                && hold.detail == "out of stock: A x2, B x1"
        });
    let events = history(place(), [all_reserved(), short.clone()]);
    given::<Order>(events)
        .when(command(told_again(1, 3, all_at("HZ"))))
        .then_matching(|events| {
            names(events) == ["StockReserved", "HoldReleased"] && effects(events) == (0, 3)
        });
    let part = told_again(1, 3, vec![allocation("1", "A", "HZ", 2)]);
    given::<Order>(history(place(), [all_reserved(), short]))
        .when(command(part))
        .then_matching(|events| names(events) == ["StockReserved"]);
}

#[test]
fn what_is_now_reserved_elsewhere_takes_the_place_of_what_was() {
    let events = history(place(), [held(), all_reserved()]);
    given::<Order>(events)
        .when(command(told_again(1, 2, all_at("SH"))))
        .then_matching(|events| {
            names(events)
                == [
                    "StockReserved",
                    "ReservationReleaseRequested",
                    "ReservationReleaseRequested",
                ]
                && effects(events) == (3, 0)
        });
}

#[test]
fn an_answer_to_an_earlier_request_tells_only_of_the_restore() {
    let expired = Intent::RecordReservationExpired(RecordTakenBack {
        allocations: vec![allocation("2", "B", "HZ", 1)],
        abandoned: vec![],
    });
    let free = Intent::ReleaseHold(ReleaseHold {
        hold_id: "REVIEW-1".into(),
        note: String::new(),
    });
    let second = reserved(2, 5, vec![allocation("2", "B", "HZ", 1)]);
    let before = [held(), all_reserved(), expired, free, second];
    let short = short_now(1, 2, vec![shortage("1", "A", 2)]);
    given::<Order>(history(place(), before.clone()))
        .when(command(short.clone()))
        .then_matching(|events| names(events) == ["StockShort"]);

    let told = before
        .into_iter()
        .chain([short, told_again(2, 4, all_at("HZ"))]);
    let events = history(place(), told);
    assert_eq!(effects(&events[events.len() - 1..]), (0, 3));
    // The unit that had expired is in nobody's way.
    given::<Order>(events)
        .when(command(short_now(2, 5, vec![shortage("2", "B", 1)])))
        .then_matching(|events| names(events) == ["StockShort"]);
}

#[test]
fn a_restore_that_has_lost_nothing_of_the_reservation_changes_nothing() {
    let events = history(
        place(),
        [reserved(1, 2, vec![allocation("1", "A", "HZ", 2)])],
    );
    given::<Order>(events)
        .when(command(told_again(
            1,
            3,
            vec![allocation("2", "B", "HZ", 1)],
        )))
        .then_matching(|events| {
            names(events) == ["StockReserved", "FulfilmentRequested"] && effects(events) == (0, 0)
        });
}
