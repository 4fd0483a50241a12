//! A read model that runs.

mod build;
mod plan;
mod running;
mod scratch;
mod supervisor;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use ordo_event_log::EventSource;
use ordo_lease::{LeaseSettings, Leases};
use ordo_proto::{
    ops::{ProjectionStatus, RebuildProjectionResponse},
    types::ConsistencyToken,
};
use ordo_sql::{Db, SqlError, StoreUrl};
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    task::JoinHandle,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    catalogue::Catalogue,
    compare::Comparison,
    cursors::Cursors,
    feeds::Troubles,
    follower::{Fault, FollowerSettings},
    heads,
    projection::Projection,
    wait::{self, NotYet},
};
use supervisor::{Request, Supervisor};

/// Where a read model lives and how it works.
#[derive(Clone, Debug)]
pub struct ReadModelSettings {
    /// Service that it belongs to, for example `intake`.
    pub service: String,
    /// Where its tables are.
    pub store: StoreUrl,
    /// Most events in one transaction.
    pub batch: usize,
    /// Most connections that queries use at once.
    pub max_connections: u32,
    /// How long replaced tables are kept for queries that began on them.
    pub drain: Duration,
    /// Decides which replica of the service keeps the tables up to date; `None`: the read model joins the others by itself.
    pub leases: Option<Leases>,
    /// How long events may fail to apply before a rebuild or comparison that an operator asked for is given up.
    pub patience: Duration,
}

impl ReadModelSettings {
    /// The usual settings.
    pub fn new(service: &str, store: StoreUrl) -> Self {
        Self {
            service: service.to_owned(),
            store,
            batch: 1_000,
            max_connections: 3,
            drain: Duration::from_secs(60),
            leases: None,
            patience: Duration::from_secs(20),
        }
    }
}

/// Why a rebuild or comparison came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The read model's database refused or is away.
    #[error("the read model's database failed")]
    Sql(#[from] SqlError),
    /// A log was restored to an earlier state while the tables were built from it.
    #[error("a log was restored meanwhile: {0}")]
    Diverged(String),
    /// The serving tables stopped following the logs meanwhile.
    #[error("the serving tables stopped meanwhile: {0}")]
    Interrupted(String),
    /// The read model was closed.
    #[error("the read model is closed")]
    Closed,
}

/// A projection that is kept up to date. Cheap to clone; it stops when the last clone is dropped or with
/// [`close`](ReadModel::close).
#[derive(Clone)]
pub struct ReadModel {
    shared: Arc<Shared>,
    requests: mpsc::Sender<Request>,
    _stop_when_dropped: Arc<DropGuard>,
}

/// What the handle and the tasks share.
struct Shared {
    settings: ReadModelSettings,
    projection: Arc<dyn Projection>,
    sources: Vec<Arc<dyn EventSource>>,
    catalogue: Catalogue,
    serving: ArcSwap<Serving>,
    /// What the serving tables hold.
    progress: watch::Sender<Cursors>,
    /// Why other tables are being built, when they must be.
    building: Fault,
    fault: Fault,
    troubles: Troubles,
    /// A query waits for the tables, which another process may keep up to date.
    waited_for: Notify,
    leases: Leases,
    own_leases: Option<Leases>,
    /// Replaced tables that queries may still read.
    retiring: Mutex<BTreeSet<u64>>,
    stop: CancellationToken,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// The tables that queries see.
struct Serving {
    number: u64,
    version: u32,
    db: Db,
    /// Whether they may be asked already.
    answers: bool,
}

impl ReadModel {
    /// Opens the read model's tables and keeps them up to date from `sources`.
    ///
    /// The first tables serve when they hold what the logs held at the start: at once when the logs are empty. The end of
    /// the service's own log must be known for that; another log is passed over while its owner is out of reach, so that a
    /// service can begin without the others. Tables of another version are replaced: new ones are built beside them and take
    /// over when they hold all events.
    pub async fn start(
        settings: ReadModelSettings,
        projection: Arc<dyn Projection>,
        sources: Vec<Arc<dyn EventSource>>,
    ) -> Result<Self, SqlError> {
        let catalogue =
            Catalogue::open(&settings.store, &settings.service, projection.name()).await?;
        let plan = plan::plan(&settings, &*projection, &sources, &catalogue).await?;
        let (leases, own_leases) = match &settings.leases {
            Some(leases) => (leases.clone(), None),
            None => {
                let leases = LeaseSettings::new(&settings.service, settings.store.clone());
                let leases = Leases::join(leases).await?;
                (leases.clone(), Some(leases))
            }
        };
        // Tables of another version are another thing to keep up to date.
        let unit = format!("projection/{}/{}", projection.name(), projection.version());
        let claim = leases.claim(&unit);
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared {
            serving: ArcSwap::from_pointee(plan.serving),
            progress: watch::Sender::new(plan.cursors),
            settings,
            projection,
            sources,
            catalogue,
            building: Fault::default(),
            fault: Fault::default(),
            troubles: Troubles::default(),
            waited_for: Notify::new(),
            leases,
            own_leases,
            retiring: Mutex::default(),
            stop: stop.clone(),
            tasks: Mutex::default(),
        });
        let (requests, received) = mpsc::channel(16);
        let supervisor = Supervisor::new(shared.clone(), received, plan.first);
        let lag = shared.clone().record_lag();
        let tasks = vec![tokio::spawn(supervisor.run(claim)), tokio::spawn(lag)];
        *shared.tasks.lock().unwrap_or_else(PoisonError::into_inner) = tasks;
        Ok(Self {
            shared,
            requests,
            _stop_when_dropped: Arc::new(stop.drop_guard()),
        })
    }

    /// The projection's name.
    pub fn name(&self) -> &'static str {
        self.shared.projection.name()
    }

    /// The tables that serve. Ask for every query and do not keep it: after a rebuild the old ones are removed.
    pub fn db(&self) -> Db {
        self.shared.serving.load().db.clone()
    }

    /// Waits until the tables hold everything that `token` names, at most `timeout`. Positions of services that this read
    /// model does not follow are passed over. Without a token it answers at once, unless the first tables that the queries
    /// can read are still being built.
    pub async fn wait_for(
        &self,
        token: Option<&ConsistencyToken>,
        timeout: Duration,
    ) -> Result<(), NotYet> {
        let shared = &self.shared;
        let wanted = wait::wanted(token, &shared.sources)?;
        let answers = || shared.serving.load().answers;
        shared.waited_for.notify_one();
        wait::wait_for(&shared.sources, &shared.progress, answers, &wanted, timeout).await
    }

    /// How it is.
    pub async fn status(&self) -> ProjectionStatus {
        let shared = &self.shared;
        let cursors = shared.progress.borrow().clone();
        let progress = heads::progress(&shared.sources, &cursors).await;
        let serving = shared.serving.load_full();
        let (fault, building) = (shared.fault.get(), shared.building.get());
        let state = match (&fault, &building) {
            (Some(_), _) => "FAILED",
            (None, Some(_)) => "BUILDING",
            (None, None) => "SERVING",
        };
        ProjectionStatus {
            name: self.name().to_owned(),
            version: serving.version,
            generation: serving.number,
            state: state.to_owned(),
            progress,
            // A log that cannot be read says more than that tables are built from it.
            error: fault
                .or_else(|| shared.troubles.first())
                .or(building)
                .unwrap_or_default(),
        }
    }

    /// Builds the tables anew beside the serving ones, compares the two and switches. It goes on when the answer is dropped.
    pub fn rebuild(&self) -> Rebuild {
        let (sender, reports) = mpsc::channel(16);
        let requests = self.requests.clone();
        tokio::spawn(async move {
            if let Err(mpsc::error::SendError(Request::Rebuild(reports))) =
                requests.send(Request::Rebuild(sender)).await
            {
                let _ = reports.send(Err(RebuildError::Closed)).await;
            }
        });
        Rebuild(reports)
    }

    /// Builds the tables anew up to where the serving ones are, compares the two, and throws the new ones away.
    pub async fn verify(&self) -> Result<Comparison, RebuildError> {
        let (sender, answer) = oneshot::channel();
        self.requests
            .send(Request::Verify(sender))
            .await
            .map_err(|_| RebuildError::Closed)?;
        answer.await.map_err(|_| RebuildError::Closed)?
    }

    /// Ends the transaction under way and closes the tables. Later queries fail.
    pub async fn close(&self) {
        self.shared.stop.cancel();
        let tasks = std::mem::take(
            &mut *self
                .shared
                .tasks
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for task in tasks {
            let _ = task.await;
        }
        if let Some(leases) = &self.shared.own_leases {
            leases.close().await;
        }
        self.shared.serving.load().db.close().await;
        self.shared.catalogue.close().await;
    }
}

impl Shared {
    fn follower_settings(&self) -> FollowerSettings {
        FollowerSettings {
            service: self.settings.service.as_str().into(),
            projection: self.projection.clone(),
            sources: self.sources.clone(),
            batch: self.settings.batch,
            fault: self.fault.clone(),
            troubles: self.troubles.clone(),
            lease: None,
        }
    }

    fn is_retiring(&self, generation: u64) -> bool {
        let retiring = self.retiring.lock();
        retiring
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&generation)
    }

    async fn record_lag(self: Arc<Self>) {
        let projection = self.projection.name();
        // There from the beginning, so that its first increase is seen.
        for counter in [
            "ordo_projection_diverged_total",
            "ordo_projection_failures_total",
        ] {
            metrics::counter!(counter, "projection" => projection).increment(0);
        }
        let cursors = || self.progress.borrow().clone();
        let recording = heads::record_lag(
            self.sources.clone(),
            "projection",
            self.projection.name(),
            cursors,
        );
        tokio::select! {
            () = recording => {}
            () = self.stop.cancelled() => {}
        }
    }
}

/// Reports of a rebuild under way.
pub struct Rebuild(mpsc::Receiver<Result<RebuildProjectionResponse, RebuildError>>);

impl Rebuild {
    /// The next report; `None` after the last one, which has `switched` set or is an error.
    pub async fn next(&mut self) -> Option<Result<RebuildProjectionResponse, RebuildError>> {
        self.0.recv().await
    }

    /// Waits for the last report.
    pub async fn finish(mut self) -> Result<RebuildProjectionResponse, RebuildError> {
        let mut last = Err(RebuildError::Closed);
        while let Some(report) = self.next().await {
            last = report;
        }
        last
    }
}

impl futures::Stream for Rebuild {
    type Item = Result<RebuildProjectionResponse, RebuildError>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}
