//! What the log measures, per service and partition.

use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};

/// A partition's instruments.
#[derive(Clone)]
pub(crate) struct Telemetry {
    /// Commands in a commit.
    pub batch_commands: Histogram,
    /// Events in a commit.
    pub batch_events: Histogram,
    pub commit_seconds: Histogram,
    pub conflicts: Counter,
    pub unknown_outcomes: Counter,
    pub cache_hits: Counter,
    pub cache_misses: Counter,
    pub duplicates: Counter,
    /// See [`Guesses`](crate::guess::Guesses).
    pub wrong_guesses: Counter,
    pub queued: Gauge,
    pub position: Gauge,
    pub epoch: Gauge,
}

impl Telemetry {
    pub fn new(service: &str, partition: u32) -> Self {
        describe();
        let labels = [
            ("service", service.to_owned()),
            ("partition", partition.to_string()),
        ];
        Self {
            batch_commands: histogram!("ordo_log_batch_commands", &labels),
            batch_events: histogram!("ordo_log_batch_events", &labels),
            commit_seconds: histogram!("ordo_log_commit_seconds", &labels),
            conflicts: counter!("ordo_log_conflicts_total", &labels),
            unknown_outcomes: counter!("ordo_log_unknown_outcomes_total", &labels),
            cache_hits: counter!("ordo_log_cache_hits_total", &labels),
            cache_misses: counter!("ordo_log_cache_misses_total", &labels),
            duplicates: counter!("ordo_log_duplicates_total", &labels),
            wrong_guesses: counter!("ordo_log_wrong_guesses_total", &labels),
            queued: gauge!("ordo_log_queued_commands", &labels),
            position: gauge!("ordo_log_position", &labels),
            epoch: gauge!("ordo_log_epoch", &labels),
        }
    }
}

fn describe() {
    describe_histogram!("ordo_log_batch_commands", "Commands decided in one commit");
    describe_histogram!("ordo_log_batch_events", "Events written by one commit");
    describe_histogram!(
        "ordo_log_commit_seconds",
        metrics::Unit::Seconds,
        "Time of one commit in the database"
    );
    describe_counter!(
        "ordo_log_conflicts_total",
        "Commits that another writer came before"
    );
    describe_counter!(
        "ordo_log_unknown_outcomes_total",
        "Commits whose outcome had to be found out by repeating them"
    );
    describe_counter!(
        "ordo_log_cache_hits_total",
        "Streams that a decision found in memory"
    );
    describe_counter!(
        "ordo_log_cache_misses_total",
        "Streams that had to be loaded"
    );
    describe_counter!(
        "ordo_log_duplicates_total",
        "Commands that were answered with their first answer"
    );
    describe_counter!(
        "ordo_log_wrong_guesses_total",
        "Batches decided again because a command id or a stream was not new after all"
    );
    describe_gauge!(
        "ordo_log_queued_commands",
        "Commands that wait for the partition"
    );
    describe_gauge!("ordo_log_position", "Last position of the partition");
    describe_gauge!(
        "ordo_log_epoch",
        "Epoch of the partition: raised when the log was restored from a backup"
    );
}
