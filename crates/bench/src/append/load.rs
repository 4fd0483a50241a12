//! Callers that append through the log.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::future::try_join_all;
use ordo_event_log::{EventLog, ExecuteError, TenantId};

use super::Streams;
use crate::{
    error::{BenchError, During as _},
    latency::Latencies,
    sample::{self, Notebook},
};

/// Streams of [`Streams::Existing`].
const EXISTING: usize = 1000;
/// Events that each of them has at first.
const EVENTS: usize = 100;
/// Events of one command while a log is filled.
const FILLING: u64 = 10;
/// Callers that fill a log.
const FILLERS: u64 = 256;

/// One log and the callers of its rounds.
#[derive(Clone)]
pub(crate) struct Load {
    log: EventLog,
    tenant: TenantId,
    note: Bytes,
}

/// What a round gave.
pub(crate) struct Round {
    /// Of all commands that were answered.
    pub latencies: Latencies,
    /// From the first caller's start to the last one's answer.
    pub seconds: f64,
}

impl Load {
    pub fn new(log: EventLog, payload: usize) -> Self {
        Self {
            log,
            tenant: sample::tenant(),
            note: sample::note(payload),
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
                    load.append(&load.new_id(), FILLING as usize).await?;
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
        try_join_all((0..EXISTING).map(|stream| async move {
            self.append(&existing(stream), EVENTS).await?;
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
                Streams::Existing => existing(rand::random_range(0..EXISTING)).into(),
                Streams::Hot => "hot".into(),
            };
            let asked = Instant::now();
            self.append(&id, 1).await?;
            latencies.add(asked.elapsed());
        }
        Ok(latencies)
    }

    fn new_id(&self) -> String {
        let partition = rand::random_range(0..self.log.partitions());
        self.log.new_id_in(&self.tenant, partition)
    }

    /// One command with all that the log checks; its answer says the stream's new version.
    async fn append(&self, id: &str, events: usize) -> Result<(), BenchError> {
        let partition = self.log.partition_for(&self.tenant, id);
        let command = sample::command(&self.tenant, partition).prefetch::<Notebook>(id);
        let (id, note) = (id.to_owned(), self.note.clone());
        let receipt = self
            .log
            .execute::<u64, std::convert::Infallible, _>(command, move |unit| {
                Ok(*unit.emit::<Notebook>(&id, vec![note.clone(); events])?)
            })
            .await
            .map_err(|error: ExecuteError<_>| error)
            .during("appending")?;
        if receipt.answer < events as u64 || receipt.duplicate {
            return Err(BenchError::Wrong(format!(
                "{events} new events left a stream at version {}",
                receipt.answer
            )));
        }
        Ok(())
    }

    /// Ends the log after counting that nothing is missing.
    pub async fn close(self) -> Result<(), BenchError> {
        self.log.close().await;
        Ok(())
    }
}

fn existing(stream: usize) -> String {
    format!("existing-{stream:04}")
}
