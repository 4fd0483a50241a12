//! What only intake is configured with.

use std::{sync::Arc, time::Duration};

use ordo_proto::intake::ShortStockPolicy;
use ordo_runtime::{Settings, settings::Reader};

use crate::order::ReviewRules;

/// The shop's rules.
#[derive(Clone, Debug, PartialEq)]
pub struct ShopRules {
    /// How long after delivery an order completes by itself.
    pub complete_after: Duration,
    /// For orders that do not say what to do when stock is short.
    pub short_stock_policy: ShortStockPolicy,
    /// Which orders a person looks at.
    pub review: Arc<ReviewRules>,
}

impl Default for ShopRules {
    fn default() -> Self {
        Self {
            complete_after: Duration::from_secs(7 * 24 * 3_600),
            short_stock_policy: ShortStockPolicy::Wait,
            review: Arc::default(),
        }
    }
}

/// Form of the file of review rules.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ReviewFile {
    #[serde(default)]
    review_rules: ReviewRules,
}

impl Settings for ShopRules {
    fn read(reader: &mut Reader) -> Self {
        let complete_after = reader.duration(
            "intake.complete_after",
            "7d",
            "How long after delivery an order completes by itself.",
        );
        let short_stock_policy = reader.parsed(
            "intake.short_stock_policy",
            "WAIT",
            "For orders that do not say what to do when stock is short: `WAIT`, `SHIP_AVAILABLE`, `ASK` or `CANCEL`.",
            |text| {
                ShortStockPolicy::from_str_name(&format!("SHORT_STOCK_POLICY_{text}"))
                    .filter(|policy| *policy != ShortStockPolicy::Unspecified)
                    .ok_or_else(|| "expected WAIT, SHIP_AVAILABLE, ASK or CANCEL".to_owned())
            },
        );
        let review = reader.parsed(
            "intake.review_rules_file",
            "",
            "TOML file with `[[review_rules]]`: which orders are held for a person's review. Empty: those that ask for it.",
            |path| match path {
                "" => Ok(ReviewRules::default()),
                path => std::fs::read_to_string(path)
                    .map_err(|error| error.to_string())
                    .and_then(|text| parse_rules(&text)),
            },
        );
        Self {
            complete_after,
            short_stock_policy: short_stock_policy.unwrap_or(ShortStockPolicy::Wait),
            review: Arc::new(review.unwrap_or_default()),
        }
    }
}

fn parse_rules(text: &str) -> Result<ReviewRules, String> {
    let file: ReviewFile = toml::from_str(text).map_err(|error| error.to_string())?;
    let faults = file.review_rules.faults();
    if faults.is_empty() {
        Ok(file.review_rules)
    } else {
        Err(faults.join("; "))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn review_rules_are_read_from_toml() {
        let text = "[[review_rules]]\nname = 'large'\ncurrency = 'CNY'\ndue_from = 500000\n";
        assert_eq!(parse_rules(text).unwrap().0[0].due_from, Some(500_000));
    }

    #[test]
    fn faulty_review_rules_say_what_is_wrong() {
        let unknown = parse_rules("[[review_rules]]\nname = 'x'\nsize = 3\n").unwrap_err();
        assert!(unknown.contains("size"), "{unknown}");
        let currency = parse_rules("[[review_rules]]\nname = 'x'\ndue_from = 3\n").unwrap_err();
        assert!(currency.contains("currency"), "{currency}");
    }
}
