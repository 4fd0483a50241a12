//! Exact arithmetic on minor units.

use ordo_proto::types::Money;

/// `minor_units` of `currency`.
pub fn money(currency: &str, minor_units: i64) -> Money {
    Money {
        currency_code: currency.to_owned(),
        minor_units,
    }
}

/// Splits `total` in proportion to `weights`, exactly: the parts add up to `total`. Each part is rounded down, and the
/// units left over go one each to the parts with the largest remainders, earlier parts first (the largest remainder
/// method). Negative totals and weights count as zero. When no weight is positive, nothing can be told apart and all
/// parts are zero.
pub fn allocate(total: i64, weights: &[i64]) -> Vec<i64> {
    let total = i128::from(total.max(0));
    let weights: Vec<i128> = weights.iter().map(|w| i128::from(*w).max(0)).collect();
    let sum: i128 = weights.iter().sum();
    if sum == 0 {
        return vec![0; weights.len()];
    }
    let mut parts: Vec<i128> = weights.iter().map(|w| total * w / sum).collect();
    let left = total - parts.iter().sum::<i128>();
    let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
    by_remainder.sort_by_key(|i| (std::cmp::Reverse(total * weights[*i] % sum), *i));
    // Fewer units are left over than there are parts with a remainder.
    for index in by_remainder
        .into_iter()
        .take(usize::try_from(left).unwrap_or(usize::MAX))
    {
        parts[index] += 1;
    }
    parts.into_iter().map(saturate).collect()
}

/// What `part` of `whole` units is worth when all of them are worth `value`: rounded down, and everything for all of them,
/// so that taking units bit by bit never adds up to more than `value`.
pub fn share(value: i64, part: i64, whole: i64) -> i64 {
    if part <= 0 || value <= 0 {
        return 0;
    }
    if part >= whole {
        return value;
    }
    saturate(i128::from(value) * i128::from(part) / i128::from(whole))
}

fn saturate(amount: i128) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_hundred_over_three_equal_lines_gives_the_odd_unit_to_the_first() {
        assert_eq!(allocate(100, &[1, 1, 1]), [34, 33, 33]);
    }

    #[test]
    fn the_largest_remainder_gets_the_unit_left_over() {
        // 10 x 1/6 = 1.67, 10 x 2/6 = 3.33, 10 x 3/6 = 5
        assert_eq!(allocate(10, &[1, 2, 3]), [2, 3, 5]);
    }

    #[test]
    fn without_any_weight_nothing_is_given() {
        assert_eq!(allocate(10, &[0, 0]), [0, 0]);
        assert_eq!(allocate(10, &[]), Vec::<i64>::new());
    }

    #[test]
    fn all_units_are_worth_everything() {
        assert_eq!(
            (1..=3).map(|n| share(100, n, 3)).collect::<Vec<_>>(),
            [33, 66, 100]
        );
    }

    proptest! {
        #[test]
        fn parts_always_add_up(total in 0..i64::MAX, weights in prop::collection::vec(0..i64::MAX / 2, 1..20)) {
            let parts = allocate(total, &weights);
            let sum: i128 = parts.iter().map(|p| i128::from(*p)).sum();
            let expected = if weights.iter().any(|w| *w > 0) { i128::from(total) } else { 0 };
            prop_assert_eq!(sum, expected);
        }

        #[test]
        fn nothing_weighs_nothing(total in 0..i64::MAX, weights in prop::collection::vec(0..3_i64, 1..20)) {
            for (part, weight) in allocate(total, &weights).iter().zip(&weights) {
                prop_assert!(*weight > 0 || *part == 0);
            }
        }
    }
}
