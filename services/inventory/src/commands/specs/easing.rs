//! A reservation that waits and becomes easier to serve is served at once, with what lay there all the time: no movement will
//! come to say that its turn is now.

use super::*;
use crate::reservation::Part;

fn part(line_id: &str, quantity: i64) -> Vec<Part> {
    vec![Part {
        line_id: line_id.into(),
        quantity,
    }]
}

/// A wants a pot that W1 has and a mug that nobody has, and nothing without the other.
fn a_waits_for_a_mug() -> Shop {
    let mut shop = Shop::open();
    shop.receive("W1", "POT", 1);
    let outcome = shop.reserve(waits_for_all("A", &[("MUG", 1), ("POT", 1)]));
    assert!(outcome.unwrap().waiting);
    shop
}

/// A may come from one site only, has a mug at W1, and waits for a pot that W2 has.
fn a_is_bound_to_w1() -> Shop {
    let mut shop = Shop::open();
    shop.receive("W1", "MUG", 1);
    shop.receive("W1", "POT", 1);
    shop.reserve(wants("Z", &[("POT", 1)])).unwrap();
    shop.receive("W2", "POT", 1);
    let one_parcel = ReservationRequested {
        split_allowed: false,
        ..waits_for("A", &[("MUG", 1), ("POT", 1)])
    };
    assert!(shop.reserve(one_parcel).unwrap().waiting);
    assert_eq!(shop.held("A"), 1);
    shop
}

impl Shop {
    fn release(&mut self, id: &str, lines: Vec<Part>, site_id: Option<&str>) -> Vec<Allocation> {
        let site_id = site_id.map(SiteId::from);
        let release = |streams: &mut _| release(streams, &id.into(), lines, site_id, "X".into());
        self.memory.run(release).unwrap()
    }

    fn serves(&mut self, id: &str, site_id: &str, sku: &str) -> bool {
        let allocated =
            |open: &Allocation| open.site_id.as_str() == site_id && open.sku.as_str() == sku;
        self.reservation(id).open().iter().any(allocated)
    }
}

#[test]
fn who_no_longer_waits_for_what_is_missing_gets_the_rest_at_once() {
    let mut shop = a_waits_for_a_mug();
    let given_back = shop.release("A", part("1", 1), None);
    assert_eq!(given_back, [], "nothing was reserved");
    assert!(shop.serves("A", "W1", "POT"));
    assert!(shop.reservation("A").wanted().is_empty());
    shop.check();
}

#[test]
fn who_waits_for_fewer_gets_those_that_are_there() {
    let mut shop = Shop::open();
    shop.receive("W1", "MUG", 2);
    shop.reserve(waits_for_all("A", &[("MUG", 3)])).unwrap();
    shop.release("A", part("1", 1), None);
    assert_eq!(shop.held("A"), 2);
    shop.check();
}

#[test]
fn who_is_easier_to_serve_does_not_overtake_those_who_are_about_to_be_served() {
    let mut shop = Shop::open();
    shop.reserve(waits_for("FIRST", &[("POT", 1)])).unwrap();
    let outcome = shop.reserve(waits_for_all("A", &[("MUG", 1), ("POT", 1)]));
    assert!(outcome.unwrap().waiting);
    shop.receive("W1", "POT", 1);
    shop.release("A", part("1", 1), None);
    assert_eq!(shop.held("A"), 0);
    shop.serve("POT", 10);
    assert_eq!((shop.held("FIRST"), shop.held("A")), (1, 0));
    shop.receive("W1", "POT", 1);
    shop.serve("POT", 10);
    assert_eq!(shop.held("A"), 1);
    shop.check();
}

#[test]
fn an_order_stays_with_its_site_even_where_that_site_never_had_what_it_waits_for() {
    let mut shop = Shop::open();
    shop.receive("W1", "MUG", 1);
    let one_parcel = ReservationRequested {
        split_allowed: false,
        ..waits_for("A", &[("MUG", 1), ("POT", 1)])
    };
    shop.reserve(one_parcel).unwrap();
    shop.receive("W2", "POT", 1);
    shop.serve("POT", 10);
    assert_eq!(shop.held("A"), 1);
    shop.receive("W1", "POT", 1);
    shop.serve("POT", 10);
    assert!(shop.serves("A", "W1", "POT"));
    shop.check();
}

#[test]
fn an_order_whose_units_at_its_site_are_given_back_may_be_served_by_another() {
    let mut shop = a_is_bound_to_w1();
    let given_back = shop.release("A", part("1", 1), Some("W1"));
    assert_eq!(given_back.len(), 1);
    assert!(shop.serves("A", "W2", "POT"));
    shop.check();
}

#[test]
fn an_order_whose_units_at_its_site_were_sent_may_be_served_by_another() {
    let mut shop = a_is_bound_to_w1();
    let sent =
        |streams: &mut _| consume(streams, &"A".into(), "P1".into(), "W1".into(), part("1", 1));
    shop.memory.run(sent).unwrap();
    assert!(shop.serves("A", "W2", "POT"));
    shop.check();
}

#[test]
fn an_order_whose_units_at_its_site_are_lost_may_be_served_by_another() {
    let mut shop = a_is_bound_to_w1();
    let lost = Adjustment {
        place: Place::new(&"MUG".into(), &"W1".into()),
        delta: -1,
        condition: StockCondition::Sellable,
        reason: "SHORT_PICK".into(),
        cause_id: String::new(),
        release: Some(("A".into(), "1".into(), 1)),
        all_unpromised: false,
    };
    shop.memory.run(|streams| adjust(streams, lost)).unwrap();
    assert!(shop.serves("A", "W2", "POT"));
    shop.check();
}

#[test]
fn a_later_attempt_that_wants_less_is_served_at_once() {
    let mut shop = a_waits_for_a_mug();
    let pot_only = ReservationRequested {
        attempt: 2,
        ..waits_for_all("A", &[("POT", 1)])
    };
    assert!(!shop.reserve(pot_only).unwrap().waiting);
    assert_eq!(shop.held("A"), 1);
    shop.check();
}

#[test]
fn an_order_that_expires_is_not_served_again() {
    let mut shop = a_waits_for_a_mug();
    let until = ReservationRequested {
        attempt: 2,
        expires_at: Some(ordo_event_log::Timestamp(1).into()),
        ..waits_for_all("A", &[("MUG", 1), ("POT", 1)])
    };
    shop.reserve(until).unwrap();
    let late = ordo_event_log::Timestamp(2);
    shop.memory
        .run(|streams| expire(streams, &"A".into(), late))
        .unwrap();
    assert_eq!(shop.held("A"), 0);
    assert!(shop.reservation("A").wanted().is_empty());
    shop.check();
}
