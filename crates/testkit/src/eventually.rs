//! Waiting for a condition.

use std::{panic::Location, time::Duration};

use tokio::time::Instant;

/// Asks `condition` until it holds.
///
/// # Panics
///
/// When it does not hold within `deadline`, naming the caller's line.
#[track_caller]
pub fn eventually<F>(deadline: Duration, mut condition: F) -> impl Future<Output = ()>
where
    F: AsyncFnMut() -> bool,
{
    let caller = Location::caller();
    async move {
        let end = Instant::now() + deadline;
        let mut pause = Duration::from_millis(2);
        while !condition().await {
            assert!(
                Instant::now() < end,
                "the condition at {caller} did not hold within {deadline:?}"
            );
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}
