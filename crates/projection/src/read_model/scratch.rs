//! Tables under construction: making, filling, promoting and discarding them.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use ordo_crash_point::{CrashPoint, reach};
use ordo_proto::ops::RebuildProjectionResponse;
use tokio::sync::watch;

use super::{
    RebuildError, Serving, Shared, build::Reports, running::Running, supervisor::Supervisor,
};
use crate::{
    catalogue::{Entry, GenerationState},
    cursors::Cursors,
    feeds::describe,
    follower::{Fault, Follower, FollowerSettings},
};

/// Tables under construction.
pub(super) struct Scratch {
    pub entry: Entry,
    pub follower: Follower,
    progress: watch::Receiver<Cursors>,
    fault: Fault,
    /// Whether it is given up when its events do not apply.
    optional: bool,
}

impl Supervisor {
    pub(super) async fn add(&self, state: GenerationState) -> Result<Entry, RebuildError> {
        Ok(self
            .shared
            .catalogue
            .add(self.shared.projection.version(), state)
            .await?)
    }

    /// Empty tables that an operator asked for.
    pub(super) async fn scratch(&self) -> Result<Scratch, RebuildError> {
        let entry = self.add(GenerationState::Discarded).await?;
        self.open(entry, true).await
    }

    pub(super) async fn open(&self, entry: Entry, optional: bool) -> Result<Scratch, RebuildError> {
        let shared = &self.shared;
        let serving = shared.serving.load_full();
        let itself = serving.number == entry.number;
        let db = if itself {
            serving.db.clone()
        } else {
            let (schema, connections) =
                (shared.projection.schema(), shared.settings.max_connections);
            shared
                .catalogue
                .open_tables(&entry, schema, connections)
                .await?
        };
        // Tables that must be built show what holds them up; others leave the read model as healthy as it is.
        let fault = if optional {
            Fault::default()
        } else {
            shared.fault.clone()
        };
        let settings = FollowerSettings {
            fault: fault.clone(),
            lease: if optional { None } else { self.lease.clone() },
            ..shared.follower_settings()
        };
        let mut follower = Follower::open(settings, db).await?;
        // Tables that serve as soon as they are built show how far they are; nobody is answered from them before.
        let sender = if itself {
            shared.progress.clone()
        } else {
            watch::Sender::default()
        };
        sender.send_replace(follower.cursors.clone());
        let progress = sender.subscribe();
        follower.progress = Some(sender);
        Ok(Scratch {
            entry,
            follower,
            progress,
            fault,
            optional,
        })
    }

    pub(super) async fn discard(&self, scratch: Scratch) {
        let Scratch {
            entry, follower, ..
        } = scratch;
        let db = follower.db.clone();
        drop(follower);
        db.close().await;
        if let Err(error) = self.shared.catalogue.remove(entry.number).await {
            let error = describe(&error);
            tracing::warn!(
                projection = self.name(),
                generation = entry.number,
                error,
                "tables are left over"
            );
        }
    }

    /// Applies events up to `target`, at most for `limit`; longer only when it gets on.
    pub(super) async fn run_to(
        &self,
        scratch: &mut Scratch,
        target: &Cursors,
        reports: Option<&Reports>,
        limit: Option<Duration>,
    ) -> Result<(), RebuildError> {
        let stop = self.shared.stop.child_token();
        let begun = tokio::time::Instant::now();
        let mut faulty_since = None;
        let mut ticks = tokio::time::interval(Duration::from_millis(250));
        let run = scratch.follower.run(Some(target), &stop);
        tokio::pin!(run);
        loop {
            tokio::select! {
                result = &mut run => {
                    result?;
                    if self.shared.stop.is_cancelled() {
                        return Err(RebuildError::Closed);
                    }
                    return Ok(());
                }
                now = ticks.tick() => {
                    if let Some(reports) = reports {
                        let report = RebuildProjectionResponse {
                            events_applied: scratch.progress.borrow().events(),
                            events_total: target.events(),
                            ..Default::default()
                        };
                        // Nobody needs every report.
                        let _ = reports.try_send(Ok(report));
                    }
                    match scratch.fault.get() {
                        None => faulty_since = None,
                        Some(fault) => {
                            let since = *faulty_since.get_or_insert(now);
                            if scratch.optional && now.duration_since(since) > self.shared.settings.patience {
                                return Err(RebuildError::Interrupted(fault));
                            }
                        }
                    }
                    if limit.is_some_and(|limit| now.duration_since(begun) > limit) {
                        // Ends between two transactions.
                        stop.cancel();
                    }
                }
            }
        }
    }

    /// Makes the new tables serve and follows with them; the old ones are removed when nobody reads them any more.
    pub(super) async fn promote(&self, scratch: Scratch) -> Result<Running, RebuildError> {
        let shared = &self.shared;
        let Scratch {
            entry,
            mut follower,
            ..
        } = scratch;
        reach(CrashPoint::RebuildBuilt);
        if let Err(error) = shared.catalogue.serve(entry.number).await {
            // It may have been stored or not. The tables stay where they are; a restart sees which serve.
            return Err(error.into());
        }
        reach(CrashPoint::RebuildSwitched);
        let new = Arc::new(Serving {
            number: entry.number,
            version: entry.version,
            db: follower.db.clone(),
            answers: true,
        });
        let old = shared.serving.swap(new);
        follower.adopt(
            shared.fault.clone(),
            shared.progress.clone(),
            self.lease.clone(),
        );
        shared.building.set(None);
        // Last: who waits for the progress then asks the new tables.
        shared.progress.send_replace(follower.cursors.clone());
        tracing::info!(
            projection = self.name(),
            generation = entry.number,
            "new tables serve"
        );
        metrics::gauge!("ordo_projection_generation", "projection" => self.name())
            .set(entry.number as f64);
        if old.number != entry.number {
            tokio::spawn(retire(shared.clone(), old));
        }
        if self.is_displaced() {
            // The replica that has the lease finds them when it looks around.
            return Ok(self.stand_by());
        }
        Ok(Running::follow(follower, &shared.stop))
    }
}

/// Removes replaced tables when no query holds them any more, or after the time that queries are given.
async fn retire(shared: Arc<Shared>, old: Arc<Serving>) {
    let retiring = || {
        shared
            .retiring
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    };
    retiring().insert(old.number);
    let deadline = tokio::time::Instant::now() + shared.settings.drain;
    let shares = old.db.is_shared();
    // On Postgres other processes may read them; they look around every second.
    let earliest = tokio::time::Instant::now()
        + if shares {
            shared.settings.drain.min(Duration::from_secs(15))
        } else {
            Duration::ZERO
        };
    loop {
        let now = tokio::time::Instant::now();
        if now >= deadline || (old.db.handles() == 1 && now >= earliest) {
            break;
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
            // What is left over is removed at the next start.
            () = shared.stop.cancelled() => return,
        }
    }
    old.db.close().await;
    retiring().remove(&old.number);
    if shares && old.version != shared.projection.version() && shared.leases.others() > 0 {
        // A replica of the version before may serve them; they are removed when it is gone.
        return;
    }
    reach(CrashPoint::RebuildRetired);
    if let Err(error) = shared.catalogue.remove(old.number).await {
        let (projection, error) = (shared.projection.name(), describe(&error));
        tracing::warn!(
            projection,
            generation = old.number,
            error,
            "replaced tables are left over"
        );
    }
}
