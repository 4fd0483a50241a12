use ordo_decider::given;
use ordo_proto::intake::{
    FulfilmentStatus, HoldReason, OrderStatus, ReservationReleaseRequested, ShortStockPolicy,
    Shortage,
};

use super::fixtures::*;
use crate::order::{status, *};

fn only_a() -> Intent {
    reserved(1, 2, vec![allocation("1", "A", "HZ", 2)])
}

fn b_is_short(waiting: bool) -> Intent {
    short(1, 3, waiting, vec![shortage("2", "B", 1)])
}

#[test]
fn reserved_stock_goes_to_the_warehouse_one_fulfilment_order_per_site() {
    let two_sites = reserved(
        1,
        2,
        vec![
            allocation("1", "A", "HZ", 1),
            allocation("1", "A", "BJ", 1),
            allocation("2", "B", "BJ", 1),
        ],
    );
    let released = given::<Order>(history(place(), []))
        .when(command(two_sites))
        .then_matching(|events| {
            let OrderEvent::FulfilmentRequested(second) = &events[2] else {
                return false;
            };
            names(events)
                == [
                    "StockReserved",
                    "FulfilmentRequested",
                    "FulfilmentRequested",
                ]
                && second.fulfilment_order_id == "o1-F2"
                && second.site_id == "BJ"
                && second.lines.len() == 2
                && second.collect_on_delivery.is_none()
        });
    assert_eq!(
        status::fulfilment(body(&released.state)),
        FulfilmentStatus::Released
    );
}

#[test]
fn an_outcome_told_again_changes_nothing() {
    given::<Order>(history(place(), [all_reserved()]))
        .when(command(all_reserved()))
        .then_nothing();
    let waiting = history(place(), [b_is_short(true)]);
    given::<Order>(waiting)
        .when(command(b_is_short(true)))
        .then_nothing();
}

#[test]
fn an_order_that_waits_for_stock_is_held_and_freed_by_it() {
    let short = given::<Order>(history(place(), []))
        .when(command(b_is_short(true)))
        .then_matching(|events| names(events) == ["StockShort", "OrderHeld"]);
    assert_eq!(holds(&short.state)[0].0, HoldReason::ShortStock);
    assert_eq!(body(&short.state).lines[1].backordered, 1);
    let events = history(place(), [b_is_short(true)]);
    let all = reserved(
        1,
        4,
        vec![allocation("1", "A", "HZ", 2), allocation("2", "B", "HZ", 1)],
    );
    given::<Order>(events)
        .when(command(all))
        .then_matching(|events| {
            names(events) == ["StockReserved", "HoldReleased", "FulfilmentRequested"]
        });
}

#[test]
fn what_is_there_ships_and_the_rest_is_backordered() {
    let events = history(with_policy(ShortStockPolicy::ShipAvailable), [only_a()]);
    assert_eq!(names(&events).last().unwrap(), "FulfilmentRequested");
    let rest = given::<Order>(events.clone())
        .when(command(b_is_short(true)))
        .then_matching(|events| names(events) == ["StockShort"]);
    assert_eq!(body(&rest.state).lines[1].backordered, 1);
    let later = reserved(1, 4, vec![allocation("2", "B", "BJ", 1)]);
    let events = history(
        with_policy(ShortStockPolicy::ShipAvailable),
        [only_a(), b_is_short(true)],
    );
    given::<Order>(events)
        .when(command(later))
        .then_matching(|events| names(events) == ["StockReserved", "FulfilmentRequested"]);
}

#[test]
fn when_nothing_can_ship_the_order_is_held_whatever_the_policy() {
    let nothing = short(
        1,
        2,
        true,
        vec![shortage("1", "A", 2), shortage("2", "B", 1)],
    );
    let events = history(with_policy(ShortStockPolicy::ShipAvailable), [nothing]);
    assert_eq!(holds(&state(&events))[0].0, HoldReason::ShortStock);
    given::<Order>(events)
        .when(command(reserved(1, 3, vec![allocation("1", "A", "HZ", 1)])))
        .then_matching(|events| {
            names(events) == ["StockReserved", "HoldReleased", "FulfilmentRequested"]
        });
}

#[test]
fn an_order_that_must_not_be_split_waits_as_a_whole() {
    let mut whole = with_policy(ShortStockPolicy::ShipAvailable);
    whole.wishes.split_allowed = false;
    let events = history(whole, []);
    let Some(OrderEvent::ReservationRequested(request)) = events.last() else {
        panic!("{events:?}")
    };
    assert!(request.all_or_nothing && request.wait_for_stock && !request.split_allowed);
}

#[test]
fn the_customer_is_asked_and_nothing_leaves_before_the_answer() {
    let events = history(
        with_policy(ShortStockPolicy::Ask),
        [only_a(), b_is_short(false)],
    );
    let asked = state(&events);
    assert_eq!(holds(&asked)[0].0, HoldReason::CustomerDecision);
    assert_eq!(body(&asked).released("1"), 0);
    // They want the rest later.
    let release = Intent::ReleaseHold(ReleaseHold {
        hold_id: "CUSTOMER_DECISION-1".into(),
        note: String::new(),
    });
    given::<Order>(events.clone())
        .when(command(release))
        .then_matching(|events| {
            let OrderEvent::ReservationRequested(request) = &events[1] else {
                return false;
            };
            names(events)
                == [
                    "HoldReleased",
                    "ReservationRequested",
                    "FulfilmentRequested",
                ]
                && request.wait_for_stock
                && request.attempt == 2
                && request.demand.len() == 1
        });
    // They do not want the rest.
    given::<Order>(events)
        .when(command(cancel(vec![units("2", 1)])))
        .then_matching(|events| {
            names(events)
                == [
                    "LinesCancelled",
                    "PaymentRefunded",
                    "HoldReleased",
                    "FulfilmentRequested",
                ]
        });
}

#[test]
fn lines_out_of_stock_are_cancelled_and_paid_back_where_the_policy_says_so() {
    let events = history(with_policy(ShortStockPolicy::Cancel), [only_a()]);
    let cancelled = given::<Order>(events)
        .when(command(b_is_short(false)))
        .then_matching(|events| {
            names(events)
                == [
                    "StockShort",
                    "LinesCancelled",
                    "PaymentRefunded",
                    "FulfilmentRequested",
                ]
        });
    let body = body(&cancelled.state);
    assert_eq!((body.due(), body.paid()), (2_300, 2_300));
    let nothing = short(
        1,
        2,
        false,
        vec![shortage("1", "A", 2), shortage("2", "B", 1)],
    );
    let events = history(with_policy(ShortStockPolicy::Cancel), [nothing]);
    assert_eq!(status::order(&state(&events)), OrderStatus::Cancelled);
    assert_eq!(super::fixtures::body(&state(&events)).paid(), 0);
}

#[test]
fn a_shortage_of_an_earlier_request_is_out_of_date() {
    let events = history(place(), [b_is_short(true), cancel(vec![units("2", 1)])]);
    given::<Order>(events)
        .when(command(short(1, 9, true, vec![shortage("1", "A", 1)])))
        .then_nothing();
}

#[test]
fn a_sku_that_inventory_does_not_know_is_held_for_mapping() {
    let unknown = short(
        1,
        2,
        false,
        vec![Shortage {
            unknown_sku: true,
            ..shortage("2", "B", 1)
        }],
    );
    let events = history(place(), [unknown]);
    assert_eq!(
        holds(&state(&events)),
        [(HoldReason::UnmappedSku, vec!["lines[1].sku".to_owned()])]
    );
    let mapped = Intent::CompleteInformation(Box::new(CompleteInformation {
        lines: vec![CompletedLine {
            line_id: "2".into(),
            sku: "B2".into(),
            ..CompletedLine::default()
        }],
        ..CompleteInformation::default()
    }));
    given::<Order>(events.clone())
        .when(command(mapped))
        .then_matching(|events| {
            let OrderEvent::ReservationRequested(request) = &events[2] else {
                return false;
            };
            names(events)
                == [
                    "InformationCompleted",
                    "HoldReleased",
                    "ReservationRequested",
                ]
                && request.attempt == 2
                && request.demand[1].sku == "B2"
        });
    // The catalogue has it by now: released by hand it is asked for again.
    let release = Intent::ReleaseHold(ReleaseHold {
        hold_id: "UNMAPPED_SKU-1".into(),
        note: String::new(),
    });
    given::<Order>(events)
        .when(command(release))
        .then_matching(|events| names(events) == ["HoldReleased", "ReservationRequested"]);
}

#[test]
fn units_reserved_for_what_was_cancelled_meanwhile_go_back() {
    let events = history(place(), [cancel(vec![units("1", 1)])]);
    assert_eq!(
        names(&events).last().unwrap(),
        "ReservationRequested",
        "asked for less"
    );
    let back = ReservationReleaseRequested {
        lines: vec![units("1", 1)],
        cause: "SURPLUS".into(),
        site_id: "HZ".into(),
    };
    given::<Order>(events)
        .when(command(all_reserved()))
        .then_matching(|events| {
            names(events)
                == [
                    "StockReserved",
                    "ReservationReleaseRequested",
                    "FulfilmentRequested",
                ]
                && events[1] == back.into()
        });
}

#[test]
fn what_expired_is_asked_for_again() {
    let held = Intent::Hold(Hold {
        detail: "look".into(),
    });
    let release = Intent::ReleaseHold(ReleaseHold {
        hold_id: "REVIEW-1".into(),
        note: String::new(),
    });
    let expired = Intent::RecordReservationExpired(RecordTakenBack {
        allocations: vec![allocation("2", "B", "HZ", 1)],
        abandoned: vec![],
    });
    let events = history(place(), [held, all_reserved()]);
    given::<Order>(events.clone())
        .when(command(expired.clone()))
        .then_matching(|events| names(events) == ["ReservationReleaseRequested"]);
    let events = history(
        place(),
        [
            Intent::Hold(Hold {
                detail: "look".into(),
            }),
            all_reserved(),
            expired,
        ],
    );
    given::<Order>(events)
        .when(command(release))
        .then_matching(|events| names(events) == ["HoldReleased", "ReservationRequested"]);
}

#[test]
fn what_somebody_else_released_is_asked_for_again() {
    let held = Intent::Hold(Hold {
        detail: "look".into(),
    });
    let released = Intent::RecordReleasedElsewhere(RecordTakenBack {
        allocations: vec![allocation("2", "B", "HZ", 1)],
        abandoned: vec![],
    });
    let gone = ReservationReleaseRequested {
        lines: vec![units("2", 1)],
        cause: "RELEASED_ELSEWHERE".into(),
        site_id: "HZ".into(),
    };
    assert!(super::super::stock::told_by_others(&gone));
    let events = history(place(), [held.clone(), all_reserved()]);
    given::<Order>(events)
        .when(command(released.clone()))
        .then([gone.into()]);
    let events = history(place(), [held, all_reserved(), released]);
    given::<Order>(events)
        .when(command(Intent::ReleaseHold(ReleaseHold {
            hold_id: "REVIEW-1".into(),
            note: String::new(),
        })))
        .then_matching(|events| names(events) == ["HoldReleased", "ReservationRequested"]);
}

#[test]
fn units_with_the_warehouse_are_not_gone_before_it_has_stopped() {
    let released = Intent::RecordReleasedElsewhere(RecordTakenBack {
        allocations: vec![allocation("2", "B", "HZ", 1)],
        abandoned: vec![],
    });
    let events = history(place(), [all_reserved()]);
    given::<Order>(events.clone())
        .when(command(released.clone()))
        .then_error(OrderError::ReleasedToWarehouse);
    let stopped = stopped(vec![units("1", 2), units("2", 1)]);
    given::<Order>(history(place(), [all_reserved(), stopped]))
        .when(command(released))
        .then_matching(|events| names(events) == ["ReservationReleaseRequested"]);
}

#[test]
fn an_order_of_two_thousand_lines_is_decided_line_by_line() {
    let lines = || (1..=2_000).map(|n| line(&format!("S{n}"), 1, 100));
    let long = Place {
        lines: lines().collect(),
        charges: vec![],
        payments: vec![paid("p1", 200_000)],
        ..place()
    };
    let allocations =
        (1..=2_000).map(|n: i32| allocation(&n.to_string(), &format!("S{n}"), "HZ", 1));
    let events = history(long, [reserved(1, 1, allocations.collect())]);
    let released = state(&events);
    assert_eq!(
        status::fulfilment(body(&released)),
        FulfilmentStatus::Released
    );
    let last = body(&released)
        .line("2000")
        .map(|line| line.line.sku.as_str());
    assert_eq!(last, Some("S2000"));
}
