use ordo_decider::given;
use ordo_proto::intake::{
    DeliveryMethod, Demand, HoldReason, OrderOpened, PaymentTerms, ReservationRequested,
};

use super::fixtures::*;
use crate::order::*;

#[track_caller]
fn holds_after(place: Place) -> Vec<(HoldReason, Vec<String>)> {
    holds(&state(&history(place, [])))
}

fn fields(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_complete_and_paid_order_opens_and_asks_for_its_stock() {
    let events = history(place(), []);
    assert_eq!(
        names(&events),
        [
            "OrderPlaced",
            "PaymentCaptured",
            "OrderOpened",
            "ReservationRequested"
        ]
    );
    assert_eq!(events[2], OrderOpened {}.into());
    let demand = |line_id: &str, sku: &str, quantity| Demand {
        line_id: line_id.into(),
        sku: sku.into(),
        quantity,
    };
    let request = ReservationRequested {
        attempt: 1,
        demand: vec![demand("1", "A", 2), demand("2", "B", 1)],
        all_or_nothing: true,
        wait_for_stock: true,
        region: Some(region()),
        site_id: String::new(),
        split_allowed: true,
    };
    assert_eq!(events[3], request.into());
    assert_eq!(body(&state(&events)).due(), 2_800);
}

#[test]
fn an_order_is_placed_once() {
    given::<Order>(history(place(), []))
        .when(command(Intent::Place(Box::new(place()))))
        .then_error(OrderError::AlreadyPlaced);
}

#[test]
fn nothing_but_placing_is_possible_without_an_order() {
    given::<Order>([])
        .when(command(cancel(vec![])))
        .then_error(OrderError::NoSuchOrder);
}

#[test]
fn every_missing_field_is_named_and_the_order_is_kept() {
    let bare = Place {
        personal: Personal::default(),
        lines: vec![NewLine {
            quantity: 0,
            unit_price: None,
            ..line("A", 0, 0)
        }],
        payment_terms: PaymentTerms::Unspecified,
        payments: vec![],
        ..place()
    };
    let missing = [
        "contact.name",
        "contact.phone",
        "address.country_code",
        "address.city",
        "address.street",
        "payment_terms",
        "lines[0].quantity",
        "lines[0].unit_price",
    ];
    assert_eq!(
        holds_after(bare),
        [(HoldReason::Incomplete, fields(&missing))]
    );
}

#[test]
fn an_order_without_lines_is_held_as_incomplete() {
    let empty = Place {
        lines: vec![],
        charges: vec![],
        payments: vec![],
        ..place()
    };
    assert_eq!(
        holds_after(empty),
        [(HoldReason::Incomplete, fields(&["lines"]))]
    );
}

#[test]
fn an_unknown_delivery_method_is_missing_information() {
    let open = Place {
        delivery_method: DeliveryMethod::Unspecified,
        ..place()
    };
    assert_eq!(
        holds_after(open),
        [(HoldReason::Incomplete, fields(&["delivery_method"]))]
    );
}

#[test]
fn a_chinese_address_needs_its_province_and_a_city_state_no_city() {
    let mut chinese = place();
    chinese.personal.known.province = false;
    assert_eq!(
        holds_after(chinese),
        [(HoldReason::Incomplete, fields(&["address.province"]))]
    );
    let mut singapore = place();
    singapore.personal.known = Known {
        country_code: "SG".into(),
        province: false,
        city: false,
        ..singapore.personal.known
    };
    assert_eq!(holds_after(singapore), []);
}

#[test]
fn goods_taken_away_need_no_recipient_and_goods_picked_up_no_address() {
    let till = Place {
        personal: Personal::default(),
        delivery_method: DeliveryMethod::TakeAway,
        ..place()
    };
    assert_eq!(holds_after(till), []);
    let pickup = Place {
        personal: Personal::default(),
        delivery_method: DeliveryMethod::Pickup,
        ..place()
    };
    let missing = fields(&["contact.name", "contact.phone"]);
    assert_eq!(holds_after(pickup), [(HoldReason::Incomplete, missing)]);
}

#[test]
fn a_price_of_zero_must_be_confirmed_as_free() {
    let mut gift = place();
    gift.lines[1].unit_price = Some(0);
    gift.payments = vec![paid("p1", 2_300)];
    assert_eq!(
        holds_after(gift.clone()),
        [(HoldReason::Incomplete, fields(&["lines[1].unit_price"]))]
    );
    gift.lines[1].no_charge = true;
    assert_eq!(holds_after(gift), []);
}

#[test]
fn a_prepaid_order_waits_for_its_money_and_others_do_not() {
    let unpaid = Place {
        payments: vec![paid("p1", 1_000)],
        ..place()
    };
    assert_eq!(holds_after(unpaid.clone()), [(HoldReason::Unpaid, vec![])]);
    let held = state(&history(unpaid.clone(), []));
    assert_eq!(
        body(&held).holds[0].detail,
        "10.00 CNY of 28.00 CNY is paid"
    );
    for payment_terms in [PaymentTerms::CashOnDelivery, PaymentTerms::OnAccount] {
        assert_eq!(
            holds_after(Place {
                payment_terms,
                ..unpaid.clone()
            }),
            []
        );
    }
}

#[test]
fn a_failed_payment_is_a_hold_of_its_own() {
    let failing = Place {
        payments: vec![failed("p1", 2_800)],
        ..place()
    };
    let reasons: Vec<_> = holds_after(failing)
        .into_iter()
        .map(|(reason, _)| reason)
        .collect();
    assert_eq!(reasons, [HoldReason::PaymentFailed, HoldReason::Unpaid]);
}

#[test]
fn sums_that_disagree_hold_the_order() {
    let stated = Place {
        stated_due: Some(2_900),
        ..place()
    };
    assert_eq!(
        holds_after(stated),
        [(HoldReason::AmountMismatch, fields(&["due"]))]
    );
    let agreeing = Place {
        stated_due: Some(2_800),
        ..place()
    };
    assert_eq!(holds_after(agreeing), []);
    let mut discounted = Place {
        payments: vec![paid("p1", 1_800)],
        ..place()
    };
    discounted.lines[1].discount = 1_000;
    assert_eq!(
        holds_after(discounted),
        [(HoldReason::AmountMismatch, fields(&["lines[1].discount"])),]
    );
    let negative = Place {
        discount: 5_000,
        payments: vec![],
        ..place()
    };
    assert_eq!(
        holds_after(negative),
        [(HoldReason::AmountMismatch, fields(&["discount"]))]
    );
}

#[test]
fn more_paid_than_due_is_held_and_not_lost() {
    let over = Place {
        payments: vec![paid("p1", 2_000), paid("p2", 1_000)],
        ..place()
    };
    let events = history(over, []);
    assert_eq!(body(&state(&events)).captured(), 3_000);
    assert_eq!(
        holds(&state(&events)),
        [(HoldReason::AmountMismatch, fields(&["payments"]))]
    );
}

#[test]
fn a_line_without_our_sku_waits_to_be_mapped() {
    let mut unmapped = place();
    unmapped.lines[1].sku = String::new();
    assert_eq!(
        holds_after(unmapped),
        [(HoldReason::UnmappedSku, fields(&["lines[1].sku"]))]
    );
}

#[test]
fn a_person_is_asked_for_when_somebody_or_a_rule_says_so() {
    let rule = |rule: ReviewRule| Place {
        rules: ReviewRules(vec![rule]).into(),
        ..place()
    };
    let applies = |rule_: ReviewRule| holds_after(rule(rule_)) == [(HoldReason::Review, vec![])];
    let named = ReviewRule {
        name: "large".into(),
        ..ReviewRule::default()
    };
    let asked = Place {
        review_request: "gift for a minor".into(),
        ..place()
    };
    assert_eq!(holds_after(asked), [(HoldReason::Review, vec![])]);
    let in_cny = ReviewRule {
        currency: "CNY".into(),
        ..named.clone()
    };
    assert!(applies(ReviewRule {
        due_from: Some(2_800),
        ..in_cny.clone()
    }));
    assert!(!applies(ReviewRule {
        due_from: Some(2_801),
        ..in_cny
    }));
    assert!(applies(ReviewRule {
        units_from: Some(3),
        ..named.clone()
    }));
    assert!(applies(ReviewRule {
        customers: vec!["c1".into()],
        ..named.clone()
    }));
    assert!(applies(ReviewRule {
        countries: vec!["CN".into()],
        ..named.clone()
    }));
    assert!(applies(ReviewRule {
        payment_terms: "PREPAID".into(),
        ..named.clone()
    }));
    assert!(!applies(ReviewRule {
        channels: vec!["jd".into()],
        ..named.clone()
    }));
    assert!(!applies(named), "a rule that names nothing applies to none");
}

#[test]
fn rules_say_what_is_wrong_with_them() {
    let faulty = ReviewRules(vec![
        ReviewRule::default(),
        ReviewRule {
            name: "r".into(),
            due_from: Some(1),
            payment_terms: "LATER".into(),
            ..ReviewRule::default()
        },
    ]);
    assert_eq!(faulty.faults().len(), 4);
}

#[test]
fn a_replacement_can_wait_for_the_return() {
    let replacement = Place {
        replacement_for_case: "o0-C1".into(),
        await_return: true,
        ..place()
    };
    assert_eq!(
        holds_after(replacement),
        [(HoldReason::AwaitingReturn, vec![])]
    );
}

#[test]
fn holds_stack_and_are_numbered_by_reason() {
    let doubtful = Place {
        payments: vec![],
        review_request: "look".into(),
        rules: ReviewRules(vec![ReviewRule {
            name: "many".into(),
            units_from: Some(1),
            ..ReviewRule::default()
        }])
        .into(),
        ..place()
    };
    let events = history(doubtful, []);
    let ids: Vec<_> = body(&state(&events))
        .holds
        .iter()
        .map(|hold| hold.hold_id.clone())
        .collect();
    assert_eq!(ids, ["UNPAID-1", "REVIEW-1", "REVIEW-2"]);
}

#[test]
fn sums_beyond_what_can_be_stored_are_refused() {
    let mut huge = place();
    huge.lines = vec![line("A", LARGEST_QUANTITY, LARGEST_AMOUNT)];
    given::<Order>([])
        .when(command(Intent::Place(Box::new(huge))))
        .then_error(OrderError::AmountTooLarge);
}

#[test]
fn a_payment_in_another_currency_is_refused() {
    let mut mixed = place();
    mixed.payments[0].amount.currency_code = "USD".into();
    given::<Order>([])
        .when(command(Intent::Place(Box::new(mixed))))
        .then_error(OrderError::CurrencyMismatch {
            expected: "CNY".into(),
            given: "USD".into(),
        });
}
