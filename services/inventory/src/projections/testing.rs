//! Events in, then a question: on SQLite and on Postgres.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use ordo_event_log::{EventHash, RecordedEvent, StreamId, TenantId, Timestamp};
use ordo_projection::Projection;
use ordo_proto::{log::EventMetadata, types::Actor};
use ordo_sql::{Db, OpenOptions};
use ordo_testkit::{TestStore, stores};
use prost::{Message, Name};
use uuid::Uuid;

pub fn tenant() -> TenantId {
    TenantId::new("shop").unwrap()
}

/// `message` as the event at `position` of the tenant `shop`, recorded `position` microseconds after 1970.
pub fn event<M: Message + Name>(position: u64, stream: (&str, &str), message: &M) -> RecordedEvent {
    RecordedEvent {
        partition: 0,
        position,
        epoch: 1,
        tenant: tenant(),
        stream: StreamId::new(stream.0, stream.1),
        stream_version: position,
        event_id: Uuid::from_u128(position.into()),
        type_name: M::full_name().as_str().into(),
        time: Timestamp(position as i64),
        payload: message.encode_to_vec().into(),
        metadata: EventMetadata {
            actor: Some(Actor {
                kind: 1,
                id: "alice".into(),
            }),
            reason: "because".into(),
            ..EventMetadata::default()
        },
        hash: EventHash::default(),
    }
}

/// The tables of a projection on one kind of database.
pub struct Tables {
    pub db: Db,
    _store: TestStore,
}

/// The projection's tables after `events`, applied in pieces of `size`, on every kind of database.
pub async fn tables_after(
    projection: &impl Projection,
    events: &[RecordedEvent],
    size: usize,
) -> Vec<Tables> {
    let mut all = Vec::new();
    for store in stores().await.unwrap() {
        let db = store
            .store_url()
            .open("inventory.views", OpenOptions::disposable())
            .await
            .unwrap();
        for statement in projection.schema() {
            db.execute(statement, &[]).await.unwrap();
        }
        for piece in events.chunks(size) {
            let mut tx = db.begin().await.unwrap();
            projection.apply(&mut tx, piece).await.unwrap();
            tx.commit().await.unwrap();
        }
        all.push(Tables { db, _store: store });
    }
    all
}
