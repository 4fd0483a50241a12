//! Rows as values. What cannot be read is reported, never trusted.

use ordo_proto::log::EventMetadata;
use ordo_sql::{ColumnRef, Row};
use prost::Message as _;
use uuid::Uuid;

use super::CommandRecord;
use crate::{
    error::StoreError,
    event::{EventHash, RecordedEvent, StreamId, TenantId, Timestamp},
};

/// The columns of an event in the order that [`event`] reads.
macro_rules! event_columns {
    () => {
        "partition, position, epoch, tenant, aggregate, stream_id, version, event_id, type, time, payload, metadata, hash"
    };
}
pub(super) use event_columns;

/// An event's place, and the event if it can be read.
pub(crate) struct EventRow {
    pub position: u64,
    pub event: Result<RecordedEvent, StoreError>,
}

impl EventRow {
    pub fn new(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            position: row.u64(1)?,
            event: event(row),
        })
    }
}

/// An event from the columns of [`event_columns`].
pub(crate) fn event(row: &Row) -> Result<RecordedEvent, StoreError> {
    let position = row.u64(1)?;
    let damaged =
        |what: &str| StoreError::Damaged(format!("{what} of the event at position {position}"));
    let metadata = row.bytes(11)?;
    Ok(RecordedEvent {
        partition: row.u32(0)?,
        position,
        epoch: row.u64(2)?,
        tenant: TenantId::new(&row.text(3)?).ok_or_else(|| damaged("tenant"))?,
        stream: StreamId {
            aggregate: row.text(4)?.into(),
            id: row.text(5)?.into(),
        },
        stream_version: row.u64(6)?,
        event_id: Uuid::from_slice(&row.bytes(7)?).map_err(|_| damaged("id"))?,
        type_name: row.text(8)?.into(),
        time: Timestamp(row.i64(9)?),
        payload: row.bytes(10)?.into(),
        metadata: EventMetadata::decode(metadata.as_slice()).map_err(|_| damaged("metadata"))?,
        hash: EventHash(array(row, 12)?),
    })
}

/// The columns of a command in the order that [`command`] reads.
macro_rules! command_columns {
    () => {
        "c.tenant, c.command_id, c.fingerprint, c.partition, c.epoch, c.position, c.events, c.time, c.answer"
    };
}
pub(super) use command_columns;

/// A command from the columns of [`command_columns`].
pub(super) fn command(row: &Row) -> Result<CommandRecord, StoreError> {
    let command_id = row.text(1)?;
    Ok(CommandRecord {
        tenant: TenantId::new(&row.text(0)?)
            .ok_or_else(|| StoreError::Damaged(format!("tenant of command {command_id}")))?,
        command_id,
        fingerprint: array(row, 2)?,
        partition: row.u32(3)?,
        epoch: row.u64(4)?,
        position: row.u64(5)?,
        events: row.u64(6)?,
        time: Timestamp(row.i64(7)?),
        answer: row.bytes(8)?.into(),
    })
}

/// 32 bytes.
pub(super) fn array(row: &Row, column: impl ColumnRef) -> Result<[u8; 32], StoreError> {
    row.bytes(column)?
        .try_into()
        .map_err(|_| StoreError::Damaged(format!("column {column} is not of 32 bytes")))
}
