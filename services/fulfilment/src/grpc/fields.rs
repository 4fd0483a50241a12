//! Field checks that several methods share.

use ordo_rpc::Violations;

use crate::ids;

/// Most units in one report; no shelf holds more.
pub(super) const MAX_UNITS: i64 = 1_000_000;

/// The order that the fulfilment order belongs to; a violation when the id is not one.
pub(super) fn order_id(id: &str, violations: &mut Violations) -> String {
    match ids::order_of_fulfilment_order(id) {
        Some(order_id) => order_id.to_owned(),
        None => {
            violations.add(
                "fulfilment_order_id",
                "must be the id of a fulfilment order, `<order id>-F<n>`",
            );
            String::new()
        }
    }
}

/// At most `most` characters.
pub(super) fn short(text: &str, most: usize, field: &str, violations: &mut Violations) {
    violations.require(
        text.chars().count() <= most,
        field,
        format!("must be at most {most} characters"),
    );
}

/// 1 to `most` characters.
pub(super) fn named(text: &str, most: usize, field: &str, violations: &mut Violations) {
    if violations.require(!text.is_empty(), field, "must not be empty") {
        short(text, most, field, violations);
    }
}

/// Whole units within reason.
pub(super) fn units(quantity: i64, least: i64, field: &str, violations: &mut Violations) {
    violations.require(
        (least..=MAX_UNITS).contains(&quantity),
        field,
        format!("must be {least} to {MAX_UNITS}"),
    );
}
