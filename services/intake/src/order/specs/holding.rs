use ordo_decider::given;
use ordo_proto::intake::HoldReason;

use super::fixtures::*;
use crate::order::*;

fn release(hold_id: &str) -> Command {
    command(Intent::ReleaseHold(ReleaseHold {
        hold_id: hold_id.into(),
        note: "seen".into(),
    }))
}

fn hold() -> Intent {
    Intent::Hold(Hold {
        detail: "special request".into(),
    })
}

#[test]
fn a_held_order_keeps_its_stock_and_is_not_released() {
    let events = history(place(), [hold(), all_reserved()]);
    assert_eq!(names(&events).last().unwrap(), "StockReserved");
    given::<Order>(events)
        .when(release("REVIEW-1"))
        .then_matching(|events| names(events) == ["HoldReleased", "FulfilmentRequested"]);
}

#[test]
fn an_order_opens_only_when_the_last_hold_is_released() {
    let doubtful = Place {
        review_request: "look".into(),
        stated_due: Some(1),
        ..place()
    };
    let events = history(doubtful, []);
    let one_left = given::<Order>(events)
        .when(release("REVIEW-1"))
        .then_matching(|events| names(events) == ["HoldReleased"]);
    assert_eq!(holds(&one_left.state).len(), 1);
}

#[test]
fn releasing_again_changes_nothing_and_an_unknown_hold_is_told() {
    let events = history(
        place(),
        [
            hold(),
            Intent::ReleaseHold(ReleaseHold {
                hold_id: "REVIEW-1".into(),
                note: String::new(),
            }),
        ],
    );
    given::<Order>(events.clone())
        .when(release("REVIEW-1"))
        .then_nothing();
    for unknown in ["REVIEW-2", "UNPAID-1", "nonsense", "REVIEW-0"] {
        given::<Order>(events.clone())
            .when(release(unknown))
            .then_error(OrderError::UnknownHold {
                hold_id: unknown.into(),
            });
    }
}

#[test]
fn holds_that_only_data_money_or_stock_can_cure_are_not_released_by_hand() {
    let lacking = |place: Place, intents: Vec<Intent>, hold_id: &str| {
        let state = state(&history(place, intents));
        match <Order as ordo_decider::Decider>::decide(&state, release(hold_id)) {
            Err(OrderError::HoldHasLiveCause {
                hold_id: refused,
                way_out,
            }) => {
                assert!(refused == hold_id && !way_out.is_empty());
            }
            other => panic!("{hold_id}: {other:?}"),
        }
    };
    let mut no_phone = place();
    no_phone.personal.known.phone = false;
    lacking(no_phone, vec![], "INCOMPLETE-1");
    lacking(
        Place {
            payments: vec![],
            ..place()
        },
        vec![],
        "UNPAID-1",
    );
    let mut unmapped = place();
    unmapped.lines[0].sku = String::new();
    lacking(unmapped, vec![], "UNMAPPED_SKU-1");
    lacking(
        place(),
        vec![short(1, 2, true, vec![shortage("1", "A", 1)])],
        "SHORT_STOCK-1",
    );
}

#[test]
fn a_reviewer_accepts_sums_that_disagree() {
    let stated = Place {
        stated_due: Some(2_700),
        ..place()
    };
    given::<Order>(history(stated, []))
        .when(release("AMOUNT_MISMATCH-1"))
        .then_matching(|events| {
            names(events) == ["HoldReleased", "OrderOpened", "ReservationRequested"]
        });
}

#[test]
fn an_ended_order_cannot_be_held() {
    given::<Order>(history(place(), [cancel(vec![])]))
        .when(command(hold()))
        .then_error(OrderError::Ended {
            phase: Phase::Cancelled,
        });
}

#[test]
fn a_hold_says_why_since_when_and_under_which_id() {
    let events = history(place(), [hold()]);
    let hold = body(&state(&events)).holds[0].clone();
    assert_eq!(hold.reason(), HoldReason::Review);
    assert_eq!(
        (hold.detail.as_str(), hold.since),
        ("special request", Some(at()))
    );
}
