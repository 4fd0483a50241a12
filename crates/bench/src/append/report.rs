//! What `ordo bench append` says.

use std::fmt;

use comfy_table::{Table, presets};
use serde::Serialize;

use super::{AppendOptions, Measured, Streams};
use crate::{
    latency::{median, round},
    machine::Machine,
};

/// The outcome.
#[derive(Clone, Debug, Serialize)]
pub struct AppendReport {
    /// One for each combination.
    pub rows: Vec<Row>,
    /// `sqlite` or `postgres`.
    pub store: &'static str,
    /// What decides about durability and speed there.
    pub settings: String,
    /// How much was measured.
    pub options: Sizes,
    /// On what.
    pub machine: Machine,
}

/// How much was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Sizes {
    /// Bytes of an event's payload.
    pub payload_bytes: usize,
    /// Partitions of the log.
    pub partitions: u32,
    /// Rounds of each combination.
    pub rounds: usize,
    /// Length of a round in milliseconds.
    pub round_ms: u64,
    /// Rows of one commit of the floor; with 1 in flight it is one row.
    pub floor_batch: usize,
    /// Events that the second log was filled with.
    pub fill: u64,
}

impl Sizes {
    pub(super) fn of(options: &AppendOptions) -> Self {
        Self {
            payload_bytes: options.payload,
            partitions: options.partitions,
            rounds: options.rounds,
            round_ms: options.round_ms,
            floor_batch: super::floor::BATCH,
            fill: options.fill,
        }
    }
}

/// One combination.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// `sqlite` or `postgres`.
    pub store: &'static str,
    /// `fresh`, `existing` or `hot`.
    pub streams: String,
    /// Callers.
    pub in_flight: usize,
    /// Commands of one event each; median.
    pub events_per_second: f64,
    /// Rows of the raw writer; median.
    pub floor_per_second: f64,
    /// The former by the latter.
    pub ratio: f64,
    /// Median of the rounds' medians, in milliseconds.
    pub p50_ms: f64,
    /// Median of the rounds' 99th percentiles, in milliseconds.
    pub p99_ms: f64,
    /// Events that the log held before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fill: Option<u64>,
    /// Speed compared with the empty log's in the same rounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of_empty: Option<f64>,
}

impl Row {
    pub(super) fn new(
        store: &'static str,
        streams: Streams,
        in_flight: usize,
        floor: f64,
        seen: &Measured,
        filled: Option<(u64, f64)>,
    ) -> Self {
        let per_second = median(&seen.per_second);
        let share = |of: f64| {
            if of > 0.0 {
                round(per_second / of, 3)
            } else {
                0.0
            }
        };
        Self {
            store,
            streams: streams.to_string(),
            in_flight,
            events_per_second: round(per_second, 0),
            floor_per_second: round(floor, 0),
            ratio: share(floor),
            p50_ms: median(&seen.p50_ms),
            p99_ms: median(&seen.p99_ms),
            fill: filled.map(|(events, _)| events),
            of_empty: filled.map(|(_, empty)| share(empty)),
        }
    }
}

impl fmt::Display for AppendReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sizes {
            payload_bytes,
            partitions,
            rounds,
            round_ms,
            floor_batch,
            fill,
        } = &self.options;
        writeln!(f, "store: {} ({})", self.store, self.settings)?;
        writeln!(
            f,
            "{payload_bytes} bytes of payload, {partitions} partition(s), medians of {rounds} rounds of {round_ms} ms, taken in \
             turn with the floor: one raw writer, {floor_batch} equal rows a commit (1 row with 1 in flight), no checks"
        )?;
        write!(f, "{}", self.machine.describe())?;
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED).set_header([
            "streams",
            "in flight",
            "events/s",
            "floor/s",
            "ratio",
            "p50 ms",
            "p99 ms",
            "filled",
            "of empty",
        ]);
        for row in &self.rows {
            table.add_row([
                row.streams.clone(),
                row.in_flight.to_string(),
                format!("{:.0}", row.events_per_second),
                format!("{:.0}", row.floor_per_second),
                format!("{:.2}", row.ratio),
                format!("{:.2}", row.p50_ms),
                format!("{:.2}", row.p99_ms),
                row.fill.unwrap_or_default().to_string(),
                row.of_empty
                    .map(|share| format!("{share:.2}"))
                    .unwrap_or_default(),
            ]);
        }
        if *fill == 0 {
            for hidden in [7, 8] {
                if let Some(column) = table.column_mut(hidden) {
                    column.set_constraint(comfy_table::ColumnConstraint::Hidden);
                }
            }
        }
        writeln!(f, "{table}")
    }
}
