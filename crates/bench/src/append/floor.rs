//! The floor: one raw writer that checks nothing.

use std::{
    ops::RangeInclusive,
    time::{Duration, Instant},
};

use ordo_sql::{Backend, Db, OpenOptions, Value};

use crate::{
    error::{BenchError, During as _},
    sample,
    store::Home,
};

/// Rows of a batch.
pub(super) const BATCH: usize = 100;

/// The columns of the log's `events`.
const COLUMNS: [&str; 13] = [
    "partition",
    "position",
    "epoch",
    "tenant",
    "aggregate",
    "stream_id",
    "version",
    "event_id",
    "type",
    "time",
    "payload",
    "metadata",
    "hash",
];

/// A table like the log's, with its primary key and without its other index, on a store opened the same way: as durable. Rows
/// are made before the clock starts and differ in their positions only.
pub(crate) struct Floor {
    db: Db,
    row: Vec<Value>,
    position: i64,
    /// The statement for one row.
    one: String,
    /// The statement for a batch.
    many: String,
}

impl Floor {
    pub async fn open(home: &Home, payload: usize) -> Result<Self, BenchError> {
        let step = "preparing the floor";
        let db = home
            .url()
            .open(&home.database("floor"), OpenOptions::durable())
            .await
            .during(step)?;
        db.execute(
            "create table floor (
                partition bigint not null, position bigint not null, epoch bigint not null, tenant text not null,
                aggregate text not null, stream_id text not null, version bigint not null, event_id bytea not null,
                type text not null, time bigint not null, payload bytea not null, metadata bytea not null,
                hash bytea not null, primary key (partition, position)
             )",
            &[],
        )
        .await
        .during(step)?;
        let mut metadata = sample::metadata();
        metadata.command_id = format!("note:{}", uuid::Uuid::now_v7().simple());
        let row = ordo_sql::params![
            0,
            0,
            1,
            sample::TENANT,
            "notebook",
            uuid::Uuid::now_v7().simple().to_string(),
            1,
            uuid::Uuid::now_v7().as_bytes().to_vec(),
            sample::TYPE_NAME,
            ordo_event_log::Timestamp::now().0,
            sample::note(payload).to_vec(),
            prost::Message::encode_to_vec(&metadata),
            [9_u8; 32],
        ]
        .to_vec();
        let columns = COLUMNS.join(", ");
        let values = |rows: usize| {
            let row = format!("({})", vec!["?"; COLUMNS.len()].join(", "));
            vec![row.as_str(); rows].join(", ")
        };
        let numbered: Vec<_> = (1..=COLUMNS.len()).map(|n| format!("${n}")).collect();
        let (one, many) = match db.backend() {
            Backend::Sqlite => (values(1), format!("values {}", values(BATCH))),
            Backend::Postgres => {
                let arrays: Vec<_> = row
                    .iter()
                    .zip(&numbered)
                    .map(|(value, number)| {
                        let element = match value {
                            Value::I64(_) => "bigint",
                            Value::Bytes(_) => "bytea",
                            _ => "text",
                        };
                        format!("{number}::{element}[]")
                    })
                    .collect();
                (
                    format!("({})", numbered.join(", ")),
                    format!("select * from unnest({})", arrays.join(", ")),
                )
            }
        };
        Ok(Self {
            db,
            row,
            position: 0,
            one: format!("insert into floor ({columns}) values {one}"),
            many: format!("insert into floor ({columns}) {many}"),
        })
    }

    /// Rows per second: single commits of one row, or commits of 100.
    pub async fn round(&mut self, single: bool, length: Duration) -> Result<f64, BenchError> {
        let size = if single { 1 } else { BATCH };
        let started = Instant::now();
        let mut rows = 0_usize;
        while started.elapsed() < length {
            self.insert(size).await.during("measuring the floor")?;
            rows += size;
        }
        Ok(rows as f64 / started.elapsed().as_secs_f64())
    }

    /// One statement, which is its own transaction: the fastest way on either database.
    async fn insert(&mut self, size: usize) -> Result<(), ordo_sql::SqlError> {
        let positions = self.position + 1..=self.position + size as i64;
        self.position += size as i64;
        let (sql, params) = match self.db.backend() {
            Backend::Postgres if size > 1 => (
                &self.many,
                (0..COLUMNS.len())
                    .map(|column| self.array(column, positions.clone()))
                    .collect(),
            ),
            _ if size > 1 => (&self.many, self.flat(positions)),
            _ => (&self.one, self.flat(positions)),
        };
        self.db.execute(sql, &params).await?;
        Ok(())
    }

    fn flat(&self, positions: RangeInclusive<i64>) -> Vec<Value> {
        positions
            .flat_map(|position| {
                let mut row = self.row.clone();
                row[1] = Value::I64(position);
                row
            })
            .collect()
    }

    fn array(&self, column: usize, positions: RangeInclusive<i64>) -> Value {
        if column == 1 {
            return Value::I64s(positions.map(Some).collect());
        }
        let size = positions.count();
        match &self.row[column] {
            Value::I64(value) => Value::I64s(vec![Some(*value); size]),
            Value::Text(value) => Value::Texts(vec![Some(value.clone()); size]),
            Value::Bytes(value) => Value::Blobs(vec![Some(value.clone()); size]),
            other => other.clone(),
        }
    }

    pub async fn close(self) -> Result<(), BenchError> {
        self.db.close().await;
        Ok(())
    }
}
