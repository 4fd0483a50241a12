//! The relay of one partition.

use std::time::Duration;

use ordo_crash_point::{CrashPoint, reach};
use ordo_event_log::{EventLog, ReadError, RecordedEvent};
use ordo_lease::Claim;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{RelaySettings, RelayStatus, durables::Carried, refusals::Refusals};
use crate::{
    error::BusError,
    publish::{Published, batch_len},
    stream::PartitionStream,
};

const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Why the relay cannot go on at the moment.
#[derive(Debug, thiserror::Error)]
pub(super) enum RelayError {
    #[error(transparent)]
    Broker(#[from] BusError),
    #[error("the log cannot be read")]
    Log(#[from] ReadError),
    #[error("the log has no position {0}, but later ones")]
    LogGap(u64),
}

pub(super) struct PartitionRelay {
    pub(super) stream: PartitionStream,
    pub(super) log: EventLog,
    pub(super) settings: RelaySettings,
    pub(super) status: watch::Sender<RelayStatus>,
    /// Durable consumers of a stream that was deleted, until the new one has them.
    pub(super) carried: Vec<Carried>,
    /// Where the log ended when the partition became this replica's. A stream that is missing by then has been there before,
    /// unless this is the very first start and events were recorded before it.
    pub(super) found: u64,
    pub(super) refusals: Refusals,
    grown: watch::Receiver<u64>,
    connection: watch::Receiver<u64>,
}

/// Reads the log in pieces of a batch's size.
struct Reader {
    log: EventLog,
    partition: u32,
    limit: u32,
}

impl Reader {
    async fn read(&self, last: u64) -> Result<Vec<RecordedEvent>, RelayError> {
        let events = self.log.read(self.partition, last, self.limit).await?;
        let mut expected = last;
        for event in &events {
            expected += 1;
            if event.position != expected {
                return Err(RelayError::LogGap(expected));
            }
        }
        Ok(events)
    }
}

/// Why waiting ended.
enum Woken {
    MaybeMore,
    CompareDue,
}

impl PartitionRelay {
    pub(super) fn new(
        stream: PartitionStream,
        log: EventLog,
        settings: RelaySettings,
        status: watch::Sender<RelayStatus>,
    ) -> Self {
        Self {
            grown: log.watch(stream.partition),
            connection: stream.bus.changes(),
            stream,
            log,
            settings,
            status,
            carried: Vec::new(),
            found: 0,
            refusals: Refusals::default(),
        }
    }

    /// Relays whenever the partition is this replica's, until told to stop.
    pub(super) async fn run(mut self, mut claim: Claim, stop: CancellationToken) {
        loop {
            self.status.send_modify(|status| status.stands_by = true);
            let Some(lease) = stop.run_until_cancelled(claim.held()).await else {
                return;
            };
            self.status.send_modify(|status| {
                status.stands_by = false;
                // What another replica has relayed meanwhile is not known yet.
                status.relayed = None;
            });
            self.found = *self.grown.borrow();
            // The broker takes a batch whole or not at all, wherever this ends.
            tokio::select! {
                () = self.work(&stop) => {}
                () = lease.over() => {}
            }
            if stop.is_cancelled() {
                return;
            }
            if !self.carried.is_empty() {
                // The stream is being made anew; nobody else knows its consumers.
                self.restore_durables().await;
            }
        }
    }

    async fn work(&mut self, stop: &CancellationToken) {
        let mut pause = FIRST_PAUSE;
        loop {
            let before = self.status.borrow().relayed;
            let outcome = stop.run_until_cancelled(self.relay()).await;
            let Some(Err(error)) = outcome else { return };
            self.report(&error);
            if self.status.borrow().relayed != before {
                pause = FIRST_PAUSE;
            }
            // A connection that comes back ends the pause.
            let changed = self.connection.changed();
            if stop
                .run_until_cancelled(timeout(pause, changed))
                .await
                .is_none()
            {
                return;
            }
            pause = (pause * 2).min(self.settings.longest_pause);
        }
    }

    fn report(&self, error: &RelayError) {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        if self.status.borrow().trouble.as_ref() != Some(&text) {
            tracing::warn!(stream = %self.stream.name, error = %text, "the relay cannot go on");
            self.status
                .send_modify(|status| status.trouble = Some(text));
        }
    }

    /// Brings the copy in step, then publishes whatever the log gets. Only returns with an error.
    async fn relay(&mut self) -> Result<std::convert::Infallible, RelayError> {
        let mut last = self.settle(self.settings.compare_samples).await?;
        let mut compare_at = Instant::now() + self.settings.compare_interval;
        // What follows `last`, read while the broker took what is before it.
        let mut ahead = None;
        loop {
            let events = match ahead.take() {
                Some(events) => events,
                None => {
                    self.grown.mark_unchanged();
                    self.reader().read(last).await?
                }
            };
            if !events.is_empty() {
                (last, ahead) = self.publish_and_read_on(last, &events).await?;
            }
            let idle = events.is_empty();
            let woken = if idle {
                self.wait(compare_at).await
            } else if Instant::now() >= compare_at {
                Woken::CompareDue
            } else {
                Woken::MaybeMore
            };
            if matches!(woken, Woken::CompareDue) {
                last = self.settle(self.settings.compare_samples).await?;
                compare_at = Instant::now() + self.settings.compare_interval;
                ahead = None;
            }
        }
    }

    fn reader(&self) -> Reader {
        Reader {
            log: self.log.clone(),
            partition: self.stream.partition,
            limit: u32::try_from(self.settings.batch_events).unwrap_or(u32::MAX),
        }
    }

    /// Publishes all of `events`, which follow `last`, and when there are likely more reads those meanwhile: the log's
    /// database and the broker work at the same time. The stream's new end, and what follows it if that was read.
    async fn publish_and_read_on(
        &mut self,
        last: u64,
        events: &[RecordedEvent],
    ) -> Result<(u64, Option<Vec<RecordedEvent>>), RelayError> {
        if events.len() < self.settings.batch_events {
            return Ok((self.publish(last, events).await?, None));
        }
        let through = last + events.len() as u64;
        self.grown.mark_unchanged();
        let reader = self.reader();
        // A task of its own: making rows into events and events into messages are work for two processors.
        let following =
            AbortOnDropHandle::new(tokio::spawn(async move { reader.read(through).await }));
        let end = self.publish(last, events).await?;
        if end != through {
            // The stream had another end than expected: what is read does not follow it.
            return Ok((end, None));
        }
        match following.await {
            Ok(following) => Ok((end, Some(following?))),
            // It panicked; reading once more in this task shows where.
            Err(_) => Ok((end, None)),
        }
    }

    /// Publishes all of `events`, which follow `last`. Returns the stream's new end.
    async fn publish(
        &mut self,
        mut last: u64,
        events: &[RecordedEvent],
    ) -> Result<u64, RelayError> {
        let mut rest = events;
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(batch_len(rest, self.settings.batch_bytes));
            reach(CrashPoint::RelayBatchRead);
            match self.try_to_publish(last, batch).await? {
                Published::Through(end) => {
                    reach(CrashPoint::RelayBatchAcknowledged);
                    metrics::counter!("ordo_relay_published_total",
                        "service" => self.stream.service.clone(),
                        "partition" => self.stream.partition.to_string())
                    .increment(batch.len() as u64);
                    last = end;
                    rest = later;
                    self.advanced(last);
                }
                Published::LookAgain(why) => {
                    tracing::debug!(stream = %self.stream.name, last, %why, "reading the stream's end again");
                    return self.settle(0).await;
                }
            }
        }
        Ok(last)
    }

    async fn try_to_publish(
        &mut self,
        last: u64,
        batch: &[RecordedEvent],
    ) -> Result<Published, BusError> {
        let published = self.stream.publish(last, batch).await;
        match &published {
            Ok(_) => self.refusals.end(),
            Err(error) if error.is_silence() && self.stream.bus.check().is_ok() => {
                self.refusals.count();
            }
            Err(_) => {}
        }
        published
    }

    /// The copy is exact up to `last`.
    pub(super) fn advanced(&self, last: u64) {
        self.status.send_if_modified(|status| {
            if status.trouble.is_some() {
                tracing::info!(stream = %self.stream.name, last, "the relay goes on");
            }
            let changed = status.relayed != Some(last) || status.trouble.is_some();
            status.relayed = Some(last);
            status.trouble = None;
            changed
        });
    }

    /// Waits until there may be more to publish or it is time to compare. A connection that came or went is a reason to
    /// compare.
    async fn wait(&mut self, compare_at: Instant) -> Woken {
        let poll_at = Instant::now() + self.settings.poll_interval;
        tokio::select! {
            Ok(()) = self.connection.changed() => Woken::CompareDue,
            () = sleep_until(compare_at) => Woken::CompareDue,
            Ok(()) = self.grown.changed() => Woken::MaybeMore,
            () = sleep_until(poll_at) => Woken::MaybeMore,
        }
    }
}
