//! How long to wait before trying again.

use std::time::Duration;

use rand::RngExt as _;

/// `min` doubled with every failure up to `max`, of which the upper half is random so that many waiters spread out.
/// `failures` counts from 1.
pub(crate) fn backoff(failures: u32, min: Duration, max: Duration) -> Duration {
    let doubled = min.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1).min(30)));
    let most = doubled.min(max).max(Duration::from_millis(1));
    let half = most / 2;
    let spread = u64::try_from(half.as_micros()).unwrap_or(u64::MAX);
    half + Duration::from_micros(rand::rng().random_range(0..=spread))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_up_to_its_limit() {
        let (min, max) = (Duration::from_millis(100), Duration::from_secs(5));
        for (failures, most) in [(1, 100), (2, 200), (4, 800), (10, 5_000), (u32::MAX, 5_000)] {
            let most = Duration::from_millis(most);
            for _ in 0..50 {
                let wait = backoff(failures, min, max);
                assert!(wait <= most && wait >= most / 2, "{failures}: {wait:?}");
            }
        }
    }
}
