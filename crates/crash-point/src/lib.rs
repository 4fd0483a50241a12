//! Named places at which a test can end the process, as a crash would: without unwinding, flushing or telling anybody.
//!
//! ```text
//! ORDO_CRASH_AT=relay.batch-staged:3        abort when this point is reached for the third time
//! ORDO_CRASH_AT=log.commit-under-way:2:400  abort 400 µs after the second commit began
//! ```
//!
//! Debug builds have the points, so that the tests need no build of their own; a release build has none of this, unless
//! it is made with the feature `crash-points`. `tests/crash-points` takes every one of them against real stores.

#[cfg(any(debug_assertions, feature = "crash-points"))]
mod armed;
mod point;

pub use point::CrashPoint;

/// The variable that says where and when to crash: `<point>:<passing>`, or `<point>:<passing>:<microseconds>`.
pub const VARIABLE: &str = "ORDO_CRASH_AT";

/// Ends the process if this passing of `point` is the one that was asked for.
#[inline]
pub fn reach(point: CrashPoint) {
    #[cfg(any(debug_assertions, feature = "crash-points"))]
    armed::reach(point);
    #[cfg(not(any(debug_assertions, feature = "crash-points")))]
    let _ = point;
}

/// Waits for `work`; the process may end somewhere in the middle of it.
#[inline]
pub async fn during<F: Future>(point: CrashPoint, work: F) -> F::Output {
    #[cfg(any(debug_assertions, feature = "crash-points"))]
    armed::begin(point);
    #[cfg(not(any(debug_assertions, feature = "crash-points")))]
    let _ = point;
    work.await
}
