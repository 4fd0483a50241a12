//! The only task that writes a partition for this process: it takes what has queued, decides it in memory, commits it as
//! one, and answers.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::FutureExt as _;
use ordo_crash_point::{CrashPoint, during, reach};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::{
    batch::{self, Batch},
    cache::Memory,
    command::Prefetch,
    config::EventLogConfig,
    decision::{Decisions, Outcome},
    error::StoreError,
    event::TenantId,
    guess::{Unconfirmed, WARY_BATCHES},
    job::{Place, Queued, Verdict},
    limits::check_stream_id,
    store::{CommandRecord, Commit, CommitError, Store, Tip},
    telemetry::Telemetry,
    unit::Folded,
};

/// Longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Streams that another writer touched; beyond this everything is forgotten.
const CATCH_UP: u64 = 20_000;

/// Why a batch has to be begun again.
enum Setback {
    /// Another writer came first: what was decided may be wrong.
    Conflict,
    /// A command or a stream is not new after all.
    WrongGuess,
    /// The database does not answer.
    Database(StoreError),
}

impl From<StoreError> for Setback {
    fn from(error: StoreError) -> Self {
        Self::Database(error)
    }
}

pub(crate) struct Writer {
    pub partition: u32,
    pub config: Arc<EventLogConfig>,
    pub store: Arc<Store>,
    pub memory: Arc<Memory>,
    pub queue: mpsc::Receiver<Queued>,
    pub position: watch::Sender<u64>,
    pub telemetry: Telemetry,
    /// Where the partition ends unless another process has written.
    pub tip: Tip,
    /// Somebody has, or it is not known.
    pub stale: bool,
    /// Batches for which nothing is taken for granted; see [`guess`](crate::guess).
    pub wary: u32,
}

impl Writer {
    /// Runs until the queue's senders are gone, or until `closing`; what is queued by then is still executed.
    pub async fn run(mut self, closing: CancellationToken) {
        let most = self.config.batch_commands.max(1);
        let mut jobs = Vec::new();
        self.arrive_at(self.tip);
        loop {
            // What did not fit the last commit goes first.
            while !jobs.is_empty() && jobs.len() < most {
                let Ok(queued) = self.queue.try_recv() else {
                    break;
                };
                jobs.push(queued);
            }
            if jobs.is_empty() {
                tokio::select! {
                    biased;
                    () = closing.cancelled(), if !self.queue.is_closed() => self.queue.close(),
                    received = self.queue.recv_many(&mut jobs, most) => {
                        if received == 0 {
                            return;
                        }
                    }
                }
                self.telemetry.queued.set(self.queue.len() as f64);
            } else if AssertUnwindSafe(self.execute(&mut jobs))
                .catch_unwind()
                .await
                .is_err()
            {
                // A mistake in an aggregate's `decode`, `evolve` or `snapshot` outside of a decision. Its batch is answered
                // with an outcome that is not known; the partition goes on from what the database says.
                tracing::error!(
                    partition = self.partition,
                    "an aggregate panicked while a batch was prepared"
                );
                jobs.clear();
                self.memory.clear();
                self.stale = true;
            }
        }
    }

    /// Executes as many of the jobs as fit one commit, or gives all of them up after the time limit.
    async fn execute(&mut self, jobs: &mut Vec<Queued>) {
        let mut pause = Duration::from_millis(2);
        let mut conflicts = 0_u32;
        let give_up = deadline(jobs, self.config.unavailable_after);
        loop {
            let error = match self.attempt(jobs, give_up).await {
                Ok(()) => {
                    self.wary = self.wary.saturating_sub(1);
                    return;
                }
                Err(Setback::WrongGuess) => {
                    self.telemetry.wrong_guesses.increment(1);
                    self.wary = WARY_BATCHES;
                    continue;
                }
                Err(Setback::Conflict) => {
                    conflicts += 1;
                    self.telemetry.conflicts.increment(1);
                    StoreError::Contended(conflicts)
                }
                Err(Setback::Database(error)) => {
                    tracing::warn!(
                        partition = self.partition,
                        error = &error as &dyn std::error::Error,
                        "the log's database does not answer"
                    );
                    error
                }
            };
            self.stale = true;
            if Instant::now() >= give_up {
                let error = Arc::new(error);
                for queued in jobs.drain(..) {
                    queued.job.finish(Verdict::Unavailable(error.clone()));
                }
                return;
            }
            // The first conflicts are tried again at once: the other writer is done.
            if !matches!(error, StoreError::Contended(..=3)) {
                sleep(with_jitter(pause)).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }

    async fn attempt(&mut self, jobs: &mut Vec<Queued>, give_up: Instant) -> Result<(), Setback> {
        reach(CrashPoint::LogBatchTaken);
        if self.stale {
            self.catch_up().await?;
        }
        let tip = self.tip;
        self.answer_duplicates(jobs).await?;
        if jobs.is_empty() {
            return Ok(());
        }
        let decisions = self.decide(jobs).await?;
        if self.wary == 0 {
            let unconfirmed = Unconfirmed::of(jobs, &decisions);
            if !self.confirm(unconfirmed).await? {
                return Err(Setback::WrongGuess);
            }
        }
        let batch = batch::build(
            self.partition,
            &tip,
            jobs,
            decisions,
            self.config.snapshot_every,
        );
        if batch.commit.is_empty() {
            // Refusals and answers without effect hold only if the states they saw were the latest.
            if batch.depends_on_states() && self.store.tip(self.partition).await?.head != tip.head {
                self.forget(&batch);
                return Err(Setback::Conflict);
            }
        } else {
            self.telemetry
                .batch_commands
                .record(batch.outcomes.len() as f64);
            self.telemetry
                .batch_events
                .record(batch.commit.events.len() as f64);
            reach(CrashPoint::LogBatchDecided);
            if let Err(setback) = self.commit(&batch.commit, give_up).await {
                // A wrong guess is about what was not looked at; the partition itself is where it should be.
                if !matches!(setback, Setback::WrongGuess) {
                    self.forget(&batch);
                }
                return Err(setback);
            }
        }
        reach(CrashPoint::LogCommitted);
        self.settle(batch, jobs);
        Ok(())
    }

    /// Looks up what the batch took for granted and its commit would not notice. Whether all of it is so.
    async fn confirm(&self, guesses: Unconfirmed) -> Result<bool, StoreError> {
        let Unconfirmed { commands, streams } = guesses;
        let commands: Vec<_> = commands
            .iter()
            .map(|(tenant, id)| (tenant, id.as_str()))
            .collect();
        if !self.store.commands(&commands).await?.is_empty() {
            return Ok(false);
        }
        if streams.is_empty() {
            return Ok(true);
        }
        let streams = streams.into_iter().map(|(key, fold)| (key, fold, None));
        let loaded = self.store.load(self.partition, streams).await?;
        Ok(loaded
            .values()
            .all(|loaded| matches!(loaded, Ok(folded) if folded.version == 0)))
    }

    /// Answers commands that were executed before, as far as that is known, and leaves the others.
    async fn answer_duplicates(&mut self, jobs: &mut Vec<Queued>) -> Result<(), StoreError> {
        let mut known: HashMap<(TenantId, String), Arc<CommandRecord>> = HashMap::new();
        let mut unknown: Vec<(TenantId, String)> = Vec::new();
        for queued in jobs.iter() {
            let command = queued.job.command();
            if let Some(id) = &command.command_id {
                let key = (command.tenant.clone(), id.clone());
                match self.memory.command(&key) {
                    Some(record) => {
                        known.insert(key, record);
                    }
                    None => unknown.push(key),
                }
            }
        }
        if self.wary == 0 {
            unknown.clear();
        }
        let ids: Vec<_> = unknown
            .iter()
            .map(|(tenant, id)| (tenant, id.as_str()))
            .collect();
        for record in self.store.commands(&ids).await? {
            let record = Arc::new(record);
            self.memory.put_command(record.clone());
            known.insert((record.tenant.clone(), record.command_id.clone()), record);
        }
        if known.is_empty() {
            return Ok(());
        }
        let mut fresh = Vec::with_capacity(jobs.len());
        for queued in jobs.drain(..) {
            let command = queued.job.command();
            let record = command
                .command_id
                .as_ref()
                .and_then(|id| known.get(&(command.tenant.clone(), id.clone())));
            match record {
                None => fresh.push(queued),
                Some(record) if record.fingerprint == command.fingerprint => {
                    self.telemetry.duplicates.increment(1);
                    queued.job.finish(duplicate(record));
                }
                Some(_) => queued.job.finish(Verdict::Reused),
            }
        }
        *jobs = fresh;
        Ok(())
    }

    /// Decides the batch, loading what it needs.
    async fn decide(&mut self, jobs: &mut [Queued]) -> Result<Decisions, StoreError> {
        let mut decisions = Decisions::default();
        let mut missing = HashMap::new();
        for queued in jobs.iter() {
            for Prefetch { key, fold, new } in &queued.job.command().prefetch {
                match self.memory.stream(key) {
                    // Kept for the batch, in case that what is loaded now pushes it out.
                    Some(folded) => {
                        decisions.workspace.streams.insert(key.clone(), folded);
                    }
                    None if *new && self.wary == 0 && check_stream_id(&key.id).is_ok() => {
                        decisions.taken_for_new.insert(key.clone());
                        decisions
                            .workspace
                            .streams
                            .insert(key.clone(), Folded::empty(fold));
                    }
                    None if check_stream_id(&key.id).is_ok() => {
                        missing.insert(key.clone(), *fold);
                    }
                    None => {}
                }
            }
        }
        let mut needed: Vec<_> = missing
            .into_iter()
            .map(|(key, fold)| (key, fold, None))
            .collect();
        loop {
            if !needed.is_empty() {
                for (key, loaded) in self.store.load(self.partition, needed).await? {
                    match loaded {
                        Ok(folded) => {
                            self.memory.put_stream(key.clone(), folded.clone());
                            // A loaded stream stays for the batch, however small the cache is.
                            decisions.workspace.streams.entry(key).or_insert(folded);
                        }
                        Err(fault) => {
                            decisions.faults.insert(key, fault);
                        }
                    }
                }
            }
            needed = decisions
                .go_on(jobs, &self.memory, &self.config)
                .into_iter()
                .map(|stream| (stream.key, stream.fold, None))
                .collect();
            if needed.is_empty() {
                return Ok(decisions);
            }
        }
    }

    /// Writes the commit, however often the connection is lost meanwhile.
    ///
    /// When the database does not say what became of a commit, it may have happened, or may be happening still. The very
    /// same commit is then sent again: the head, the unique keys and the hash see to it that it happens once. As soon as the
    /// answer is a conflict, the partition has moved on, and whether it did so with this commit is there to be read.
    async fn commit(&mut self, commit: &Commit, give_up: Instant) -> Result<(), Setback> {
        let mut pause = Duration::from_millis(5);
        let mut in_doubt = false;
        loop {
            let started = Instant::now();
            let result = during(CrashPoint::LogCommitUnderWay, self.store.commit(commit)).await;
            self.telemetry.commit_seconds.record(started.elapsed());
            let error = match result {
                Ok(()) => return Ok(()),
                Err(CommitError::Taken) if !in_doubt && self.wary == 0 => {
                    return Err(Setback::WrongGuess);
                }
                Err(CommitError::Conflict | CommitError::Taken) if !in_doubt => {
                    return Err(Setback::Conflict);
                }
                Err(CommitError::Conflict | CommitError::Taken) => {
                    match self.store.holds(commit).await {
                        Ok(true) => return Ok(()),
                        Ok(false) => return Err(Setback::Conflict),
                        Err(error) => error,
                    }
                }
                Err(CommitError::Unknown(error)) => error,
            };
            if !in_doubt {
                self.telemetry.unknown_outcomes.increment(1);
                tracing::warn!(
                    partition = self.partition,
                    position = commit.to.head.position,
                    error = &error as &dyn std::error::Error,
                    "the outcome of a commit is not known; repeating it"
                );
                in_doubt = true;
            }
            if Instant::now() >= give_up {
                return Err(error.into());
            }
            sleep(with_jitter(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Reads where the partition ends now, and forgets the streams that others have written since.
    async fn catch_up(&mut self) -> Result<(), StoreError> {
        let known = self.tip.head;
        let tip = self.store.tip(self.partition).await?;
        let head = tip.head;
        if head.epoch != known.epoch || head.position < known.position {
            // The database was restored: nothing that is remembered need be true.
            self.memory.clear();
        } else if head.position - known.position > CATCH_UP {
            self.memory.clear_streams();
        } else if head.position > known.position {
            let touched = self
                .store
                .touched(self.partition, known.position, head.position)
                .await?;
            for (tenant, aggregate, id) in &touched {
                self.memory.drop_stream(tenant, aggregate, id);
            }
        }
        self.arrive_at(tip);
        self.stale = false;
        Ok(())
    }

    fn arrive_at(&mut self, tip: Tip) {
        self.tip = tip;
        let position = tip.head.position;
        self.telemetry.position.set(position as f64);
        self.telemetry.epoch.set(tip.head.epoch as f64);
        self.position.send_if_modified(|known| {
            let news = position > *known;
            *known = position.max(*known);
            news
        });
    }

    /// A batch that did not come to be: whatever it looked at may have changed.
    fn forget(&self, batch: &Batch) {
        for key in &batch.looked_at {
            self.memory
                .drop_stream(key.tenant.as_str(), key.aggregate, &key.id);
        }
    }

    /// Remembers what is committed, then answers.
    fn settle(&mut self, batch: Batch, jobs: &mut Vec<Queued>) {
        for (key, folded) in batch.changed {
            self.memory.put_stream(key, folded);
        }
        for record in batch.commit.commands {
            self.memory.put_command(Arc::new(record));
        }
        self.arrive_at(batch.commit.to);
        let mut first: Vec<Option<(Place, Bytes)>> = Vec::with_capacity(batch.outcomes.len());
        for (queued, outcome) in jobs.drain(..batch.outcomes.len()).zip(batch.outcomes) {
            let mut answered = None;
            let verdict = match outcome {
                Outcome::Decided {
                    ends_at, answer, ..
                } => {
                    let place = batch.commit.from.place(self.partition, ends_at);
                    answered = Some((place, answer));
                    Verdict::Done(place)
                }
                Outcome::Repeats(index) => {
                    self.telemetry.duplicates.increment(1);
                    match first.get(index).cloned().flatten() {
                        Some((place, answer)) => Verdict::Duplicate(place, answer),
                        None => Verdict::Unavailable(Arc::new(StoreError::Stopped)),
                    }
                }
                Outcome::Refused => Verdict::Refused,
                Outcome::Reused => Verdict::Reused,
                Outcome::Invalid(detail) => Verdict::Invalid(detail),
                Outcome::Codec(error) => Verdict::Codec(error),
                Outcome::Damaged(error) => Verdict::Unavailable(error),
            };
            first.push(answered);
            queued.job.finish(verdict);
            reach(CrashPoint::LogPartlyAnswered);
        }
    }
}

/// The first answer to a command that is stored.
fn duplicate(record: &CommandRecord) -> Verdict {
    let place = Place {
        partition: record.partition,
        position: record.position,
        epoch: record.epoch,
    };
    Verdict::Duplicate(place, record.answer.clone())
}

/// When the job that has waited longest has waited too long.
fn deadline(jobs: &[Queued], limit: Duration) -> Instant {
    let oldest = jobs.iter().map(|queued| queued.since).min();
    oldest.unwrap_or_else(Instant::now) + limit
}

/// Half to all of `pause`, so that replicas do not try in step.
fn with_jitter(pause: Duration) -> Duration {
    let half = pause / 2;
    half + Duration::from_micros(rand::random_range(0..=half.as_micros() as u64))
}
