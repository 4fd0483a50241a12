use ordo_decider::given;
use ordo_proto::intake::{FulfilmentStatus, LinesReturned, ReturnAbandoned, ReturnApproved};

use super::fixtures::*;
use crate::order::{status, *};

fn lines(quantity: i64) -> ReturnedLines {
    ReturnedLines {
        case_id: "o1-C1".into(),
        lines: vec![units("1", quantity)],
    }
}

fn approved(quantity: i64) -> Intent {
    Intent::RecordReturnApproved(lines(quantity))
}

fn returned(quantity: i64) -> Intent {
    Intent::RecordReturned(lines(quantity))
}

fn completed() -> Vec<Intent> {
    let accepted = Intent::ConfirmDelivery(ConfirmDelivery { accepted: true });
    vec![all_reserved(), shipped(1, everything()), accepted]
}

fn after(more: impl IntoIterator<Item = Intent>) -> Vec<OrderEvent> {
    history(place(), completed().into_iter().chain(more))
}

#[test]
fn a_return_is_counted_once_also_after_completion() {
    given::<Order>(after([]))
        .when(command(approved(2)))
        .then([ReturnApproved {
            case_id: "o1-C1".into(),
            lines: vec![units("1", 2)],
        }
        .into()]);
    given::<Order>(after([approved(2)]))
        .when(command(approved(2)))
        .then_nothing();
    given::<Order>(after([approved(2)]))
        .when(command(returned(2)))
        .then([LinesReturned {
            case_id: "o1-C1".into(),
            lines: vec![units("1", 2)],
        }
        .into()]);
    given::<Order>(after([approved(2), returned(2)]))
        .when(command(returned(2)))
        .then_nothing();
}

#[test]
fn goods_may_come_back_in_parts() {
    let events = after([approved(2), returned(1)]);
    let outcome = given::<Order>(events)
        .when(command(returned(1)))
        .then_matching(|events| events.len() == 1);
    assert_eq!(body(&outcome.state).lines[0].returned, 2);
}

#[test]
fn no_more_comes_back_than_was_shipped() {
    let too_much = || OrderError::ReturnsTooMuch {
        line_id: "1".into(),
    };
    given::<Order>(after([]))
        .when(command(approved(3)))
        .then_error(too_much());
    given::<Order>(after([]))
        .when(command(returned(3)))
        .then_error(too_much());
    given::<Order>(history(place(), []))
        .when(command(returned(1)))
        .then_error(too_much());
}

#[test]
fn units_that_will_not_come_back_can_be_approved_in_another_case() {
    let given_up = || Intent::RecordReturnAbandoned(lines(2));
    let outcome = given::<Order>(after([approved(2), returned(1)]))
        .when(command(given_up()))
        .then([ReturnAbandoned {
            case_id: "o1-C1".into(),
            lines: vec![units("1", 1)],
        }
        .into()]);
    assert_eq!(body(&outcome.state).lines[0].return_approved, 1);
    let again = ReturnedLines {
        case_id: "o1-C2".into(),
        lines: vec![units("1", 1)],
    };
    given::<Order>(after([approved(2), returned(1), given_up()]))
        .when(command(Intent::RecordReturnApproved(again)))
        .then_matching(|events| names(events) == ["ReturnApproved"]);
    given::<Order>(after([approved(2), returned(1), given_up()]))
        .when(command(given_up()))
        .then_nothing();
}

#[test]
fn a_request_that_was_never_approved_gives_nothing_up() {
    given::<Order>(after([]))
        .when(command(Intent::RecordReturnAbandoned(lines(2))))
        .then_nothing();
}

#[test]
fn an_order_that_came_back_in_full_is_returned() {
    let all = ReturnedLines {
        case_id: "o1-C1".into(),
        lines: everything(),
    };
    let events = after([
        Intent::RecordReturnApproved(all.clone()),
        Intent::RecordReturned(all),
    ]);
    assert_eq!(
        status::fulfilment(body(&state(&events))),
        FulfilmentStatus::Returned
    );
}

#[test]
fn a_replacement_ships_once_the_return_is_in() {
    let replacement = Place {
        replacement_for_case: "o0-C1".into(),
        await_return: true,
        ..place()
    };
    let events = history(replacement.clone(), []);
    assert!(
        names(&events).ends_with(&["OrderOpened".to_owned(), "ReservationRequested".to_owned()]),
        "goods are set aside at once: {:?}",
        names(&events)
    );
    let reserved = history(replacement.clone(), [all_reserved()]);
    assert!(
        !names(&reserved).contains(&"FulfilmentRequested".to_owned()),
        "nothing leaves before the return is in"
    );
    given::<Order>(reserved)
        .when(command(Intent::ReleaseReplacement))
        .then_matching(|events| names(events) == ["HoldReleased", "FulfilmentRequested"]);
    given::<Order>(events)
        .when(command(Intent::ReleaseReplacement))
        .then_matching(|events| names(events) == ["HoldReleased"]);
    given::<Order>(history(replacement, [Intent::ReleaseReplacement]))
        .when(command(Intent::ReleaseReplacement))
        .then_nothing();
    given::<Order>(history(place(), []))
        .when(command(Intent::ReleaseReplacement))
        .then_error(OrderError::NotAwaitingReturn);
}

#[test]
fn a_replacement_ends_with_its_case_only() {
    let replacement = Place {
        replacement_for_case: "o0-C1".into(),
        await_return: true,
        ..place()
    };
    let refused = || OrderError::ReplacementOfCase {
        case_id: "o0-C1".into(),
    };
    given::<Order>(history(replacement.clone(), []))
        .when(command(cancel(vec![])))
        .then_error(refused());
    given::<Order>(history(replacement.clone(), []))
        .when(command(Intent::Reject(Reject {
            detail: "no".into(),
        })))
        .then_error(refused());
    let Intent::Cancel(by_customer) = cancel(vec![]) else {
        unreachable!("the fixture cancels")
    };
    let by_case = Intent::Cancel(Cancel {
        by_case: true,
        ..by_customer
    });
    given::<Order>(history(replacement, []))
        .when(command(by_case))
        .then_matching(|events| {
            names(events)
                .last()
                .is_some_and(|name| name == "OrderCancelled")
        });
}
