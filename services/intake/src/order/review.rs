//! Rules, as data, for which orders a person must look at before anything is done.

use ordo_proto::intake::PaymentTerms;
use serde::Deserialize;

use super::Body;

/// All rules of a shop. The first that applies is named in the hold.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct ReviewRules(pub Vec<ReviewRule>);

/// An order is reviewed when everything that the rule names is true of it. A rule that names nothing applies to none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReviewRule {
    /// Shown to the reviewer.
    pub name: String,
    /// Orders of these channels.
    pub channels: Vec<String>,
    /// Orders of these customers (a blacklist).
    pub customers: Vec<String>,
    /// Orders in this currency; needed with `due_from`.
    pub currency: String,
    /// Due is at least this many minor units of `currency`.
    pub due_from: Option<i64>,
    /// At least this many units over all lines.
    pub units_from: Option<i64>,
    /// `PREPAID`, `CASH_ON_DELIVERY` or `ON_ACCOUNT`.
    pub payment_terms: String,
    /// Delivered to one of these countries (ISO 3166-1 alpha-2).
    pub countries: Vec<String>,
}

impl ReviewRules {
    /// The first rule that applies.
    pub(super) fn applying(&self, order: &Body) -> Option<&ReviewRule> {
        self.0.iter().find(|rule| rule.applies(order))
    }

    /// What is wrong with the rules; empty when nothing is.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (index, rule) in self.0.iter().enumerate() {
            let mut fault = |text: &str| faults.push(format!("review_rules[{index}]: {text}"));
            if rule.name.is_empty() {
                fault("`name` is missing");
            }
            if *rule
                == (ReviewRule {
                    name: rule.name.clone(),
                    ..ReviewRule::default()
                })
            {
                fault("names no condition and would never apply");
            }
            if rule.due_from.is_some() && !ordo_iso::is_currency(&rule.currency) {
                fault("`due_from` needs the `currency` it is in");
            }
            for country in &rule.countries {
                if !ordo_iso::is_country(country) {
                    fault(&format!(
                        "`{country}` is no ISO 3166-1 alpha-2 code in upper case"
                    ));
                }
            }
            if !rule.payment_terms.is_empty() && rule.terms().is_none() {
                fault("`payment_terms` must be PREPAID, CASH_ON_DELIVERY or ON_ACCOUNT");
            }
        }
        faults
    }
}

impl ReviewRule {
    fn terms(&self) -> Option<PaymentTerms> {
        PaymentTerms::from_str_name(&format!("PAYMENT_TERMS_{}", self.payment_terms))
            .filter(|terms| *terms != PaymentTerms::Unspecified)
    }

    fn applies(&self, order: &Body) -> bool {
        let among =
            |set: &[String], value: &str| set.is_empty() || set.iter().any(|one| one == value);
        let country = order
            .region
            .as_ref()
            .map_or("", |region| region.country_code.as_str());
        let units: i64 = order.lines.iter().map(|line| line.line.quantity).sum();
        let names_something = *self
            != Self {
                name: self.name.clone(),
                ..Self::default()
            };
        names_something
            && among(&self.channels, &order.channel)
            && among(&self.customers, &order.customer_id)
            && among(&self.countries, country)
            && (self.currency.is_empty() || self.currency == order.currency)
            && self.due_from.is_none_or(|from| order.due() >= from)
            && self.units_from.is_none_or(|from| units >= from)
            && (self.payment_terms.is_empty() || self.terms() == Some(order.payment_terms()))
    }
}
