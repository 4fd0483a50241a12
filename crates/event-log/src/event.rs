//! What the log stores.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use ordo_proto::log::EventMetadata;
use uuid::Uuid;

/// A shop (or chain of shops) whose data nobody else sees. 1 to 40 characters of `a-z 0-9 - _`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// Checks the form.
    pub fn new(id: &str) -> Option<Self> {
        let valid = (1..=40).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
        valid.then(|| Self(id.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names one stream of a tenant: the kind of aggregate and its id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId {
    /// Kind, for example `order`.
    pub aggregate: Arc<str>,
    /// Id within the kind; any text of 1 to 200 bytes.
    pub id: Arc<str>,
}

impl StreamId {
    /// Names a stream.
    pub fn new(aggregate: &str, id: &str) -> Self {
        Self {
            aggregate: aggregate.into(),
            id: id.into(),
        }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.aggregate, self.id)
    }
}

/// SHA-256 chained over a partition: each event's hash covers the one before it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct EventHash(pub [u8; 32]);

impl fmt::Debug for EventHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventHash({self})")
    }
}

impl fmt::Display for EventHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The clock's time.
    pub fn now() -> Self {
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Self(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

impl From<Timestamp> for prost_types::Timestamp {
    fn from(time: Timestamp) -> Self {
        Self {
            seconds: time.0.div_euclid(1_000_000),
            nanos: (time.0.rem_euclid(1_000_000) * 1_000) as i32,
        }
    }
}

impl From<&prost_types::Timestamp> for Timestamp {
    /// Cut to microseconds; saturates far outside any calendar.
    fn from(time: &prost_types::Timestamp) -> Self {
        Self(
            time.seconds
                .saturating_mul(1_000_000)
                .saturating_add(i64::from(time.nanos) / 1_000),
        )
    }
}

/// An event as it stands in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedEvent {
    /// Partition of the owning service's log.
    pub partition: u32,
    /// Contiguous per partition in commit order, from 1.
    pub position: u64,
    /// Bumped when the log is restored from a backup.
    pub epoch: u64,
    /// Whose it is.
    pub tenant: TenantId,
    /// Its stream.
    pub stream: StreamId,
    /// Contiguous per stream, from 1.
    pub stream_version: u64,
    /// Time-ordered (UUIDv7).
    pub event_id: Uuid,
    /// Full protobuf name, for example `ordo.intake.v1.OrderPlaced`.
    pub type_name: Arc<str>,
    /// When it was recorded; never goes back within a partition.
    pub time: Timestamp,
    /// The message's bytes: the same that were decided, stored and published.
    pub payload: Bytes,
    /// Who, why, and what it follows from.
    pub metadata: EventMetadata,
    /// Hash of this event over its predecessor's.
    pub hash: EventHash,
}

impl RecordedEvent {
    /// The type's name without its package, for example `OrderPlaced`.
    pub fn short_type(&self) -> &str {
        self.type_name.rsplit('.').next().unwrap_or(&self.type_name)
    }
}

/// The end of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// See [`RecordedEvent::epoch`].
    pub epoch: u64,
    /// Last committed position; 0 for an empty partition.
    pub position: u64,
    /// Hash of the event at `position`.
    pub hash: EventHash,
}
