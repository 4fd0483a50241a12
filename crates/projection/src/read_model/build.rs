//! Builds tables beside the serving ones.

use std::time::Duration;

use ordo_proto::ops::RebuildProjectionResponse;
use tokio::sync::{mpsc, oneshot};

use super::{
    RebuildError,
    running::Running,
    scratch::Scratch,
    supervisor::{Supervisor, pause},
};
use crate::{
    catalogue::{Entry, GenerationState},
    compare::{Comparison, compare},
    cursors::{self, Cursors},
    feeds::describe,
    follower::Stop,
    heads,
};

/// How often to ask for the end of the service's own log when it is out of reach.
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// Tables that must take the place of the serving ones, however often it has to be tried.
pub(super) struct Replacement {
    entry: Option<Entry>,
    state: GenerationState,
    /// The tables that stand still meanwhile, and what they hold.
    frozen: Option<(u64, Cursors)>,
    why: String,
}

impl Replacement {
    /// Tables of another version than those of generation `old`, which hold the events up to `cursors`.
    pub fn version(entry: Entry, old: u64, cursors: Cursors) -> Self {
        Self {
            why: format!("version {} is being built", entry.version),
            entry: Some(entry),
            state: GenerationState::Building,
            frozen: Some((old, cursors)),
        }
    }

    /// Tables for a read model that has none yet, or had begun them.
    pub fn first(entry: Entry) -> Self {
        Self {
            entry: Some(entry),
            state: GenerationState::Building,
            frozen: None,
            why: "the first tables are being built from the logs".to_owned(),
        }
    }

    /// Whether it was decided at the start. A restart decides it again until such tables serve.
    pub fn is_planned(&self) -> bool {
        self.state == GenerationState::Building
    }

    /// What an operator is told.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// Tables that follow a log that was restored.
    pub fn diverged(why: String) -> Self {
        Self {
            entry: None,
            // After a restart the serving tables meet the same divergence again and it all begins anew.
            state: GenerationState::Discarded,
            frozen: None,
            why,
        }
    }
}

pub(super) type Reports = mpsc::Sender<Result<RebuildProjectionResponse, RebuildError>>;

impl From<Stop> for RebuildError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Diverged(diverged) => Self::Diverged(diverged.to_string()),
            Stop::Displaced | Stop::Fenced => Self::Interrupted(stop.to_string()),
        }
    }
}

impl Supervisor {
    /// An operator's rebuild. The serving tables are kept up to date by `running` until the very end.
    pub(super) async fn rebuild(&self, mut running: Running, reports: Reports) -> Option<Running> {
        let built = match self.scratch().await {
            Ok(mut scratch) => match self
                .build_beside(&mut scratch, &mut running, Some(&reports))
                .await
            {
                Ok(comparison) => Ok((scratch, comparison)),
                Err(error) => {
                    self.discard(scratch).await;
                    Err(error)
                }
            },
            Err(error) => Err(error),
        };
        let (mut scratch, comparison) = match built {
            Ok(built) => built,
            Err(error) => {
                tracing::error!(
                    projection = self.name(),
                    error = describe(&error),
                    "the rebuild failed"
                );
                let _ = reports.send(Err(error)).await;
                return Some(running);
            }
        };
        self.judge(&comparison);
        // From here on the serving tables stand still, for the few events that came during the comparison.
        let held = running
            .stop()
            .await
            .unwrap_or_else(|| self.shared.progress.borrow().clone());
        let caught_up = match self.run_to(&mut scratch, &held, None, None).await {
            Ok(()) => self.promote(scratch).await,
            Err(error) => {
                self.discard(scratch).await;
                Err(error)
            }
        };
        match caught_up {
            Ok(running) => {
                let events = held.events();
                let report = RebuildProjectionResponse {
                    events_applied: events,
                    events_total: events,
                    switched: true,
                    rows_different: comparison.rows_different,
                };
                let _ = reports.send(Ok(report)).await;
                Some(running)
            }
            Err(error) => {
                let _ = reports.send(Err(error)).await;
                self.follow_serving().await
            }
        }
    }

    /// Builds, compares and throws away.
    pub(super) async fn verify(
        &self,
        mut running: Running,
        answer: oneshot::Sender<Result<Comparison, RebuildError>>,
    ) -> Option<Running> {
        let result = match self.scratch().await {
            Ok(mut scratch) => {
                let result = self.build_beside(&mut scratch, &mut running, None).await;
                self.discard(scratch).await;
                result
            }
            Err(error) => Err(error),
        };
        if let Ok(comparison) = &result {
            self.judge(comparison);
        }
        let _ = answer.send(result);
        Some(running)
    }

    /// Replaces the serving tables, which nobody follows; tries until it is done or closed.
    pub(super) async fn replace(&mut self, mut replacement: Replacement) -> Option<Running> {
        let shared = self.shared.clone();
        shared.building.set(Some(replacement.why.clone()));
        while !shared.stop.is_cancelled() {
            match self.try_replace(&mut replacement).await {
                Ok(running) => {
                    shared.fault.set(None);
                    return Some(running);
                }
                Err(RebuildError::Closed) => return None,
                Err(RebuildError::Diverged(detail)) => {
                    tracing::error!(
                        projection = self.name(),
                        error = detail,
                        "a log was restored; building from its first event"
                    );
                    // The tables hold events that are gone. They are removed and others begun.
                    if let Some(entry) = replacement.entry.take()
                        && let Err(error) = shared.catalogue.remove(entry.number).await
                    {
                        self.complain(&describe(&error)).await;
                    }
                    replacement.frozen = None;
                }
                Err(error) => {
                    if let Some(entry) = self.switched_elsewhere().await {
                        shared.building.set(None);
                        return self.adopt(&entry).await;
                    }
                    if self.is_displaced() {
                        return Some(self.put_off(replacement));
                    }
                    self.complain(&describe(&error)).await;
                }
            }
        }
        None
    }

    async fn try_replace(&self, replacement: &mut Replacement) -> Result<Running, RebuildError> {
        let mut scratch = match &replacement.entry {
            Some(entry) => self.open(entry.clone(), false).await?,
            None => self.open(self.add(replacement.state).await?, false).await?,
        };
        replacement.entry = Some(scratch.entry.clone());
        self.catch_up(&mut scratch, replacement).await?;
        self.promote(scratch).await
    }

    /// Reads up to the ends of the logs, with a comparison on the way when there is something to compare with. Never ends
    /// before a place where the logs have once ended: queries would miss what was there before.
    async fn catch_up(
        &self,
        scratch: &mut Scratch,
        replacement: &Replacement,
    ) -> Result<(), RebuildError> {
        let serving = self.shared.serving.load_full();
        if let Some((number, held)) = &replacement.frozen
            && *number == serving.number
            && held.reaches(&scratch.follower.cursors)
            && (self.ends(None).await).is_some_and(|ends| ends.reaches(held))
        {
            self.run_to(scratch, held, None, None).await?;
            let (mut old, mut new) = (
                serving.db.snapshot().await?,
                scratch.follower.db.snapshot().await?,
            );
            let found = compare(&mut old, &mut new, true).await?;
            let (projection, examined, different) =
                (self.name(), found.rows_examined, found.rows_different);
            tracing::info!(
                projection,
                examined,
                different,
                "compared with the tables of the version before"
            );
        }
        let floor = replacement.frozen.as_ref().map(|(_, held)| held);
        loop {
            let target = self.known_ends(floor).await?;
            self.run_to(scratch, &target, None, Some(Duration::from_secs(10)))
                .await?;
            // Asked anew: the owner that was away may be there now, and others have gone on.
            let left = self.known_ends(floor).await?.events();
            let cursors = &scratch.follower.cursors;
            if cursors.reaches(&target)
                && left.saturating_sub(cursors.events()) <= self.shared.settings.batch as u64
            {
                return Ok(());
            }
        }
    }

    /// Builds up to exactly where the serving tables are at one moment, and compares.
    async fn build_beside(
        &self,
        scratch: &mut Scratch,
        running: &mut Running,
        reports: Option<&Reports>,
    ) -> Result<Comparison, RebuildError> {
        let building = async {
            let near = self.shared.settings.batch as u64 * 4;
            loop {
                let target = self.shared.progress.borrow().clone();
                let left = target
                    .events()
                    .saturating_sub(scratch.follower.cursors.events());
                self.run_to(scratch, &target, reports, Some(Duration::from_secs(60)))
                    .await?;
                if left <= near && scratch.follower.cursors.reaches(&target) {
                    break;
                }
            }
            let serving = self.shared.serving.load_full();
            let mut old = serving.db.snapshot().await?;
            let target = cursors::load_in(&mut old).await?;
            self.run_to(scratch, &target, reports, None).await?;
            let mut new = scratch.follower.db.snapshot().await?;
            Ok(compare(&mut old, &mut new, false).await?)
        };
        let result = tokio::select! {
            result = building => result,
            // When a log was restored the serving tables' follower stops, and the place that the new tables wait for may
            // never come.
            () = running.failed() => Err(RebuildError::Interrupted("see the log".to_owned())),
        };
        result
    }

    async fn ends(&self, floor: Option<&Cursors>) -> Option<Cursors> {
        heads::ends(&self.shared.sources, &self.shared.settings.service, floor).await
    }

    /// Asks for the ends of the logs until the one of the service's own is known, while this replica is the one to build.
    async fn known_ends(&self, floor: Option<&Cursors>) -> Result<Cursors, RebuildError> {
        loop {
            if self.shared.stop.is_cancelled() {
                return Err(RebuildError::Closed);
            }
            if self.is_displaced() {
                return Err(Stop::Fenced.into());
            }
            if let Some(ends) = self.ends(floor).await {
                return Ok(ends);
            }
            pause(&self.shared.stop, ASK_AGAIN).await;
        }
    }

    fn judge(&self, comparison: &Comparison) {
        let projection = self.name();
        metrics::gauge!("ordo_projection_rows_different", "projection" => projection)
            .set(comparison.rows_different as f64);
        let (examined, different) = (comparison.rows_examined, comparison.rows_different);
        match &comparison.difference {
            None => tracing::info!(projection, examined, "the read model equals its rebuild"),
            Some(first) => {
                tracing::error!(
                    projection,
                    examined,
                    different,
                    first,
                    "THE READ MODEL DIFFERS FROM ITS REBUILD"
                );
            }
        }
    }

    pub(super) fn name(&self) -> &'static str {
        self.shared.projection.name()
    }
}
