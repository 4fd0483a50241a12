//! The one task that owns an inbox: it reads the logs into it, hands out what is to be done, and stores what came of it.
//!
//! Everything that happens at about the same time is stored in one transaction. What was read is begun at once and stored
//! a little later together with the checkpoint behind it, if it is not done by then: most things never go through the inbox.
//! Whoever takes over from a process that ended without a farewell reads those again, and stores them before it begins them,
//! because one of them may have ended the process.

mod outcomes;
mod upkeep;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::FutureExt as _;
use ordo_crash_point::{CrashPoint, reach};
use ordo_event_log::Timestamp;
use ordo_lease::Lease;
use ordo_sql::SqlError;
use tokio::{task::JoinSet, time::Instant};

use super::{
    Shared,
    items::{Changes, Item, Parked, What},
    queues::{Next, PAGE, Queues},
    resend::{self, RestoredTarget},
    run::{Outcome, run},
};
use crate::{
    backoff::backoff,
    cursors::{Cursors, Place},
    feeds::{Batch, Diverged, Feeds, cursor_at, describe},
};

/// How long it may wait to be stored that something of the inbox is done.
const DONE_LATER: Duration = Duration::from_millis(50);
/// How long what was read may be under way without being stored.
const STORE_LATER: Duration = Duration::from_millis(100);
/// How long a checkpoint that passed only events of no interest may wait to be stored.
const CHECKPOINT_LATER: Duration = Duration::from_secs(1);
/// Longest rest between two transactions. A dispatcher rests as long as the last one took, so that a busy log is stored in
/// few large transactions.
const LONGEST_REST: Duration = Duration::from_millis(10);
/// Things done that are stored without further waiting.
const DONE_AT_ONCE: usize = 256;
/// Timers that fire in one transaction.
const TIMERS_AT_ONCE: u32 = 200;
/// How often to look at what other processes and the clock have done.
const LOOK_AROUND: Duration = Duration::from_secs(2);

/// Why a dispatcher ended.
pub(super) enum End {
    Closed,
    /// Another replica shall have the reaction, or has taken it over.
    GivenBack,
    Lost,
    Diverged(Diverged),
    /// A service that gets commands from here has lost some.
    TargetRestored(RestoredTarget),
}

pub(super) struct Dispatcher {
    shared: Arc<Shared>,
    lease: Arc<Lease>,
    feeds: Feeds,
    /// What was read, stored or about to be.
    cursors: Cursors,
    queues: Queues,
    tries: JoinSet<(String, Outcome)>,
    changes: Changes,
    /// Things begun since the last transaction that were never stored.
    begun_unstored: usize,
    /// How many things of each partition are still stored before they are begun.
    cautious: BTreeMap<Place, usize>,
    /// When `changes` must be stored at the latest.
    store_by: Option<Instant>,
    /// Until when new things wait for more to come.
    rest_until: Instant,
    next_seq: i64,
    /// Items in the inbox, without those of parked entities.
    pending: u64,
    next_timer: Option<i64>,
    look_around_at: Instant,
}

impl Dispatcher {
    /// Takes over the inbox; `clean` says whether its last owner left in good order.
    pub async fn load(
        shared: Arc<Shared>,
        lease: Arc<Lease>,
        clean: bool,
    ) -> Result<Self, SqlError> {
        let store = &shared.store;
        let cursors = store.cursors().await?;
        let mut queues = Queues::default();
        for entity in store.parked_names().await? {
            queues.park(&entity);
        }
        let limit = usize::try_from(shared.settings.max_pending).unwrap_or(usize::MAX);
        let items = store.oldest(limit).await?;
        let loaded = items.last().map_or(0, |item| item.seq);
        let pending = store.count_pending().await?;
        if pending > 0 {
            tracing::info!(
                reaction = shared.reaction.name(),
                pending,
                clean,
                "going on with the inbox"
            );
        }
        queues.restore(items, !clean);
        for entity in store.entities_after(loaded).await? {
            queues.note_more(&entity);
        }
        let next_seq = store.last_seq().await? + 1;
        let next_timer = store.next_timer().await?;
        shared.progress.send_replace(cursors.clone());
        let settings = &shared.settings;
        let feeds = Feeds::open(&shared.sources, &cursors, settings.batch, &shared.troubles);
        // The last owner may have begun so many things of each partition that the inbox does not know.
        let most_unstored = settings.begin_unstored + settings.batch;
        let doubtful = feeds.places().filter(|_| !clean);
        let cautious = doubtful.map(|place| (place.clone(), most_unstored));
        Ok(Self {
            cautious: cautious.collect(),
            feeds,
            shared,
            lease,
            cursors,
            queues,
            tries: JoinSet::new(),
            changes: Changes::default(),
            begun_unstored: 0,
            store_by: None,
            rest_until: Instant::now(),
            next_seq,
            pending,
            next_timer,
            look_around_at: Instant::now(),
        })
    }

    pub async fn run(mut self) -> Result<End, SqlError> {
        let (shared, lease) = (self.shared.clone(), self.lease.clone());
        loop {
            if let Some(end) = self.begin_what_is_ready().await? {
                return Ok(end);
            }
            // What was read and rests until it is stored takes room as well.
            let unstored = self.changes.inserts.len() as u64;
            let has_room = self.pending + unstored < shared.settings.max_pending;
            let wake = self.next_wake();
            tokio::select! {
                biased;
                () = shared.stop.cancelled() => return self.leave(End::Closed).await,
                () = lease.over() => {
                    if lease.is_lost() {
                        return Ok(End::Lost);
                    }
                    return self.leave(End::GivenBack).await;
                }
                Some(ended) = self.tries.join_next() => self.ended(ended),
                restored = resend::seen(&shared) => {
                    self.store().await?;
                    return Ok(End::TargetRestored(restored));
                }
                () = shared.hurry.notified(), if !self.changes.is_empty() => {
                    self.store_by = Some(self.rest_until);
                }
                () = shared.replay.notified() => self.look_around_at = Instant::now(),
                read = self.feeds.take(shared.settings.batch, None), if has_room => match read {
                    Ok(batch) => self.accept(batch),
                    Err(diverged) => {
                        self.store().await?;
                        return Ok(End::Diverged(diverged));
                    }
                },
                () = tokio::time::sleep_until(wake) => {}
            }
            while let Some(Some(ended)) = self.tries.join_next().now_or_never() {
                self.ended(ended);
            }
            let now = Instant::now();
            // What failed is stored before it is tried again.
            let is_rested =
                self.rest_until <= now || self.queues.next_wake().is_some_and(|at| at <= now);
            let must_store =
                self.changes.is_urgent() && is_rested || self.store_by.is_some_and(|by| by <= now);
            if must_store && let Some(end) = self.store().await? {
                return Ok(end);
            }
            self.queues.wake(now);
            if let Some(end) = self.fire_timers().await? {
                return Ok(end);
            }
            if now >= self.look_around_at
                && let Some(end) = self.look_around().await?
            {
                return Ok(end);
            }
        }
    }

    fn next_wake(&self) -> Instant {
        let timer = self.next_timer.map(|due| {
            let wait = u64::try_from(due.saturating_sub(Timestamp::now().0)).unwrap_or(0);
            Instant::now() + Duration::from_micros(wait).min(LOOK_AROUND)
        });
        // While there is no room timers wait for it, as events do.
        let timer = timer.filter(|_| self.pending < self.shared.settings.max_pending);
        let rested = self.changes.is_urgent().then_some(self.rest_until);
        [self.store_by, self.queues.next_wake(), timer, rested]
            .into_iter()
            .flatten()
            .fold(self.look_around_at, Instant::min)
    }

    /// Takes up events that are of interest.
    fn accept(&mut self, batch: Batch) {
        let mut is_new = false;
        for (event, place) in batch.events.into_iter().zip(&batch.places) {
            self.cursors.set(place.clone(), cursor_at(&event));
            let Some(entity) = self.shared.reaction.entity(&event) else {
                continue;
            };
            is_new = true;
            // What comes after something that is held waits with it: things of an entity stay in order.
            let held = self.holds_back(place) || self.changes.holds();
            let tenant = event.tenant.to_string();
            let what = What::Event {
                place: place.clone(),
                event: Arc::new(event),
            };
            self.add(entity, tenant, what, held);
        }
        let ends: BTreeSet<_> = batch.places.into_iter().collect();
        for place in ends {
            let cursor = self.cursors.get(&place);
            self.changes
                .checkpoints
                .retain(|(other, _)| *other != place);
            self.changes.checkpoints.push((place, cursor));
        }
        self.store_within(if !is_new {
            CHECKPOINT_LATER
        } else if self.begun_unstored < self.shared.settings.begin_unstored {
            STORE_LATER
        } else {
            Duration::ZERO
        });
        if is_new {
            reach(CrashPoint::ReactionRead);
        }
    }

    /// Counts the next thing from `place`. Gives whether it is stored before it is begun.
    fn holds_back(&mut self, place: &Place) -> bool {
        let Some(left) = self.cautious.get_mut(place) else {
            return self.shared.settings.begin_unstored == 0;
        };
        *left = left.saturating_sub(1);
        if *left == 0 {
            self.cautious.remove(place);
        }
        true
    }

    /// Adds something to do; `held`: it is begun when it is stored.
    fn add(&mut self, entity: String, tenant: String, what: What, held: bool) {
        let item = Item {
            seq: self.next_seq,
            entity,
            tenant,
            what,
            attempts: 1,
            failures: 0,
            since: 0,
        };
        self.next_seq += 1;
        if !held {
            self.begun_unstored += 1;
            self.queues.push(item.clone());
        }
        self.changes.insert(item, held);
    }

    fn store_within(&mut self, time: Duration) {
        let by = Instant::now() + time;
        self.store_by = Some(self.store_by.map_or(by, |present| present.min(by)));
    }

    /// Begins tries while there is room for them.
    async fn begin_what_is_ready(&mut self) -> Result<Option<End>, SqlError> {
        let mut suspects = Vec::new();
        while let Some(next) = self.queues.next(self.shared.settings.concurrency) {
            match next {
                Next::Run(item) => self.begin(item),
                Next::Suspect(item) => {
                    self.changes.note_attempts(&item);
                    suspects.push(item);
                }
                Next::Load { entity, seq } => {
                    if !self.changes.inserts.is_empty()
                        && let Some(end) = self.store().await?
                    {
                        return Ok(Some(end));
                    }
                    let items = self.shared.store.page(&entity, seq, PAGE).await?;
                    self.queues.loaded(&entity, items);
                }
            }
        }
        if suspects.is_empty() {
            return Ok(None);
        }
        if let Some(end) = self.store().await? {
            return Ok(Some(end));
        }
        for item in suspects {
            self.queues.start_suspect(&item.entity);
            if item.failures > self.shared.settings.failure_limit {
                let error = "the process ended whenever this was tried".to_owned();
                self.ended(Ok((item.entity, Outcome::Park(error))));
            } else {
                self.begin(item);
            }
        }
        Ok(None)
    }

    fn begin(&mut self, item: Item) {
        let (settings, reaction) = (self.shared.settings.clone(), self.shared.reaction.clone());
        self.tries.spawn(async move {
            let entity = item.entity.clone();
            (entity, run(settings, reaction, item).await)
        });
    }

    /// Commits all changes, however long that takes, then makes what is new ready.
    async fn store(&mut self) -> Result<Option<End>, SqlError> {
        let mut failures = 0;
        let begun = Instant::now();
        loop {
            match self.shared.store.commit(&self.lease, &self.changes).await {
                Ok(true) => break,
                Ok(false) => return Ok(Some(End::Lost)),
                Err(error)
                    if error.is_transient()
                        && !self.shared.stop.is_cancelled()
                        && !self.lease.is_lost() =>
                {
                    failures += 1;
                    let text = describe(&error);
                    if failures == 1 {
                        tracing::error!(
                            reaction = self.shared.reaction.name(),
                            error = text,
                            "the inbox cannot be written"
                        );
                    }
                    self.shared.fault.set(Some(text));
                    tokio::time::sleep(backoff(
                        failures,
                        Duration::from_millis(50),
                        Duration::from_secs(2),
                    ))
                    .await;
                }
                Err(error) => return Err(error),
            }
        }
        if failures > 0 {
            self.shared.fault.set(None);
        }
        self.store_by = None;
        self.begun_unstored = 0;
        self.rest_until = Instant::now() + begun.elapsed().min(LONGEST_REST);
        let changes = std::mem::take(&mut self.changes);
        for (point, is_new) in [
            (CrashPoint::ReactionStored, !changes.inserts.is_empty()),
            (CrashPoint::ReactionDone, !changes.done.is_empty()),
            (CrashPoint::TimerRecorded, !changes.fired.is_empty()),
        ] {
            if is_new {
                reach(point);
            }
        }
        for unstored in changes.inserts.into_values() {
            if !self.queues.is_parked(&unstored.item.entity) {
                self.pending += 1;
            }
            if unstored.held {
                self.queues.push(unstored.item);
            }
        }
        if !changes.checkpoints.is_empty() {
            self.shared.progress.send_replace(self.cursors.clone());
        }
        if !changes.timers.is_empty() || !changes.fired.is_empty() {
            self.next_timer = self.shared.store.next_timer().await?;
        }
        if !changes.parked.is_empty() {
            self.pending = self.shared.store.count_pending().await?;
        }
        Ok(None)
    }
}
