use super::*;
use crate::{reservation::ReservationError, stock::StockError};

fn mug_at(site_id: &str) -> Place {
    Place::new(&Sku::from("MUG"), &SiteId::from(site_id))
}

fn line(sku: &str, quantity: i64) -> ReceiptLine {
    ReceiptLine {
        sku: sku.into(),
        quantity,
        condition: StockCondition::Sellable,
        lot: "L1".into(),
        unit_cost: None,
    }
}

fn delivery(site_id: &str, lines: Vec<ReceiptLine>) -> Receipt {
    Receipt {
        site_id: site_id.into(),
        lines,
        cause_id: "PO-1".into(),
    }
}

fn correction(delta: i64, release: Option<(ReservationId, i64)>) -> Adjustment {
    Adjustment {
        place: mug_at("W1"),
        delta,
        condition: StockCondition::Sellable,
        reason: "NOT_IN_STOCK".into(),
        cause_id: "A-F1".into(),
        release: release.map(|(id, quantity)| (id, "1".into(), quantity)),
        all_unpromised: false,
    }
}

#[test]
fn a_delivery_comes_in_with_all_its_lines_or_none() {
    let mut shop = Shop::open();
    let bad = delivery("W1", vec![line("MUG", 5), line("POT", 0)]);
    let refused = shop
        .memory
        .run(|streams| receive(streams, bad))
        .unwrap_err();
    assert_eq!(refused, StockError::Quantity.into());
    assert_eq!(shop.stock("MUG", "W1").available(), 0);
    let good = delivery("W1", vec![line("MUG", 5), line("POT", 2), line("MUG", 1)]);
    shop.memory.run(|streams| receive(streams, good)).unwrap();
    assert_eq!(
        (
            shop.stock("MUG", "W1").available(),
            shop.stock("POT", "W1").available()
        ),
        (6, 2)
    );
    shop.check();
}

#[test]
fn a_delivery_of_unknown_skus_names_all_of_them() {
    let mut shop = Shop::open();
    let unknown = delivery("W1", vec![line("X", 1), line("MUG", 1), line("Y", 1)]);
    let refused = shop
        .memory
        .run(|streams| receive(streams, unknown))
        .unwrap_err();
    let skus = vec!["X".into(), "Y".into()];
    assert_eq!(refused, InventoryError::UnknownSkus { skus });
}

#[test]
fn nothing_arrives_at_a_site_that_nobody_knows() {
    let mut shop = Shop::open();
    let nowhere = || InventoryError::UnknownSite {
        site_id: "W9".into(),
    };
    let delivered = shop
        .memory
        .run(|streams| receive(streams, delivery("W9", vec![line("MUG", 1)])));
    assert_eq!(delivered.unwrap_err(), nowhere());
    let adjustment = Adjustment {
        place: mug_at("W9"),
        ..correction(1, None)
    };
    let adjusted = shop.memory.run(|streams| adjust(streams, adjustment));
    assert_eq!(adjusted.unwrap_err(), nowhere());
    let levels = shop
        .memory
        .run(|streams| set_levels(streams, mug_at("W9"), 1, 1));
    assert_eq!(levels.unwrap_err(), nowhere());
}

#[test]
fn returned_goods_are_sold_again_only_when_they_are_sellable() {
    let mut shop = Shop::open();
    shop.reserve(waits_for("A", &[("MUG", 1)])).unwrap();
    let back = Restocking {
        site_id: "W1".into(),
        lines: vec![
            ("MUG".into(), 1, StockCondition::Quarantine),
            ("MUG".into(), 2, StockCondition::Damaged),
        ],
        case_id: "Z-C1".into(),
    };
    shop.memory.run(|streams| restock(streams, back)).unwrap();
    shop.serve("MUG", 10);
    assert_eq!(shop.held("A"), 0);
    let good = Restocking {
        site_id: "W1".into(),
        lines: vec![("MUG".into(), 1, StockCondition::Sellable)],
        case_id: "Z-C1".into(),
    };
    shop.memory.run(|streams| restock(streams, good)).unwrap();
    shop.serve("MUG", 10);
    assert_eq!(shop.held("A"), 1);
    shop.check();
}

#[test]
fn found_units_go_to_those_who_wait_and_the_answer_says_what_is_there() {
    let mut shop = Shop::open();
    shop.reserve(waits_for("A", &[("MUG", 1)])).unwrap();
    let on_hand = shop
        .memory
        .run(|streams| adjust(streams, correction(2, None)))
        .unwrap();
    assert_eq!(on_hand, 2);
    shop.serve("MUG", 10);
    assert_eq!(shop.held("A"), 1);
    shop.check();
}

#[test]
fn a_refused_adjustment_says_how_many_units_may_be_taken() {
    let mut shop = Shop::open();
    shop.receive("W1", "MUG", 3);
    shop.reserve(wants("A", &[("MUG", 2)])).unwrap();
    let refused = shop
        .memory
        .run(|streams| adjust(streams, correction(-2, None)))
        .unwrap_err();
    let too_many = StockError::TakesTooMany {
        place: mug_at("W1"),
        wanted: 2,
        may_take: 1,
        on_hand: 3,
        reserved: 2,
    };
    assert_eq!(refused, too_many.into());
}

#[test]
fn a_short_pick_takes_the_units_off_the_reservation_and_out_of_stock_in_one_step() {
    let mut shop = Shop::open();
    shop.receive("W1", "MUG", 3);
    shop.reserve(wants("A", &[("MUG", 2)])).unwrap();
    shop.reserve(waits_for("B", &[("MUG", 2)])).unwrap();
    let events = shop.memory.events.len();
    let on_hand = shop
        .memory
        .run(|streams| adjust(streams, correction(-2, Some(("A".into(), 2)))))
        .unwrap();
    assert_eq!((on_hand, shop.held("A"), shop.held("B")), (1, 0, 1));
    let told = [
        "ReservationUnitsLost",
        "StockReservationReleased",
        "StockAdjusted",
    ];
    assert_eq!(
        shop.memory.types_after(events),
        told,
        "the missing units are offered to nobody"
    );
    let next = ReservationRequested {
        attempt: 2,
        ..wants("A", &[("MUG", 2)])
    };
    assert_eq!(shop.reserve(next).unwrap().allocations, []);
    shop.check();
}

#[test]
fn a_short_pick_of_units_that_are_no_longer_reserved_releases_nothing() {
    let mut shop = Shop::open();
    shop.receive("W1", "MUG", 3);
    shop.reserve(wants("A", &[("MUG", 2)])).unwrap();
    shop.release_all("A");
    let on_hand = shop
        .memory
        .run(|streams| adjust(streams, correction(-2, Some(("A".into(), 2)))))
        .unwrap();
    assert_eq!(on_hand, 1);
    let never = correction(-1, Some(("NEVER".into(), 1)));
    assert_eq!(
        shop.memory.run(|streams| adjust(streams, never)).unwrap(),
        0
    );
    shop.check();
}

#[test]
fn an_empty_bin_loses_every_unit_that_is_promised_to_nobody() {
    let empty = |units: i64, release| Adjustment {
        all_unpromised: true,
        ..correction(-units, release)
    };
    let mut shop = Shop::open();
    shop.receive("W1", "MUG", 10);
    shop.reserve(wants("A", &[("MUG", 2)])).unwrap();
    shop.reserve(wants("B", &[("MUG", 4)])).unwrap();
    let on_hand = shop
        .memory
        .run(|streams| adjust(streams, empty(1, Some(("A".into(), 1)))))
        .unwrap();
    assert_eq!(
        (on_hand, shop.held("A"), shop.held("B")),
        (5, 1, 4),
        "what others were promised is left to their pickers"
    );
    assert_eq!(shop.stock("MUG", "W1").available(), 0);
    // The units are no longer reserved: they are among those that nobody was promised.
    shop.release_all("A");
    let on_hand = shop
        .memory
        .run(|streams| adjust(streams, empty(1, Some(("A".into(), 1)))))
        .unwrap();
    assert_eq!(on_hand, 4);
    shop.check();
}

#[test]
fn what_is_asked_for_after_the_loss_does_not_come_from_the_empty_bin() {
    let mut shop = Shop::open();
    shop.receive("W1", "MUG", 9);
    shop.receive("W2", "MUG", 9);
    shop.reserve(wants("A", &[("MUG", 2)])).unwrap();
    let lost = Adjustment {
        all_unpromised: true,
        ..correction(-2, Some(("A".into(), 2)))
    };
    shop.memory.run(|streams| adjust(streams, lost)).unwrap();
    let again = ReservationRequested {
        attempt: 2,
        ..wants("A", &[("MUG", 2)])
    };
    let outcome = shop.reserve(again).unwrap();
    let sites: Vec<_> = outcome
        .allocations
        .iter()
        .map(|one| one.site_id.as_str())
        .collect();
    assert_eq!(sites, ["W2"]);
    shop.check();
}

#[test]
fn lost_units_cannot_be_sent() {
    let mut shop = Shop::open();
    shop.receive("W1", "MUG", 2);
    shop.reserve(wants("A", &[("MUG", 2)])).unwrap();
    shop.memory
        .run(|streams| adjust(streams, correction(-1, Some(("A".into(), 1)))))
        .unwrap();
    let both = vec![crate::reservation::Part {
        line_id: "1".into(),
        quantity: 2,
    }];
    let sent = shop
        .memory
        .run(|streams| consume(streams, &"A".into(), "P1".into(), "W1".into(), both));
    let too_many = ReservationError::ConsumesTooMany {
        line_id: "1".into(),
        site_id: "W1".into(),
        wanted: 2,
        reserved: 1,
    };
    assert_eq!(sent.unwrap_err(), too_many.into());
}
