//! The log's tables, on SQLite and Postgres.

mod closed_file;
mod load;
mod open;
mod plugged;
mod postgres;
mod rows;
mod schema;
mod sqlite;
mod statements;

use bytes::Bytes;
use ordo_sql::{Row, Value, params};

pub(crate) use load::LoadFault;
pub(crate) use rows::{EventRow, event};

use self::{plugged::Plugged, postgres::Postgres, sqlite::Sqlite};
use crate::{
    error::StoreError,
    event::{EventHash, Head, RecordedEvent, TenantId, Timestamp},
    fold::StreamKey,
    job::Place,
};

/// A partition's last event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tip {
    pub head: Head,
    /// Time of the last event: the next one's is not earlier.
    pub time: Timestamp,
}

impl Tip {
    /// The place of a command whose events end `events` after this tip.
    pub fn place(&self, partition: u32, events: usize) -> Place {
        Place {
            partition,
            position: self.head.position + events as u64,
            epoch: self.head.epoch,
        }
    }
}

/// What is kept of an executed command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommandRecord {
    pub tenant: TenantId,
    pub command_id: String,
    pub fingerprint: [u8; 32],
    pub partition: u32,
    pub epoch: u64,
    /// See [`Receipt::position`](crate::Receipt::position).
    pub position: u64,
    /// Number of its events; the last one stands at `position`.
    pub events: u64,
    pub time: Timestamp,
    pub answer: Bytes,
}

/// A folded stream to store.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub key: StreamKey,
    pub fold_version: u32,
    pub version: u64,
    pub state: Vec<u8>,
}

/// All that one commit writes, or nothing of it.
#[derive(Debug)]
pub(crate) struct Commit {
    pub partition: u32,
    /// What the partition's end must be.
    pub from: Tip,
    /// What it becomes.
    pub to: Tip,
    pub events: Vec<RecordedEvent>,
    /// The events' metadata, encoded.
    pub metadata: Vec<Bytes>,
    pub commands: Vec<CommandRecord>,
    pub snapshots: Vec<Snapshot>,
}

impl Commit {
    /// Nothing to write.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.commands.is_empty()
    }
}

/// Why a commit is not known to have happened.
#[derive(Debug)]
pub(crate) enum CommitError {
    /// It did not happen: the partition ends elsewhere.
    Conflict,
    /// It did not happen: the partition ends where it should, but a stream version or command id is taken.
    Taken,
    /// It may have happened or may still happen. The identical commit may be sent again: it happens once at most.
    Unknown(StoreError),
}

/// The tables of one log.
pub(crate) struct Store {
    database: Database,
}

enum Database {
    Sqlite(Box<Sqlite>),
    Postgres(Postgres),
    Plugged(Plugged),
}

impl Store {
    /// Rows of a query in the common subset.
    pub async fn rows(&self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        match &self.database {
            Database::Sqlite(database) => database.rows(sql, params).await,
            Database::Postgres(database) => database.rows(sql, params).await,
            Database::Plugged(database) => database.rows(sql, params).await,
        }
    }

    /// The end of a partition.
    pub async fn tip(&self, partition: u32) -> Result<Tip, StoreError> {
        let rows = self
            .rows(
                "select epoch, position, hash, time from heads where partition = $1",
                &params![partition],
            )
            .await?;
        let row = rows
            .first()
            .ok_or_else(|| StoreError::Damaged(format!("partition {partition} has no head")))?;
        Ok(Tip {
            head: Head {
                epoch: row.u64(0)?,
                position: row.u64(1)?,
                hash: EventHash(rows::array(row, 2)?),
            },
            time: Timestamp(row.i64(3)?),
        })
    }

    /// Partitions and their last positions.
    pub async fn positions(&self) -> Result<Vec<(u32, u64)>, StoreError> {
        self.rows("select partition, position from heads", &[])
            .await?
            .iter()
            .map(|row| Ok((row.u32(0)?, row.u64(1)?)))
            .collect()
    }

    /// What is kept of those of the commands that were executed before.
    pub async fn commands(
        &self,
        ids: &[(&TenantId, &str)],
    ) -> Result<Vec<CommandRecord>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = match &self.database {
            Database::Sqlite(database) => database.commands(ids).await?,
            Database::Postgres(database) => database.commands(ids).await?,
            Database::Plugged(database) => database.commands(ids).await?,
        };
        rows.iter().map(rows::command).collect()
    }

    /// Writes a commit.
    pub async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        match &self.database {
            Database::Sqlite(database) => database.commit(commit).await,
            Database::Postgres(database) => database.commit(commit).await,
            Database::Plugged(database) => database.commit(commit).await,
        }
    }

    /// Whether exactly this commit is in the log. Only meaningful once the partition has moved on from `commit.from`, or
    /// one of the commit's commands is stored: from then on the answer cannot change.
    pub async fn holds(&self, commit: &Commit) -> Result<bool, StoreError> {
        if !commit.events.is_empty() {
            let rows = self
                .rows(
                    "select hash from events where partition = $1 and position = $2",
                    &params![commit.partition, commit.to.head.position],
                )
                .await?;
            return Ok(match rows.first() {
                Some(row) => row.bytes(0)? == commit.to.head.hash.0,
                None => false,
            });
        }
        let ids: Vec<_> = commit
            .commands
            .iter()
            .map(|command| (&command.tenant, command.command_id.as_str()))
            .collect();
        let stored = self.commands(&ids).await?;
        // All or none were written together; the time in microseconds tells this writer's rows from another's.
        Ok(commit
            .commands
            .iter()
            .all(|command| stored.contains(command)))
    }

    /// Streams with events in `(after, upto]`.
    pub async fn touched(
        &self,
        partition: u32,
        after: u64,
        upto: u64,
    ) -> Result<Vec<(String, String, String)>, StoreError> {
        self.rows(
            "select distinct tenant, aggregate, stream_id from events \
             where partition = $1 and position > $2 and position <= $3",
            &params![partition, after, upto],
        )
        .await?
        .iter()
        .map(|row| Ok((row.text(0)?, row.text(1)?, row.text(2)?)))
        .collect()
    }

    /// Events in `(after, upto]`, at most `limit`.
    pub async fn events(
        &self,
        partition: u32,
        after: u64,
        upto: u64,
        limit: u32,
    ) -> Result<Vec<Row>, StoreError> {
        self.rows(
            concat!(
                "select ",
                rows::event_columns!(),
                " from events where partition = $1 and position > $2 and position <= $3 \
                 order by position limit cast($4 as bigint)"
            ),
            &params![partition, after, upto, limit],
        )
        .await
    }

    /// Events of a stream after a version, at most `limit`.
    pub async fn stream(
        &self,
        partition: u32,
        tenant: &TenantId,
        (aggregate, id): (&str, &str),
        after: u64,
        limit: u32,
    ) -> Result<Vec<Row>, StoreError> {
        self.rows(
            concat!(
                "select ",
                rows::event_columns!(),
                " from events where tenant = $1 and aggregate = $2 and stream_id = $3 and version > $4 \
                 and partition = $5 order by version limit cast($6 as bigint)"
            ),
            &params![tenant.as_str(), aggregate, id, after, partition, limit],
        )
        .await
    }

    /// Keys of events after `(tenant, aggregate, id, version)`, with partition and position, in that order.
    pub async fn stream_versions(
        &self,
        tenant: &str,
        aggregate: &str,
        id: &str,
        version: u64,
        limit: u32,
    ) -> Result<Vec<Row>, StoreError> {
        self.rows(
            "select tenant, aggregate, stream_id, version, partition, position from events \
             where (tenant, aggregate, stream_id, version) > ($1, $2, $3, $4) \
             order by tenant, aggregate, stream_id, version limit cast($5 as bigint)",
            &params![tenant, aggregate, id, version, limit],
        )
        .await
    }

    /// Commands after `(tenant, command_id)`, with partition, position and number of events, in that order.
    pub async fn command_keys(
        &self,
        tenant: &str,
        command_id: &str,
        limit: u32,
    ) -> Result<Vec<Row>, StoreError> {
        self.rows(
            "select tenant, command_id, partition, position, events from commands \
             where (tenant, command_id) > ($1, $2) order by tenant, command_id limit cast($3 as bigint)",
            &params![tenant, command_id, limit],
        )
        .await
    }

    /// Starts a new epoch in every partition.
    pub async fn bump_epoch(&self) -> Result<u64, StoreError> {
        let rows = match &self.database {
            Database::Sqlite(database) => database.bump_epoch().await?,
            Database::Postgres(database) => database.rows(schema::BUMP_EPOCH, &[]).await?,
            Database::Plugged(database) => database.bump_epoch().await?,
        };
        let mut newest = 0;
        for row in &rows {
            newest = newest.max(row.u64(0)?);
        }
        Ok(newest)
    }

    /// Closes all connections.
    pub async fn close(&self) {
        match &self.database {
            Database::Sqlite(database) => database.close().await,
            Database::Postgres(database) => database.close().await,
            Database::Plugged(database) => database.close().await,
        }
    }
}
