use ordo_decider::given;
use ordo_proto::intake::{DeliveryMethod, HoldReason, PaymentTerms};

use super::fixtures::*;
use crate::order::*;

fn complete(it: CompleteInformation) -> Command {
    command(Intent::CompleteInformation(Box::new(it)))
}

fn priced(line_id: &str, unit_price: i64) -> CompleteInformation {
    CompleteInformation {
        lines: vec![CompletedLine {
            line_id: line_id.into(),
            unit_price: Some(unit_price),
            ..CompletedLine::default()
        }],
        currency: "CNY".into(),
        ..CompleteInformation::default()
    }
}

fn change(based_on: u32) -> PersonalChange {
    PersonalChange {
        based_on,
        personal: personal(),
    }
}

fn amend(based_on: u32) -> Command {
    command(Intent::AmendAddress(Box::new(AmendAddress {
        change: change(based_on),
    })))
}

#[test]
fn completing_what_is_missing_frees_the_order() {
    let mut lacking = place();
    lacking.personal.known.phone = false;
    lacking.personal.known.street = false;
    let events = history(lacking, []);
    let it = CompleteInformation {
        personal: Some(change(0)),
        ..CompleteInformation::default()
    };
    given::<Order>(events)
        .when(complete(it))
        .then_matching(|events| {
            names(events)
                == [
                    "InformationCompleted",
                    "HoldReleased",
                    "OrderOpened",
                    "ReservationRequested",
                ]
        });
}

#[test]
fn what_is_still_missing_is_named_anew() {
    let mut lacking = place();
    lacking.personal.known.phone = false;
    lacking.lines[1].unit_price = None;
    lacking.payments = vec![paid("p1", 2_800)];
    let events = history(lacking, []);
    let still = given::<Order>(events).when(complete(CompleteInformation {
        personal: Some(change(0)),
        ..CompleteInformation::default()
    }));
    let still = still.then_matching(|events| {
        names(events) == ["InformationCompleted", "HoldReleased", "OrderHeld"]
    });
    let incomplete: Vec<_> = holds(&still.state)
        .into_iter()
        .filter(|hold| hold.0 == HoldReason::Incomplete)
        .collect();
    assert_eq!(
        incomplete,
        [(
            HoldReason::Incomplete,
            vec!["lines[1].unit_price".to_owned()]
        )]
    );
}

#[test]
fn a_price_that_was_missing_is_part_of_the_sums() {
    let mut lacking = place();
    lacking.lines[1].unit_price = None;
    lacking.payments = vec![paid("p1", 2_300)];
    let events = history(lacking, []);
    let priced = given::<Order>(events)
        .when(complete(priced("2", 500)))
        .then_matching(|_| true);
    assert_eq!(body(&priced.state).due(), 2_800);
    assert_eq!(holds(&priced.state), [(HoldReason::Unpaid, vec![])]);
}

#[test]
fn an_order_without_lines_can_be_given_some() {
    let empty = Place {
        lines: vec![],
        charges: vec![],
        payments: vec![],
        ..place()
    };
    let mut it = priced("1", 1_000);
    it.lines[0].sku = "A".into();
    it.lines[0].quantity = 1;
    let filled = given::<Order>(history(empty, []))
        .when(complete(it))
        .then_matching(|_| true);
    assert_eq!(holds(&filled.state), [(HoldReason::Unpaid, vec![])]);
    assert_eq!(body(&filled.state).due(), 1_000);
}

#[test]
fn other_terms_free_an_unpaid_order() {
    let unpaid = Place {
        payments: vec![],
        ..place()
    };
    let it = CompleteInformation {
        payment_terms: PaymentTerms::OnAccount,
        ..CompleteInformation::default()
    };
    let open = given::<Order>(history(unpaid, []))
        .when(complete(it))
        .then_matching(|_| true);
    assert_eq!(phase(&open.state), Phase::Open);
}

#[test]
fn another_delivery_method_is_checked_anew() {
    let till = Place {
        delivery_method: DeliveryMethod::TakeAway,
        personal: Personal::default(),
        review_request: "look".into(),
        ..place()
    };
    let it = CompleteInformation {
        delivery_method: DeliveryMethod::Pickup,
        personal: Some(PersonalChange::default()),
        ..CompleteInformation::default()
    };
    let held = given::<Order>(history(till, []))
        .when(complete(it))
        .then_matching(|_| true);
    let missing = vec!["contact.name".to_owned(), "contact.phone".to_owned()];
    assert!(holds(&held.state).contains(&(HoldReason::Incomplete, missing)));
}

#[test]
fn supplying_what_is_there_changes_nothing() {
    given::<Order>(history(place(), []))
        .when(complete(priced("1", 1_000)))
        .then_nothing();
}

#[test]
fn an_open_order_keeps_its_prices_and_terms() {
    let events = history(place(), []);
    let refused =
        |it: CompleteInformation, what: &str| match <Order as ordo_decider::Decider>::decide(
            &state(&events),
            complete(it),
        ) {
            Err(OrderError::NotEditable { what: refused, .. }) => assert_eq!(refused, what),
            other => panic!("{other:?}"),
        };
    refused(priced("1", 1), "line `1`");
    let terms = CompleteInformation {
        payment_terms: PaymentTerms::OnAccount,
        ..CompleteInformation::default()
    };
    refused(terms, "the payment terms");
    let method = CompleteInformation {
        delivery_method: DeliveryMethod::Pickup,
        ..CompleteInformation::default()
    };
    refused(method, "the delivery method");
}

#[test]
fn a_line_that_is_not_there_and_another_currency_are_told() {
    given::<Order>(history(place(), []))
        .when(complete(priced("9", 1)))
        .then_error(OrderError::UnknownLine {
            line_id: "9".into(),
        });
    let dollars = CompleteInformation {
        currency: "USD".into(),
        ..priced("1", 1)
    };
    given::<Order>(history(place(), []))
        .when(complete(dollars))
        .then_error(OrderError::CurrencyMismatch {
            expected: "CNY".into(),
            given: "USD".into(),
        });
}

#[test]
fn the_address_can_be_amended_until_everything_has_left() {
    let events = history(place(), [all_reserved(), shipped(1, vec![units("1", 2)])]);
    given::<Order>(events)
        .when(amend(0))
        .then_matching(|events| names(events) == ["AddressAmended"]);
    let events = history(place(), [all_reserved(), shipped(1, everything())]);
    given::<Order>(events)
        .when(amend(0))
        .then_error(OrderError::AlreadyShipped);
    given::<Order>(history(place(), [cancel(vec![])]))
        .when(amend(0))
        .then_error(OrderError::Ended {
            phase: Phase::Cancelled,
        });
}

#[test]
fn two_people_who_change_the_address_at_once_do_not_overwrite_each_other() {
    let amended = Intent::AmendAddress(Box::new(AmendAddress { change: change(0) }));
    given::<Order>(history(place(), [amended]))
        .when(amend(0))
        .then_error(OrderError::PersonalDataChanged);
}

#[test]
fn an_amended_address_is_checked_anew() {
    let mut change = change(0);
    change.personal.known.street = false;
    let it = Intent::AmendAddress(Box::new(AmendAddress { change }));
    let held = given::<Order>(history(place(), []))
        .when(command(it))
        .then_matching(|_| true);
    assert_eq!(
        holds(&held.state),
        [(HoldReason::Incomplete, vec!["address.street".to_owned()])]
    );
}
