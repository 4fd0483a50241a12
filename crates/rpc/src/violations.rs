//! Field checks that report everything wrong at once.

use ordo_iso::LARGEST_AMOUNT;
use ordo_proto::types::Money;
use tonic::Status;
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::{reason::INVALID_REQUEST, refusal::DOMAIN};

/// Collects what is wrong with a request's fields.
///
/// ```
/// let mut violations = ordo_rpc::Violations::new();
/// violations.require(false, "lines[0].quantity", "must be at least 1");
/// violations.add("channel", "must not be empty");
/// let status = violations.finish().unwrap_err();
/// assert_eq!(status.code(), tonic::Code::InvalidArgument);
/// ```
#[derive(Debug, Default)]
#[must_use = "call `finish`"]
pub struct Violations {
    found: Vec<FieldViolation>,
}

impl Violations {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records a fault. `field` is the path in the request message, for example `lines[2].quantity`.
    pub fn add(&mut self, field: impl Into<String>, description: impl Into<String>) {
        self.found.push(FieldViolation::new(field, description));
    }

    /// Records a fault unless `ok`; hands `ok` back.
    pub fn require(
        &mut self,
        ok: bool,
        field: impl Into<String>,
        description: impl Into<String>,
    ) -> bool {
        if !ok {
            self.add(field, description);
        }
        ok
    }

    /// The code of a currency that is given; see [`ordo_iso::is_currency`].
    pub fn currency(&mut self, code: &str, field: impl Into<String>) -> bool {
        let says = "must be an ISO 4217 code in upper case, for example `CNY`";
        self.require(ordo_iso::is_currency(code), field, says)
    }

    /// The code of a country that is given; see [`ordo_iso::is_country`].
    pub fn country(&mut self, code: &str, field: impl Into<String>) -> bool {
        let says = "must be an ISO 3166-1 alpha-2 code in upper case, for example `CN`";
        self.require(ordo_iso::is_country(code), field, says)
    }

    /// Minor units from `least` to [`LARGEST_AMOUNT`].
    pub fn minor_units(&mut self, minor_units: i64, least: i64, field: impl Into<String>) -> bool {
        let says = format!("must be from {least} to {LARGEST_AMOUNT}");
        self.require((least..=LARGEST_AMOUNT).contains(&minor_units), field, says)
    }

    /// An amount, of `least` minor units, in some currency.
    pub fn money(&mut self, money: &Money, least: i64, field: &str) -> bool {
        let currency = self.currency(&money.currency_code, format!("{field}.currency_code"));
        let units = format!("{field}.minor_units");
        self.minor_units(money.minor_units, least, units) && currency
    }

    /// The value of an enum that must be given. Otherwise the violation lists all that may be, by `name`, which is the enum's
    /// `as_str_name`.
    pub fn choice<E>(
        &mut self,
        value: i32,
        name: fn(&E) -> &'static str,
        field: impl Into<String>,
    ) -> Option<E>
    where
        E: TryFrom<i32>,
    {
        let chosen = (value != 0).then(|| E::try_from(value).ok()).flatten();
        if chosen.is_none() {
            self.add(field, format!("must be {}", words(name)));
        }
        chosen
    }

    /// The value of an enum that may be left open; see [`Self::choice`].
    pub fn optional_choice<E>(
        &mut self,
        value: i32,
        name: fn(&E) -> &'static str,
        field: impl Into<String>,
    ) -> Option<E>
    where
        E: TryFrom<i32>,
    {
        let chosen = E::try_from(value).ok();
        if chosen.is_none() {
            self.add(field, format!("must be {}, or absent", words(name)));
        }
        chosen
    }

    /// Values of an enum to choose by; see [`Self::choice`].
    pub fn choices<E>(&mut self, values: &[i32], name: fn(&E) -> &'static str, field: &str)
    where
        E: TryFrom<i32>,
    {
        for (index, value) in values.iter().enumerate() {
            self.choice(*value, name, format!("{field}[{index}]"));
        }
    }

    /// True when nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// `INVALID_ARGUMENT` with every violation, or nothing.
    pub fn finish(self) -> Result<(), Status> {
        if self.found.is_empty() {
            return Ok(());
        }
        let message = self
            .found
            .iter()
            .map(|violation| format!("{}: {}", violation.field, violation.description))
            .collect::<Vec<_>>()
            .join("; ");
        let metadata = [("way_out".to_owned(), INVALID_REQUEST.way_out.to_owned())];
        let mut details = ErrorDetails::with_error_info(INVALID_REQUEST.name, DOMAIN, metadata);
        details.set_bad_request(self.found);
        Err(Status::with_error_details(
            INVALID_REQUEST.code,
            message,
            details,
        ))
    }
}

/// Largest number that an enum of the contracts gives to a value.
const LAST_ENUM_NUMBER: i32 = 100;

/// The names of an enum's values but its zero value: `A, B or C`.
fn words<E: TryFrom<i32>>(name: fn(&E) -> &'static str) -> String {
    let known = (1..=LAST_ENUM_NUMBER).filter_map(|number| E::try_from(number).ok());
    let names: Vec<_> = known.map(|value| name(&value)).collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
#[path = "violations_tests.rs"]
mod tests;
