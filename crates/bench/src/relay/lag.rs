//! How long after its commit an event reaches a reader of the broker.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use ordo_bus::{Relay, RelaySettings};
use ordo_event_log::{Cursor, EventSource as _, Timestamp};
use tokio::time::MissedTickBehavior;

use super::{reached, report::Lag};
use crate::{
    broker::PrivateBroker,
    error::{BenchError, During as _},
    latency::{Latencies, round},
    load::{Load, Streams},
};

/// Callers that look for the highest load.
const CALLERS: usize = 256;
/// How often the paced load makes its commands.
const TICK: Duration = Duration::from_millis(5);
/// Most events that a reader takes at once, as projections do.
const READ: usize = 1000;

/// Appends as fast as log and relay together go for a while, then at half of that rate, and measures at half of it from the
/// time in the event (taken before its commit) to the moment when a reader of the broker holds it.
pub(super) async fn measure(
    broker: &PrivateBroker,
    load: &Load,
    length: Duration,
) -> Result<Lag, BenchError> {
    let bus = broker.bus("lag").await?;
    let log = load.log();
    let relay = Relay::start(&bus, log.clone(), RelaySettings::default())
        .await
        .during("starting the relay")?;
    let before = log.read_head(0).await.during("reading the log's end")?;
    reached(&relay, before.position).await?;
    // Both at full speed, until the relay has all of it: the rate that does not grow a backlog.
    let started = Instant::now();
    load.round(Streams::Fresh, CALLERS, length / 2).await?;
    let full = log.read_head(0).await.during("reading the log's end")?;
    reached(&relay, full.position).await?;
    let most = (full.position - before.position) as f64 / started.elapsed().as_secs_f64();

    let source = bus.source(Arc::new(log.clone()));
    let after = Cursor {
        epoch: full.epoch,
        position: full.position,
        hash: full.hash,
    };
    let mut feed = source.feed(0, after).await.during("reading the broker")?;
    let expected = Arc::new(AtomicU64::new(u64::MAX));
    let end = Arc::clone(&expected);
    let reader = tokio::spawn(async move {
        let mut lags = Latencies::default();
        while after.position + (lags.len() as u64) < end.load(Ordering::Relaxed) {
            let Ok(events) = tokio::time::timeout(Duration::from_secs(1), feed.next(READ)).await
            else {
                continue;
            };
            let now = Timestamp::now().0;
            for event in events.during("reading the broker")? {
                lags.add(Duration::from_micros(
                    u64::try_from(now - event.time.0).unwrap_or_default(),
                ));
            }
        }
        Ok::<Latencies, BenchError>(lags)
    });
    let half = most / 2.0;
    paced(load, half, length).await?;
    let last = log.read_head(0).await.during("reading the log's end")?;
    expected.store(last.position, Ordering::Relaxed);
    let lags = reader.await.during("waiting for the reader")??;
    relay.close().await;
    Ok(Lag {
        full_load_per_second: round(most, 0),
        events_per_second: round(lags.len() as f64 / length.as_secs_f64(), 0),
        p50_ms: lags.percentile_ms(0.5),
        p99_ms: lags.percentile_ms(0.99),
        max_ms: lags.percentile_ms(1.0),
    })
}

/// Appends `per_second` events, a few at each tick, however long they take.
async fn paced(load: &Load, per_second: f64, length: Duration) -> Result<(), BenchError> {
    let started = Instant::now();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut tasks = tokio::task::JoinSet::new();
    let mut asked = 0_u64;
    while started.elapsed() < length {
        ticks.tick().await;
        let due = (started.elapsed().as_secs_f64() * per_second) as u64;
        for _ in asked..due {
            let load = load.clone();
            tasks.spawn(async move { load.append_fresh().await });
        }
        asked = due.max(asked);
        while let Some(done) = tasks.try_join_next() {
            done.during("waiting for a caller")??;
        }
    }
    while let Some(done) = tasks.join_next().await {
        done.during("waiting for a caller")??;
    }
    Ok(())
}
