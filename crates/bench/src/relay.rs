//! `ordo bench relay`: a log copied to JetStream, beside raw atomic batches.

mod lag;
mod raw;
mod report;

use std::time::{Duration, Instant};

use clap::Args;
use ordo_bus::{Relay, RelaySettings, verify_copy};
use ordo_event_log::{EventLog, EventLogConfig, MAX_PAYLOAD};

pub use report::{Lag, RelayReport};

use self::raw::Raw;
use crate::{
    broker::PrivateBroker,
    error::{BenchError, During as _},
    latency::{median, round},
    load::Load,
    machine::Machine,
    options::{Stores, count},
    store::Home,
};

/// What `ordo bench relay` measures.
#[derive(Clone, Debug, Args)]
pub struct RelayOptions {
    /// Where the log is: `sqlite` or `sqlite:<folder>`, `postgres` (a server is started for it) or `postgres://…` (schemas of
    /// its own).
    #[arg(long, default_value = "sqlite", value_parser = Stores::OF_A_LOG)]
    pub store: String,
    /// Events that each round copies.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub events: u64,
    /// Rounds; figures are medians.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub rounds: u32,
    /// Seconds at half load in which the lag is measured.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub lag_seconds: u64,
    /// Bytes of an event's payload.
    #[arg(long, default_value_t = 400, value_parser = count(1..=MAX_PAYLOAD as u64))]
    pub payload: usize,
}

/// How long copying a round's events may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Runs the benchmark.
pub async fn run(options: RelayOptions) -> Result<RelayReport, BenchError> {
    let machine = Machine::look();
    let home = Home::open(&options.store).await?;
    let measured = measure(&options, &home).await;
    let (kind, settings) = (home.kind(), home.settings().to_owned());
    let removed = home.remove().await;
    let measured = measured?;
    removed?;
    Ok(RelayReport {
        ratio: round(measured.relay / measured.floor, 3),
        events_per_second: round(measured.relay, 0),
        floor_per_second: round(measured.floor, 0),
        lag: measured.lag,
        store: kind,
        settings,
        events: options.events,
        rounds: options.rounds,
        payload_bytes: options.payload,
        machine: machine.done(),
    })
}

struct Figures {
    relay: f64,
    floor: f64,
    lag: Lag,
}

async fn measure(options: &RelayOptions, home: &Home) -> Result<Figures, BenchError> {
    let broker = PrivateBroker::start().await?;
    let log = EventLog::open(
        EventLogConfig::new(home.service("relayed"), home.url().clone()).partitions(1),
    )
    .await
    .during("opening a log")?;
    let load = Load::new(log.clone(), options.payload, 1);
    load.fill(options.events).await?;
    let head = log.read_head(0).await.during("reading the log's end")?;
    // A stream of its own for each round: the broker begins empty each time, as the floor's does.
    let raw = Raw::prepare(&broker, &log).await?;
    let (mut relays, mut floors) = (Vec::new(), Vec::new());
    for number in 0..options.rounds {
        let prefix = format!("round{number}");
        floors.push(raw.publish(&prefix, head.position).await?);
        relays.push(copy(&broker, &prefix, &log, head.position).await?);
    }
    let lag = lag::measure(&broker, &load, Duration::from_secs(options.lag_seconds)).await?;
    log.close().await;
    Ok(Figures {
        relay: median(&relays),
        floor: median(&floors),
        lag,
    })
}

/// Events per second of copying the whole log, from a relay that starts to the last acknowledged batch. The copy is then
/// compared with the log, outside of the time.
async fn copy(
    broker: &PrivateBroker,
    prefix: &str,
    log: &EventLog,
    end: u64,
) -> Result<f64, BenchError> {
    let bus = broker.bus(prefix).await?;
    let started = Instant::now();
    let relay = Relay::start(&bus, log.clone(), RelaySettings::default())
        .await
        .during("starting the relay")?;
    reached(&relay, end).await?;
    let seconds = started.elapsed().as_secs_f64();
    relay.close().await;
    let report = verify_copy(&bus, log, 0)
        .await
        .during("comparing the copy with the log")?;
    if !report.is_exact() || report.behind() > 0 {
        return Err(BenchError::Wrong(format!(
            "the copy is not exact: {report:?}"
        )));
    }
    raw::delete(&broker.client().await?, &bus.stream_name(log.service(), 0)).await?;
    Ok(end as f64 / seconds)
}

/// Waits until the copy is exact up to `end`.
async fn reached(relay: &Relay, end: u64) -> Result<(), BenchError> {
    let Some(mut status) = relay.watch(0) else {
        return Err(BenchError::Wrong("the log has no partition".to_owned()));
    };
    let there = status.wait_for(|status| status.relayed >= Some(end));
    match tokio::time::timeout(PATIENCE, there).await {
        Ok(Ok(_)) => Ok(()),
        _ => Err(BenchError::Wrong(format!(
            "the relay did not reach position {end}: {:?}",
            relay.status()
        ))),
    }
}
