//! Currencies that amounts may be in, and amounts as people write them.

/// Most minor units, of either sign, that an amount may have in any currency: ten million million yuan. Sums over an order's
/// 2,000 lines of it stay below where 64 bits overflow, and every JSON reader holds it exactly (2^53).
pub const LARGEST_AMOUNT: i64 = 1_000_000_000_000_000;

/// ISO 4217 alphabetic codes of circulating currencies and fund-free units (list one, 2026), sorted.
const CODES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD \
    CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD \
    HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD \
    MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG \
    QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD \
    TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";

/// Those whose minor unit is the unit itself.
const NO_DIGITS: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";

/// Those whose minor unit is a thousandth.
const THREE_DIGITS: &str = "BHD IQD JOD KWD LYD OMR TND";

fn is_among(list: &str, code: &str) -> bool {
    code.len() == 3 && list.split_ascii_whitespace().any(|known| known == code)
}

/// Whether `code` is an ISO 4217 currency in upper case.
///
/// ```
/// assert!(ordo_iso::is_currency("JPY"));
/// assert!(!ordo_iso::is_currency("RMB") && !ordo_iso::is_currency("jpy"));
/// ```
pub fn is_currency(code: &str) -> bool {
    is_among(CODES, code)
}

/// Digits after the decimal point of an amount in this currency; 2, as most have, where it is not known.
pub fn minor_digits(code: &str) -> usize {
    if is_among(NO_DIGITS, code) {
        0
    } else if is_among(THREE_DIGITS, code) {
        3
    } else {
        2
    }
}

/// An amount as people write it.
///
/// ```
/// assert_eq!(ordo_iso::amount("CNY", -5), "-0.05 CNY");
/// assert_eq!(ordo_iso::amount("JPY", 300), "300 JPY");
/// ```
pub fn amount(currency: &str, minor_units: i64) -> String {
    let decimals = minor_digits(currency);
    let sign = if minor_units < 0 { "-" } else { "" };
    let width = decimals + 1;
    let digits = format!("{:0>width$}", minor_units.unsigned_abs());
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let point = if decimals == 0 { "" } else { "." };
    format!("{sign}{whole}{point}{fraction} {currency}")
}

/// Why a text is no amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Letters, two points, more digits than the currency's minor unit has.
    #[error("`{text}` is no amount in {currency}, such as {example}")]
    Malformed {
        /// As written.
        text: String,
        /// What it should be in.
        currency: String,
        /// How one is written.
        example: &'static str,
    },
    /// Beyond [`LARGEST_AMOUNT`].
    #[error("`{text}` is too large: at most {LARGEST_AMOUNT} minor units")]
    TooLarge {
        /// As written.
        text: String,
    },
}

/// The minor units of an amount written without its currency: `12.5` is 1250 of GBP; JPY has no digits after the point.
pub fn parse_amount(currency: &str, text: &str) -> Result<i64, AmountError> {
    let decimals = minor_digits(currency);
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut all_digits = whole.bytes().chain(fraction.bytes());
    let well_formed = !whole.is_empty()
        && fraction.len() <= decimals
        && (decimals > 0 || !digits.contains('.'))
        && all_digits.all(|b| b.is_ascii_digit());
    if !well_formed {
        let example = match decimals {
            0 => "1234",
            2 => "12.34",
            _ => "12.345",
        };
        return Err(AmountError::Malformed {
            text: text.to_owned(),
            currency: currency.to_owned(),
            example,
        });
    }
    let minor: Option<i64> = format!("{whole}{fraction:0<decimals$}").parse().ok();
    match minor.filter(|minor| *minor <= LARGEST_AMOUNT) {
        Some(minor) => Ok(sign * minor),
        None => Err(AmountError::TooLarge {
            text: text.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_upper_case_iso_codes_are_currencies() {
        for code in ["CNY", "GBP", "JPY", "XCG", "ZWG"] {
            assert!(is_currency(code), "{code}");
        }
        for code in ["cny", "RMB", "", "AED AFN", "ZZZ", "HRK", "EU", "EURO"] {
            assert!(!is_currency(code), "{code}");
        }
    }

    #[test]
    fn what_has_no_two_digits_is_a_currency() {
        let odd = NO_DIGITS.split(' ').chain(THREE_DIGITS.split(' '));
        for code in odd {
            assert!(is_currency(code), "{code}");
        }
    }

    #[test]
    fn amounts_are_written_with_the_currencys_digits() {
        assert_eq!(amount("GBP", 1_234), "12.34 GBP");
        assert_eq!(amount("CNY", -5), "-0.05 CNY");
        assert_eq!(amount("JPY", 500), "500 JPY");
        assert_eq!(amount("JPY", 0), "0 JPY");
        assert_eq!(amount("KWD", -1_002), "-1.002 KWD");
        assert_eq!(amount("GBP", i64::MIN), "-92233720368547758.08 GBP");
    }

    #[test]
    fn what_is_written_is_read_back() {
        for currency in ["GBP", "JPY", "KWD"] {
            for minor in [0, 1, -1, 99, 100, 12_345, LARGEST_AMOUNT, -LARGEST_AMOUNT] {
                let text = amount(currency, minor);
                let number = text.strip_suffix(currency).unwrap().trim_end();
                assert_eq!(parse_amount(currency, number), Ok(minor), "{text}");
            }
        }
    }

    #[test]
    fn an_amount_has_no_more_digits_than_its_currency() {
        assert_eq!(parse_amount("GBP", "12.5"), Ok(1_250));
        assert_eq!(parse_amount("JPY", "300"), Ok(300));
        for (currency, text) in [
            ("GBP", "1.234"),
            ("GBP", ""),
            ("GBP", ".5"),
            ("GBP", "1,000"),
            ("JPY", "300.0"),
            ("JPY", "300."),
            ("KWD", "1.2345"),
        ] {
            let refused = parse_amount(currency, text);
            let malformed = matches!(refused, Err(AmountError::Malformed { .. }));
            assert!(malformed, "{currency} {text}: {refused:?}");
        }
        let says = parse_amount("JPY", "1.5").unwrap_err().to_string();
        assert_eq!(says, "`1.5` is no amount in JPY, such as 1234");
    }

    #[test]
    fn an_amount_beyond_the_bounds_is_refused() {
        let too_large = |text: &str| AmountError::TooLarge {
            text: text.to_owned(),
        };
        for text in ["10000000000000.01", "99999999999999999999999"] {
            assert_eq!(parse_amount("GBP", text), Err(too_large(text)));
        }
    }
}
