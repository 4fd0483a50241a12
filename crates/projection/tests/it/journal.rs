//! A projection to test with: counts events per stream and keeps every one.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
};

use futures::future::BoxFuture;
use ordo_event_log::RecordedEvent;
use ordo_projection::{Projection, ProjectionError, ReadModel, ReadModelSettings, Rows, Tx, table};
use ordo_proto::types::{ConsistencyToken, LogPosition};
use ordo_sql::{Db, StoreUrl, params};
use std::time::Duration;

table! {
    /// One stream.
    pub struct StreamRow in "stream" {
        key { tenant: String, id: String }
        events: i64,
        last_type: Option<String>,
        last_payload: Vec<u8>,
    }
}

/// Counts events per stream, and keeps every one in a second table.
pub struct Journal {
    pub version: u32,
    /// Events of this type do not apply.
    pub poison: Arc<AtomicBool>,
    pub panics: Arc<AtomicBool>,
    pub applied: Arc<AtomicUsize>,
    pub largest_batch: Arc<AtomicUsize>,
    pub unreadable_version: Arc<AtomicU32>,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            version: 1,
            poison: Arc::default(),
            panics: Arc::default(),
            applied: Arc::default(),
            largest_batch: Arc::default(),
            unreadable_version: Arc::default(),
        }
    }
}

impl Projection for Journal {
    fn name(&self) -> &'static str {
        "journal"
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn schema(&self) -> &'static [&'static str] {
        &[
            "create table stream (tenant text not null, id text not null, events bigint not null, last_type text,
                last_payload bytea not null, primary key (tenant, id))",
            "create table entry (partition bigint not null, position bigint not null, type text not null, note text,
                primary key (partition, position))",
        ]
    }

    fn reads_version(&self, version: u32) -> bool {
        version != self.unreadable_version.load(Ordering::SeqCst)
    }

    fn apply<'a>(
        &'a self,
        tx: &'a mut Tx,
        events: &'a [RecordedEvent],
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async move {
            self.largest_batch.fetch_max(events.len(), Ordering::SeqCst);
            let key =
                |event: &RecordedEvent| (event.tenant.to_string(), event.stream.id.to_string());
            let mut streams = Rows::<StreamRow>::load(tx, events.iter().map(key)).await?;
            let mut entries = Vec::new();
            for event in events {
                let stream = streams.entry(key(event));
                stream.events += 1;
                stream.last_type = Some(event.short_type().to_owned());
                stream.last_payload = event.payload.to_vec();
                entries.push(
                    params![
                        event.partition,
                        event.position,
                        event.short_type(),
                        None::<String>
                    ]
                    .into(),
                );
            }
            streams.save(tx).await?;
            tx.insert_many(
                "insert into entry",
                &["partition", "position", "type", "note"],
                entries,
                "",
            )
            .await?;
            // Last, so that a failure finds everything written.
            if events.iter().any(|event| event.short_type() == "Poison") {
                assert!(!self.panics.load(Ordering::SeqCst), "the test's panic");
                if self.poison.load(Ordering::SeqCst) {
                    return Err(ProjectionError::Inconsistent("poison".to_owned()));
                }
            }
            self.applied.fetch_add(events.len(), Ordering::SeqCst);
            Ok(())
        })
    }
}

pub fn settings(store: StoreUrl) -> ReadModelSettings {
    ReadModelSettings {
        drain: Duration::from_millis(200),
        patience: Duration::from_secs(1),
        ..ReadModelSettings::new("test", store)
    }
}

/// How many events the tables hold, by both of them.
pub async fn counts(db: &Db) -> (i64, i64) {
    let rows = db
        .fetch_all(
            "select (select cast(coalesce(sum(events), 0) as bigint) from stream), (select count(*) from entry)",
            &[],
        )
        .await
        .unwrap();
    (rows[0].i64(0).unwrap(), rows[0].i64(1).unwrap())
}

pub fn token(service: &str, partition: u32, position: u64, epoch: u64) -> ConsistencyToken {
    ConsistencyToken {
        positions: vec![LogPosition {
            service: service.to_owned(),
            partition,
            position,
            epoch,
        }],
    }
}

/// Waits until `model` holds the event at `position`.
pub async fn wait(model: &ReadModel, partition: u32, position: u64) {
    let token = token("test", partition, position, 0);
    model
        .wait_for(Some(&token), Duration::from_secs(20))
        .await
        .unwrap();
}
