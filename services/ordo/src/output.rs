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

/// How many decimals amounts in a currency have (ISO 4217).
pub fn decimals(currency_code: &str) -> usize {
    match currency_code {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX"
        | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

/// `12.34 GBP`, with the currency's own number of decimals (ISO 4217).
pub fn money(amount: Option<&Money>) -> String {
    let Some(Money {
        currency_code,
        minor_units,
    }) = amount
    else {
        return String::new();
    };
    let decimals = decimals(currency_code);
    let sign = if *minor_units < 0 { "-" } else { "" };
    let digits = format!(
        "{:0>width$}",
        minor_units.unsigned_abs(),
        width = decimals + 1
    );
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let point = if decimals == 0 { "" } else { "." };
    format!("{sign}{whole}{point}{fraction} {currency_code}")
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

    fn of(currency: &str, minor_units: i64) -> String {
        money(Some(&Money {
            currency_code: currency.into(),
            minor_units,
        }))
    }

    #[test]
    fn money_has_the_decimals_of_its_currency() {
        assert_eq!(of("GBP", 1234), "12.34 GBP");
        assert_eq!(of("CNY", -5), "-0.05 CNY");
        assert_eq!(of("JPY", 300), "300 JPY");
        assert_eq!(of("KWD", 1), "0.001 KWD");
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
