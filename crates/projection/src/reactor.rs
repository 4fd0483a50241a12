//! A reaction that runs: a durable inbox between the logs and the effects.
//!
//! Events are stored together with the checkpoint and only then handled, so a slow or failing effect never holds up the
//! reading, and nothing is lost or forgotten. Everything here may happen twice after a crash; command ids make that harmless.

mod body;
mod dispatcher;
mod drop;
mod items;
mod queues;
mod run;
mod store;
mod wait;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ordo_event_log::{EventSource, Timestamp};
use ordo_proto::ops::{ParkedEntity, ReactionStatus};
use ordo_sql::{OpenOptions, SqlError, StoreUrl};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    cursors::Cursors,
    feeds::{Troubles, describe},
    follower::Fault,
    heads,
    reaction::Reaction,
};
use dispatcher::{Dispatcher, End};
use store::Store;

/// Where a reactor's inbox lives and how it works.
#[derive(Clone, Debug)]
pub struct ReactorSettings {
    /// Service that it belongs to, for example `intake`.
    pub service: String,
    /// Where its inbox and timers are.
    pub store: StoreUrl,
    /// Most entities handled at once.
    pub concurrency: usize,
    /// Most events read at once.
    pub batch: usize,
    /// Reading stops while so many things are to be done, parked ones not counted.
    pub max_pending: u64,
    /// How long one try may take before it is given up and tried again.
    pub patience: Duration,
    /// Wait after the first failed try; it doubles with every further one.
    pub backoff: Duration,
    /// Longest wait while somebody is away.
    pub max_retry_backoff: Duration,
    /// How long somebody may be away before the entity is parked.
    pub retry_for: Duration,
    /// Longest wait between tries that fail.
    pub max_failure_backoff: Duration,
    /// Failed tries after which the entity is parked.
    pub failure_limit: u32,
    /// How long a process that has vanished keeps the inbox on Postgres.
    pub lease: Duration,
    /// How long tries under way may take to end when the reactor is closed.
    pub drain: Duration,
}

impl ReactorSettings {
    /// The usual settings.
    pub fn new(service: &str, store: StoreUrl) -> Self {
        Self {
            service: service.to_owned(),
            store,
            concurrency: 64,
            batch: 500,
            max_pending: 10_000,
            patience: Duration::from_secs(60),
            backoff: Duration::from_millis(100),
            max_retry_backoff: Duration::from_secs(5),
            retry_for: Duration::from_secs(24 * 60 * 60),
            max_failure_backoff: Duration::from_secs(60),
            failure_limit: 10,
            lease: Duration::from_secs(10),
            drain: Duration::from_secs(5),
        }
    }
}

/// A reaction that runs. Cheap to clone; it stops when the last clone is dropped or with [`close`](Reactor::close).
#[derive(Clone)]
pub struct Reactor {
    shared: Arc<Shared>,
    _stop_when_dropped: Arc<DropGuard>,
}

/// What the handle and the tasks share.
struct Shared {
    settings: Arc<ReactorSettings>,
    reaction: Arc<dyn Reaction>,
    sources: Vec<Arc<dyn EventSource>>,
    store: Store,
    /// What was read into the inbox.
    progress: watch::Sender<Cursors>,
    fault: Fault,
    troubles: Troubles,
    /// Somebody asked for parked entities.
    replay: Notify,
    stop: CancellationToken,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Reactor {
    /// Opens the inbox, goes on with what is in it, and reads `sources` from where it stopped; at first, from their first
    /// events.
    pub async fn start(
        settings: ReactorSettings,
        reaction: Arc<dyn Reaction>,
        sources: Vec<Arc<dyn EventSource>>,
    ) -> Result<Self, SqlError> {
        let database = format!("{}.{}.inbox", settings.service, reaction.name());
        let options = OpenOptions::durable().max_connections(2);
        let store = Store::open(
            settings.store.open(&database, options).await?,
            settings.lease,
        )
        .await?;
        let cursors = store.cursors().await?;
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared {
            settings: Arc::new(settings),
            reaction,
            sources,
            store,
            progress: watch::Sender::new(cursors),
            fault: Fault::default(),
            troubles: Troubles::default(),
            replay: Notify::new(),
            stop: stop.clone(),
            tasks: Mutex::default(),
        });
        let tasks = vec![
            tokio::spawn(supervise(shared.clone())),
            tokio::spawn(record(shared.clone())),
        ];
        *shared.tasks.lock().unwrap_or_else(PoisonError::into_inner) = tasks;
        Ok(Self {
            shared,
            _stop_when_dropped: Arc::new(stop.drop_guard()),
        })
    }

    /// The reaction's name.
    pub fn name(&self) -> &'static str {
        self.shared.reaction.name()
    }

    /// How it is.
    pub async fn status(&self) -> Result<ReactionStatus, SqlError> {
        let shared = &self.shared;
        let cursors = shared.progress.borrow().clone();
        Ok(ReactionStatus {
            name: self.name().to_owned(),
            progress: heads::progress(&shared.sources, &cursors).await,
            pending: shared.store.count_pending().await?,
            parked: shared.store.count_parked().await?,
            timers: shared.store.count_timers().await?,
        })
    }

    /// What keeps it from working at the moment, other than single entities.
    pub fn fault(&self) -> Option<String> {
        self.shared
            .fault
            .get()
            .or_else(|| self.shared.troubles.first())
    }

    /// Up to `limit` parked entities whose names come after `after`, in order; from the first one with an empty `after`.
    pub async fn parked(&self, after: &str, limit: u32) -> Result<Vec<ParkedEntity>, SqlError> {
        let parked = self.shared.store.parked(after, limit).await?;
        Ok(parked
            .into_iter()
            .map(|parked| ParkedEntity {
                reaction: self.name().to_owned(),
                entity: parked.entity,
                tenant: parked.tenant,
                event_id: parked.name,
                event_type: parked.type_name,
                attempts: parked.attempts,
                error: parked.error,
                parked_at: Some(Timestamp(parked.parked_at).into()),
                waiting: parked.waiting,
            })
            .collect())
    }

    /// Tries a parked entity again, with its tries counted anew; `None`: every one. Gives how many there are.
    pub async fn replay(&self, entity: Option<&str>) -> Result<u64, SqlError> {
        let asked = self.shared.store.ask_replay(entity).await?;
        self.shared.replay.notify_one();
        Ok(asked)
    }

    /// Lets the tries under way end, stores what came of them and closes the inbox.
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
        self.shared.store.db.close().await;
    }
}

/// Keeps a dispatcher running.
async fn supervise(shared: Arc<Shared>) {
    let reaction = shared.reaction.name();
    while !shared.stop.is_cancelled() {
        // A task of its own, so that a panic in the author's code ends only this round.
        let round = tokio::spawn(round(shared.clone())).await;
        let error = match round {
            Ok(Ok(End::Closed)) => return,
            Ok(Ok(End::OwnedElsewhere)) => {
                tracing::debug!(reaction, "another process owns the inbox; standing by");
                pause(&shared, Duration::from_secs(1).min(shared.settings.lease)).await;
                continue;
            }
            Ok(Ok(End::Diverged(diverged))) => {
                tracing::error!(
                    reaction,
                    error = %diverged,
                    "A LOG WAS RESTORED TO AN EARLIER STATE. Every event of it is handled again; commands that were \
                     carried out before are recognised by their ids."
                );
                metrics::counter!("ordo_reaction_diverged_total", "reaction" => reaction)
                    .increment(1);
                match shared.store.start_over(&diverged.place).await {
                    Ok(()) => continue,
                    Err(error) => describe(&error),
                }
            }
            Ok(Err(error)) => describe(&error),
            Err(lost) => lost.to_string(),
        };
        tracing::error!(reaction, error, "the reactor cannot go on; trying again");
        shared.fault.set(Some(error));
        pause(&shared, Duration::from_secs(1)).await;
    }
}

async fn round(shared: Arc<Shared>) -> Result<End, SqlError> {
    let Some(clean) = shared.store.acquire().await? else {
        shared.progress.send_replace(shared.store.cursors().await?);
        return Ok(End::OwnedElsewhere);
    };
    shared.fault.set(None);
    let dispatcher = Dispatcher::load(shared, clean).await?;
    dispatcher.run().await
}

async fn pause(shared: &Shared, time: Duration) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        () = shared.stop.cancelled() => {}
    }
}

/// Records what an operator watches.
async fn record(shared: Arc<Shared>) {
    let reaction = shared.reaction.name();
    let cursors = || shared.progress.borrow().clone();
    let lag = heads::record_lag(shared.sources.clone(), "reaction", reaction, cursors);
    let counts = async {
        loop {
            if let Ok(pending) = shared.store.count_pending().await {
                metrics::gauge!("ordo_reaction_pending", "reaction" => reaction)
                    .set(pending as f64);
            }
            if let Ok(parked) = shared.store.count_parked().await {
                metrics::gauge!("ordo_reaction_parked", "reaction" => reaction).set(parked as f64);
            }
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    };
    tokio::select! {
        () = lag => {}
        () = counts => {}
        () = shared.stop.cancelled() => {}
    }
}
