//! What the inbox stores of an event or a timer.

use bytes::Bytes;
use ordo_event_log::{EventHash, RecordedEvent, StreamId, TenantId, Timestamp};
use ordo_proto::log;
use prost::Message as _;
use uuid::Uuid;

/// Stored bytes that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the stored event is damaged")]
    Decode(#[from] prost::DecodeError),
    #[error("the stored event has no valid {0}")]
    Field(&'static str),
}

/// The event as an `ordo.log.v1.Event`.
pub(super) fn encode(service: &str, event: &RecordedEvent) -> Vec<u8> {
    log::Event {
        service: service.to_owned(),
        partition: event.partition,
        position: event.position,
        epoch: event.epoch,
        tenant: event.tenant.to_string(),
        aggregate: event.stream.aggregate.to_string(),
        aggregate_id: event.stream.id.to_string(),
        stream_version: event.stream_version,
        event_id: event.event_id.to_string(),
        r#type: event.type_name.to_string(),
        time: Some(event.time.into()),
        payload: event.payload.clone(),
        metadata: Some(event.metadata.clone()),
        hash: event.hash.0.to_vec().into(),
    }
    .encode_to_vec()
}

/// What [`encode`] wrote.
pub(super) fn decode(bytes: Vec<u8>) -> Result<RecordedEvent, BodyError> {
    let event = log::Event::decode(Bytes::from(bytes))?;
    Ok(RecordedEvent {
        partition: event.partition,
        position: event.position,
        epoch: event.epoch,
        tenant: TenantId::new(&event.tenant).ok_or(BodyError::Field("tenant"))?,
        stream: StreamId::new(&event.aggregate, &event.aggregate_id),
        stream_version: event.stream_version,
        event_id: Uuid::parse_str(&event.event_id).map_err(|_| BodyError::Field("event id"))?,
        type_name: event.r#type.into(),
        time: event
            .time
            .as_ref()
            .map(Timestamp::from)
            .ok_or(BodyError::Field("time"))?,
        payload: event.payload,
        metadata: event.metadata.unwrap_or_default(),
        hash: EventHash(
            event
                .hash
                .as_ref()
                .try_into()
                .map_err(|_| BodyError::Field("hash"))?,
        ),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

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
