//! Values on the command line.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use ordo_proto::types::{LineQuantity, Money};

/// `12.34` in a currency with two decimals; nothing that is asked for here is below zero.
pub fn amount(text: &str, currency: &str) -> Result<Money, String> {
    let minor_units =
        ordo_iso::parse_amount(currency, text).map_err(|refused| refused.to_string())?;
    if minor_units < 0 {
        return Err(format!("`{text}` is below 0"));
    }
    Ok(Money {
        currency_code: currency.to_owned(),
        minor_units,
    })
}

/// A text that says something: an empty one, or one of white space, is a variable of a script that was not set.
pub fn text(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("it says nothing".to_owned());
    }
    Ok(text.to_owned())
}

/// `SKU:QUANTITY[:PRICE]`; an SKU may hold colons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderLine {
    /// Article.
    pub sku: String,
    /// Units.
    pub quantity: i64,
    /// Price a unit, in the order's currency; absent means free of charge is not said.
    pub price: Option<String>,
}

/// Parses [`OrderLine`].
pub fn order_line(text: &str) -> Result<OrderLine, String> {
    let wrong =
        || format!("`{text}` is not SKU:QUANTITY or SKU:QUANTITY:PRICE, such as TEA-1:2:12.50");
    let parts: Vec<&str> = text.split(':').collect();
    let (sku, quantity, price) = match parts.as_slice() {
        [sku, quantity] => (*sku, *quantity, None),
        [sku, quantity, price] => (*sku, *quantity, Some((*price).to_owned())),
        _ => return Err(wrong()),
    };
    let quantity: i64 = quantity.parse().map_err(|_| wrong())?;
    if sku.trim().is_empty() {
        return Err(wrong());
    }
    Ok(OrderLine {
        sku: sku.to_owned(),
        quantity,
        price,
    })
}

/// `LINE:QUANTITY`.
pub fn line_quantity(text: &str) -> Result<LineQuantity, String> {
    let wrong = || format!("`{text}` is not LINE:QUANTITY, such as 1:2");
    let (line_id, quantity) = text
        .rsplit_once(':')
        .filter(|(line_id, _)| !line_id.trim().is_empty())
        .ok_or_else(wrong)?;
    Ok(LineQuantity {
        line_id: line_id.to_owned(),
        quantity: quantity.parse().map_err(|_| wrong())?,
    })
}

/// A UTC instant or a local date: `2026-11-21`, `2026-11-21T10:00`, `2026-11-21T10:00:00Z`.
pub fn instant(text: &str) -> Result<prost_types::Timestamp, String> {
    let zone = jiff::tz::TimeZone::system();
    let time = text.parse::<jiff::Timestamp>().or_else(|_| {
        text.parse::<jiff::civil::DateTime>()
            .and_then(|time| Ok(time.to_zoned(zone)?.timestamp()))
    });
    match time {
        Ok(time) => Ok(prost_types::Timestamp {
            seconds: time.as_second(),
            nanos: time.subsec_nanosecond(),
        }),
        Err(_) => last_days(text).ok_or_else(|| {
            format!("`{text}` is no time, such as 2026-11-21 or 2026-11-21T10:00:00Z")
        }),
    }
}

/// The last days of the year 9999, of which services take every second. `jiff::Timestamp` ends before them, so that it can be told in
/// every time zone.
fn last_days(text: &str) -> Option<prost_types::Timestamp> {
    let end = jiff::Timestamp::MAX;
    let pieces = jiff::fmt::temporal::Pieces::parse(text).ok()?;
    let offset = pieces
        .to_numeric_offset()
        .unwrap_or_else(|| jiff::tz::TimeZone::system().to_offset(end));
    let epoch = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);
    let local = pieces.date().to_datetime(pieces.time().unwrap_or_default());
    let since = local.duration_since(epoch);
    let seconds = since.as_secs() - i64::from(offset.seconds());
    (seconds >= end.as_second()).then_some(prost_types::Timestamp {
        seconds,
        nanos: since.subsec_nanos(),
    })
}

/// How many rows a page may have.
pub fn page_size() -> impl TypedValueParser<Value = u32> {
    clap::value_parser!(u32).range(1..=500)
}

/// Takes one of the words of a protobuf enum, `short-stock` for `HOLD_REASON_SHORT_STOCK`, in small or capital letters, with `-` or
/// `_`. `--help`, completions and errors list them.
pub fn words<E>(
    name: fn(&E) -> &'static str,
    prefix: &'static str,
) -> impl TypedValueParser<Value = E>
where
    E: TryFrom<i32> + Clone + Send + Sync + 'static,
{
    let word = move |value: &E| {
        let name = name(value);
        let name = name.strip_prefix(prefix).unwrap_or(name);
        name.to_ascii_lowercase().replace('_', "-")
    };
    // 0 is what nobody said.
    let values = || (1..100).filter_map(|number| E::try_from(number).ok());
    let possible = values().map(move |value| {
        let word = word(&value);
        let mut possible = PossibleValue::new(word.clone());
        for other in [
            word.replace('-', "_"),
            word.to_ascii_uppercase(),
            word.replace('-', "_").to_ascii_uppercase(),
        ] {
            if other != word {
                possible = possible.alias(other);
            }
        }
        possible
    });
    PossibleValuesParser::new(possible).try_map(move |text| {
        let text = text.to_ascii_lowercase().replace('_', "-");
        let found = values().find(|value| word(value) == text);
        found.ok_or_else(|| format!("`{text}` is not known here"))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn amounts_are_exact() {
        assert_eq!(amount("12.5", "GBP").unwrap().minor_units, 1250);
        assert_eq!(amount("-0.05", "CNY").unwrap_err(), "`-0.05` is below 0");
        assert_eq!(amount("300", "JPY").unwrap().minor_units, 300);
        for wrong in ["", "1.234", "a", "1,5", "."] {
            assert!(amount(wrong, "GBP").is_err(), "{wrong}");
        }
    }

    #[test]
    fn lines_name_article_units_and_price() {
        let line = order_line("TEA-1:2:12.50").unwrap();
        assert_eq!(
            (line.sku.as_str(), line.quantity, line.price.as_deref()),
            ("TEA-1", 2, Some("12.50"))
        );
        assert!(order_line("TEA-1").is_err());
        assert!(order_line(":2").is_err());
        assert!(order_line(" :2").is_err());
        assert_eq!(line_quantity("1:3").unwrap().quantity, 3);
        assert!(line_quantity("1").is_err());
        assert!(line_quantity(" :1").is_err());
    }

    #[test]
    fn a_text_says_something() {
        assert_eq!(text(" a b ").unwrap(), " a b ");
        for nothing in ["", " ", "\t\u{3000}"] {
            assert!(text(nothing).is_err(), "{nothing:?}");
        }
    }

    #[test]
    fn words_are_those_of_the_protocol_in_any_spelling() {
        use clap::{Arg, Command};
        use ordo_proto::intake::HoldReason;
        let parse = |word: &str| {
            let parser = words(HoldReason::as_str_name, "HOLD_REASON_");
            let command = Command::new("x").arg(Arg::new("hold").value_parser(parser));
            let found = command.try_get_matches_from(["x", word]);
            found.map(|mut found| found.remove_one::<HoldReason>("hold").unwrap())
        };
        for word in ["short-stock", "short_stock", "SHORT-STOCK", "SHORT_STOCK"] {
            assert_eq!(parse(word).unwrap(), HoldReason::ShortStock);
        }
        let error = parse("sold-out").unwrap_err().to_string();
        assert!(
            error.contains("short-stock") && error.contains("unpaid"),
            "{error}"
        );
        assert!(parse("unspecified").is_err());
    }

    #[test]
    fn times_are_dates_or_instants() {
        assert_eq!(instant("1970-01-01T00:00:10Z").unwrap().seconds, 10);
        assert!(instant("2026-11-21").is_ok());
        assert!(instant("yesterday").is_err());
    }

    #[test]
    fn a_time_may_be_as_late_as_services_take_it() {
        const END: i64 = 253_402_300_800;
        let seconds = |text| instant(text).unwrap().seconds;
        assert_eq!(seconds("9999-12-31T23:59:59Z"), END - 1);
        assert_eq!(seconds("9999-12-31T23:59:59+14:00"), END - 1 - 14 * 3600);
        assert_eq!(
            instant("9999-12-31T23:59:59.5Z").unwrap().nanos,
            500_000_000
        );
        // Of a time zone that the machine has: less than a day from UTC.
        let local = seconds("9999-12-31");
        assert!((local - (END - 86_400)).abs() < 86_400, "{local}");
        assert_eq!(seconds("9999-12-31T00:00") - seconds("9999-12-30"), 86_400);
        for wrong in ["9999-12-32", "10000-01-01", "9999-12-31T25:00Z"] {
            assert!(instant(wrong).is_err(), "{wrong}");
        }
    }
}
