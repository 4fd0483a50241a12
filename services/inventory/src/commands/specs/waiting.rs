use super::*;
use crate::{backorder::Backorder, reservation::Part};

#[test]
fn those_who_wait_are_served_first_come_first_served() {
    let mut shop = Shop::open();
    for id in ["A", "B", "C"] {
        assert!(shop.reserve(waits_for(id, &[("MUG", 2)])).unwrap().waiting);
    }
    shop.receive("W1", "MUG", 3);
    shop.serve("MUG", 10);
    assert_eq!((shop.held("A"), shop.held("B"), shop.held("C")), (2, 1, 0));
    shop.receive("W1", "MUG", 3);
    shop.serve("MUG", 10);
    assert_eq!((shop.held("A"), shop.held("B"), shop.held("C")), (2, 2, 2));
    shop.check();
}

#[test]
fn nobody_overtakes_the_queue_between_a_delivery_and_its_distribution() {
    let mut shop = Shop::open();
    shop.reserve(waits_for("A", &[("MUG", 2)])).unwrap();
    shop.receive("W1", "MUG", 3);
    let newcomer = shop.reserve(wants("N", &[("MUG", 2)])).unwrap();
    assert_eq!(
        newcomer
            .allocations
            .iter()
            .map(|one| one.quantity)
            .sum::<i64>(),
        1,
        "what the queue leaves over"
    );
    let waiting_newcomer = shop.reserve(waits_for("M", &[("MUG", 1)])).unwrap();
    assert!(waiting_newcomer.waiting);
    shop.serve("MUG", 10);
    assert_eq!((shop.held("A"), shop.held("M")), (2, 0));
    shop.receive("W1", "MUG", 1);
    shop.serve("MUG", 10);
    assert_eq!(shop.held("M"), 1);
    shop.check();
}

#[test]
fn an_order_that_cannot_be_served_is_passed_over_and_keeps_its_place() {
    let mut shop = Shop::open();
    shop.reserve(waits_for_all("A", &[("MUG", 1), ("POT", 1)]))
        .unwrap();
    shop.reserve(waits_for("B", &[("MUG", 1)])).unwrap();
    shop.receive("W1", "MUG", 1);
    shop.serve("MUG", 10);
    assert_eq!(
        (shop.held("A"), shop.held("B")),
        (0, 1),
        "A lacks a pot; B is not kept waiting by it"
    );
    shop.receive("W1", "POT", 1);
    shop.receive("W1", "MUG", 1);
    shop.serve("MUG", 10);
    assert_eq!(shop.held("A"), 2);
    shop.serve("POT", 10);
    shop.check();
}

#[test]
fn a_newcomer_does_not_keep_a_large_order_from_the_delivery_that_completes_it() {
    let mut shop = Shop::open();
    shop.reserve(waits_for_all("BIG", &[("MUG", 10)])).unwrap();
    shop.receive("W1", "MUG", 10);
    for buyer in 0..20 {
        let outcome = shop
            .reserve(wants(&format!("n{buyer}"), &[("MUG", 1)]))
            .unwrap();
        assert_eq!(outcome.allocations, []);
    }
    shop.serve("MUG", 1);
    assert_eq!(shop.held("BIG"), 10);
    shop.check();
}

#[test]
fn two_goods_that_arrive_together_complete_an_order_whichever_queue_is_served_first() {
    for first in ["MUG", "POT"] {
        let second = if first == "MUG" { "POT" } else { "MUG" };
        let mut shop = Shop::open();
        // Somebody before it in either queue can never be served, and must not be in the way.
        shop.reserve(waits_for_all("V", &[("MUG", 1), ("CUP", 1)]))
            .unwrap();
        shop.reserve(waits_for_all("U", &[("POT", 1), ("CUP", 1)]))
            .unwrap();
        shop.reserve(waits_for_all("A", &[("MUG", 1), ("POT", 1)]))
            .unwrap();
        shop.receive("W1", "MUG", 1);
        shop.receive("W1", "POT", 1);
        // One waiter at a time, in turn, as two reactions would.
        for _ in 0..4 {
            for sku in [first, second] {
                shop.memory
                    .run(|streams| serve_backorder(streams, &sku.into(), 1))
                    .unwrap();
            }
        }
        assert_eq!(shop.held("A"), 2, "served first: {first}");
        assert!(
            !shop.memory.get::<Backorder>("MUG").is_due()
                && !shop.memory.get::<Backorder>("POT").is_due()
        );
        shop.check();
    }
}

#[test]
fn a_long_queue_is_served_piece_by_piece_and_ends() {
    let mut shop = Shop::open();
    for buyer in 0..250 {
        shop.reserve(waits_for_all(
            &format!("o{buyer}"),
            &[("MUG", 1), ("POT", 1)],
        ))
        .unwrap();
    }
    shop.receive("W1", "MUG", 10);
    assert_eq!(
        shop.serve("MUG", 100),
        3,
        "all 250 are looked at and passed over"
    );
    shop.receive("W1", "POT", 3);
    assert_eq!(shop.serve("POT", 100), 1, "it ends with the last pot");
    assert_eq!(
        (shop.held("o0"), shop.held("o2"), shop.held("o3")),
        (2, 2, 0)
    );
    shop.check();
}

#[test]
fn serving_a_queue_that_is_not_due_changes_nothing() {
    let mut shop = Shop::open();
    shop.reserve(waits_for("A", &[("MUG", 1)])).unwrap();
    let events = shop.memory.events.len();
    shop.serve("MUG", 10);
    shop.serve("POT", 10);
    assert_eq!(shop.memory.events.len(), events);
}

#[test]
fn released_units_go_to_those_who_wait() {
    let mut shop = Shop::open();
    shop.receive("W1", "MUG", 1);
    shop.reserve(wants("A", &[("MUG", 1)])).unwrap();
    shop.reserve(waits_for("B", &[("MUG", 1)])).unwrap();
    shop.release_all("A");
    shop.serve("MUG", 10);
    assert_eq!(shop.held("B"), 1);
    shop.check();
}

#[test]
fn who_stops_waiting_gets_nothing_any_more() {
    let mut shop = Shop::open();
    shop.reserve(waits_for("A", &[("MUG", 2)])).unwrap();
    shop.reserve(waits_for("B", &[("MUG", 2)])).unwrap();
    shop.reserve(waits_for("C", &[("MUG", 2)])).unwrap();
    shop.release_all("A");
    let one_less = vec![Part {
        line_id: "1".into(),
        quantity: 1,
    }];
    shop.memory
        .run(|streams| release(streams, &"B".into(), one_less, None, "CUSTOMER".into()))
        .unwrap();
    let no_more = ReservationRequested {
        attempt: 2,
        ..wants("C", &[])
    };
    assert!(!shop.reserve(no_more).unwrap().waiting);
    shop.receive("W1", "MUG", 9);
    shop.serve("MUG", 10);
    assert_eq!((shop.held("A"), shop.held("B"), shop.held("C")), (0, 1, 0));
    shop.check();
}

#[test]
fn who_waits_for_a_site_gets_units_there_only() {
    let mut shop = Shop::open();
    let at_w2 = ReservationRequested {
        site_id: "W2".into(),
        ..waits_for("A", &[("MUG", 1)])
    };
    shop.reserve(at_w2).unwrap();
    shop.receive("W1", "MUG", 1);
    shop.serve("MUG", 10);
    assert_eq!(shop.held("A"), 0);
    shop.receive("W2", "MUG", 1);
    shop.serve("MUG", 10);
    assert_eq!(shop.held("A"), 1);
    shop.check();
}

#[test]
fn safety_stock_that_is_given_up_goes_to_those_who_wait() {
    let mut shop = Shop::open();
    shop.receive("W1", "MUG", 1);
    let place = || Place::new(&Sku::from("MUG"), &SiteId::from("W1"));
    shop.memory
        .run(|streams| set_levels(streams, place(), 1, 0))
        .unwrap();
    shop.reserve(waits_for("A", &[("MUG", 1)])).unwrap();
    shop.memory
        .run(|streams| set_levels(streams, place(), 0, 0))
        .unwrap();
    shop.serve("MUG", 10);
    assert_eq!(shop.held("A"), 1);
    shop.check();
}
