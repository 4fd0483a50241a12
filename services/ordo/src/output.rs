//! Lines for people, JSON for programs.

use std::{
    fmt,
    io::{self, Write as _},
};

use ordo_proto::types::Money;
use prost::{Message, Name};

use crate::fault::Fault;
pub use crate::table::table;

/// Prints a line on standard output, as `println!` does, but gives the failure instead of panicking.
macro_rules! say {
    ($($part:tt)*) => { $crate::output::line(format_args!($($part)*)) };
}
pub(crate) use say;

/// Writes a line. Control characters in it, which may come from anybody who ever placed an order, are shown and not obeyed.
pub fn line(text: fmt::Arguments<'_>) -> Result<(), Fault> {
    let text = harmless(text.to_string());
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(Fault::output)
}

/// Control characters as `\u001b`, which within JSON says the same. Line ends and tabs stay.
fn harmless(text: String) -> String {
    let is_control = |c: char| c.is_control() && c != '\n' && c != '\t';
    if !text.contains(is_control) {
        return text;
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_control(c) {
            shown.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Prints a message as proto3 JSON on one line.
pub fn json<M: Message + Name>(message: &M) -> Result<(), Fault> {
    say!("{}", value(message)?)
}

/// Prints a message of `service` as proto3 JSON on one line, with the service's name in it.
pub fn json_of<M: Message + Name>(service: &str, message: &M) -> Result<(), Fault> {
    let mut object = serde_json::json!({ "service": service });
    if let (Some(object), serde_json::Value::Object(fields)) =
        (object.as_object_mut(), value(message)?)
    {
        object.extend(fields);
    }
    say!("{object}")
}

fn value<M: Message + Name>(message: &M) -> Result<serde_json::Value, Fault> {
    ordo_proto::json::from_message(message).map_err(|error| Fault::because("writing JSON", error))
}

/// Says how to get the next page, when there is one.
pub fn more(next_page_token: &str) -> Result<(), Fault> {
    if next_page_token.is_empty() {
        return Ok(());
    }
    say!("more: --page {next_page_token}")
}

/// `12.34 GBP`, with the currency's own number of decimals (ISO 4217).
pub fn money(amount: Option<&Money>) -> String {
    amount.map_or_else(String::new, |amount| {
        ordo_iso::amount(&amount.currency_code, amount.minor_units)
    })
}

/// Local time to the second.
pub fn time(time: Option<&prost_types::Timestamp>) -> String {
    let Some(time) = time else {
        return String::new();
    };
    match jiff::Timestamp::new(time.seconds, time.nanos) {
        Ok(time) => time
            .to_zoned(jiff::tz::TimeZone::system())
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string(),
        Err(_) => format!("{}s", time.seconds),
    }
}

/// `ORDER_STATUS_OPEN` without its enum's prefix, as `open`.
pub fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix)
        .unwrap_or(name)
        .to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn money_that_is_not_there_is_empty() {
        let five = Money {
            currency_code: "CNY".into(),
            minor_units: -5,
        };
        assert_eq!(money(Some(&five)), "-0.05 CNY");
        assert_eq!(money(None), "");
    }

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        assert_eq!(
            harmless("a\tb\n\u{1b}[2Jc\u{9b}".into()),
            "a\tb\n\\u001b[2Jc\\u009b"
        );
        let text = serde_json::json!({ "name": "\u{7f}\u{9b}2J" }).to_string();
        let read: serde_json::Value = serde_json::from_str(&harmless(text)).unwrap();
        assert_eq!(read["name"], "\u{7f}\u{9b}2J");
    }

    #[test]
    fn enum_names_become_words() {
        assert_eq!(word("ORDER_STATUS_OPEN", "ORDER_STATUS_"), "open");
    }
}
