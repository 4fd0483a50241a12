//! What a log is opened with.

use std::time::Duration;

use ordo_sql::StoreUrl;

/// Where a service's log is and how it runs. [`EventLogConfig::new`] gives the defaults.
#[derive(Clone, Debug)]
pub struct EventLogConfig {
    /// Owner, for example `intake`; the database is named `<service>.log`.
    pub service: String,
    /// Where the service's databases are.
    pub store: StoreUrl,
    /// Partitions of a log that is created: 1 to 1024. `None`: 1 on SQLite, 4 on Postgres, and whatever an existing log
    /// has. A log that exists with another count is refused.
    pub partitions: Option<u32>,
    /// Commands that may wait for one partition before [`ExecuteError::Overloaded`](crate::ExecuteError::Overloaded).
    pub queue: usize,
    /// Most commands in one commit.
    pub batch_commands: usize,
    /// Commands are not added to a commit that holds this many events. A single command may hold more, up to
    /// [`MAX_EVENTS_PER_COMMAND`](crate::MAX_EVENTS_PER_COMMAND).
    pub batch_events: usize,
    /// Commands are not added to a commit that holds this many bytes of payload.
    pub batch_bytes: usize,
    /// Folded streams kept in memory per partition.
    pub cached_streams: usize,
    /// Recent command ids kept in memory per partition, with their answers.
    pub cached_commands: usize,
    /// Events of a stream between two of its snapshots.
    pub snapshot_every: u64,
    /// How often the heads are read to notice what another replica wrote.
    pub poll_interval: Duration,
    /// How long a command waits for a database that does not answer before
    /// [`ExecuteError::Unavailable`](crate::ExecuteError::Unavailable).
    pub unavailable_after: Duration,
    /// How long one statement may take before its connection is given up.
    pub statement_timeout: Duration,
    /// Connections that read; commits have their own beside them.
    pub read_connections: u32,
}

impl EventLogConfig {
    /// The defaults for `service`'s log in `store`.
    pub fn new(service: impl Into<String>, store: StoreUrl) -> Self {
        Self {
            service: service.into(),
            store,
            partitions: None,
            queue: 4096,
            batch_commands: 256,
            batch_events: 2048,
            batch_bytes: 4 << 20,
            cached_streams: 50_000,
            cached_commands: 20_000,
            snapshot_every: 100,
            poll_interval: Duration::from_millis(200),
            unavailable_after: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(10),
            read_connections: 4,
        }
    }

    /// Fixes the number of partitions.
    pub fn partitions(mut self, partitions: u32) -> Self {
        self.partitions = Some(partitions);
        self
    }
}
