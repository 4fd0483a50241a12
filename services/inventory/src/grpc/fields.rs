//! Field checks that several methods share. Each adds its violations and hands back what it could read.

use ordo_event_log::Timestamp;
use ordo_proto::{
    inventory::StockCondition,
    types::{LineQuantity, Money, Region},
};
use ordo_rpc::Violations;

use crate::{
    ids::{LineId, Sku},
    reservation::Part,
};

/// Most units in one line of a request.
pub(super) const MAX_QUANTITY: i64 = 1_000_000_000;

/// A SKU as the catalogue can have it.
pub(super) fn sku(text: &str, field: &str, violations: &mut Violations) {
    violations.require(
        Sku::is_well_formed(text),
        field,
        "must be 1 to 64 characters (at most 150 bytes) without white space and `@`",
    );
}

/// 1 to 40 characters of `A-Z a-z 0-9 - _`.
pub(super) fn site_id(text: &str, field: &str, violations: &mut Violations) {
    let valid = (1..=40).contains(&text.len()) && text.bytes().all(is_name_byte);
    violations.require(
        valid,
        field,
        "must be 1 to 40 characters of `A-Z a-z 0-9 - _`",
    );
}

/// An id that another service chose: 1 to 100 characters of `A-Z a-z 0-9 - _`.
pub(super) fn id(text: &str, field: &str, violations: &mut Violations) {
    let valid = (1..=100).contains(&text.len()) && text.bytes().all(is_name_byte);
    violations.require(
        valid,
        field,
        "must be 1 to 100 characters of `A-Z a-z 0-9 - _`",
    );
}

fn is_name_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'-' || b == b'_'
}

/// At most `most` characters, none of them control characters.
pub(super) fn text(text: &str, most: usize, field: &str, violations: &mut Violations) {
    violations.require(
        text.chars().count() <= most && !text.chars().any(char::is_control),
        field,
        format!("must be at most {most} characters, without control characters"),
    );
}

/// The same, and not empty.
pub(super) fn named(value: &str, most: usize, field: &str, violations: &mut Violations) {
    if violations.require(!value.trim().is_empty(), field, "must not be empty") {
        text(value, most, field, violations);
    }
}

/// An upper-case code: 1 to 40 characters of `A-Z 0-9 _`.
pub(super) fn code(text: &str, field: &str, violations: &mut Violations) {
    let valid = (1..=40).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    violations.require(
        valid,
        field,
        "must be 1 to 40 characters of `A-Z 0-9 _`, for example `DAMAGE`",
    );
}

/// Whole units, at least 1.
pub(super) fn quantity(quantity: i64, field: &str, violations: &mut Violations) {
    violations.require(
        (1..=MAX_QUANTITY).contains(&quantity),
        field,
        format!("must be 1 to {MAX_QUANTITY}"),
    );
}

/// A number of units that is kept or warned at.
pub(super) fn level(level: i64, field: &str, violations: &mut Violations) {
    violations.require(
        (0..=MAX_QUANTITY).contains(&level),
        field,
        format!("must be 0 to {MAX_QUANTITY}"),
    );
}

/// An amount of at least 0 in some currency.
pub(super) fn money(money: Option<&Money>, field: &str, violations: &mut Violations) {
    if let Some(money) = money {
        violations.money(money, 0, field);
    }
}

/// A state that units are in; `unspecified` stands for the value that is meant when none is given.
pub(super) fn condition(
    value: i32,
    unspecified: Option<StockCondition>,
    field: &str,
    violations: &mut Violations,
) -> StockCondition {
    let chosen = match unspecified {
        Some(meant) if value == 0 => Some(meant),
        Some(_) => violations.optional_choice(value, StockCondition::as_str_name, field),
        None => violations.choice(value, StockCondition::as_str_name, field),
    };
    chosen.unwrap_or_default()
}

/// A point in time of the years 1 to 9999, to the microsecond.
pub(super) fn time(
    value: Option<&prost_types::Timestamp>,
    field: &str,
    violations: &mut Violations,
) -> Option<Timestamp> {
    let value = value?;
    let valid = (-62_135_596_800..253_402_300_800).contains(&value.seconds)
        && (0..1_000_000_000).contains(&value.nanos);
    violations
        .require(valid, field, "must be a time of the years 1 to 9999")
        .then(|| Timestamp::from(value))
}

/// Where somebody is, as far as it is told.
pub(super) fn region(region: Option<&Region>, field: &str, violations: &mut Violations) {
    let Some(region) = region else { return };
    if !region.country_code.is_empty() {
        violations.country(&region.country_code, format!("{field}.country_code"));
    }
    text(
        &region.province,
        100,
        &format!("{field}.province"),
        violations,
    );
    text(&region.city, 100, &format!("{field}.city"), violations);
}

/// A list of `least` to `most` entries.
pub(super) fn count(
    length: usize,
    least: usize,
    most: usize,
    field: &str,
    violations: &mut Violations,
) {
    violations.require(
        (least..=most).contains(&length),
        field,
        format!("must have {least} to {most} entries"),
    );
}

/// Units of lines.
pub(super) fn parts(lines: &[LineQuantity], field: &str, violations: &mut Violations) -> Vec<Part> {
    for (index, line) in lines.iter().enumerate() {
        named(
            &line.line_id,
            100,
            &format!("{field}[{index}].line_id"),
            violations,
        );
        quantity(
            line.quantity,
            &format!("{field}[{index}].quantity"),
            violations,
        );
    }
    lines
        .iter()
        .map(|line| Part {
            line_id: LineId::from(&line.line_id),
            quantity: line.quantity,
        })
        .collect()
}
