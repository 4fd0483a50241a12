//! Keeping the broker's streams an exact copy of the log.

mod compare;
mod durables;
mod lag;
mod partition;
mod refusals;

use std::time::Duration;

use ordo_event_log::EventLog;
use ordo_lease::Leases;
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{connection::Bus, error::BusError, publish::BATCH_MESSAGES, stream::PartitionStream};

use self::partition::PartitionRelay;

/// How a relay works.
#[derive(Clone, Copy, Debug)]
pub struct RelaySettings {
    /// Most events in one atomic batch, 1 to 1000.
    pub batch_events: usize,
    /// Most bytes of payload in one atomic batch; a larger event goes alone.
    pub batch_bytes: usize,
    /// How often the copy is compared with the log though nothing seems wrong.
    pub compare_interval: Duration,
    /// How many positions besides the first and the last are compared each time, chosen at random.
    pub compare_samples: usize,
    /// How often the log is read though nothing says that it grew.
    pub poll_interval: Duration,
    /// How often the lag is measured.
    pub lag_interval: Duration,
    /// Longest pause between two tries while something is wrong.
    pub longest_pause: Duration,
}

impl Default for RelaySettings {
    fn default() -> Self {
        Self {
            batch_events: BATCH_MESSAGES,
            batch_bytes: 1 << 20,
            compare_interval: Duration::from_secs(30),
            compare_samples: 16,
            poll_interval: Duration::from_secs(1),
            lag_interval: Duration::from_secs(1),
            longest_pause: Duration::from_secs(2),
        }
    }
}

/// How far a partition's copy is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelayStatus {
    /// Partition of the log.
    pub partition: u32,
    /// The copy is exact up to this position; `None` as long as the broker has not been reached.
    pub relayed: Option<u64>,
    /// How often the stream was found wrong or missing and filled anew since the relay started.
    pub rebuilds: u64,
    /// What was wrong with the stream the last time.
    pub last_fault: Option<String>,
    /// Why the relay cannot go on at the moment.
    pub trouble: Option<String>,
    /// Another replica of the service relays this partition.
    pub stands_by: bool,
}

/// Publishes a log, one task per partition. Any number may run at once: the broker refuses all but the one that is next.
#[derive(Debug)]
pub struct Relay {
    stop: CancellationToken,
    tasks: JoinSet<()>,
    statuses: Vec<watch::Receiver<RelayStatus>>,
}

impl Relay {
    /// Starts relaying every partition of `log`. Does not wait for the broker, which may be away.
    pub async fn start(
        bus: &Bus,
        log: EventLog,
        settings: RelaySettings,
    ) -> Result<Self, BusError> {
        Self::share(bus, log, settings, &Leases::alone()).await
    }

    /// As [`start`](Self::start), with the partitions shared among the replicas of the service. The broker needs no such
    /// sharing: it only saves the others the work.
    pub async fn share(
        bus: &Bus,
        log: EventLog,
        settings: RelaySettings,
        leases: &Leases,
    ) -> Result<Self, BusError> {
        if !(1..=BATCH_MESSAGES).contains(&settings.batch_events) {
            return Err(BusError::Config(format!(
                "a batch has 1 to {BATCH_MESSAGES} events, not {}",
                settings.batch_events
            )));
        }
        lag::describe();
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let mut statuses = Vec::new();
        for partition in 0..log.partitions() {
            let (status, seen) = watch::channel(RelayStatus {
                partition,
                ..RelayStatus::default()
            });
            tasks.spawn(lag::measure(
                log.clone(),
                seen.clone(),
                settings,
                stop.clone(),
            ));
            let stream = PartitionStream::new(bus, log.service(), partition);
            let relay = PartitionRelay::new(stream, log.clone(), settings, status);
            let claim = leases.claim(&format!("relay/{partition}"));
            tasks.spawn(relay.run(claim, stop.clone()));
            statuses.push(seen);
        }
        Ok(Self {
            stop,
            tasks,
            statuses,
        })
    }

    /// How far each partition is.
    pub fn status(&self) -> Vec<RelayStatus> {
        self.statuses
            .iter()
            .map(|status| status.borrow().clone())
            .collect()
    }

    /// The status of a partition as it changes; `None` for a partition that the log does not have.
    pub fn watch(&self, partition: u32) -> Option<watch::Receiver<RelayStatus>> {
        self.statuses.get(usize::try_from(partition).ok()?).cloned()
    }

    /// Stops. The broker takes a batch that is under way whole, or not at all.
    pub async fn close(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
