//! Medians and percentiles.

use std::time::Duration;

/// Durations of one kind.
#[derive(Clone, Debug, Default)]
pub struct Latencies(Vec<u32>);

impl Latencies {
    /// Kept in microseconds; saturates above an hour.
    pub fn add(&mut self, duration: Duration) {
        self.0
            .push(u32::try_from(duration.as_micros()).unwrap_or(u32::MAX));
    }

    /// Takes the others in.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The smallest duration that `share` (0 to 1) of all do not exceed, in milliseconds; 0 without any.
    pub fn percentile_ms(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let Some(last) = sorted.len().checked_sub(1) else {
            return 0.0;
        };
        let place = ((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1);
        round(f64::from(sorted[place.min(last)]) / 1e3, 3)
    }
}

/// The middle value; of an even number of values the mean of the two in the middle; 0 of none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle.wrapping_sub(1)), sorted.get(middle)) {
        (Some(low), Some(high)) if sorted.len().is_multiple_of(2) => f64::midpoint(*low, *high),
        (_, Some(middle)) => *middle,
        _ => 0.0,
    }
}

/// `value` with that many digits behind the point.
pub fn round(value: f64, digits: i32) -> f64 {
    let factor = 10_f64.powi(digits);
    (value * factor).round() / factor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_the_mean_of_the_two_in_the_middle() {
        let near = |values: &[f64], expected: f64| (median(values) - expected).abs() < 1e-9;
        assert!(near(&[], 0.0));
        assert!(near(&[3.0], 3.0));
        assert!(near(&[9.0, 1.0, 5.0], 5.0));
        assert!(near(&[9.0, 1.0, 5.0, 7.0], 6.0));
    }

    #[test]
    fn a_percentile_is_a_duration_that_was_seen() {
        let mut latencies = Latencies::default();
        assert!(latencies.percentile_ms(0.99) < 1e-9);
        for n in 1..=100 {
            latencies.add(Duration::from_millis(n));
        }
        assert!((latencies.percentile_ms(0.99) - 99.0).abs() < 1e-9);
        assert!((latencies.percentile_ms(0.5) - 50.0).abs() < 1e-9);
        assert!((latencies.percentile_ms(1.0) - 100.0).abs() < 1e-9);
    }
}
