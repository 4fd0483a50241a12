//! The log as its service sees it.

use std::{panic::resume_unwind, sync::Arc};

use ordo_sql::Row;
use tokio::{
    sync::{
        mpsc::{self, error::TrySendError},
        oneshot, watch,
    },
    time::Instant,
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::{
    aggregate::Aggregate,
    cache::Memory,
    command::{Command, Receipt},
    config::EventLogConfig,
    error::{ExecuteError, OpenError, ReadError, StoreError},
    event::{Head, RecordedEvent, StreamId, TenantId},
    feed::LogFeed,
    fold::{StreamKey, fold_of, owned},
    ids,
    job::{Queued, TypedJob},
    limits::{check_command, check_stream_id},
    source::Cursor,
    store::{self, LoadFault, Store},
    telemetry::Telemetry,
    unit::{Halt, Unit},
    verify::{self, Verification},
    writer::Writer,
};

/// A service's event log. Clones share everything. When the last clone is dropped, what is queued is still executed.
#[derive(Clone)]
pub struct EventLog {
    inner: Arc<Inner>,
}

struct Inner {
    service: Arc<str>,
    config: Arc<EventLogConfig>,
    store: Arc<Store>,
    lanes: Vec<Lane>,
    closing: CancellationToken,
    tasks: TaskTracker,
    _closes_when_dropped: DropGuard,
}

/// The way to one partition's writer.
struct Lane {
    queue: mpsc::Sender<Queued>,
    memory: Arc<Memory>,
    position: watch::Sender<u64>,
}

impl EventLog {
    /// Opens the log, and creates it when there is none. Starts a writer per partition on the present runtime.
    pub async fn open(config: EventLogConfig) -> Result<Self, OpenError> {
        let (store, partitions) = Store::open(&config).await?;
        let store = Arc::new(store);
        let service: Arc<str> = config.service.as_str().into();
        let config = Arc::new(config);
        let closing = CancellationToken::new();
        let tasks = TaskTracker::new();
        let mut lanes = Vec::new();
        for partition in 0..partitions {
            let tip = store.tip(partition).await?;
            let telemetry = Telemetry::new(&service, partition);
            let memory = Arc::new(Memory::new(
                config.cached_streams.max(1),
                config.cached_commands.max(1),
                telemetry.clone(),
            ));
            let (queue, receiver) = mpsc::channel(config.queue.max(1));
            let (position, _) = watch::channel(tip.head.position);
            let writer = Writer {
                partition,
                config: config.clone(),
                store: store.clone(),
                memory: memory.clone(),
                queue: receiver,
                position: position.clone(),
                telemetry,
                tip,
                stale: false,
                wary: 0,
            };
            tasks.spawn(writer.run(closing.clone()));
            lanes.push(Lane {
                queue,
                memory,
                position,
            });
        }
        let positions = lanes.iter().map(|lane| lane.position.clone()).collect();
        tasks.spawn(poll_positions(
            store.clone(),
            positions,
            config.poll_interval,
            closing.clone(),
        ));
        Ok(Self {
            inner: Arc::new(Inner {
                service,
                config,
                store,
                lanes,
                _closes_when_dropped: closing.clone().drop_guard(),
                closing,
                tasks,
            }),
        })
    }

    /// Owner of the log, for example `intake`.
    pub fn service(&self) -> &str {
        &self.inner.service
    }

    /// Number of partitions; they are counted from 0.
    pub fn partitions(&self) -> u32 {
        self.inner.lanes.len() as u32
    }

    /// The partition of everything that is routed by `key`. Never changes for a log.
    pub fn partition_for(&self, tenant: &TenantId, key: &str) -> u32 {
        ids::partition_for(tenant, key, self.partitions())
    }

    /// A new, time-ordered id of 26 lower-case characters (a UUIDv7 in Crockford's base 32) that routes to `partition`
    /// (modulo the number of partitions).
    pub fn new_id_in(&self, tenant: &TenantId, partition: u32) -> String {
        ids::new_id_in(tenant, partition, self.partitions())
    }

    /// Decides a command and stores its events, all or none, together with other commands that wait at the moment.
    ///
    /// `decide` must be pure: it runs again when a stream has to be loaded or another writer came first. It runs on the
    /// partition's writer and must not block. Should it panic, the panic goes on in the caller. A caller that stops waiting
    /// does not stop its command.
    pub async fn execute<T, E, F>(
        &self,
        mut command: Command,
        decide: F,
    ) -> Result<Receipt<T>, ExecuteError<E>>
    where
        T: prost::Message + Default + 'static,
        E: Send + 'static,
        F: Fn(&mut Unit<'_>) -> Result<T, Halt<E>> + Send + 'static,
    {
        command.metadata.command_id = command.command_id.clone().unwrap_or_default();
        check_command(&command, self.partitions()).map_err(ExecuteError::Invalid)?;
        let Some(lane) = self.inner.lanes.get(command.partition as usize) else {
            return Err(ExecuteError::Closed);
        };
        let (reply, answer) = oneshot::channel();
        let queued = Queued {
            job: Box::new(TypedJob::new(command, decide, reply)),
            since: Instant::now(),
        };
        lane.queue.try_send(queued).map_err(|error| match error {
            TrySendError::Full(_) => ExecuteError::Overloaded,
            TrySendError::Closed(_) => ExecuteError::Closed,
        })?;
        match answer.await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_) => Err(ExecuteError::Unavailable(Arc::new(StoreError::Stopped))),
        }
    }

    /// The committed state of a stream and its version; the default state and 0 for a stream without events in this
    /// partition.
    pub async fn state<A: Aggregate>(
        &self,
        partition: u32,
        tenant: &TenantId,
        id: &str,
    ) -> Result<(A::State, u64), ReadError> {
        let lane = self.lane(partition)?;
        if check_stream_id(id).is_err() {
            return Ok(Default::default());
        }
        let key = StreamKey::new::<A>(tenant, id);
        // What is in memory was committed; only what came after it has to be read.
        let known = lane
            .memory
            .stream(&key)
            .filter(|folded| folded.state.is::<A::State>());
        let mut loaded = self
            .inner
            .store
            .load(partition, [(key.clone(), fold_of::<A>(), known)])
            .await?;
        match loaded.remove(&key) {
            Some(Ok(folded)) => Ok((owned::<A>(folded.state), folded.version)),
            Some(Err(LoadFault::Codec(error))) => Err(error.into()),
            Some(Err(LoadFault::Damaged(error))) => Err(ReadError::Damaged(error)),
            Some(Err(LoadFault::Elsewhere(_))) | None => Ok(Default::default()),
        }
    }

    /// Events of a stream after a version, at most `limit`.
    pub async fn read_stream(
        &self,
        partition: u32,
        tenant: &TenantId,
        stream: &StreamId,
        after_version: u64,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        self.lane(partition)?;
        if check_stream_id(&stream.id).is_err() || stream.aggregate.contains('\0') {
            return Ok(Vec::new());
        }
        let stream = (&*stream.aggregate, &*stream.id);
        let rows = self
            .inner
            .store
            .stream(partition, tenant, stream, after_version, limit)
            .await?;
        events(&rows)
    }

    /// Events of a partition after a position, at most `limit`.
    pub async fn read(
        &self,
        partition: u32,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        self.lane(partition)?;
        let end = i64::MAX as u64;
        let rows = self
            .inner
            .store
            .events(partition, after, end, limit)
            .await?;
        events(&rows)
    }

    /// The end of a partition.
    pub async fn read_head(&self, partition: u32) -> Result<Head, ReadError> {
        self.lane(partition)?;
        Ok(self.inner.store.tip(partition).await?.head)
    }

    /// The last position known of, as a hint to read: it may lag behind what another replica wrote. A partition that does
    /// not exist never has one.
    pub fn watch(&self, partition: u32) -> watch::Receiver<u64> {
        match self.lane(partition) {
            Ok(lane) => lane.position.subscribe(),
            Err(_) => watch::channel(0).1,
        }
    }

    /// Checks a partition from its first event to its present end, in bounded memory.
    pub async fn verify(&self, partition: u32) -> Result<Verification, ReadError> {
        self.lane(partition)?;
        Ok(verify::run(&self.inner.store, partition).await?)
    }

    /// Starts a new epoch in every partition, after the database was restored from a backup or failed over with loss, and
    /// before anything is written. The new epoch. Writers that still run on the old one notice with their next commit.
    pub async fn bump_epoch(&self) -> Result<u64, ReadError> {
        Ok(self.inner.store.bump_epoch().await?)
    }

    /// Folded streams in memory, over all partitions.
    pub fn cached_streams(&self) -> usize {
        self.inner.lanes.iter().map(|lane| lane.memory.len()).sum()
    }

    /// Executes what is queued, then refuses further commands. The log can still be read.
    pub async fn close(&self) {
        self.inner.closing.cancel();
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }

    pub(crate) fn own_feed(&self, partition: u32, after: Cursor) -> Result<LogFeed, ReadError> {
        let lane = self.lane(partition)?;
        Ok(LogFeed {
            service: self.inner.service.clone(),
            store: self.inner.store.clone(),
            partition,
            cursor: after,
            hint: lane.position.subscribe(),
            poll: self.inner.config.poll_interval * 4,
        })
    }

    fn lane(&self, partition: u32) -> Result<&Lane, ReadError> {
        self.inner
            .lanes
            .get(partition as usize)
            .ok_or(ReadError::NoSuchPartition {
                partition,
                partitions: self.partitions(),
            })
    }
}

fn events(rows: &[Row]) -> Result<Vec<RecordedEvent>, ReadError> {
    Ok(rows.iter().map(store::event).collect::<Result<_, _>>()?)
}

/// Notices what other replicas write. The hints carry it to the readers.
async fn poll_positions(
    store: Arc<Store>,
    known: Vec<watch::Sender<u64>>,
    every: std::time::Duration,
    closing: CancellationToken,
) {
    while closing
        .run_until_cancelled(tokio::time::sleep(every))
        .await
        .is_some()
    {
        let positions = match store.positions().await {
            Ok(positions) => positions,
            Err(error) => {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "polling the heads"
                );
                continue;
            }
        };
        for (partition, position) in positions {
            if let Some(known) = known.get(partition as usize) {
                known.send_if_modified(|known| {
                    let news = position > *known;
                    *known = position.max(*known);
                    news
                });
            }
        }
    }
}
