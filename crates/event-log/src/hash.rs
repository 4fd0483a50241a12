//! The hash chain over a partition.
//!
//! An event's hash is SHA-256 over the bytes below, in this order. Integers are big-endian; a text or byte string is its
//! length in bytes as `u32`, then its bytes; so no two different events have the same encoding.
//!
//! | field | form |
//! |---|---|
//! | `ordo.event.v1` | 13 bytes |
//! | hash of the event before it; zeros for the first | 32 bytes |
//! | partition | u32 |
//! | position, epoch | u64, u64 |
//! | tenant, aggregate, stream id | texts |
//! | stream version | u64 |
//! | event id | 16 bytes |
//! | type name | text |
//! | time in microseconds | i64 |
//! | payload | bytes |
//! | whether there is an actor | 0 or 1, one byte |
//! | actor's kind (0 without an actor) | i32 |
//! | actor's id, causation id, correlation id, traceparent, command id, reason | texts |

use sha2::{Digest as _, Sha256};

use crate::event::{EventHash, RecordedEvent};

/// The hash that `event` must have after an event with the hash `previous`. Does not look at `event.hash`.
pub fn hash_event(previous: &EventHash, event: &RecordedEvent) -> EventHash {
    let mut hasher = Sha256::new();
    hasher.update(b"ordo.event.v1");
    hasher.update(previous.0);
    hasher.update(event.partition.to_be_bytes());
    hasher.update(event.position.to_be_bytes());
    hasher.update(event.epoch.to_be_bytes());
    bytes(&mut hasher, event.tenant.as_str().as_bytes());
    bytes(&mut hasher, event.stream.aggregate.as_bytes());
    bytes(&mut hasher, event.stream.id.as_bytes());
    hasher.update(event.stream_version.to_be_bytes());
    hasher.update(event.event_id.as_bytes());
    bytes(&mut hasher, event.type_name.as_bytes());
    hasher.update(event.time.0.to_be_bytes());
    bytes(&mut hasher, &event.payload);
    let metadata = &event.metadata;
    let actor = metadata.actor.as_ref();
    hasher.update([u8::from(actor.is_some())]);
    hasher.update(actor.map_or(0, |actor| actor.kind).to_be_bytes());
    bytes(&mut hasher, actor.map_or(&[], |actor| actor.id.as_bytes()));
    for text in [
        &metadata.causation_id,
        &metadata.correlation_id,
        &metadata.traceparent,
        &metadata.command_id,
        &metadata.reason,
    ] {
        bytes(&mut hasher, text.as_bytes());
    }
    EventHash(hasher.finalize().into())
}

fn bytes(hasher: &mut Sha256, value: &[u8]) {
    // Stored values are far below 4 GiB; saturating only keeps the function total.
    hasher.update(u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
    hasher.update(value);
}
