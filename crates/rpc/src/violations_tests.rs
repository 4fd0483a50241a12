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
