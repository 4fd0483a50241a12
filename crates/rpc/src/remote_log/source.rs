//! Another service's events: through the broker when there is one, from the owner otherwise.

use std::sync::Arc;

use futures::future::BoxFuture;
use ordo_bus::OwnerLog as _;
use ordo_event_log::{Cursor, EventFeed, EventSource, FeedError, Head, RecordedEvent};

use super::{RemoteLog, feed::RemoteFeed};

/// A source of another service's events that can be made before that service was ever reached.
pub struct RemoteSource {
    log: Arc<RemoteLog>,
    copy: Option<Arc<dyn EventSource>>,
}

impl RemoteSource {
    /// Reads `copy` (the broker's) when there is one, otherwise subscribes at the owner.
    pub fn new(log: Arc<RemoteLog>, copy: Option<Arc<dyn EventSource>>) -> Self {
        Self { log, copy }
    }

    async fn open(&self, partition: u32, after: Cursor) -> Result<Box<dyn EventFeed>, FeedError> {
        match (self.log.learn_partitions().await, &self.copy) {
            (Ok(count), _) if partition >= count => Ok(Box::new(Silent)),
            // The copy can do without its owner.
            (_, Some(copy)) => copy.feed(partition, after).await,
            (Ok(_), None) => Ok(Box::new(
                RemoteFeed::open(&self.log, partition, after).await?,
            )),
            (Err(error), None) => Err(error),
        }
    }
}

impl EventSource for RemoteSource {
    fn service(&self) -> &str {
        self.log.service()
    }

    fn partitions(&self) -> u32 {
        self.log.partitions()
    }

    fn feed(
        &self,
        partition: u32,
        after: Cursor,
    ) -> BoxFuture<'_, Result<Box<dyn EventFeed>, FeedError>> {
        Box::pin(self.open(partition, after))
    }

    fn head(&self, partition: u32) -> BoxFuture<'_, Result<Head, FeedError>> {
        self.log.head(partition)
    }
}

/// The feed of a partition that the log does not have.
struct Silent;

impl EventFeed for Silent {
    fn next(&mut self, _: usize) -> BoxFuture<'_, Result<Vec<RecordedEvent>, FeedError>> {
        Box::pin(std::future::pending())
    }
}
