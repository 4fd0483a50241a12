//! The log as a source of its own readers.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use tokio::sync::watch;

use crate::{
    event::{EventHash, Head, RecordedEvent},
    log::EventLog,
    source::{Cursor, EventFeed, EventSource, FeedError},
    store::{self, Store},
};

/// Most events read at once.
const PAGE: usize = 500;

impl EventSource for EventLog {
    fn service(&self) -> &str {
        Self::service(self)
    }

    fn partitions(&self) -> u32 {
        Self::partitions(self)
    }

    fn feed(
        &self,
        partition: u32,
        after: Cursor,
    ) -> BoxFuture<'_, Result<Box<dyn EventFeed>, FeedError>> {
        Box::pin(async move {
            let feed = self
                .own_feed(partition, after)
                .map_err(|error| unavailable(self.service(), error))?;
            Ok(Box::new(feed) as Box<dyn EventFeed>)
        })
    }

    fn head(&self, partition: u32) -> BoxFuture<'_, Result<Head, FeedError>> {
        Box::pin(async move {
            self.read_head(partition)
                .await
                .map_err(|error| unavailable(self.service(), error))
        })
    }
}

fn unavailable(service: &str, source: impl std::error::Error + Send + Sync + 'static) -> FeedError {
    FeedError::Unavailable {
        service: service.to_owned(),
        source: Box::new(source),
    }
}

/// Reads one partition from its tables. Every page begins with the event at the cursor, so that a log that was restored
/// beneath the reader is noticed.
pub(crate) struct LogFeed {
    pub service: Arc<str>,
    pub store: Arc<Store>,
    pub partition: u32,
    pub cursor: Cursor,
    /// Changes when there may be something new.
    pub hint: watch::Receiver<u64>,
    /// Read at least this often, whatever the hint says.
    pub poll: Duration,
}

impl EventFeed for LogFeed {
    fn next(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<RecordedEvent>, FeedError>> {
        Box::pin(async move {
            loop {
                // Taken note of before the read: what comes after it changes the hint again.
                self.hint.borrow_and_update();
                let events = self.page(max.clamp(1, PAGE)).await?;
                if let Some(last) = events.last() {
                    self.cursor = Cursor {
                        epoch: last.epoch,
                        position: last.position,
                        hash: last.hash,
                    };
                    return Ok(events);
                }
                let poll = tokio::time::sleep(self.poll);
                tokio::select! {
                    Ok(()) = self.hint.changed() => {}
                    () = poll => {}
                }
            }
        })
    }
}

impl LogFeed {
    /// Events after the cursor, none when there are none yet.
    async fn page(&self, max: usize) -> Result<Vec<RecordedEvent>, FeedError> {
        let cursor = self.cursor;
        // One more: the event at the cursor.
        let (after, limit) = match cursor.position {
            0 => (0, max),
            position => (position - 1, max + 1),
        };
        let rows = self
            .store
            .events(self.partition, after, i64::MAX as u64, limit as u32)
            .await
            .map_err(|error| unavailable(&self.service, error))?;
        let mut events = Vec::with_capacity(rows.len());
        for row in &rows {
            let event = store::event(row).map_err(|error| unavailable(&self.service, error))?;
            events.push(event);
        }
        let mut expected = after;
        for event in &events {
            expected += 1;
            if event.position != expected {
                return Err(self.diverged(format!("there is no event at position {expected}")));
            }
        }
        if cursor.position > 0 {
            if events.is_empty() {
                return Err(self.diverged("the log ends before it".to_owned()));
            }
            let known = events.remove(0);
            if cursor.epoch != 0 && known.epoch != cursor.epoch {
                return Err(self.diverged(format!("the event there is of epoch {}", known.epoch)));
            }
            if cursor.hash != EventHash::default() && known.hash != cursor.hash {
                return Err(self.diverged(format!("the event there has the hash {}", known.hash)));
            }
        }
        Ok(events)
    }

    fn diverged(&self, detail: String) -> FeedError {
        FeedError::Diverged {
            service: self.service.to_string(),
            partition: self.partition,
            position: self.cursor.position,
            epoch: self.cursor.epoch,
            detail,
        }
    }
}
