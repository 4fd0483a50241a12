//! Callers that append to a log.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use clap::ValueEnum;
use futures::future::try_join_all;
use ordo_event_log::{EventLog, MAX_BYTES_PER_COMMAND, TenantId};

use crate::{
    error::{BenchError, During as _},
    latency::Latencies,
    sample::{self, Notebook},
};

/// Events that each stream of [`Streams::Existing`] has at first.
const EVENTS: usize = 100;
/// Events of one command while a log is filled.
const FILLING: u64 = 10;
/// Callers that fill a log.
const FILLERS: u64 = 256;

/// Which streams are appended to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Streams {
    /// A new one with every command.
    Fresh,
    /// One of many that have 100 events each, chosen at random.
    Existing,
    /// One single stream.
    Hot,
}

impl std::fmt::Display for Streams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Fresh => "fresh",
            Self::Existing => "existing",
            Self::Hot => "hot",
        })
    }
}

/// One log and the callers of its rounds.
#[derive(Clone)]
pub(crate) struct Load {
    log: EventLog,
    tenant: TenantId,
    note: Bytes,
    /// Streams of [`Streams::Existing`].
    existing: usize,
}

/// What a round gave.
pub(crate) struct Round {
    /// Of all commands that were answered.
    pub latencies: Latencies,
    /// From the first caller's start to the last one's answer.
    pub seconds: f64,
}

impl Load {
    pub fn new(log: EventLog, payload: usize, existing: usize) -> Self {
        Self {
            log,
            tenant: sample::tenant(),
            note: sample::note(payload),
            existing,
        }
    }

    /// So many events on streams of ten, one command each.
    pub async fn fill(&self, events: u64) -> Result<(), BenchError> {
        let fillers = (0..FILLERS).map(|filler| {
            let load = self.clone();
            let commands = events.div_ceil(FILLING);
            let mine = commands / FILLERS + u64::from(filler < commands % FILLERS);
            tokio::spawn(async move {
                for _ in 0..mine {
                    load.append(&load.new_id(), true, FILLING as usize).await?;
                }
                Ok::<(), BenchError>(())
            })
        });
        for filler in fillers.collect::<Vec<_>>() {
            filler.await.during("filling a log")??;
        }
        Ok(())
    }

    /// Makes the streams of [`Streams::Existing`], which also brings them into memory.
    pub async fn prepare_existing(&self) -> Result<(), BenchError> {
        // A command holds so much only.
        let together = (MAX_BYTES_PER_COMMAND / self.note.len().max(1)).clamp(1, EVENTS);
        try_join_all((0..self.existing).map(|stream| async move {
            for done in (0..EVENTS).step_by(together) {
                let events = together.min(EVENTS - done);
                self.append(&existing(stream), false, events).await?;
            }
            Ok(())
        }))
        .await?;
        Ok(())
    }

    /// So many callers, each with its next command as soon as the last one is answered, for so long.
    pub async fn round(
        &self,
        streams: Streams,
        in_flight: usize,
        length: Duration,
    ) -> Result<Round, BenchError> {
        let started = Instant::now();
        let callers: Vec<_> = (0..in_flight)
            .map(|_| {
                let load = self.clone();
                tokio::spawn(async move { load.call(streams, started + length).await })
            })
            .collect();
        let mut latencies = Latencies::default();
        for caller in callers {
            latencies.append(caller.await.during("waiting for a caller")??);
        }
        Ok(Round {
            latencies,
            seconds: started.elapsed().as_secs_f64(),
        })
    }

    async fn call(self, streams: Streams, end: Instant) -> Result<Latencies, BenchError> {
        let mut latencies = Latencies::default();
        while Instant::now() < end {
            let id: Arc<str> = match streams {
                Streams::Fresh => self.new_id().into(),
                Streams::Existing => existing(rand::random_range(0..self.existing)).into(),
                Streams::Hot => "hot".into(),
            };
            let asked = Instant::now();
            self.append(&id, streams == Streams::Fresh, 1).await?;
            latencies.add(asked.elapsed());
        }
        Ok(latencies)
    }

    /// The log.
    pub fn log(&self) -> &EventLog {
        &self.log
    }

    /// One event on a new stream.
    pub async fn append_fresh(&self) -> Result<(), BenchError> {
        self.append(&self.new_id(), true, 1).await
    }

    fn new_id(&self) -> String {
        let partition = rand::random_range(0..self.log.partitions());
        self.log.new_id_in(&self.tenant, partition)
    }

    /// One command with all that the log checks; its answer says the stream's new version.
    async fn append(&self, id: &str, new: bool, events: usize) -> Result<(), BenchError> {
        let partition = self.log.partition_for(&self.tenant, id);
        let command = sample::command(&self.tenant, partition);
        let command = if new {
            command.new_stream::<Notebook>(id)
        } else {
            command.prefetch::<Notebook>(id)
        };
        let (id, note) = (id.to_owned(), self.note.clone());
        let receipt = self
            .log
            .execute::<u64, std::convert::Infallible, _>(command, move |unit| {
                Ok(*unit.emit::<Notebook>(&id, vec![note.clone(); events])?)
            })
            .await
            .during("appending")?;
        if receipt.answer < events as u64 || receipt.duplicate {
            return Err(BenchError::Wrong(format!(
                "{events} new events left a stream at version {}",
                receipt.answer
            )));
        }
        Ok(())
    }

    /// Ends the log.
    pub async fn close(self) -> Result<(), BenchError> {
        self.log.close().await;
        Ok(())
    }
}

fn existing(stream: usize) -> String {
    format!("existing-{stream:04}")
}
