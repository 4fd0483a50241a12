//! Currencies (ISO 4217) and countries (ISO 3166-1) as every service and the command line take and show them.
//!
//! The tables are kept here because they are short, change once or twice in a year, and decide what is refused: a change of
//! theirs belongs into the changelog and not into a dependency's minor version.

mod country;
mod currency;

pub use country::is_country;
pub use currency::{AmountError, LARGEST_AMOUNT, amount, is_currency, minor_digits, parse_amount};
