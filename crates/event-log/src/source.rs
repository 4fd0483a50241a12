//! Where readers of a log get events from: the owner's own tables, or a copy elsewhere.

use futures::future::BoxFuture;

use crate::event::{EventHash, Head, RecordedEvent};

/// Where a reader of one partition is. The default is before the first event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Epoch of the last event read; 0 at the start, which matches every epoch.
    pub epoch: u64,
    /// Position of the last event read; 0 at the start.
    pub position: u64,
    /// Hash of the last event read; zeros at the start.
    pub hash: EventHash,
}

/// Why a feed gave no events.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The log does not continue what the reader has read: it was restored to an earlier state. The reader must start over.
    #[error(
        "partition {partition} of {service} no longer continues position {position} (epoch {epoch}): {detail}"
    )]
    Diverged {
        /// Owner of the log.
        service: String,
        /// Partition read.
        partition: u32,
        /// Reader's position.
        position: u64,
        /// Reader's epoch.
        epoch: u64,
        /// What differs.
        detail: String,
    },
    /// Out of reach at the moment; try again.
    #[error("the log of {service} is out of reach")]
    Unavailable {
        /// Owner of the log.
        service: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A log to read from: `EventLog` itself, or a remote copy.
pub trait EventSource: Send + Sync + 'static {
    /// Owner of the log, for example `intake`.
    fn service(&self) -> &str;

    /// Number of partitions, fixed when the log was created.
    fn partitions(&self) -> u32;

    /// Opens an ordered feed of the events after `after`.
    fn feed(
        &self,
        partition: u32,
        after: Cursor,
    ) -> BoxFuture<'_, Result<Box<dyn EventFeed>, FeedError>>;

    /// The owner's present end of `partition`.
    fn head(&self, partition: u32) -> BoxFuture<'_, Result<Head, FeedError>>;
}

/// Events of one partition, in order, with none missing and none twice.
pub trait EventFeed: Send {
    /// Waits until there is an event after the last one returned, then returns one to `max` contiguous events. May be
    /// dropped while it waits without losing anything. After an error the feed is opened anew from the reader's cursor.
    fn next(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<RecordedEvent>, FeedError>>;
}
