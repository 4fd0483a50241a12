//! All points, one after the other, in one world.

use std::collections::BTreeMap;

use ordo_crash_point::CrashPoint;
use ordo_crash_tests::Question;
use ordo_testkit::Nats;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

use crate::process::Ground;

/// How often each point is taken on each store: `ORDO_CRASH_TIMES`, or once.
pub fn times() -> u64 {
    std::env::var("ORDO_CRASH_TIMES").map_or(1, |times| {
        times.parse().expect("ORDO_CRASH_TIMES is a number")
    })
}

/// How often each point was taken.
#[derive(Default)]
pub struct Counts(BTreeMap<&'static str, u64>);

impl Counts {
    pub fn print(&self, store: &str) {
        println!("| point | crashes on {store} |\n|---|---|");
        for point in CrashPoint::ALL {
            let name = point.name();
            println!("| `{name}` | {} |", self.0.get(name).copied().unwrap_or(0));
        }
    }
}

/// The latest passing at which the process may crash. A turn of its work reaches every point at least so often; it takes
/// turns until it has crashed.
fn most_passings(point: CrashPoint) -> u64 {
    use CrashPoint::*;
    match point {
        LogBatchTaken | LogBatchDecided | LogCommitUnderWay | LogCommitted | LogPartlyAnswered
        | ReactionUnderWay | ReactionEffective | TimerDue => 9,
        RelayBatchRead
        | RelayBatchUnderWay
        | RelayBatchAcknowledged
        | ProjectionApplied
        | ProjectionCommitUnderWay
        | ProjectionCommitted
        | ReactionRead
        | ReactionStored
        | ReactionDone => 4,
        KeyMade | KeyCommitUnderWay | KeyWritten => 3,
        RelayBatchStaged | TimerRecorded => 2,
        RelayStreamDeleted | RelayStreamCreated | RebuildBuilt | RebuildSwitched
        | RebuildRetired => 1,
    }
}

/// Crashes at every point once; each next process goes on where the one before crashed. Then everything is compared.
pub async fn sweep(number: u64, store: &str, counts: &mut Counts) {
    let nats = Nats::start().await.unwrap();
    let url = nats.url();
    let folder = tempfile::tempdir().unwrap();
    let ground = Ground {
        store,
        nats: &url,
        folder: folder.path(),
    };
    let mut random = StdRng::seed_from_u64(number);
    let mut points = CrashPoint::ALL.to_vec();
    points.shuffle(&mut random);
    let mut all: BTreeMap<String, Question> = BTreeMap::new();
    let mut last = BTreeMap::new();
    for point in points {
        // The first sweep takes every point as early as it comes.
        let passing = match number {
            0 => 1,
            _ => random.random_range(1..=most_passings(point)),
        };
        let mut plan = format!("{}:{passing}", point.name());
        if point.is_stretch() {
            // About as long as a commit takes.
            plan.push_str(&format!(":{}", random.random_range(0..1500)));
        }
        let round = format!("{number}-{}", point.name());
        last = ground.crash(point, &plan, &round, &last).await;
        // What the round before asked is repeated once; its answers are known from then on.
        all.extend(last.clone());
        last.retain(|name, _| name.starts_with(&round));
        *counts.0.entry(point.name()).or_default() += 1;
    }
    ground.check(all.values()).await;
}
