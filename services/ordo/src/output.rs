//! Tables for people, JSON for programs.

use comfy_table::{ContentArrangement, Table, presets};
use ordo_proto::types::Money;
use prost::{Message, Name};

use crate::fault::Fault;

/// Prints a message as proto3 JSON on one line.
pub fn json<M: Message + Name>(message: &M) -> Result<(), Fault> {
    let value = ordo_proto::json::from_message(message)
        .map_err(|error| Fault::because("writing JSON", error))?;
    println!("{value}");
    Ok(())
}

/// A table with these column titles.
pub fn table(titles: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(titles);
    table
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
    let decimals = match currency_code.as_str() {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX"
        | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    };
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
    fn enum_names_become_words() {
        assert_eq!(word("ORDER_STATUS_OPEN", "ORDER_STATUS_"), "open");
    }
}
