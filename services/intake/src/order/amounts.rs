//! The order's sums: exact, in minor units, and the part that is left when units are cancelled.
//!
//! What is left is always computed from the agreed figures and the units kept, never from an earlier remainder, so that
//! cancelling in several steps gives the same sums as cancelling at once.

use ordo_proto::{
    intake::{Amounts, Charge, OrderLine},
    types::Money,
};

use super::{Body, OrderError};

/// Amounts beyond this many minor units, either way, are refused: sums of 2,000 lines then stay inside 64 bits.
pub use ordo_iso::LARGEST_AMOUNT;

/// Quantities beyond this are refused.
pub const LARGEST_QUANTITY: i64 = 1_000_000;

fn bounded(amount: i128) -> Result<i64, OrderError> {
    match i64::try_from(amount) {
        Ok(amount) if amount.abs() <= LARGEST_AMOUNT => Ok(amount),
        _ => Err(OrderError::AmountTooLarge),
    }
}

/// `unit_price x quantity - discount`, in minor units.
pub(super) fn line_total(unit_price: i64, quantity: i64, discount: i64) -> Result<i64, OrderError> {
    bounded(i128::from(unit_price) * i128::from(quantity) - i128::from(discount))
}

fn total(line: &OrderLine) -> i64 {
    line.total.as_ref().map_or(0, |total| total.minor_units)
}

/// The sums as agreed, with nothing cancelled.
pub(super) fn agreed(
    currency: &str,
    lines: &[OrderLine],
    charges: &[Charge],
    discount: i64,
    tax: i64,
) -> Result<Amounts, OrderError> {
    let goods: i128 = lines.iter().map(|line| i128::from(total(line))).sum();
    let charges: i128 = charges
        .iter()
        .map(|charge| {
            i128::from(
                charge
                    .amount
                    .as_ref()
                    .map_or(0, |amount| amount.minor_units),
            )
        })
        .sum();
    sums(currency, bounded(goods)?, bounded(charges)?, discount, tax)
}

fn sums(
    currency: &str,
    goods: i64,
    charges: i64,
    discount: i64,
    tax: i64,
) -> Result<Amounts, OrderError> {
    let due = i128::from(goods) + i128::from(charges) - i128::from(discount) + i128::from(tax);
    let money = |minor_units| {
        Some(Money {
            currency_code: currency.to_owned(),
            minor_units,
        })
    };
    Ok(Amounts {
        goods: money(goods),
        charges: money(charges),
        discount: money(discount),
        tax: money(tax),
        due: money(bounded(due)?),
    })
}

/// `amount x part / whole`, rounded towards zero; all of it when the whole is nothing.
fn share(amount: i64, part: i64, whole: i64) -> i64 {
    if whole == 0 {
        return amount;
    }
    let share = i128::from(amount) * i128::from(part) / i128::from(whole);
    i64::try_from(share).unwrap_or(amount)
}

/// The sums of what is still wanted. Line totals, order discount and tax shrink in proportion, rounded down to the
/// customer's favour; charges stay while anything is wanted.
pub(super) fn remaining(body: &Body) -> Result<Amounts, OrderError> {
    if body.lines.iter().all(|line| line.wanted() == 0) {
        return sums(&body.currency, 0, 0, 0, 0);
    }
    let mut agreed_goods = 0;
    let mut goods = 0;
    for line in &body.lines {
        agreed_goods += total(&line.line);
        goods += share(total(&line.line), line.wanted(), line.line.quantity);
    }
    let charges = body.charges.iter();
    sums(
        &body.currency,
        goods,
        charges
            .map(|charge| {
                charge
                    .amount
                    .as_ref()
                    .map_or(0, |amount| amount.minor_units)
            })
            .sum(),
        share(body.agreed_discount, goods, agreed_goods),
        share(body.agreed_tax, goods, agreed_goods),
    )
}

/// What `goods` minor units of the agreed goods are of the agreed sum due.
pub(super) fn goods_value(body: &Body, line_id: &str, quantity: i64) -> i64 {
    body.line(line_id).map_or(0, |line| {
        share(total(&line.line), quantity, line.line.quantity)
    })
}

#[cfg(test)]
mod tests {
    use ordo_proto::types::Money;

    use super::*;
    use crate::order::Line;

    fn money(minor_units: i64) -> Option<Money> {
        Some(Money {
            currency_code: "CNY".into(),
            minor_units,
        })
    }

    fn body(totals: &[(i64, i64)], discount: i64, tax: i64) -> Body {
        let lines = totals.iter().enumerate().map(|(index, (quantity, total))| {
            Line::new(OrderLine {
                line_id: (index + 1).to_string(),
                quantity: *quantity,
                total: money(*total),
                ..OrderLine::default()
            })
        });
        Body {
            currency: "CNY".into(),
            lines: lines.collect(),
            agreed_discount: discount,
            agreed_tax: tax,
            ..Body::default()
        }
    }

    proptest::proptest! {
        #[test]
        fn cancelling_in_steps_gives_the_sums_of_cancelling_at_once(
            quantity in 1_i64..20, total in 0_i64..100_000, other in 0_i64..100_000,
            discount in 0_i64..5_000, tax in 0_i64..5_000, cancelled in 0_i64..20,
        ) {
            let cancelled = cancelled.min(quantity);
            let mut stepwise = body(&[(quantity, total), (1, other)], discount, tax);
            for _ in 0..cancelled {
                stepwise.lines[0].cancelled += 1;
                let amounts = remaining(&stepwise).unwrap();
                stepwise.amounts = Some(amounts);
            }
            let mut at_once = body(&[(quantity, total), (1, other)], discount, tax);
            at_once.lines[0].cancelled = cancelled;
            let amounts = remaining(&at_once).unwrap();
            if cancelled > 0 {
                proptest::prop_assert_eq!(stepwise.amounts.unwrap(), amounts.clone());
            }
            let parts = |amounts: &Amounts| {
                let minor = |money: &Option<Money>| money.as_ref().unwrap().minor_units;
                (minor(&amounts.goods) + minor(&amounts.charges) - minor(&amounts.discount)
                    + minor(&amounts.tax), minor(&amounts.due))
            };
            let (sum, due) = parts(&amounts);
            proptest::prop_assert_eq!(sum, due);
        }
    }

    #[test]
    fn sums_beyond_the_largest_amount_are_refused() {
        assert_eq!(
            line_total(LARGEST_AMOUNT, 2, 0),
            Err(OrderError::AmountTooLarge)
        );
        assert_eq!(
            line_total(i64::MAX, i64::MAX, 0),
            Err(OrderError::AmountTooLarge)
        );
        assert_eq!(line_total(250, 3, 50), Ok(700));
    }
}
