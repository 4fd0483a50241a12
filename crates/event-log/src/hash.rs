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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use bytes::Bytes;
    use ordo_proto::{log::EventMetadata, types::Actor};
    use uuid::Uuid;

    use super::*;
    use crate::event::{StreamId, TenantId, Timestamp};

    fn event() -> RecordedEvent {
        RecordedEvent {
            partition: 3,
            position: 41,
            epoch: 2,
            tenant: TenantId::new("acme").unwrap(),
            stream: StreamId::new("order", "01jd8w2b7m3x5k9q4r6s8t0v1w"),
            stream_version: 5,
            event_id: Uuid::from_u128(0x0193_4c51_2d67_7a11_8f3e_5b6c_7d8e_9fa0),
            type_name: "ordo.intake.v1.OrderPlaced".into(),
            time: Timestamp(1_732_000_000_123_456),
            payload: Bytes::from_static(&[8, 1, 18, 3, 97, 98, 99]),
            metadata: EventMetadata {
                actor: Some(Actor {
                    kind: 1,
                    id: "alice".to_owned(),
                }),
                causation_id: "cause".to_owned(),
                correlation_id: "correlation".to_owned(),
                traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
                command_id: "place:web:1001".to_owned(),
                reason: "客户要求".to_owned(),
            },
            hash: EventHash::default(),
        }
    }

    /// Never to be changed: stored logs hold such hashes. Computed independently from the table above.
    #[test]
    fn the_golden_event_has_the_golden_hash() {
        assert_eq!(
            hash_event(&EventHash([0xab; 32]), &event()).to_string(),
            GOLDEN
        );
        let bare = RecordedEvent {
            metadata: EventMetadata::default(),
            payload: Bytes::new(),
            position: 1,
            ..event()
        };
        assert_eq!(
            hash_event(&EventHash::default(), &bare).to_string(),
            GOLDEN_BARE
        );
    }

    const GOLDEN: &str = "51b509640f6490dd62017ad6dc0a61deaba76bb2af9f7b75367245a0eb28541c";
    const GOLDEN_BARE: &str = "88e0698a04efa7fdf038a0d1f067d2273227b13d94f8734183f1deaa9ee87187";

    #[test]
    fn every_field_changes_the_hash() {
        type Change = fn(&mut RecordedEvent);
        let changes: [Change; 19] = [
            |e| e.partition += 1,
            |e| e.position += 1,
            |e| e.epoch += 1,
            |e| e.tenant = TenantId::new("acmf").unwrap(),
            |e| e.stream.aggregate = "orders".into(),
            |e| e.stream.id = "x".into(),
            |e| e.stream_version += 1,
            |e| e.event_id = Uuid::nil(),
            |e| e.type_name = "x".into(),
            |e| e.time.0 += 1,
            |e| e.payload = Bytes::new(),
            |e| e.metadata.actor = None,
            |e| e.metadata.actor.as_mut().unwrap().kind = 2,
            |e| e.metadata.actor.as_mut().unwrap().id.push('x'),
            |e| e.metadata.causation_id.push('x'),
            |e| e.metadata.correlation_id.push('x'),
            |e| e.metadata.traceparent.push('x'),
            |e| e.metadata.command_id.push('x'),
            |e| e.metadata.reason.push('x'),
        ];
        let original = hash_event(&EventHash::default(), &event());
        let mut seen = std::collections::HashSet::from([original]);
        for (index, change) in changes.iter().enumerate() {
            let mut changed = event();
            change(&mut changed);
            assert!(
                seen.insert(hash_event(&EventHash::default(), &changed)),
                "change {index}"
            );
        }
        assert!(
            seen.insert(hash_event(&EventHash([1; 32]), &event())),
            "the event before"
        );
        // Moving a byte from one text to the next is a change too.
        let mut moved = event();
        moved.metadata.causation_id = "caus".to_owned();
        moved.metadata.correlation_id = "ecorrelation".to_owned();
        assert!(seen.insert(hash_event(&EventHash::default(), &moved)));
    }
}
