//! What the inbox stores of an event or a timer.

use bytes::Bytes;
use ordo_event_log::{BadEvent, RecordedEvent, event_from_proto, event_to_proto};
use ordo_proto::log;
use prost::Message as _;

/// Stored bytes that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the stored event is damaged")]
    Decode(#[from] prost::DecodeError),
    #[error(transparent)]
    Event(#[from] BadEvent),
}

/// The event as an `ordo.log.v1.Event`.
pub(super) fn encode(service: &str, event: &RecordedEvent) -> Vec<u8> {
    event_to_proto(service, event).encode_to_vec()
}

/// What [`encode`] wrote.
pub(super) fn decode(bytes: Vec<u8>) -> Result<RecordedEvent, BodyError> {
    let event = log::Event::decode(Bytes::from(bytes))?;
    Ok(event_from_proto(event)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ordo_event_log::{EventHash, StreamId, TenantId, Timestamp};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_event_survives_the_inbox() {
        let event = RecordedEvent {
            partition: 3,
            position: 17,
            epoch: 2,
            tenant: TenantId::new("shop").unwrap(),
            stream: StreamId::new("order", "o-1"),
            stream_version: 4,
            event_id: Uuid::now_v7(),
            type_name: "ordo.intake.v1.OrderPlaced".into(),
            time: Timestamp(1_700_000_000_123_456),
            payload: Bytes::from_static(b"payload"),
            metadata: log::EventMetadata {
                correlation_id: "c".to_owned(),
                traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned(),
                ..Default::default()
            },
            hash: EventHash([7; 32]),
        };
        assert_eq!(decode(encode("intake", &event)).unwrap(), event);
    }

    #[test]
    fn damaged_bytes_are_an_error() {
        assert!(decode(vec![0xff; 40]).is_err());
        assert!(decode(Vec::new()).is_err());
    }
}
