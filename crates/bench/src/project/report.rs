//! What `ordo bench project` says.

use std::fmt;

use serde::Serialize;

use crate::machine::Machine;

/// The outcome.
#[derive(Clone, Debug, Serialize)]
pub struct ProjectReport {
    /// The rebuild: from the request to the last event applied, the service being otherwise idle.
    pub events_per_second: f64,
    /// From the start of the service, which meanwhile copies its log to the broker and scans it for its reactions.
    pub catch_up_per_second: f64,
    /// A small read model of one row per stream, fed by the log itself.
    pub log_feed_per_second: f64,
    /// The same read model, fed by the broker's copy.
    pub broker_feed_per_second: f64,
    /// Events of the log.
    pub events: u64,
    /// Orders that they make.
    pub orders: u64,
    /// Memory of the service during the rebuild.
    pub memory: Vec<MemoryAt>,
    /// Queries over gRPC, one at a time.
    pub queries: Vec<QueryFigures>,
    /// `sqlite` or `postgres`.
    pub store: &'static str,
    /// What decides about durability and speed there.
    pub settings: String,
    /// On what.
    pub machine: Machine,
}

/// Resident memory of the service.
#[derive(Clone, Debug, Serialize)]
pub struct MemoryAt {
    /// Of the events.
    pub percent: u64,
    /// Millions of bytes.
    pub resident_mb: f64,
}

/// One kind of query.
#[derive(Clone, Debug, Serialize)]
pub struct QueryFigures {
    /// What is asked for.
    pub query: &'static str,
    /// How often it was asked.
    pub count: u32,
    /// Milliseconds, over gRPC.
    pub p50_ms: f64,
    /// Milliseconds, over gRPC.
    pub p99_ms: f64,
}

impl fmt::Display for ProjectReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "store: {} ({})", self.store, self.settings)?;
        writeln!(
            f,
            "{} events of {} orders, without sealed contacts; read models run with their own (lower) durability",
            self.events, self.orders
        )?;
        write!(f, "{}", self.machine.describe())?;
        writeln!(
            f,
            "order list: rebuild {:.0} events/s, catch-up of a starting service {:.0} events/s",
            self.events_per_second, self.catch_up_per_second
        )?;
        writeln!(
            f,
            "small read model: {:.0} events/s from the log, {:.0} events/s from the broker",
            self.log_feed_per_second, self.broker_feed_per_second
        )?;
        let memory: Vec<_> = self
            .memory
            .iter()
            .map(|at| format!("{} % {:.0} MB", at.percent, at.resident_mb))
            .collect();
        writeln!(f, "memory during the rebuild: {}", memory.join(", "))?;
        for QueryFigures {
            query,
            count,
            p50_ms,
            p99_ms,
        } in &self.queries
        {
            writeln!(
                f,
                "{query}: p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms ({count} times)"
            )?;
        }
        Ok(())
    }
}
