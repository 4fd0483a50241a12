//! Recorded events as `ordo.log.v1.Event`: how they travel between services, and how inboxes keep them.

use ordo_proto::log::Event;
use uuid::Uuid;

use crate::{EventHash, RecordedEvent, StreamId, TenantId};

/// The event of `service`'s log, as it travels and is kept.
pub fn event_to_proto(service: &str, event: &RecordedEvent) -> Event {
    Event {
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
}

/// An event from elsewhere that is not whole.
#[derive(Debug, thiserror::Error)]
#[error("the event at position {position} has no valid {field}")]
pub struct BadEvent {
    position: u64,
    field: &'static str,
}

/// What [`event_to_proto`] made, unchanged.
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
        hash: EventHash(event.hash.as_ref().try_into().map_err(|_| bad("hash"))?),
    })
}
