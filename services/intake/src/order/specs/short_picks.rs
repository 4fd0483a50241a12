//! Units that a picker did not find, and their loss.

use ordo_decider::given;
use ordo_proto::intake::HoldReason;

use super::fixtures::*;
use crate::order::*;

fn not_found(missing: i64) -> Intent {
    Intent::RecordShortPick(RecordShortPick {
        fulfilment_order_id: "o1-F1".into(),
        line_id: "1".into(),
        missing,
    })
}

fn loss_booked(reservation_version: u64, quantity: i64) -> Intent {
    Intent::RecordStockLoss(RecordStockLoss {
        reservation_version,
        allocations: vec![allocation("1", "A", "HZ", quantity)],
        cause: "SHORT_PICK".into(),
    })
}

#[test]
fn units_that_were_not_found_are_sourced_again_once_when_their_loss_is_booked() {
    let looking = given::<Order>(history(place(), [all_reserved()]))
        .when(command(not_found(1)))
        .then_matching(|events| {
            names(events)
                == [
                    "FulfilmentStopped",
                    "ReservationReleaseRequested",
                    "OrderHeld",
                ]
        });
    assert_eq!(holds(&looking.state)[0].0, HoldReason::ShortPick);
    let events = history(place(), [all_reserved(), not_found(1)]);
    given::<Order>(events)
        .when(command(loss_booked(4, 1)))
        .then_matching(|events| names(events) == ["StockLossBooked", "ReservationRequested"]);
    let found = || reserved(2, 5, vec![allocation("1", "A", "BJ", 1)]);
    let events = history(
        place(),
        [all_reserved(), not_found(1), loss_booked(4, 1), found()],
    );
    assert_eq!(
        names(&events)[events.len() - 3..],
        ["StockReserved", "HoldReleased", "FulfilmentRequested"]
    );
    // Not found a second time: a person decides.
    let again = history(
        place(),
        [
            all_reserved(),
            not_found(1),
            loss_booked(4, 1),
            not_found(1),
        ],
    );
    assert_eq!(
        names(&again)[again.len() - 3..],
        [
            "FulfilmentStopped",
            "ReservationReleaseRequested",
            "OrderHeld",
        ]
    );
    given::<Order>(again)
        .when(command(loss_booked(6, 1)))
        .then_matching(|events| names(events) == ["StockLossBooked"]);
}

#[test]
fn a_loss_that_is_told_before_the_units_were_not_found_is_not_forgotten() {
    given::<Order>(history(place(), [all_reserved()]))
        .when(command(loss_booked(4, 1)))
        .then_matching(|events| names(events) == ["StockLossBooked"]);
    given::<Order>(history(place(), [all_reserved(), loss_booked(4, 1)]))
        .when(command(not_found(1)))
        .then_matching(|events| {
            names(events)
                == [
                    "FulfilmentStopped",
                    "ReservationReleaseRequested",
                    "OrderHeld",
                    "ReservationRequested",
                ]
        });
}

#[test]
fn a_loss_that_is_told_again_or_has_another_cause_changes_nothing() {
    let events = || history(place(), [all_reserved(), not_found(1), loss_booked(4, 1)]);
    given::<Order>(events())
        .when(command(loss_booked(4, 1)))
        .then_nothing();
    let counted = Intent::RecordStockLoss(RecordStockLoss {
        reservation_version: 5,
        allocations: vec![allocation("1", "A", "HZ", 1)],
        cause: "COUNT".into(),
    });
    given::<Order>(events())
        .when(command(counted))
        .then_nothing();
}

#[test]
fn a_person_may_ask_before_the_loss_is_booked() {
    let release = || {
        Intent::ReleaseHold(ReleaseHold {
            hold_id: "SHORT_PICK-1".into(),
            note: String::new(),
        })
    };
    given::<Order>(history(place(), [all_reserved(), not_found(1)]))
        .when(command(release()))
        .then_matching(|events| names(events) == ["HoldReleased", "ReservationRequested"]);
    given::<Order>(history(place(), [all_reserved(), not_found(1), release()]))
        .when(command(loss_booked(4, 1)))
        .then_matching(|events| names(events) == ["StockLossBooked"]);
}

#[test]
fn another_hold_keeps_lost_units_from_being_asked_for() {
    let held = Intent::Hold(Hold {
        detail: "look".into(),
    });
    let release = Intent::ReleaseHold(ReleaseHold {
        hold_id: "REVIEW-1".into(),
        note: String::new(),
    });
    let events = history(
        place(),
        [
            all_reserved(),
            not_found(1),
            held,
            loss_booked(4, 1),
            release,
        ],
    );
    assert_eq!(
        names(&events)[events.len() - 3..],
        ["StockLossBooked", "HoldReleased", "ReservationRequested"]
    );
}

#[test]
fn units_that_were_not_found_while_being_cancelled_are_cancelled() {
    let events = history(place(), [all_reserved(), cancel(vec![units("1", 1)])]);
    given::<Order>(events)
        .when(command(not_found(1)))
        .then_matching(|events| {
            names(events)
                == [
                    "FulfilmentStopped",
                    "ReservationReleaseRequested",
                    "LinesCancelled",
                    "PaymentRefunded",
                ]
        });
}

#[test]
fn a_short_pick_of_a_foreign_fulfilment_order_is_refused() {
    given::<Order>(history(place(), []))
        .when(command(not_found(1)))
        .then_error(OrderError::UnknownFulfilmentOrder {
            fulfilment_order_id: "o1-F1".into(),
        });
}
