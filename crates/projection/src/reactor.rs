//! A reaction that runs: a durable inbox between the logs and the effects.
//!
//! Events are handled as they are read. What is not done a moment later is stored together with the checkpoint behind it, so a
//! slow or failing effect never holds up the reading, and nothing is lost or forgotten. Everything here may happen twice
//! after a crash; command ids make that harmless.

mod body;
mod dispatcher;
mod drop;
mod items;
mod queues;
mod resend;
mod run;
mod store;
mod wait;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ordo_event_log::{EventSource, Timestamp};
use ordo_lease::{Claim, Lease, LeaseSettings, Leases};
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
use resend::RestoredTarget;
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
    /// Most things begun at once that the inbox does not hold; after so many it is brought up to date without delay. 0: each
    /// is stored before it is begun.
    pub begin_unstored: usize,
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
    /// Decides which replica of the service runs the reaction; `None`: the reactor joins the others by itself.
    pub leases: Option<Leases>,
    /// How often the services that it sends commands to are asked whether they were restored.
    pub targets_every: Duration,
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
            begin_unstored: 1_000,
            max_pending: 10_000,
            patience: Duration::from_secs(60),
            backoff: Duration::from_millis(100),
            max_retry_backoff: Duration::from_secs(5),
            retry_for: Duration::from_secs(24 * 60 * 60),
            max_failure_backoff: Duration::from_secs(60),
            failure_limit: 10,
            leases: None,
            targets_every: Duration::from_secs(5),
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
    /// Logs of the services that it sends commands to.
    targets: Vec<Arc<dyn EventSource>>,
    /// One of them that was restored.
    restored: watch::Sender<Option<RestoredTarget>>,
    store: Store,
    /// What was read into the inbox.
    progress: watch::Sender<Cursors>,
    fault: Fault,
    troubles: Troubles,
    /// Somebody asked for parked entities.
    replay: Notify,
    /// Somebody waits until what is done is stored.
    hurry: Notify,
    /// Whether this process runs it at the moment; otherwise another one does, or will.
    works: AtomicBool,
    own_leases: Option<Leases>,
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
        Self::start_towards(settings, reaction, sources, Vec::new()).await
    }

    /// As [`start`](Self::start). `targets` are the logs of the services that the reaction sends commands to: when one of
    /// them was restored from a backup, every event is handled again, so that it gets the commands that it lost.
    pub async fn start_towards(
        settings: ReactorSettings,
        reaction: Arc<dyn Reaction>,
        sources: Vec<Arc<dyn EventSource>>,
        targets: Vec<Arc<dyn EventSource>>,
    ) -> Result<Self, SqlError> {
        let database = format!("{}.{}.inbox", settings.service, reaction.name());
        let options = OpenOptions::durable().max_connections(2);
        let store = Store::open(settings.store.open(&database, options).await?).await?;
        let (leases, own_leases) = match &settings.leases {
            Some(leases) => (leases.clone(), None),
            None => {
                let leases = LeaseSettings::new(&settings.service, settings.store.clone());
                let leases = Leases::join(leases).await?;
                (leases.clone(), Some(leases))
            }
        };
        let claim = leases.claim(&format!("reaction/{}", reaction.name()));
        let cursors = store.cursors().await?;
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared {
            settings: Arc::new(settings),
            reaction,
            sources,
            targets,
            restored: watch::Sender::new(None),
            store,
            progress: watch::Sender::new(cursors),
            fault: Fault::default(),
            troubles: Troubles::default(),
            replay: Notify::new(),
            hurry: Notify::new(),
            works: AtomicBool::new(false),
            own_leases,
            stop: stop.clone(),
            tasks: Mutex::default(),
        });
        let tasks = vec![
            tokio::spawn(supervise(shared.clone(), claim)),
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
        shared.look_at_others().await?;
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
        if let Some(leases) = &self.shared.own_leases {
            leases.close().await;
        }
        self.shared.store.db.close().await;
    }
}

impl Shared {
    /// What another process has read into the inbox, while this one does not.
    async fn look_at_others(&self) -> Result<(), SqlError> {
        if !self.works.load(Ordering::Relaxed) {
            self.progress.send_replace(self.store.cursors().await?);
        }
        Ok(())
    }
}

/// Keeps a dispatcher running whenever the reaction is this replica's.
async fn supervise(shared: Arc<Shared>, mut claim: Claim) {
    while let Some(lease) = shared.stop.run_until_cancelled(claim.held()).await {
        let lease = Arc::new(lease);
        shared.works.store(true, Ordering::Relaxed);
        work(&shared, &lease).await;
        shared.works.store(false, Ordering::Relaxed);
        shared.fault.set(None);
    }
}

/// Runs dispatchers until the lease is over or the reactor closed.
async fn work(shared: &Arc<Shared>, lease: &Arc<Lease>) {
    let reaction = shared.reaction.name();
    while !shared.stop.is_cancelled() && !lease.is_over() {
        // A task of its own, so that a panic in the author's code ends only this round.
        let round = tokio::spawn(round(shared.clone(), lease.clone())).await;
        let error = match round {
            Ok(Ok(End::Closed)) => return,
            Ok(Ok(End::GivenBack)) => {
                tracing::debug!(reaction, "given to another replica; standing by");
                return;
            }
            Ok(Ok(End::Lost)) => {
                tracing::warn!(reaction, "taken over by another replica; standing by");
                return;
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
                match shared.store.start_over(lease, &diverged.place).await {
                    Ok(()) => continue,
                    Err(error) => describe(&error),
                }
            }
            Ok(Ok(End::TargetRestored(restored))) => {
                let (service, partition) = &restored.place;
                tracing::error!(
                    reaction,
                    service = &**service,
                    partition,
                    epoch = restored.epoch,
                    "A SERVICE WAS RESTORED TO AN EARLIER STATE. Everything that it was ever told is told again; it \
                     recognises by their ids the commands that it still knows."
                );
                metrics::counter!("ordo_reaction_resent_total", "reaction" => reaction)
                    .increment(1);
                match shared.store.send_again(lease, &restored).await {
                    Ok(()) => {
                        shared.restored.send_replace(None);
                        continue;
                    }
                    Err(error) => describe(&error),
                }
            }
            Ok(Err(error)) => describe(&error),
            Err(lost) => lost.to_string(),
        };
        tracing::error!(reaction, error, "the reactor cannot go on; trying again");
        shared.fault.set(Some(error));
        pause(shared, Duration::from_secs(1)).await;
    }
}

async fn round(shared: Arc<Shared>, lease: Arc<Lease>) -> Result<End, SqlError> {
    let Some(clean) = shared.store.acquire(&lease).await? else {
        return Ok(End::Lost);
    };
    shared.fault.set(None);
    let dispatcher = Dispatcher::load(shared, lease, clean).await?;
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
    // There from the beginning, so that its first increase is seen.
    for counter in ["ordo_reaction_diverged_total", "ordo_reaction_resent_total"] {
        metrics::counter!(counter, "reaction" => reaction).increment(0);
    }
    let cursors = || shared.progress.borrow().clone();
    let lag = heads::record_lag(shared.sources.clone(), "reaction", reaction, cursors);
    let counts = async {
        loop {
            // What cannot be read now is read the next time.
            let _ = shared.look_at_others().await;
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
        () = resend::watch(&shared) => {}
        () = shared.stop.cancelled() => {}
    }
}
