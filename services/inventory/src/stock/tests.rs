#![allow(clippy::unwrap_used, clippy::expect_used)]

mod levels;

use ordo_decider::given;
use ordo_proto::inventory::{LowStockReached, LowStockRecovered};

use super::*;

const SELLABLE: StockCondition = StockCondition::Sellable;

fn place() -> Place {
    Place::new(&"MUG-RED".into(), &"W1".into())
}

fn sku() -> String {
    "MUG-RED".into()
}

fn site_id() -> String {
    "W1".into()
}

fn order(id: &str) -> ReservationId {
    id.into()
}

fn on(change: StockChange) -> StockCommand {
    StockCommand {
        place: place(),
        change,
    }
}

fn received(quantity: i64) -> StockEvent {
    in_condition(quantity, SELLABLE)
}

fn in_condition(quantity: i64, condition: StockCondition) -> StockEvent {
    StockReceived {
        sku: sku(),
        site_id: site_id(),
        quantity,
        condition: condition.into(),
        ..StockReceived::default()
    }
    .into()
}

fn reserved(id: &str, quantity: i64) -> StockEvent {
    StockReserved {
        sku: sku(),
        site_id: site_id(),
        reservation_id: id.into(),
        quantity,
    }
    .into()
}

fn released(id: &str, quantity: i64, cause: &str) -> StockEvent {
    StockReservationReleased {
        sku: sku(),
        site_id: site_id(),
        reservation_id: id.into(),
        quantity,
        cause: cause.into(),
    }
    .into()
}

fn issued(id: &str, quantity: i64) -> StockEvent {
    StockIssued {
        sku: sku(),
        site_id: site_id(),
        reservation_id: id.into(),
        quantity,
        parcel_id: "P1".into(),
    }
    .into()
}

fn adjusted(delta: i64, condition: StockCondition, reason: &str) -> StockEvent {
    StockAdjusted {
        sku: sku(),
        site_id: site_id(),
        delta,
        condition: condition.into(),
        reason: reason.into(),
        cause_id: "C1".into(),
    }
    .into()
}

fn levels(safety: i64, low_stock_level: i64) -> StockEvent {
    StockLevelsSet {
        sku: sku(),
        site_id: site_id(),
        safety,
        low_stock_level,
    }
    .into()
}

fn low(available: i64, level: i64) -> StockEvent {
    LowStockReached {
        sku: sku(),
        site_id: site_id(),
        available,
        level,
    }
    .into()
}

fn recovered(available: i64) -> StockEvent {
    LowStockRecovered {
        sku: sku(),
        site_id: site_id(),
        available,
    }
    .into()
}

fn receive(quantity: i64, condition: StockCondition) -> StockCommand {
    on(StockChange::Receive {
        quantity,
        condition,
        lot: String::new(),
        cause_id: String::new(),
        unit_cost: None,
    })
}

fn reserve(id: &str, quantity: i64) -> StockCommand {
    on(StockChange::Reserve {
        reservation_id: order(id),
        quantity,
    })
}

fn release(id: &str, quantity: i64) -> StockCommand {
    on(StockChange::Release {
        reservation_id: order(id),
        quantity,
        cause: "CUSTOMER".into(),
    })
}

fn issue(id: &str, quantity: i64) -> StockCommand {
    on(StockChange::Issue {
        reservation_id: order(id),
        quantity,
        parcel_id: "P1".into(),
    })
}

fn adjust(delta: i64, condition: StockCondition, reason: &str) -> StockCommand {
    short_pick(delta, condition, reason, None)
}

fn short_pick(
    delta: i64,
    condition: StockCondition,
    reason: &str,
    release: Option<(ReservationId, i64)>,
) -> StockCommand {
    on(StockChange::Adjust {
        delta,
        condition,
        reason: reason.into(),
        cause_id: "C1".into(),
        release,
    })
}

#[test]
fn received_units_are_on_hand_in_their_condition() {
    let state = given::<Stock>([])
        .when(receive(5, SELLABLE))
        .then([received(5)])
        .state;
    assert_eq!((state.on_hand(SELLABLE), state.available()), (5, 5));
    let state = given::<Stock>([])
        .when(receive(5, StockCondition::Quarantine))
        .then([in_condition(5, StockCondition::Quarantine)])
        .state;
    assert_eq!(
        (state.on_hand(StockCondition::Quarantine), state.available()),
        (5, 0)
    );
}

#[test]
fn units_come_in_at_least_one_at_a_time() {
    for quantity in [0, -1, MAX_UNITS + 1, i64::MIN] {
        given::<Stock>([])
            .when(receive(quantity, SELLABLE))
            .then_error(StockError::Quantity);
    }
}

#[test]
fn units_always_come_in_some_condition() {
    given::<Stock>([])
        .when(receive(1, StockCondition::Unspecified))
        .then_error(StockError::ConditionMissing);
    given::<Stock>([received(1)])
        .when(adjust(-1, StockCondition::Unspecified, "LOSS"))
        .then_error(StockError::ConditionMissing);
}

#[test]
fn a_place_has_an_end() {
    given::<Stock>([received(MAX_UNITS)])
        .when(receive(1, SELLABLE))
        .then_error(StockError::TooMany { place: place() });
}

#[test]
fn reserved_units_are_no_longer_available() {
    let state = given::<Stock>([received(5)])
        .when(reserve("A", 3))
        .then([reserved("A", 3)])
        .state;
    assert_eq!(
        (state.on_hand(SELLABLE), state.reserved(), state.available()),
        (5, 3, 2)
    );
    assert_eq!(state.reserved_for(&order("A")), 3);
}

#[test]
fn more_than_is_available_is_never_reserved() {
    let refused = |wanted, available| StockError::NotAvailable {
        place: place(),
        wanted,
        available,
    };
    given::<Stock>([received(5), reserved("A", 3)])
        .when(reserve("B", 3))
        .then_error(refused(3, 2));
    given::<Stock>([received(5), levels(4, 0)])
        .when(reserve("B", 2))
        .then_error(refused(2, 1));
    given::<Stock>([in_condition(5, StockCondition::Damaged)])
        .when(reserve("B", 1))
        .then_error(refused(1, 0));
    given::<Stock>([received(5)])
        .when(reserve("B", 0))
        .then_error(StockError::Quantity);
}

#[test]
fn safety_stock_raised_above_what_is_there_leaves_nothing_available() {
    let state = given::<Stock>([received(5), reserved("A", 4)])
        .when(on(StockChange::SetLevels {
            safety: 10,
            low_stock_level: 0,
        }))
        .then([levels(10, 0)])
        .state;
    assert_eq!(state.available(), 0);
}

#[test]
fn released_units_are_available_again() {
    let state = given::<Stock>([received(5), reserved("A", 3)])
        .when(release("A", 2))
        .then([released("A", 2, "CUSTOMER")])
        .state;
    assert_eq!(
        (
            state.reserved(),
            state.available(),
            state.reserved_for(&order("A"))
        ),
        (1, 4, 1)
    );
}

#[test]
fn an_order_gives_back_and_sends_no_more_than_it_holds() {
    let refused = |id: &str, wanted, reserved| StockError::NotReserved {
        place: place(),
        reservation_id: order(id),
        wanted,
        reserved,
    };
    let history = || [received(5), reserved("A", 3)];
    given::<Stock>(history())
        .when(release("A", 4))
        .then_error(refused("A", 4, 3));
    given::<Stock>(history())
        .when(release("B", 1))
        .then_error(refused("B", 1, 0));
    given::<Stock>(history())
        .when(issue("A", 4))
        .then_error(refused("A", 4, 3));
    given::<Stock>(history())
        .when(issue("A", 0))
        .then_error(StockError::Quantity);
}

#[test]
fn sent_units_are_gone() {
    let state = given::<Stock>([received(5), reserved("A", 3)])
        .when(issue("A", 2))
        .then([issued("A", 2)])
        .state;
    assert_eq!(
        (state.on_hand(SELLABLE), state.reserved(), state.available()),
        (3, 1, 2)
    );
}

#[test]
fn an_adjustment_needs_a_reason() {
    given::<Stock>([received(5)])
        .when(adjust(-1, SELLABLE, ""))
        .then_error(StockError::ReasonMissing);
}

#[test]
fn an_adjustment_of_nothing_is_refused() {
    given::<Stock>([received(5)])
        .when(adjust(0, SELLABLE, "COUNT"))
        .then_error(StockError::Quantity);
    given::<Stock>([received(5)])
        .when(adjust(i64::MIN, SELLABLE, "COUNT"))
        .then_error(StockError::Quantity);
}

#[test]
fn an_adjustment_takes_no_reserved_units_and_says_how_many_it_may_take() {
    let refused = StockError::TakesTooMany {
        place: place(),
        wanted: 3,
        may_take: 2,
        on_hand: 5,
        reserved: 3,
    };
    given::<Stock>([received(5), reserved("A", 3)])
        .when(adjust(-3, SELLABLE, "LOSS"))
        .then_error(refused);
    given::<Stock>([received(5), reserved("A", 3)])
        .when(adjust(-2, SELLABLE, "LOSS"))
        .then([adjusted(-2, SELLABLE, "LOSS")]);
}

#[test]
fn units_of_no_condition_become_fewer_than_none() {
    let refused = StockError::TakesTooMany {
        place: place(),
        wanted: 2,
        may_take: 1,
        on_hand: 1,
        reserved: 0,
    };
    given::<Stock>([received(5), in_condition(1, StockCondition::Damaged)])
        .when(adjust(-2, StockCondition::Damaged, "WRITE_OFF"))
        .then_error(refused);
}

#[test]
fn an_adjustment_may_take_safety_stock_since_that_is_only_kept_from_orders() {
    given::<Stock>([received(5), levels(5, 0)])
        .when(adjust(-5, SELLABLE, "LOSS"))
        .then([adjusted(-5, SELLABLE, "LOSS")]);
}

#[test]
fn a_short_pick_takes_the_orders_reserved_units_in_the_same_step() {
    let state = given::<Stock>([received(3), reserved("A", 3)])
        .when(short_pick(
            -2,
            SELLABLE,
            "NOT_IN_STOCK",
            Some((order("A"), 2)),
        ))
        .then([
            released("A", 2, "NOT_IN_STOCK"),
            adjusted(-2, SELLABLE, "NOT_IN_STOCK"),
        ])
        .state;
    assert_eq!(
        (state.on_hand(SELLABLE), state.reserved(), state.available()),
        (1, 1, 0)
    );
}

#[test]
fn a_short_pick_takes_only_units_of_its_own_order() {
    let refused = StockError::TakesTooMany {
        place: place(),
        wanted: 3,
        may_take: 2,
        on_hand: 4,
        reserved: 2,
    };
    given::<Stock>([received(4), reserved("A", 2), reserved("B", 2)])
        .when(short_pick(
            -3,
            SELLABLE,
            "NOT_IN_STOCK",
            Some((order("A"), 2)),
        ))
        .then_error(refused);
    let refused = StockError::NotReserved {
        place: place(),
        reservation_id: order("A"),
        wanted: 1,
        reserved: 0,
    };
    given::<Stock>([received(4)])
        .when(short_pick(
            -1,
            SELLABLE,
            "NOT_IN_STOCK",
            Some((order("A"), 1)),
        ))
        .then_error(refused);
}

#[test]
fn reserved_units_are_given_up_only_with_a_loss() {
    let give_up = |delta, condition| short_pick(delta, condition, "COUNT", Some((order("A"), 2)));
    for command in [
        give_up(2, SELLABLE),
        give_up(-1, SELLABLE),
        give_up(-2, StockCondition::Damaged),
    ] {
        given::<Stock>([
            received(4),
            reserved("A", 2),
            in_condition(3, StockCondition::Damaged),
        ])
        .when(command)
        .then_error(StockError::ReleaseWithoutLoss);
    }
}

#[test]
fn returned_units_are_there_again() {
    let returned: StockEvent = StockReturned {
        sku: sku(),
        site_id: site_id(),
        quantity: 2,
        condition: SELLABLE.into(),
        case_id: "A-C1".into(),
    }
    .into();
    let state = given::<Stock>([])
        .when(on(StockChange::Return {
            quantity: 2,
            condition: SELLABLE,
            case_id: "A-C1".into(),
        }))
        .then([returned])
        .state;
    assert_eq!(state.available(), 2);
}

#[test]
fn a_snapshot_holds_the_whole_state() {
    let history = [
        received(9),
        in_condition(2, StockCondition::Quarantine),
        in_condition(1, StockCondition::Damaged),
        levels(1, 5),
        reserved("A", 3),
        reserved("B", 1),
        low(4, 5),
    ];
    let state = Stock::fold(&history);
    let bytes = Stock::snapshot(&state).unwrap();
    assert_eq!(Stock::restore(&bytes).unwrap(), state);
    assert!(Stock::restore(&[0xff]).is_err());
}

#[test]
fn every_event_is_read_back_as_it_was_written() {
    let events = [
        received(1),
        reserved("A", 1),
        released("A", 1, "X"),
        issued("A", 1),
        adjusted(-1, SELLABLE, "LOSS"),
        levels(1, 2),
        low(1, 2),
        recovered(3),
    ];
    for event in events {
        let encoded = Stock::encode(&event);
        assert_eq!(
            Stock::decode(encoded.type_name, &encoded.payload).unwrap(),
            event
        );
    }
    assert!(Stock::decode("ordo.intake.v1.OrderPlaced", &[]).is_err());
}
