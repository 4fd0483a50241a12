//! The reactor's tables: what is to be done, what is parked, what is due later.

use std::collections::BTreeMap;

use ordo_lease::Lease;
use ordo_sql::{Db, SqlError, Tx, Value, params};
use prost::Message as _;

use super::{
    drop::DROPPED_SCHEMA,
    items::{Changes, DueTimer, INBOX_COLUMNS, Item, Parked, TimerOwner, inbox_row, item},
    resend::TARGET_SCHEMA,
};
use crate::{
    catalogue::create,
    cursors::{self, CHECKPOINT_SCHEMA, Cursors, Place},
    reaction::TimerChange,
};

const SCHEMA: &str = "
create table if not exists inbox (
    -- order of arrival
    seq bigint primary key,
    entity text not null,
    tenant text not null,
    -- 0: body is an event; 1: body is the payload of a timer
    kind bigint not null,
    service text not null,
    partition bigint not null,
    position bigint not null,
    -- id of the event, or key of the timer
    name text not null,
    -- full name of the event's type; empty for a timer
    type text not null,
    body bytea not null,
    -- when the timer was due, in microseconds; 0 for an event
    due bigint not null,
    -- metadata that a timer hands on
    cause bytea not null,
    -- tries begun or about to begin, stored before each
    attempts bigint not null,
    -- of these, the ones that ended by failing or by the end of the process
    failures bigint not null,
    -- when the first try failed, in microseconds; 0 before
    since bigint not null
);
create index if not exists inbox_entity on inbox (entity, seq);
create table if not exists parked (
    entity text primary key,
    tenant text not null,
    name text not null,
    type text not null,
    attempts bigint not null,
    error text not null,
    parked_at bigint not null,
    -- 1 when somebody asked for it to be tried again
    replay bigint not null
);
create table if not exists timer (
    entity text not null,
    key text not null,
    tenant text not null,
    due bigint not null,
    payload bytea not null,
    cause bytea not null,
    primary key (entity, key)
);
create index if not exists timer_due on timer (due);
create table if not exists owner (
    one bigint primary key,
    name text not null,
    until bigint not null,
    -- 1 when the last owner left in good order
    clean bigint not null
);
insert into owner (one, name, until, clean) values (1, '', 0, 1) on conflict (one) do nothing;
";

/// The reactor's database. On Postgres several processes may open it; the one that holds the reaction's lease writes it.
#[derive(Clone)]
pub(super) struct Store {
    pub db: Db,
    /// This process.
    owner: String,
}

impl Store {
    pub async fn open(db: Db) -> Result<Self, SqlError> {
        create(&db, CHECKPOINT_SCHEMA).await?;
        create(&db, SCHEMA).await?;
        create(&db, TARGET_SCHEMA).await?;
        create(&db, DROPPED_SCHEMA).await?;
        Ok(Self {
            db,
            owner: uuid::Uuid::now_v7().to_string(),
        })
    }

    /// Becomes the owner. Gives whether the one before left in good order; `None`: the lease is lost.
    pub async fn acquire(&self, lease: &Lease) -> Result<Option<bool>, SqlError> {
        let mut tx = self.db.begin().await?;
        if !lease.guard(&mut tx).await? {
            return Ok(None);
        }
        let sql = "select name, clean from owner where one = 1";
        let Some(row) = tx.fetch_optional(sql, &[]).await? else {
            return Ok(None);
        };
        // This process itself did not end in between.
        let clean = row.bool(1)? || row.text(0)? == self.owner;
        tx.execute(
            "update owner set name = $1, until = 0, clean = 0 where one = 1",
            &params![&self.owner],
        )
        .await?;
        tx.commit().await?;
        Ok(Some(clean))
    }

    /// Whether this transaction may write: the lease is held, and nobody became the owner since this process did.
    pub(super) async fn may_write(&self, lease: &Lease, tx: &mut Tx) -> Result<bool, SqlError> {
        if !lease.guard(tx).await? {
            return Ok(false);
        }
        // Where leases cannot be looked at from here, the owner's name is the fence.
        let sql = "select 1 from owner where one = 1 and name = $1";
        let owner = tx.fetch_optional(sql, &params![&self.owner]).await?;
        Ok(owner.is_some())
    }

    /// Leaves in good order.
    pub async fn release(&self) -> Result<(), SqlError> {
        let sql = "update owner set clean = 1 where one = 1 and name = $1";
        self.db
            .execute(sql, &params![&self.owner])
            .await
            .map(|_| ())
    }

    pub async fn cursors(&self) -> Result<Cursors, SqlError> {
        cursors::load(&self.db).await
    }

    /// Commits `changes`. `false`: the lease is lost, and nothing was changed.
    pub async fn commit(&self, lease: &Lease, changes: &Changes) -> Result<bool, SqlError> {
        let mut tx = self.db.begin().await?;
        if !self.may_write(lease, &mut tx).await? {
            tx.rollback().await?;
            return Ok(false);
        }
        for (place, cursor) in &changes.checkpoints {
            cursors::store(&mut tx, place, cursor).await?;
        }
        let rows = changes
            .inserts
            .values()
            .map(|unstored| inbox_row(&unstored.item))
            .collect();
        tx.insert_many(
            "insert into inbox",
            INBOX_COLUMNS,
            rows,
            "on conflict (seq) do nothing",
        )
        .await?;
        let fired = changes.fired.iter();
        let fired = fired.map(|timer| params![&timer.entity, &timer.key, timer.due].into());
        tx.delete_by_keys("timer", &["entity", "key", "due"], fired.collect())
            .await?;
        change_timers(&mut tx, &changes.timers).await?;
        // The last one of each counts.
        let attempts: BTreeMap<_, _> = changes
            .attempts
            .iter()
            .map(|attempt| (attempt.seq, attempt))
            .collect();
        let attempts = attempts.into_values().map(|attempt| {
            params![
                attempt.seq,
                attempt.attempts,
                attempt.failures,
                attempt.since
            ]
            .into()
        });
        tx.update_by_keys(
            "inbox",
            &["seq"],
            &["attempts", "failures", "since"],
            attempts.collect(),
        )
        .await?;
        for parked in &changes.parked {
            tx.execute(
                "insert into parked (entity, tenant, name, type, attempts, error, parked_at, replay)
                 values ($1, $2, $3, $4, $5, $6, $7, 0)
                 on conflict (entity) do update set error = excluded.error",
                &params![
                    &parked.entity,
                    &parked.tenant,
                    &parked.name,
                    &parked.type_name,
                    parked.attempts,
                    &parked.error,
                    parked.parked_at
                ],
            )
            .await?;
        }
        let done = changes
            .done
            .iter()
            .map(|seq| vec![Value::I64(*seq)])
            .collect();
        tx.delete_by_keys("inbox", &["seq"], done).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The oldest things to do, without those of parked entities.
    pub async fn oldest(&self, limit: usize) -> Result<Vec<Item>, SqlError> {
        let sql = format!(
            "select {} from inbox where entity not in (select entity from parked) order by seq limit cast($1 as bigint)",
            INBOX_COLUMNS.join(", ")
        );
        let rows = self.db.fetch_all(&sql, &params![limit as u64]).await?;
        rows.iter().map(item).collect()
    }

    /// Entities that have something to do after `seq` and are not parked.
    pub async fn entities_after(&self, seq: i64) -> Result<Vec<String>, SqlError> {
        let sql = "select distinct entity from inbox where seq > $1 and entity not in (select entity from parked)";
        let rows = self.db.fetch_all(sql, &params![seq]).await?;
        rows.iter().map(|row| row.text(0)).collect()
    }

    /// What there is to do for `entity` after `seq`.
    pub async fn page(&self, entity: &str, seq: i64, limit: usize) -> Result<Vec<Item>, SqlError> {
        let sql = format!(
            "select {} from inbox where entity = $1 and seq > $2 order by seq limit cast($3 as bigint)",
            INBOX_COLUMNS.join(", ")
        );
        let rows = self
            .db
            .fetch_all(&sql, &params![entity, seq, limit as u64])
            .await?;
        rows.iter().map(item).collect()
    }

    pub async fn last_seq(&self) -> Result<i64, SqlError> {
        let row = self
            .db
            .fetch_optional("select coalesce(max(seq), 0) from inbox", &[])
            .await?;
        row.map_or(Ok(0), |row| row.i64(0))
    }

    /// Things to do, without those of parked entities.
    pub async fn count_pending(&self) -> Result<u64, SqlError> {
        self.count("select count(*) from inbox where entity not in (select entity from parked)")
            .await
    }

    pub async fn count_parked(&self) -> Result<u64, SqlError> {
        self.count("select count(*) from parked").await
    }

    pub async fn count_timers(&self) -> Result<u64, SqlError> {
        self.count("select count(*) from timer").await
    }

    async fn count(&self, sql: &str) -> Result<u64, SqlError> {
        let row = self.db.fetch_optional(sql, &[]).await?;
        row.map_or(Ok(0), |row| row.u64(0))
    }

    /// Names of all parked entities.
    pub async fn parked_names(&self) -> Result<Vec<String>, SqlError> {
        let rows = self.db.fetch_all("select entity from parked", &[]).await?;
        rows.iter().map(|row| row.text(0)).collect()
    }

    /// Parked entities after `after` in the order of their names.
    pub async fn parked(&self, after: &str, limit: u32) -> Result<Vec<Parked>, SqlError> {
        let rows = self
            .db
            .fetch_all(
                "select entity, tenant, name, type, attempts, error, parked_at,
                        (select count(*) from inbox where inbox.entity = parked.entity)
                 from parked where entity > $1 order by entity limit cast($2 as bigint)",
                &params![after, limit],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Parked {
                    entity: row.text(0)?,
                    tenant: row.text(1)?,
                    name: row.text(2)?,
                    type_name: row.text(3)?,
                    attempts: row.u32(4)?,
                    error: row.text(5)?,
                    parked_at: row.i64(6)?,
                    // Without the one that failed.
                    waiting: row.u64(7)?.saturating_sub(1),
                })
            })
            .collect()
    }

    /// Asks for parked entities to be tried again: one, or all. Gives how many there are.
    pub async fn ask_replay(&self, entity: Option<&str>) -> Result<u64, SqlError> {
        match entity {
            Some(entity) => {
                let sql = "update parked set replay = 1 where entity = $1";
                self.db.execute(sql, &params![entity]).await
            }
            None => self.db.execute("update parked set replay = 1", &[]).await,
        }
    }

    /// Takes the entities out of the park that somebody asked for, with their tries counted anew.
    pub async fn unpark(&self, lease: &Lease) -> Result<Vec<String>, SqlError> {
        let asked = self
            .db
            .fetch_all("select entity from parked where replay = 1", &[])
            .await?;
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let entities = asked
            .iter()
            .map(|row| row.text(0))
            .collect::<Result<Vec<_>, _>>()?;
        let mut tx = self.db.begin().await?;
        if !self.may_write(lease, &mut tx).await? {
            tx.rollback().await?;
            return Ok(Vec::new());
        }
        let anew = entities
            .iter()
            .map(|entity| params![entity, 1, 0, 0].into())
            .collect();
        tx.update_by_keys(
            "inbox",
            &["entity"],
            &["attempts", "failures", "since"],
            anew,
        )
        .await?;
        let keys = entities
            .iter()
            .map(|entity| vec![Value::from(entity)])
            .collect();
        tx.delete_by_keys("parked", &["entity"], keys).await?;
        tx.commit().await?;
        Ok(entities)
    }

    pub async fn next_timer(&self) -> Result<Option<i64>, SqlError> {
        let row = self
            .db
            .fetch_optional("select min(due) from timer", &[])
            .await?;
        row.map_or(Ok(None), |row| row.opt_i64(0))
    }

    pub async fn due_timers(&self, now: i64, limit: u32) -> Result<Vec<DueTimer>, SqlError> {
        let sql = "select entity, key, tenant, due, payload, cause from timer where due <= $1 order by due limit cast($2 as bigint)";
        let rows = self.db.fetch_all(sql, &params![now, limit]).await?;
        rows.iter()
            .map(|row| {
                Ok(DueTimer {
                    entity: row.text(0)?,
                    key: row.text(1)?,
                    tenant: row.text(2)?,
                    due: row.i64(3)?,
                    payload: row.bytes(4)?,
                    cause: row.bytes(5)?,
                })
            })
            .collect()
    }

    /// Forgets everything that came from a log which was restored; it will be read again from its first event.
    pub async fn start_over(&self, lease: &Lease, place: &Place) -> Result<(), SqlError> {
        let mut tx = self.db.begin().await?;
        if !self.may_write(lease, &mut tx).await? {
            return tx.rollback().await;
        }
        cursors::forget(&mut tx, place).await?;
        tx.execute(
            "delete from inbox where kind = 0 and service = $1 and partition = $2",
            &params![&place.0, place.1],
        )
        .await?;
        tx.execute(
            "delete from parked where entity not in (select entity from inbox)",
            &[],
        )
        .await?;
        tx.commit().await
    }
}

/// Stores what was scheduled and cancelled. Of several changes to one timer the last one counts.
async fn change_timers(tx: &mut Tx, changes: &[(TimerOwner, TimerChange)]) -> Result<(), SqlError> {
    let mut last = BTreeMap::new();
    for (owner, change) in changes {
        let (key, row) = match change {
            TimerChange::Schedule { key, due, payload } => {
                let cause = owner.cause.encode_to_vec();
                let row = params![&owner.entity, key, &owner.tenant, due.0, payload, cause];
                (key, Some(row.into()))
            }
            TimerChange::Cancel { key } => (key, None),
        };
        last.insert((&owner.entity, key), row);
    }
    let (mut scheduled, mut cancelled) = (Vec::new(), Vec::new());
    for ((entity, key), row) in last {
        match row {
            Some(row) => scheduled.push(row),
            None => cancelled.push(params![entity, key].into()),
        }
    }
    tx.insert_many(
        "insert into timer",
        &["entity", "key", "tenant", "due", "payload", "cause"],
        scheduled,
        "on conflict (entity, key) do update
         set due = excluded.due, payload = excluded.payload, cause = excluded.cause",
    )
    .await?;
    tx.delete_by_keys("timer", &["entity", "key"], cancelled)
        .await?;
    Ok(())
}
