//! Keeps one set of tables up to date.

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::FutureExt as _;
use ordo_crash_point::{CrashPoint, during, reach};
use ordo_event_log::{Cursor, EventSource, RecordedEvent};
use ordo_lease::Lease;
use ordo_sql::{Db, SqlError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    backoff::backoff,
    cursors::{self, Cursors, Place},
    feeds::{Batch, Diverged, Feeds, Troubles, cursor_at, describe},
    projection::{Projection, ProjectionError},
    trace,
};

/// Longest pause between two small batches.
const LONGEST_PAUSE: Duration = Duration::from_millis(25);
/// After a small batch a follower rests this many times as long as the batch took: a busy log is applied in few large
/// transactions, each of which costs about the same as a small one.
const PAUSES_PER_BATCH: u32 = 3;

/// Why a follower stopped, other than because it was told to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    #[error(transparent)]
    Diverged(#[from] Diverged),
    /// Another process holds the lease.
    #[error("another replica keeps these tables up to date")]
    Fenced,
    /// Another process moved the checkpoint.
    #[error("another process keeps these tables up to date")]
    Displaced,
}

/// What a failing follower shows.
#[derive(Clone, Default)]
pub(crate) struct Fault(Arc<Mutex<Option<String>>>);

impl Fault {
    pub fn set(&self, fault: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    pub fn get(&self) -> Option<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// What every follower of a read model needs.
#[derive(Clone)]
pub(crate) struct FollowerSettings {
    pub service: Arc<str>,
    pub projection: Arc<dyn Projection>,
    pub sources: Vec<Arc<dyn EventSource>>,
    pub batch: usize,
    pub fault: Fault,
    pub troubles: Troubles,
    /// Under which the tables are written; `None`: nobody else writes them, or it is decided by the checkpoint.
    pub lease: Option<Arc<Lease>>,
}

/// Applies events to one set of tables, one batch at a time.
pub(crate) struct Follower {
    settings: FollowerSettings,
    pub db: Db,
    feeds: Feeds,
    /// What the tables hold.
    pub cursors: Cursors,
    /// Taken from the feeds and not yet committed.
    pending: Option<Pending>,
    /// Where to tell of every commit: the serving tables' follower has one.
    pub progress: Option<watch::Sender<Cursors>>,
}

impl Follower {
    pub async fn open(settings: FollowerSettings, db: Db) -> Result<Self, SqlError> {
        let cursors = cursors::load(&db).await?;
        Ok(Self {
            feeds: Feeds::open(
                &settings.sources,
                &cursors,
                settings.batch,
                &settings.troubles,
            ),
            settings,
            db,
            cursors,
            pending: None,
            progress: None,
        })
    }

    /// Applies events until `stop`, or, when `until` is given, until the tables hold the events up to there and none after.
    /// Dropping the future loses nothing but the transaction under way.
    pub async fn run(
        &mut self,
        until: Option<&Cursors>,
        stop: &CancellationToken,
    ) -> Result<(), Stop> {
        loop {
            if stop.is_cancelled() || until.is_some_and(|until| self.cursors.reaches(until)) {
                return Ok(());
            }
            let mut size = 0;
            if self.pending.is_none() {
                let batch = tokio::select! {
                    batch = self.feeds.take(self.settings.batch, until) => batch?,
                    () = stop.cancelled() => return Ok(()),
                };
                size = batch.events.len();
                self.pending = Some(Pending {
                    batch: Arc::new(batch),
                    done: 0,
                });
            }
            let begun = Instant::now();
            self.commit_pending(stop).await?;
            let is_small = size < self.settings.batch / 4;
            if is_small && until.is_none() {
                let pause = LONGEST_PAUSE.min(begun.elapsed() * PAUSES_PER_BATCH);
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = stop.cancelled() => return Ok(()),
                }
            }
        }
    }

    /// Shows its faults and its progress elsewhere from now on.
    pub fn adopt(
        &mut self,
        fault: Fault,
        progress: watch::Sender<Cursors>,
        lease: Option<Arc<Lease>>,
    ) {
        self.settings.fault = fault;
        self.settings.lease = lease;
        self.progress = Some(progress);
    }

    /// Commits the pending batch, in one transaction when all is well. After a failure the batch is cut in halves, so that
    /// all events before the one that fails are applied and that one is named.
    async fn commit_pending(&mut self, stop: &CancellationToken) -> Result<(), Stop> {
        let mut failures = 0;
        let mut size = self.settings.batch.max(1);
        while let Some(Pending { batch, done }) = self.pending.clone() {
            let end = batch.events.len().min(done + size);
            let part = Part {
                events: &batch.events[done..end],
                places: &batch.places[done..end],
            };
            match self.commit(&part).await {
                Ok(Ok(())) => {
                    self.pending = (end < batch.events.len()).then(|| Pending {
                        batch: batch.clone(),
                        done: end,
                    });
                    if failures > 0 {
                        tracing::info!(projection = self.name(), "events apply again");
                        self.settings.fault.set(None);
                    }
                    failures = 0;
                    size = size.saturating_mul(2);
                }
                Ok(Err(stop)) => return Err(stop),
                Err(error) => {
                    failures += 1;
                    self.report(&error, &part, failures);
                    if part.events.len() > 1 && !is_transient(&error) {
                        size = part.events.len() / 2;
                        continue;
                    }
                    let wait = backoff(
                        failures,
                        Duration::from_millis(100),
                        Duration::from_secs(15),
                    );
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = stop.cancelled() => return Ok(()),
                    }
                }
            }
        }
        Ok(())
    }

    /// One transaction: the tables and the checkpoint. Stops when somebody else has the lease or moved the checkpoint.
    async fn commit(&mut self, part: &Part<'_>) -> Result<Result<(), Stop>, ProjectionError> {
        let begun = Instant::now();
        let spans = trace::project_spans(self.name(), part.foreign(&self.settings.service));
        let mut reached = self.cursors.clone();
        let mut tx = self.db.begin().await?;
        if let Some(lease) = &self.settings.lease
            && !lease.guard(&mut tx).await?
        {
            tx.rollback().await?;
            return Ok(Err(Stop::Fenced));
        }
        for (place, to) in part.ends() {
            if !cursors::advance(&mut tx, place, &self.cursors.get(place), &to).await? {
                tx.rollback().await?;
                return Ok(Err(Stop::Displaced));
            }
            reached.set(place.clone(), to);
        }
        AssertUnwindSafe(self.settings.projection.apply(&mut tx, part.events))
            .catch_unwind()
            .await
            .unwrap_or_else(|panic| {
                Err(ProjectionError::Inconsistent(format!(
                    "panic: {}",
                    panic_text(&*panic)
                )))
            })?;
        reach(CrashPoint::ProjectionApplied);
        during(CrashPoint::ProjectionCommitUnderWay, tx.commit()).await?;
        reach(CrashPoint::ProjectionCommitted);
        drop(spans);
        if let Some(progress) = &self.progress {
            progress.send_replace(reached.clone());
        }
        self.cursors = reached;
        let name = self.name();
        metrics::histogram!("ordo_projection_apply_seconds", "projection" => name)
            .record(begun.elapsed().as_secs_f64());
        metrics::counter!("ordo_projection_events_total", "projection" => name)
            .increment(part.events.len() as u64);
        Ok(Ok(()))
    }

    fn report(&self, error: &ProjectionError, part: &Part<'_>, failures: u32) {
        let text = describe(error);
        let fault = match (part.events, part.places) {
            ([event], [place]) => format!(
                "event {} ({}) at position {} of partition {} of {} does not apply: {text}",
                event.event_id, event.type_name, event.position, place.1, place.0
            ),
            _ => text,
        };
        if failures == 1 || part.events.len() == 1 {
            tracing::error!(
                projection = self.name(),
                failures,
                error = fault,
                "events do not apply; trying again"
            );
        }
        metrics::counter!("ordo_projection_failures_total", "projection" => self.name())
            .increment(1);
        self.settings.fault.set(Some(fault));
    }

    fn name(&self) -> &'static str {
        self.settings.projection.name()
    }
}

/// A batch of which the first events are committed.
#[derive(Clone)]
struct Pending {
    batch: Arc<Batch>,
    done: usize,
}

/// Events that are committed together.
struct Part<'a> {
    events: &'a [RecordedEvent],
    places: &'a [Place],
}

impl<'a> Part<'a> {
    /// The last event of each partition.
    fn ends(&self) -> BTreeMap<&'a Place, Cursor> {
        let ends = self.places.iter().zip(self.events);
        ends.map(|(place, event)| (place, cursor_at(event)))
            .collect()
    }

    /// Events of other services than `own`.
    fn foreign(&self, own: &Arc<str>) -> impl Iterator<Item = &'a RecordedEvent> {
        let both = self.events.iter().zip(self.places);
        both.filter(move |(_, place)| place.0 != *own)
            .map(|(event, _)| event)
    }
}

fn is_transient(error: &ProjectionError) -> bool {
    matches!(error, ProjectionError::Sql(error) if error.is_transient())
}

pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
