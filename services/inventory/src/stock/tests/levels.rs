//! Safety stock and low-stock alerts.

use super::*;

#[test]
fn falling_to_the_level_warns_once() {
    let history = || vec![received(5), levels(0, 2)];
    given::<Stock>(history())
        .when(reserve("A", 2))
        .then([reserved("A", 2)]);
    given::<Stock>(history())
        .when(reserve("A", 3))
        .then([reserved("A", 3), low(2, 2)]);
    given::<Stock>([history(), vec![reserved("A", 3), low(2, 2)]].concat())
        .when(reserve("B", 1))
        .then([reserved("B", 1)]);
}

#[test]
fn rising_above_the_level_recovers_once_and_the_next_fall_warns_again() {
    let fallen = || vec![received(5), levels(0, 2), reserved("A", 3), low(2, 2)];
    given::<Stock>(fallen())
        .when(receive(1, SELLABLE))
        .then([received(1), recovered(3)]);
    let risen = || [fallen(), vec![received(1), recovered(3)]].concat();
    given::<Stock>(risen())
        .when(receive(1, SELLABLE))
        .then([received(1)]);
    given::<Stock>(risen())
        .when(reserve("B", 1))
        .then([reserved("B", 1), low(2, 2)]);
}

#[test]
fn a_level_set_above_what_is_there_warns_at_once_and_none_never_warns() {
    let set = |low_stock_level| {
        on(StockChange::SetLevels {
            safety: 0,
            low_stock_level,
        })
    };
    given::<Stock>([received(5)])
        .when(set(5))
        .then([levels(0, 5), low(5, 5)]);
    given::<Stock>([received(5), levels(0, 5), low(5, 5)])
        .when(set(0))
        .then([levels(0, 0)]);
    given::<Stock>([received(5)])
        .when(reserve("A", 5))
        .then([reserved("A", 5)]);
}

#[test]
fn levels_are_not_negative_and_the_same_levels_change_nothing() {
    let set = |safety, low_stock_level| {
        on(StockChange::SetLevels {
            safety,
            low_stock_level,
        })
    };
    given::<Stock>([])
        .when(set(-1, 0))
        .then_error(StockError::Level);
    given::<Stock>([])
        .when(set(0, -1))
        .then_error(StockError::Level);
    given::<Stock>([levels(1, 2), low(0, 2)])
        .when(set(1, 2))
        .then_nothing();
}
