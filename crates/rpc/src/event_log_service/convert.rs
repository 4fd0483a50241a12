//! Between recorded events and their form on the wire.

use ordo_event_log::{EventHash, Head, RecordedEvent, StreamId, TenantId};
use ordo_proto::log::{Event, PartitionHead};
use uuid::Uuid;

/// As it travels over gRPC.
pub fn event_to_proto(service: &str, event: &RecordedEvent) -> Event {
    Event {
        service: service.to_owned(),
        partition: event.partition,
        position: event.position,
        epoch: event.epoch,
        tenant: event.tenant.as_str().to_owned(),
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
}

/// An event from the wire that is not whole.
#[derive(Debug, thiserror::Error)]
#[error("the event at position {position} has no valid {field}")]
pub struct BadEvent {
    position: u64,
    field: &'static str,
}

/// The event that another service sent, unchanged.
pub fn event_from_proto(event: Event) -> Result<RecordedEvent, BadEvent> {
    let position = event.position;
    let bad = |field| BadEvent { position, field };
    Ok(RecordedEvent {
        partition: event.partition,
        position,
        epoch: event.epoch,
        tenant: TenantId::new(&event.tenant).ok_or_else(|| bad("tenant"))?,
        stream: StreamId::new(&event.aggregate, &event.aggregate_id),
        stream_version: event.stream_version,
        event_id: Uuid::parse_str(&event.event_id).map_err(|_| bad("event_id"))?,
        type_name: event.r#type.into(),
        time: event.time.as_ref().ok_or_else(|| bad("time"))?.into(),
        payload: event.payload,
        metadata: event.metadata.unwrap_or_default(),
        hash: hash(&event.hash).ok_or_else(|| bad("hash"))?,
    })
}

pub(crate) fn head_to_proto(partition: u32, head: Head) -> PartitionHead {
    PartitionHead {
        partition,
        epoch: head.epoch,
        position: head.position,
        hash: head.hash.0.to_vec().into(),
    }
}

/// `None` when the hash is not 32 bytes.
pub(crate) fn head_from_proto(head: &PartitionHead) -> Option<Head> {
    Some(Head {
        epoch: head.epoch,
        position: head.position,
        hash: hash(&head.hash)?,
    })
}

fn hash(bytes: &[u8]) -> Option<EventHash> {
    bytes.try_into().ok().map(EventHash)
}
