//! Reading another service's log through the broker.

mod feed;
mod tip;

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use ordo_event_log::{Cursor, EventFeed, EventSource, FeedError, Head};

use self::{feed::JetStreamFeed, tip::Tip};
use crate::{connection::Bus, owner::OwnerLog, stream::PartitionStream};

/// How long opening a feed waits for the owner before it goes on with what the broker has.
const OWNER_PATIENCE: Duration = Duration::from_secs(2);

/// A service's log as its copy on the broker gives it. The owner is asked for whatever the copy cannot give: old events
/// that the broker dropped, new ones that it does not have yet, and everything while the broker is away or wrong.
#[derive(Clone)]
pub struct JetStreamSource {
    bus: Bus,
    owner: Arc<dyn OwnerLog>,
}

impl JetStreamSource {
    pub(crate) fn new(bus: Bus, owner: Arc<dyn OwnerLog>) -> Self {
        Self { bus, owner }
    }

    async fn open(&self, partition: u32, after: Cursor) -> Result<Box<dyn EventFeed>, FeedError> {
        let tip = Tip::new(self.owner.service(), partition, after);
        match tokio::time::timeout(OWNER_PATIENCE, tip.agree(&*self.owner)).await {
            Ok(Err(diverged @ FeedError::Diverged { .. })) => return Err(diverged),
            Ok(Ok(())) => {}
            Ok(Err(FeedError::Unavailable { .. })) | Err(_) => {
                tracing::debug!(
                    service = self.owner.service(),
                    partition,
                    "the owner is away; reading its copy"
                );
            }
        }
        let stream = PartitionStream::new(&self.bus, self.owner.service(), partition);
        Ok(Box::new(JetStreamFeed::new(
            stream,
            Arc::clone(&self.owner),
            tip,
        )))
    }
}

impl EventSource for JetStreamSource {
    fn service(&self) -> &str {
        self.owner.service()
    }

    fn partitions(&self) -> u32 {
        self.owner.partitions()
    }

    fn feed(
        &self,
        partition: u32,
        after: Cursor,
    ) -> BoxFuture<'_, Result<Box<dyn EventFeed>, FeedError>> {
        Box::pin(self.open(partition, after))
    }

    fn head(&self, partition: u32) -> BoxFuture<'_, Result<Head, FeedError>> {
        self.owner.head(partition)
    }
}
