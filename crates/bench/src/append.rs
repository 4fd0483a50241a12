//! `ordo bench append`: commands through the log, beside a raw writer.

mod floor;
mod report;

use std::time::Duration;

use clap::Args;
use ordo_event_log::{EventLog, EventLogConfig, MAX_PAYLOAD};

pub use crate::load::Streams;
pub use report::{AppendReport, Row};

use self::floor::Floor;
use crate::{
    error::{BenchError, During as _},
    latency::{Latencies, median},
    load::{Load, Round},
    machine::Machine,
    options::{MOST_CALLERS, Stores, count},
    store::Home,
};

/// What `ordo bench append` measures.
#[derive(Clone, Debug, Args)]
pub struct AppendOptions {
    /// Where: `sqlite` or `sqlite:<folder>`, `postgres` (a server is started for it) or `postgres://…` (schemas of its own).
    #[arg(long, default_value = "sqlite", value_parser = Stores::OF_A_LOG)]
    pub store: String,
    /// Callers in flight.
    #[arg(
        long,
        value_delimiter = ',',
        default_values_t = [1_usize, 16, 64, 256, 1024],
        value_parser = count(1..=MOST_CALLERS)
    )]
    pub in_flight: Vec<usize>,
    /// Streams that are appended to.
    #[arg(long, value_delimiter = ',', default_values_t = [Streams::Fresh, Streams::Existing, Streams::Hot])]
    pub streams: Vec<Streams>,
    /// Fill a second log with so many events first, and measure it in turn with the empty one.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=1_000_000_000))]
    pub fill: u64,
    /// Rounds of each combination; figures are medians.
    #[arg(long, default_value_t = 5, value_parser = count(1..=1_000))]
    pub rounds: usize,
    /// Length of a round in milliseconds.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    pub round_ms: u64,
    /// Streams of 100 events each that `existing` chooses from.
    #[arg(long, default_value_t = 1000, value_parser = count(1..=1_000_000))]
    pub existing: usize,
    /// Bytes of an event's payload.
    #[arg(long, default_value_t = 400, value_parser = count(1..=MAX_PAYLOAD as u64))]
    pub payload: usize,
    /// Partitions of the log. The floor is one writer, so the fair number is one.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub partitions: u32,
}

/// Runs the benchmark.
pub async fn run(options: AppendOptions) -> Result<AppendReport, BenchError> {
    let machine = Machine::look();
    let home = Home::open(&options.store).await?;
    let measured = measure(&options, &home).await;
    let (kind, settings) = (home.kind(), home.settings().to_owned());
    let removed = home.remove().await;
    let rows = measured?;
    removed?;
    Ok(AppendReport {
        rows,
        store: kind,
        settings,
        options: report::Sizes::of(&options),
        machine: machine.done(),
    })
}

async fn measure(options: &AppendOptions, home: &Home) -> Result<Vec<Row>, BenchError> {
    let empty = open(options, home, "empty").await?;
    let mut logs = vec![(0, Load::new(empty, options.payload, options.existing))];
    if options.fill > 0 {
        let filled = open(options, home, "filled").await?;
        let load = Load::new(filled, options.payload, options.existing);
        load.fill(options.fill).await?;
        logs.push((options.fill, load));
    }
    let mut floor = Floor::open(home, options.payload).await?;
    let round = Duration::from_millis(options.round_ms);
    for (_, load) in &logs {
        if options.streams.contains(&Streams::Existing) {
            load.prepare_existing().await?;
        }
        // Connections, prepared statements, first pages.
        load.round(Streams::Fresh, 16, round / 4).await?;
    }
    floor.round(false, round / 4).await?;
    let mut rows = Vec::new();
    for &streams in &options.streams {
        for &in_flight in &options.in_flight {
            let mut floors = Vec::with_capacity(options.rounds);
            let mut seen: Vec<Measured> = logs.iter().map(|_| Measured::default()).collect();
            for number in 0..options.rounds {
                floors.push(floor.round(in_flight == 1, round).await?);
                for index in 0..logs.len() {
                    // Who goes first alternates, so that neither always has what the other left.
                    let index = if number.is_multiple_of(2) {
                        index
                    } else {
                        logs.len() - 1 - index
                    };
                    let (_, load) = &logs[index];
                    seen[index].add(load.round(streams, in_flight, round).await?);
                }
            }
            let floor_per_second = median(&floors);
            let empty_per_second = median(&seen[0].per_second);
            for ((fill, _), seen) in logs.iter().zip(&seen) {
                rows.push(Row::new(
                    home.kind(),
                    streams,
                    in_flight,
                    floor_per_second,
                    seen,
                    (*fill > 0).then_some((*fill, empty_per_second)),
                ));
            }
        }
    }
    for (_, load) in logs {
        load.close().await?;
    }
    floor.close().await?;
    Ok(rows)
}

/// What the rounds of one combination gave.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    pub per_second: Vec<f64>,
    pub p50_ms: Vec<f64>,
    pub p99_ms: Vec<f64>,
}

impl Measured {
    fn add(&mut self, round: Round) {
        let Round {
            latencies, seconds, ..
        } = round;
        self.per_second.push(latencies.len() as f64 / seconds);
        self.p50_ms.push(Latencies::percentile_ms(&latencies, 0.5));
        self.p99_ms.push(Latencies::percentile_ms(&latencies, 0.99));
    }
}

async fn open(options: &AppendOptions, home: &Home, name: &str) -> Result<EventLog, BenchError> {
    EventLog::open(
        EventLogConfig::new(home.service(name), home.url().clone()).partitions(options.partitions),
    )
    .await
    .during("opening a log")
}
