//! Backups of real stores while they are written, and what becomes of them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod restoring;
mod taking;

use std::path::{Path, PathBuf};

use ordo_decider::Decider;
use ordo_event_log::{
    Aggregate, CodecError, Command, EncodedEvent, EventLog, EventLogConfig, TenantId,
};
use ordo_proto::intake;
use ordo_sql::{Db, OpenOptions, StoreUrl, params};
use ordo_testkit::TestStore;

pub const SERVICE: &str = "shop";

ordo_event_log::events! {
    pub enum PersonEvent {
        Erased(intake::PersonalDataErased),
    }
}

pub struct Person;

impl Decider for Person {
    type State = u64;
    type Command = String;
    type Event = PersonEvent;
    type Error = std::convert::Infallible;

    fn decide(_: &u64, subject: String) -> Result<Vec<PersonEvent>, Self::Error> {
        Ok(vec![intake::PersonalDataErased { subject }.into()])
    }

    fn evolve(state: u64, _: &PersonEvent) -> u64 {
        state + 1
    }
}

impl Aggregate for Person {
    const NAME: &'static str = "data_subject";

    fn encode(event: &PersonEvent) -> EncodedEvent {
        event.encode_event()
    }

    fn decode(type_name: &str, payload: &[u8]) -> Result<PersonEvent, CodecError> {
        PersonEvent::decode_event(type_name, payload)
    }
}

pub fn tenant() -> TenantId {
    TenantId::new("acme").unwrap()
}

/// A service's log with two partitions.
pub async fn open(store: &StoreUrl) -> EventLog {
    let config = EventLogConfig::new(SERVICE, store.clone()).partitions(2);
    EventLog::open(config).await.unwrap()
}

/// Ends the log and lets go of its database.
pub async fn end(log: EventLog) {
    log.close().await;
    drop(log);
}

/// Records one event for each subject, alternating partitions.
pub async fn record(log: &EventLog, subjects: std::ops::Range<u32>) {
    for n in subjects {
        let subject = format!("s{n}");
        let command = Command::new(tenant(), n % 2).id(format!("erase:{n}"));
        let answer = log
            .execute::<(), std::convert::Infallible, _>(command, move |unit| {
                unit.decide::<Person>(&subject, subject.clone())
                    .map_err(|halt| halt.map(|never| match never {}))?;
                Ok(())
            })
            .await;
        answer.unwrap();
    }
}

pub async fn positions(log: &EventLog) -> Vec<u64> {
    let mut positions = Vec::new();
    for partition in 0..log.partitions() {
        positions.push(log.read_head(partition).await.unwrap().position);
    }
    positions
}

/// A database with one table, as reactions and projections have.
pub async fn put(store: &StoreUrl, database: &str, values: &[&str]) {
    let db = side(store, database).await;
    for (n, value) in values.iter().enumerate() {
        db.execute(
            "insert into thing (n, name, bytes) values ($1, $2, $3)",
            &params![n as u64, *value, value.as_bytes()],
        )
        .await
        .unwrap();
    }
    db.close().await;
}

pub async fn names(store: &StoreUrl, database: &str) -> Vec<String> {
    let db = side(store, database).await;
    let rows = db
        .fetch_all("select name from thing order by n", &[])
        .await
        .unwrap();
    let names = rows.iter().map(|row| row.text(0).unwrap()).collect();
    db.close().await;
    names
}

async fn side(store: &StoreUrl, database: &str) -> Db {
    let db = store.open(database, OpenOptions::durable()).await.unwrap();
    for statement in [
        "create table if not exists thing (n bigint primary key, name text not null, bytes bytea)",
        "create index if not exists thing_name on thing (name, n)",
    ] {
        db.execute(statement, &[]).await.unwrap();
    }
    db
}

/// A folder for backups.
pub struct Shelf(tempfile::TempDir);

impl Shelf {
    pub fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn place(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// Changes one byte in the middle of a file.
pub fn damage(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x20;
    std::fs::write(file, bytes).unwrap();
}

/// Runs on SQLite and on Postgres.
pub async fn on_every_store(test: impl AsyncFn(&TestStore)) {
    for store in ordo_testkit::stores().await.unwrap() {
        test(&store).await;
    }
}
