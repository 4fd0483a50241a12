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

/// At most `most` characters; none, or more than white space.
pub(super) fn short(text: &str, most: usize, field: &str, violations: &mut Violations) {
    let is_blank = !text.is_empty() && text.trim().is_empty();
    violations.require(
        text.chars().count() <= most && !is_blank,
        field,
        format!("must be at most {most} characters, not all of them white space"),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(text: &str) -> bool {
        let mut violations = Violations::new();
        short(text, 5, "carrier", &mut violations);
        violations.finish().is_ok()
    }

    #[test]
    fn a_text_is_left_out_or_says_something() {
        for text in ["", "SF", " SF ", "韵达快递。"] {
            assert!(accepts(text), "{text:?}");
        }
        for text in [" ", "\t\n", "\u{3000}", "123456"] {
            assert!(!accepts(text), "{text:?}");
        }
    }
}
