//! The event log: contiguous positions, group commit, idempotent commands, on SQLite and Postgres.

mod aggregate;
mod event;
mod source;

#[doc(hidden)]
pub use aggregate::__private;
pub use aggregate::{Aggregate, CodecError, EncodedEvent};
pub use event::{EventHash, Head, RecordedEvent, StreamId, TenantId, Timestamp};
pub use source::{Cursor, EventFeed, EventSource, FeedError};
