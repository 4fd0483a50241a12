//! The owner's own log, where the copy has nothing to give.

use futures::future::BoxFuture;
use ordo_event_log::{EventLog, EventSource, FeedError, Head, RecordedEvent};

/// Reads the log of the service that owns it, without the broker.
pub trait OwnerLog: Send + Sync + 'static {
    /// Owner of the log, for example `intake`.
    fn service(&self) -> &str;

    /// Number of partitions, fixed when the log was created.
    fn partitions(&self) -> u32;

    /// Events of `partition` after the position `after`, in order, at most `limit`; empty at the log's end.
    fn read(
        &self,
        partition: u32,
        after: u64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<RecordedEvent>, FeedError>>;

    /// The present end of `partition`.
    fn head(&self, partition: u32) -> BoxFuture<'_, Result<Head, FeedError>>;
}

impl OwnerLog for EventLog {
    fn service(&self) -> &str {
        Self::service(self)
    }

    fn partitions(&self) -> u32 {
        Self::partitions(self)
    }

    fn read(
        &self,
        partition: u32,
        after: u64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<RecordedEvent>, FeedError>> {
        Box::pin(async move {
            Self::read(self, partition, after, limit)
                .await
                .map_err(|error| FeedError::Unavailable {
                    service: Self::service(self).to_owned(),
                    source: error.into(),
                })
        })
    }

    fn head(&self, partition: u32) -> BoxFuture<'_, Result<Head, FeedError>> {
        EventSource::head(self, partition)
    }
}
