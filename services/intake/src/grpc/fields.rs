//! Checks of fields that several requests have. What is missing is no fault here; what is malformed is.

use ordo_proto::{
    intake::Payment,
    types::{Address, Contact, LineQuantity, Money, TimeRange},
};
use ordo_rpc::Violations;
use prost_types::Timestamp;

use crate::order::{self, LARGEST_QUANTITY};

/// Longest texts, in characters.
const NAME: usize = 200;
const PHONE: usize = 40;
const EMAIL: usize = 254;
const PLACE_NAME: usize = 100;
const STREET: usize = 300;
const POSTCODE: usize = 20;

/// Whether `text` has at most `longest` characters and none of them controls the terminal.
pub(super) fn is_text(text: &str, longest: usize) -> bool {
    text.chars().count() <= longest && !text.chars().any(|c| c.is_control() && c != '\n')
}

/// A channel's order number as it is kept and looked for: channels hand over line ends and spaces of their files with it, and
/// with or without them it is the same order.
pub(super) fn order_number(text: &str) -> &str {
    text.trim()
}

pub(super) fn require_text(violations: &mut Violations, field: &str, text: &str, longest: usize) {
    let says = format!("must be at most {longest} characters without control characters");
    violations.require(is_text(text, longest), field, says);
}

/// An identifier such as a payment id: 1 to `longest` visible ASCII characters.
pub(super) fn is_code(text: &str, longest: usize) -> bool {
    !text.is_empty() && text.len() <= longest && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Collects the amounts of a request: they share one currency.
#[derive(Default)]
pub(super) struct Currency {
    seen: String,
}

impl Currency {
    /// The amount in minor units, when one is given. Notes its currency and reports what is wrong with it. A message
    /// with neither currency nor amount is taken as absent.
    pub fn amount(
        &mut self,
        violations: &mut Violations,
        field: &str,
        money: Option<&Money>,
        least: i64,
    ) -> Option<i64> {
        let Money {
            currency_code,
            minor_units,
        } = money.filter(|money| !money.currency_code.is_empty() || money.minor_units != 0)?;
        let code = format!("{field}.currency_code");
        if !violations.currency(currency_code, code.as_str()) {
            // Said.
        } else if self.seen.is_empty() {
            self.seen.clone_from(currency_code);
        } else if self.seen != *currency_code {
            let says = format!("must be {} like the other amounts", self.seen);
            violations.add(code, says);
        }
        violations.minor_units(*minor_units, least, format!("{field}.minor_units"));
        Some(*minor_units)
    }

    /// The one currency; empty when no amount was given.
    pub fn code(&self) -> &str {
        &self.seen
    }
}

pub(super) fn contact(violations: &mut Violations, contact: Option<&Contact>) {
    let Some(contact) = contact else { return };
    require_text(violations, "contact.name", &contact.name, NAME);
    require_text(violations, "contact.email", &contact.email, EMAIL);
    let phone = &contact.phone;
    let dialable = |c: char| c.is_ascii_digit() || " +-().,;xX#*转".contains(c);
    violations.require(
        is_text(phone, PHONE) && phone.chars().all(dialable),
        "contact.phone",
        "must be digits, spaces, `+`, `-`, `(`, `)`, `.`, or an extension",
    );
}

pub(super) fn address(violations: &mut Violations, address: Option<&Address>) {
    let Some(address) = address else { return };
    if !address.country_code.is_empty() {
        violations.country(&address.country_code, "address.country_code");
    }
    for (field, text, longest) in [
        ("address.province", &address.province, PLACE_NAME),
        ("address.city", &address.city, PLACE_NAME),
        ("address.district", &address.district, PLACE_NAME),
        ("address.street", &address.street, STREET),
        ("address.postcode", &address.postcode, POSTCODE),
    ] {
        require_text(violations, field, text, longest);
    }
}

pub(super) fn time(violations: &mut Violations, field: &str, time: Option<&Timestamp>) {
    if let Some(time) = time {
        // The years 1970 to 9999.
        let in_range = (0..253_402_300_800).contains(&time.seconds)
            && (0..1_000_000_000).contains(&time.nanos);
        violations.require(in_range, field, "must be a time from 1970 to 9999");
    }
}

pub(super) fn time_range(violations: &mut Violations, field: &str, range: Option<&TimeRange>) {
    let Some(range) = range else { return };
    time(violations, &format!("{field}.from"), range.from.as_ref());
    time(violations, &format!("{field}.until"), range.until.as_ref());
    if let (Some(from), Some(until)) = (&range.from, &range.until) {
        let ordered = (from.seconds, from.nanos) < (until.seconds, until.nanos);
        violations.require(ordered, field, "`from` must be before `until`");
    }
}

/// Units of lines: each named once.
pub(super) fn line_quantities(violations: &mut Violations, field: &str, lines: &[LineQuantity]) {
    violations.require(lines.len() <= 2_000, field, "must be at most 2000 lines");
    for (index, line) in lines.iter().enumerate() {
        let path = format!("{field}[{index}]");
        let named_before = lines[..index]
            .iter()
            .any(|earlier| earlier.line_id == line.line_id);
        violations.require(
            !line.line_id.is_empty(),
            format!("{path}.line_id"),
            "must not be empty",
        );
        violations.require(
            !named_before,
            format!("{path}.line_id"),
            "must be named once",
        );
        violations.require(
            (1..=LARGEST_QUANTITY).contains(&line.quantity),
            format!("{path}.quantity"),
            format!("must be from 1 to {LARGEST_QUANTITY}"),
        );
    }
}

/// A payment as the order takes it.
pub(super) fn payment(
    violations: &mut Violations,
    field: &str,
    payment: &Payment,
    currency: &mut Currency,
) -> order::Payment {
    violations.require(
        is_code(&payment.payment_id, 100),
        format!("{field}.payment_id"),
        "must be 1 to 100 visible ASCII characters",
    );
    let method = &payment.method;
    let in_form = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    violations.require(
        (1..=40).contains(&method.len()) && method.bytes().all(in_form),
        format!("{field}.method"),
        "must be 1 to 40 of `a-z 0-9 - _`",
    );
    let amount = currency.amount(
        violations,
        &format!("{field}.amount"),
        payment.amount.as_ref(),
        1,
    );
    violations.require(amount.is_some(), format!("{field}.amount"), "must be given");
    time(
        violations,
        &format!("{field}.paid_at"),
        payment.paid_at.as_ref(),
    );
    require_text(
        violations,
        &format!("{field}.failure"),
        &payment.failure,
        500,
    );
    order::Payment {
        payment_id: payment.payment_id.clone(),
        method: method.clone(),
        amount: payment.amount.clone().unwrap_or_default(),
        paid_at: payment.paid_at,
        failure: payment.failure.clone(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn faults(check: impl FnOnce(&mut Violations)) -> String {
        let mut violations = Violations::new();
        check(&mut violations);
        violations
            .finish()
            .err()
            .map(|status| status.message().to_owned())
            .unwrap_or_default()
    }

    fn money(code: &str, minor_units: i64) -> Money {
        Money {
            currency_code: code.into(),
            minor_units,
        }
    }

    #[test]
    fn mixed_and_unknown_currencies_are_both_told() {
        let mut currency = Currency::default();
        let text = faults(|violations| {
            currency.amount(violations, "tax", Some(&money("CNY", 1)), 0);
            currency.amount(violations, "due", Some(&money("USD", 1)), 0);
            currency.amount(violations, "discount", Some(&money("rmb", -1)), 0);
        });
        assert!(text.contains("due.currency_code: must be CNY"), "{text}");
        assert!(
            text.contains("discount.currency_code: must be an ISO"),
            "{text}"
        );
        assert!(
            text.contains("discount.minor_units: must be from 0"),
            "{text}"
        );
        assert_eq!(currency.code(), "CNY");
    }

    #[test]
    fn an_empty_amount_is_absent() {
        let mut currency = Currency::default();
        let mut violations = Violations::new();
        assert_eq!(
            currency.amount(&mut violations, "tax", Some(&money("", 0)), 0),
            None
        );
        violations.finish().unwrap();
    }

    #[test]
    fn a_malformed_recipient_is_told_field_by_field() {
        let text = faults(|violations| {
            contact(
                violations,
                Some(&Contact {
                    name: "a\u{7}".into(),
                    phone: "call me".into(),
                    ..Contact::default()
                }),
            );
            address(
                violations,
                Some(&Address {
                    country_code: "ZZ".into(),
                    ..Address::default()
                }),
            );
        });
        for field in ["contact.name", "contact.phone", "address.country_code"] {
            assert!(text.contains(field), "{text}");
        }
        let fine = Contact {
            phone: "+86 (571) 8888-8888 转 12".into(),
            ..Contact::default()
        };
        assert_eq!(faults(|violations| contact(violations, Some(&fine))), "");
    }

    #[test]
    fn units_are_named_once_and_counted_from_one() {
        let lines = [
            LineQuantity {
                line_id: "1".into(),
                quantity: 0,
            },
            LineQuantity {
                line_id: "1".into(),
                quantity: 1,
            },
        ];
        let text = faults(|violations| line_quantities(violations, "lines", &lines));
        assert!(
            text.contains("lines[0].quantity") && text.contains("lines[1].line_id"),
            "{text}"
        );
    }

    #[test]
    fn a_window_ends_after_it_begins() {
        let at = |seconds| Some(Timestamp { seconds, nanos: 0 });
        let range = TimeRange {
            from: at(2),
            until: at(1),
        };
        assert!(
            faults(|violations| time_range(violations, "delivery_window", Some(&range)))
                .contains("before")
        );
    }
}
