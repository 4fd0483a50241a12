#![allow(clippy::unwrap_used)]

use tonic::Code;
use tonic_types::StatusExt as _;

use super::*;

#[test]
fn all_violations_are_told_at_once() {
    let mut violations = Violations::new();
    assert!(violations.require(true, "a", "never told"));
    assert!(!violations.require(false, "lines[0].quantity", "must be at least 1"));
    violations.add("channel", "must not be empty");
    let status = violations.finish().unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let fields: Vec<_> = status
        .get_details_bad_request()
        .unwrap()
        .field_violations
        .into_iter()
        .map(|violation| violation.field)
        .collect();
    assert_eq!(fields, ["lines[0].quantity", "channel"]);
    assert_eq!(
        status.get_details_error_info().unwrap().reason,
        "INVALID_REQUEST"
    );
}

#[test]
fn nothing_wrong_is_no_error() {
    assert!(Violations::new().finish().is_ok());
}

fn says(check: impl FnOnce(&mut Violations)) -> String {
    let mut violations = Violations::new();
    check(&mut violations);
    let told = violations.finish().err();
    told.map(|status| status.message().to_owned())
        .unwrap_or_default()
}

#[test]
fn an_amount_has_a_known_currency_and_is_within_bounds() {
    let check = |code: &str, minor_units: i64| {
        let money = Money {
            currency_code: code.to_owned(),
            minor_units,
        };
        says(|violations| {
            violations.money(&money, 0, "price");
        })
    };
    assert_eq!(check("JPY", 0), "");
    assert_eq!(check("CNY", LARGEST_AMOUNT), "");
    let both = check("RMB", -1);
    assert!(
        both.contains("price.currency_code: must be an ISO 4217 code")
            && both.contains("price.minor_units: must be from 0 to 1000000000000000"),
        "{both}"
    );
    assert!(check("CNY", LARGEST_AMOUNT + 1).contains("price.minor_units"));
}

#[test]
fn a_country_is_one_of_the_standards() {
    let check = |code: &str| {
        says(|violations| {
            violations.country(code, "country");
        })
    };
    assert_eq!(check("CN"), "");
    for code in ["ZZ", "", "china", "cn"] {
        assert!(check(code).contains("ISO 3166-1"), "{code}");
    }
}

#[test]
fn an_unknown_word_is_answered_with_those_that_may_be_used() {
    use ordo_proto::inventory::StockCondition;
    let listed = "condition: must be STOCK_CONDITION_SELLABLE, STOCK_CONDITION_QUARANTINE or STOCK_CONDITION_DAMAGED";
    for (value, needed, optional) in [
        (1, String::new(), String::new()),
        (0, listed.to_owned(), String::new()),
        (99, listed.to_owned(), format!("{listed}, or absent")),
    ] {
        let told = says(|violations| {
            violations.choice(value, StockCondition::as_str_name, "condition");
        });
        assert_eq!(told, needed);
        let told = says(|violations| {
            violations.optional_choice(value, StockCondition::as_str_name, "condition");
        });
        assert_eq!(told, optional);
    }
}
