//! What `ordo bench relay` says.

use std::fmt;

use serde::Serialize;

use crate::machine::Machine;

/// The outcome.
#[derive(Clone, Debug, Serialize)]
pub struct RelayReport {
    /// The relay's speed by the floor's.
    pub ratio: f64,
    /// Events that the relay copies, from the log's tables to the broker's disk; median.
    pub events_per_second: f64,
    /// Messages in raw atomic batches of 1,000; median.
    pub floor_per_second: f64,
    /// At half load.
    pub lag: Lag,
    /// `sqlite` or `postgres`.
    pub store: &'static str,
    /// What decides about durability and speed there.
    pub settings: String,
    /// Events of a round.
    pub events: u64,
    /// Rounds.
    pub rounds: u32,
    /// Bytes of an event's payload.
    pub payload_bytes: usize,
    /// On what.
    pub machine: Machine,
}

/// How far a reader of the broker is behind the log.
#[derive(Clone, Debug, Serialize)]
pub struct Lag {
    /// What log and relay do together when 256 callers append as fast as they can.
    pub full_load_per_second: f64,
    /// What was appended while the lag was measured: half of it.
    pub events_per_second: f64,
    /// From the event's time, taken before its commit, to its arrival at a reader; half of all are faster.
    pub p50_ms: f64,
    /// 99 of 100 are faster.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

impl fmt::Display for RelayReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "store: {} ({})", self.store, self.settings)?;
        writeln!(
            f,
            "broker: own nats-server, sync_interval always, file storage, S2; {} events of {} bytes of payload a round, medians \
             of {} rounds in turn with the floor: ready-made equal messages in raw atomic batches of {}",
            self.events,
            self.payload_bytes,
            self.rounds,
            super::raw::BATCH
        )?;
        write!(f, "{}", self.machine.describe())?;
        writeln!(
            f,
            "relay {:.0} events/s, floor {:.0} messages/s, ratio {:.2}",
            self.events_per_second, self.floor_per_second, self.ratio
        )?;
        let Lag {
            full_load_per_second,
            events_per_second,
            p50_ms,
            p99_ms,
            max_ms,
        } = &self.lag;
        writeln!(
            f,
            "lag at {events_per_second:.0} events/s, half of the {full_load_per_second:.0} that log and relay do together: \
             p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms, longest {max_ms:.1} ms"
        )
    }
}
