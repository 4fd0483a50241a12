//! Decides who follows the logs for a read model, and with which tables.

use std::{sync::Arc, time::Duration};

use ordo_lease::{Claim, Lease};
use ordo_proto::ops::RebuildProjectionResponse;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    RebuildError, Serving, Shared,
    build::Replacement,
    plan::First,
    running::{Ended, Running},
};
use crate::{
    catalogue::{Entry, GenerationState},
    compare::Comparison,
    feeds::describe,
    follower::{Follower, FollowerSettings, Stop},
};

/// How often to look for tables that another replica has switched to.
const LOOK_AROUND: Duration = Duration::from_secs(1);

/// What an operator asks for.
pub(super) enum Request {
    Rebuild(mpsc::Sender<Result<RebuildProjectionResponse, RebuildError>>),
    Verify(oneshot::Sender<Result<Comparison, RebuildError>>),
}

/// The one task that changes which tables serve.
pub(super) struct Supervisor {
    pub(super) shared: Arc<Shared>,
    requests: mpsc::Receiver<Request>,
    /// What the replica that keeps the tables up to date begins with.
    first: Option<First>,
    /// Under which this replica keeps them up to date.
    pub(super) lease: Option<Arc<Lease>>,
}

impl Supervisor {
    pub fn new(shared: Arc<Shared>, requests: mpsc::Receiver<Request>, first: First) -> Self {
        if let First::Replace(replacement) = &first {
            shared.building.set(Some(replacement.why().to_owned()));
        }
        Self {
            shared,
            requests,
            first: Some(first),
            lease: None,
        }
    }

    pub async fn run(mut self, mut claim: Claim) {
        let mut running = Some(self.stand_by());
        let shares = self.shared.serving.load().db.is_shared();
        let mut ticks = tokio::time::interval(LOOK_AROUND);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while let Some(mut active) = running.take() {
            running = tokio::select! {
                biased;
                () = self.shared.stop.cancelled() => {
                    active.stop().await;
                    None
                }
                lease = claim.held(), if self.lease.is_none() => {
                    active.stop().await;
                    self.lease = Some(Arc::new(lease));
                    self.begin().await
                }
                () = over(self.lease.as_deref()) => {
                    active.stop().await;
                    tracing::info!(projection = self.name(), "another replica keeps the read model up to date");
                    self.lease = None;
                    Some(self.stand_by())
                }
                () = active.wait() => self.after(active).await,
                Some(request) = self.requests.recv() => match request {
                    Request::Rebuild(reports) => self.rebuild(active, reports).await,
                    Request::Verify(answer) => self.verify(active, answer).await,
                },
                _ = ticks.tick(), if shares => self.look_around(active).await,
            };
        }
    }

    /// Begins to keep the tables up to date.
    async fn begin(&mut self) -> Option<Running> {
        if self.is_built_elsewhere() {
            self.first = None;
        }
        self.clear_away().await;
        if let Some(entry) = self.switched_elsewhere().await {
            self.first = None;
            return self.adopt(&entry).await;
        }
        match self.first.take() {
            Some(First::Replace(replacement)) => self.replace(replacement).await,
            Some(First::Follow) | None => self.follow_serving().await,
        }
    }

    /// Whether the tables that this replica was to build serve: another one has built them meanwhile.
    fn is_built_elsewhere(&self) -> bool {
        let serving = self.shared.serving.load();
        let complete = serving.answers && serving.version == self.shared.projection.version();
        complete && matches!(&self.first, Some(First::Replace(planned)) if planned.is_planned())
    }

    /// Removes tables that nobody uses: what others may be using stays until this replica is the only one.
    async fn clear_away(&self) {
        let shared = &self.shared;
        if !shared.catalogue.is_shared() || shared.leases.others() > 0 {
            return;
        }
        let Ok(entries) = shared.catalogue.entries().await else {
            // The next one to begin clears away.
            return;
        };
        let serving = shared.serving.load().number;
        let version = shared.projection.version();
        let complete =
            |entry: &Entry| entry.state == GenerationState::Serving && entry.version == version;
        let is_built = entries.iter().any(complete);
        for entry in entries {
            let of_no_use = match entry.state {
                GenerationState::Serving => false,
                GenerationState::Building => is_built || entry.version != version,
                GenerationState::Discarded => !shared.is_retiring(entry.number),
            };
            if of_no_use && entry.number != serving {
                let (projection, generation) = (self.name(), entry.number);
                let removed = shared.catalogue.remove(entry.number).await;
                tracing::info!(projection, generation, ?removed, "removing leftover tables");
            }
        }
    }

    /// Watches another replica keep the serving tables up to date. What keeps that one from it is that one's to tell.
    pub(super) fn stand_by(&self) -> Running {
        self.shared.fault.set(None);
        Running::stand_by(self.shared.clone())
    }

    /// What this replica began and could not finish is begun anew when the lease comes back.
    pub(super) fn put_off(&mut self, replacement: Replacement) -> Running {
        self.first = Some(First::Replace(replacement));
        self.lease = None;
        self.stand_by()
    }

    /// Whether another replica has taken over.
    pub(super) fn is_displaced(&self) -> bool {
        self.lease.as_ref().is_none_or(|lease| lease.is_lost())
    }

    /// Follows the logs with the serving tables, or watches; tries until it is closed.
    pub(super) async fn follow_serving(&self) -> Option<Running> {
        let shared = &self.shared;
        while !shared.stop.is_cancelled() {
            if self.is_displaced() {
                return Some(self.stand_by());
            }
            let db = shared.serving.load().db.clone();
            let settings = FollowerSettings {
                lease: self.lease.clone(),
                ..shared.follower_settings()
            };
            match Follower::open(settings, db).await {
                Ok(mut follower) => {
                    shared.fault.set(None);
                    shared.building.set(None);
                    shared.progress.send_replace(follower.cursors.clone());
                    follower.progress = Some(shared.progress.clone());
                    return Some(Running::follow(follower, &shared.stop));
                }
                Err(error) => self.complain(&describe(&error)).await,
            }
        }
        None
    }

    /// Shows what is wrong and waits a moment.
    pub(super) async fn complain(&self, error: &str) {
        tracing::error!(
            projection = self.shared.projection.name(),
            error,
            "the read model cannot go on; trying again"
        );
        self.shared.fault.set(Some(error.to_owned()));
        pause(&self.shared.stop, Duration::from_secs(1)).await;
    }

    /// Goes on after what was running has ended by itself.
    async fn after(&mut self, running: Running) -> Option<Running> {
        let projection = self.shared.projection.name();
        match running.ended {
            Some(Ended::Follower(follower, Err(Stop::Diverged(diverged)))) => {
                drop(follower);
                tracing::error!(
                    projection,
                    error = %diverged,
                    "A LOG WAS RESTORED TO AN EARLIER STATE. The read model is being built anew from the first event."
                );
                metrics::counter!("ordo_projection_diverged_total", "projection" => projection)
                    .increment(1);
                self.replace(Replacement::diverged(diverged.to_string()))
                    .await
            }
            Some(Ended::Follower(follower, Err(Stop::Displaced))) => {
                drop(follower);
                // A commit succeeded whose answer was lost, or the tables were others' for a moment.
                pause(&self.shared.stop, Duration::from_millis(50)).await;
                self.follow_serving().await
            }
            Some(Ended::Follower(follower, Err(Stop::Fenced))) => {
                drop(follower);
                tracing::warn!(
                    projection,
                    "another replica has taken the read model over; standing by"
                );
                self.lease = None;
                Some(self.stand_by())
            }
            Some(Ended::Lost(error)) => {
                self.complain(&error).await;
                self.follow_serving().await
            }
            Some(Ended::Standby | Ended::Follower(_, Ok(()))) | None => self.follow_serving().await,
        }
    }

    /// Moves to other tables when another process has switched to them.
    async fn look_around(&self, running: Running) -> Option<Running> {
        if let Some(entry) = self.switched_elsewhere().await {
            running.stop().await;
            return self.adopt(&entry).await;
        }
        self.open_to_queries().await;
        Some(running)
    }

    /// Tables that this replica waited for are complete: another one has built them.
    async fn open_to_queries(&self) {
        let shared = &self.shared;
        let serving = shared.serving.load_full();
        if serving.answers || !self.is_displaced() {
            return;
        }
        let entries = shared.catalogue.entries_through(&serving.db).await;
        let complete = |entry: &Entry| {
            entry.number == serving.number && entry.state == GenerationState::Serving
        };
        if entries.is_ok_and(|entries| entries.iter().any(complete)) {
            shared.serving.store(Arc::new(Serving {
                number: serving.number,
                version: serving.version,
                db: serving.db.clone(),
                answers: true,
            }));
            shared.building.set(None);
            wake(shared);
        }
    }

    /// Tables of this version that another process has made serve.
    pub(super) async fn switched_elsewhere(&self) -> Option<Entry> {
        let serving = self.shared.serving.load_full();
        let entries = self
            .shared
            .catalogue
            .entries_through(&serving.db)
            .await
            .ok()?;
        entries.into_iter().find(|entry| {
            entry.state == GenerationState::Serving
                && entry.version == self.shared.projection.version()
                && entry.number != serving.number
        })
    }

    /// Serves and follows tables that another process has built.
    pub(super) async fn adopt(&self, entry: &Entry) -> Option<Running> {
        let shared = &self.shared;
        let (schema, connections) = (shared.projection.schema(), shared.settings.max_connections);
        match shared
            .catalogue
            .open_tables(entry, schema, connections)
            .await
        {
            Ok(db) => {
                tracing::info!(
                    projection = shared.projection.name(),
                    generation = entry.number,
                    "another process has switched to new tables"
                );
                shared.serving.store(Arc::new(Serving {
                    number: entry.number,
                    version: entry.version,
                    db,
                    answers: true,
                }));
                shared.building.set(None);
                wake(shared);
            }
            Err(error) => self.complain(&describe(&error)).await,
        }
        self.follow_serving().await
    }
}

async fn over(lease: Option<&Lease>) {
    match lease {
        Some(lease) => lease.over().await,
        None => std::future::pending().await,
    }
}

/// Lets queries that wait look again: the tables may be asked from now on, although nothing was read just now.
fn wake(shared: &Shared) {
    shared.progress.send_modify(|_| {});
}

pub(super) async fn pause(stop: &CancellationToken, time: Duration) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        () = stop.cancelled() => {}
    }
}
