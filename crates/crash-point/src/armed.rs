//! The points of a build that has them.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{CrashPoint, VARIABLE};

static PLAN: LazyLock<Option<Plan>> = LazyLock::new(|| {
    let text = std::env::var(VARIABLE).ok()?;
    let plan = Plan::parse(&text);
    if plan.is_none() {
        // A misspelt point would make a test pass that tests nothing.
        eprintln!("{VARIABLE}: `{text}` is no crash point");
        std::process::abort();
    }
    plan
});

/// Where and when to crash.
#[derive(Debug)]
struct Plan {
    point: CrashPoint,
    /// From 1.
    passing: u64,
    /// Counted from the point, for one that is a stretch of time.
    delay: Duration,
    passed: AtomicU64,
}

impl Plan {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let point = CrashPoint::named(parts.next()?)?;
        let passing = parts.next()?.parse().ok().filter(|passing| *passing > 0)?;
        let delay = match parts.next() {
            Some(micros) => Duration::from_micros(micros.parse().ok()?),
            None => Duration::ZERO,
        };
        parts.next().is_none().then_some(Self {
            point,
            passing,
            delay,
            passed: AtomicU64::new(0),
        })
    }

    fn is_due(&self, point: CrashPoint) -> bool {
        self.point == point && self.passed.fetch_add(1, Ordering::Relaxed) + 1 == self.passing
    }
}

pub(crate) fn reach(point: CrashPoint) {
    if let Some(plan) = &*PLAN
        && plan.is_due(point)
    {
        die(point);
    }
}

pub(crate) fn begin(point: CrashPoint) {
    if let Some(plan) = &*PLAN
        && plan.is_due(point)
    {
        // A thread of its own: the runtime's may be busy with what is to be interrupted.
        std::thread::spawn(move || {
            std::thread::park_timeout(plan.delay);
            die(point)
        });
    }
}

fn die(point: CrashPoint) -> ! {
    eprintln!("crash point {}", point.name());
    std::process::abort()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_names_a_point_and_a_passing() {
        let plan = Plan::parse("relay.batch-staged:3").unwrap();
        assert_eq!(
            (plan.point, plan.passing, plan.delay),
            (CrashPoint::RelayBatchStaged, 3, Duration::ZERO)
        );
        let plan = Plan::parse("log.commit-under-way:1:400").unwrap();
        assert_eq!(plan.delay, Duration::from_micros(400));
        for text in [
            "",
            "relay.batch-staged",
            "relay.batch-staged:0",
            "relay.batch-staged:x",
            "nowhere:1",
            "relay.batch-staged:1:2:3",
        ] {
            assert!(Plan::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn only_the_asked_for_passing_of_the_asked_for_point_counts() {
        let plan = Plan::parse("key.written:2").unwrap();
        assert!(!plan.is_due(CrashPoint::KeyWritten));
        assert!(!plan.is_due(CrashPoint::KeyMade));
        assert!(plan.is_due(CrashPoint::KeyWritten));
        assert!(!plan.is_due(CrashPoint::KeyWritten));
    }

    #[test]
    fn every_point_has_a_name_of_its_own() {
        for point in CrashPoint::ALL {
            assert_eq!(CrashPoint::named(point.name()), Some(*point));
        }
    }
}
