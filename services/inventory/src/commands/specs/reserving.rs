use ordo_event_log::Timestamp;

use super::*;
use crate::reservation::{Missing, Part, ReservationError};

fn found(outcome: &Outcome) -> Vec<(&str, &str, i64)> {
    outcome
        .allocations
        .iter()
        .map(|found| {
            (
                found.line_id.as_str(),
                found.site_id.as_str(),
                found.quantity,
            )
        })
        .collect()
}

fn part(line_id: &str, quantity: i64) -> Part {
    Part {
        line_id: line_id.into(),
        quantity,
    }
}

#[test]
fn an_order_is_reserved_over_all_its_lines_and_sites_in_one_step() {
    let mut shop = Shop::open();
    shop.receive("W1", "MUG", 2);
    shop.receive("W2", "MUG", 2);
    shop.receive("W2", "POT", 1);
    let outcome = shop.reserve(wants("A", &[("MUG", 3), ("POT", 1)])).unwrap();
    assert_eq!(
        found(&outcome),
        [("1", "W1", 2), ("1", "W2", 1), ("2", "W2", 1)]
    );
    assert_eq!((outcome.shortages.len(), outcome.waiting), (0, false));
    assert_eq!(shop.stock("MUG", "W2").available(), 1);
    shop.check();
}

#[test]
fn two_lines_of_one_sku_are_summed_before_they_are_promised() {
    let mut shop = Shop::open();
    shop.receive("W1", "MUG", 3);
    let all = ReservationRequested {
        all_or_nothing: true,
        ..wants("A", &[("MUG", 2), ("MUG", 2)])
    };
    let outcome = shop.reserve(all).unwrap();
    assert_eq!(found(&outcome), []);
    assert_eq!(
        outcome
            .shortages
            .iter()
            .map(|missing| missing.quantity)
            .sum::<i64>(),
        1
    );
    shop.check();
}

#[test]
fn one_hundred_of_ten_thousand_buyers_get_one_hundred_units() {
    let mut shop = Shop::open();
    shop.receive("W1", "MUG", 100);
    let won = (0..10_000)
        .filter(|buyer| {
            let outcome = shop
                .reserve(wants(&format!("order-{buyer}"), &[("MUG", 1)]))
                .unwrap();
            !outcome.allocations.is_empty()
        })
        .count();
    assert_eq!(won, 100);
    assert_eq!(shop.stock("MUG", "W1").available(), 0);
    shop.check();
}

#[test]
fn an_unknown_sku_is_told_on_its_line_and_the_others_are_reserved() {
    let mut shop = Shop::open();
    shop.receive("W1", "MUG", 1);
    let outcome = shop
        .reserve(waits_for("A", &[("???", 1), ("MUG", 1)]))
        .unwrap();
    assert_eq!(found(&outcome), [("2", "W1", 1)]);
    let unknown = Missing {
        line_id: "1".into(),
        sku: "???".into(),
        quantity: 1,
        unknown_sku: true,
    };
    assert_eq!((outcome.shortages, outcome.waiting), (vec![unknown], false));
    shop.check();
}

#[test]
fn a_site_that_serves_no_orders_serves_only_those_that_name_it() {
    let mut shop = Shop::open();
    shop.receive("DESK", "MUG", 1);
    assert_eq!(found(&shop.reserve(wants("A", &[("MUG", 1)])).unwrap()), []);
    let named = ReservationRequested {
        site_id: "DESK".into(),
        ..wants("B", &[("MUG", 1)])
    };
    assert_eq!(found(&shop.reserve(named).unwrap()), [("1", "DESK", 1)]);
    shop.check();
}

#[test]
fn an_order_that_names_a_site_nobody_knows_is_short() {
    let mut shop = Shop::open();
    shop.receive("W1", "MUG", 1);
    let named = ReservationRequested {
        site_id: "NOWHERE".into(),
        ..wants("A", &[("MUG", 1)])
    };
    let outcome = shop.reserve(named).unwrap();
    assert_eq!((found(&outcome), outcome.shortages.len()), (vec![], 1));
}

#[test]
fn the_same_attempt_again_gets_the_same_answer_and_moves_nothing() {
    let mut shop = Shop::open();
    shop.receive("W1", "MUG", 2);
    let first = shop.reserve(waits_for("A", &[("MUG", 3)])).unwrap();
    let events = shop.memory.events.len();
    let again = shop.reserve(waits_for("A", &[("MUG", 3)])).unwrap();
    assert_eq!(again, first);
    assert_eq!(shop.memory.events.len(), events);
    let short = shop.reserve(wants("B", &[("MUG", 3)])).unwrap();
    assert_eq!(shop.reserve(wants("B", &[("MUG", 3)])).unwrap(), short);
}

#[test]
fn an_attempt_left_behind_or_changed_is_refused_and_moves_nothing() {
    let mut shop = Shop::open();
    shop.receive("W1", "MUG", 9);
    let second = ReservationRequested {
        attempt: 2,
        ..wants("A", &[("MUG", 1)])
    };
    shop.reserve(wants("A", &[("MUG", 1)])).unwrap();
    shop.reserve(second).unwrap();
    let refused = shop.reserve(wants("A", &[("MUG", 1)])).unwrap_err();
    let superseded = ReservationError::AttemptSuperseded {
        attempt: 1,
        latest: 2,
    };
    assert_eq!(refused, superseded.into());
    let changed = ReservationRequested {
        attempt: 2,
        ..wants("A", &[("MUG", 5)])
    };
    let refused = shop.reserve(changed).unwrap_err();
    assert_eq!(
        refused,
        ReservationError::AttemptReused { attempt: 2 }.into()
    );
    assert_eq!(shop.held("A"), 2);
    shop.check();
}

#[test]
fn a_later_attempt_adds_to_what_is_reserved_and_prefers_the_site_that_serves_already() {
    let mut shop = Shop::open();
    shop.receive("W2", "MUG", 5);
    shop.reserve(wants("A", &[("MUG", 1)])).unwrap();
    shop.receive("W1", "MUG", 5);
    let next = ReservationRequested {
        attempt: 2,
        ..wants("A", &[("MUG", 2)])
    };
    let outcome = shop.reserve(next).unwrap();
    assert_eq!(found(&outcome), [("1", "W2", 1), ("1", "W2", 2)]);
    shop.check();
}

#[test]
fn releasing_gives_units_back_to_stock_by_line_and_site_or_all() {
    let mut shop = Shop::open();
    shop.receive("W1", "MUG", 2);
    shop.receive("W2", "POT", 1);
    shop.reserve(wants("A", &[("MUG", 2), ("POT", 1)])).unwrap();
    let gone = shop
        .memory
        .run(|streams| {
            release(
                streams,
                &"A".into(),
                vec![part("1", 1)],
                Some("W1".into()),
                "CUSTOMER".into(),
            )
        })
        .unwrap();
    assert_eq!(gone.iter().map(|one| one.quantity).sum::<i64>(), 1);
    assert_eq!(shop.stock("MUG", "W1").available(), 1);
    let gone = shop.release_all("A");
    assert_eq!(gone.len(), 2);
    assert_eq!(
        (
            shop.stock("MUG", "W1").reserved(),
            shop.stock("POT", "W2").reserved()
        ),
        (0, 0)
    );
    assert_eq!(
        shop.release_all("A"),
        [],
        "again there is nothing to give back"
    );
    shop.check();
}

#[test]
fn releasing_and_sending_need_a_reservation() {
    let mut shop = Shop::open();
    let unknown: InventoryError = ReservationError::NotFound {
        reservation_id: "A".into(),
    }
    .into();
    let released = shop
        .memory
        .run(|streams| release(streams, &"A".into(), vec![], None, "X".into()));
    assert_eq!(released.unwrap_err(), unknown);
    let sent = shop.memory.run(|streams| {
        consume(
            streams,
            &"A".into(),
            "P".into(),
            "W1".into(),
            vec![part("1", 1)],
        )
    });
    assert_eq!(sent.unwrap_err(), unknown);
}

#[test]
fn sent_units_leave_stock_once_per_parcel() {
    let mut shop = Shop::open();
    shop.receive("W1", "MUG", 3);
    shop.reserve(wants("A", &[("MUG", 2)])).unwrap();
    for _ in 0..2 {
        shop.memory
            .run(|streams| {
                consume(
                    streams,
                    &"A".into(),
                    "P1".into(),
                    "W1".into(),
                    vec![part("1", 2)],
                )
            })
            .unwrap();
    }
    let stock = shop.stock("MUG", "W1");
    assert_eq!(
        (stock.on_hand(StockCondition::Sellable), stock.reserved()),
        (1, 0)
    );
    let refused = shop.memory.run(|streams| {
        consume(
            streams,
            &"A".into(),
            "P2".into(),
            "W1".into(),
            vec![part("1", 1)],
        )
    });
    let too_many = ReservationError::ConsumesTooMany {
        line_id: "1".into(),
        site_id: "W1".into(),
        wanted: 1,
        reserved: 0,
    };
    assert_eq!(refused.unwrap_err(), too_many.into());
    shop.check();
}

#[test]
fn an_expired_reservation_gives_everything_back_and_stops_waiting() {
    let mut shop = Shop::open();
    shop.receive("W1", "MUG", 1);
    let unpaid = ReservationRequested {
        expires_at: Some(Timestamp(100).into()),
        ..waits_for("A", &[("MUG", 2)])
    };
    shop.reserve(unpaid).unwrap();
    shop.memory
        .run(|streams| expire(streams, &"A".into(), Timestamp(99)))
        .unwrap();
    assert_eq!(shop.held("A"), 1);
    shop.memory
        .run(|streams| expire(streams, &"A".into(), Timestamp(100)))
        .unwrap();
    assert_eq!(
        (shop.held("A"), shop.stock("MUG", "W1").available()),
        (0, 1)
    );
    shop.receive("W1", "MUG", 1);
    shop.serve("MUG", 10);
    assert_eq!(shop.held("A"), 0, "it no longer waits");
    shop.memory
        .run(|streams| expire(streams, &"A".into(), Timestamp(101)))
        .unwrap();
    shop.check();
}
