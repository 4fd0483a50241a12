//! Dropping: an operator gives up on the one thing that parked an entity, and says why. It is never tried again, stays on record,
//! and what waits behind it goes on.

use ordo_event_log::Timestamp;
use ordo_proto::{ops::DroppedEvent, types::LogPosition};
use ordo_sql::{Backend, Row, SqlError, params};

use super::{Reactor, store::Store};

pub(super) const DROPPED_SCHEMA: &str = "
create table if not exists dropped (
    -- in the order of dropping
    id text primary key,
    entity text not null,
    tenant text not null,
    -- where the event stands; empty and 0 for a timer
    service text not null,
    partition bigint not null,
    position bigint not null,
    -- id of the event, or key of the timer
    name text not null,
    type text not null,
    attempts bigint not null,
    error text not null,
    parked_at bigint not null,
    dropped_at bigint not null,
    -- who, and why
    actor text not null,
    reason text not null
);
";

const COLUMNS: &[&str] = &[
    "id",
    "entity",
    "tenant",
    "service",
    "partition",
    "position",
    "name",
    "type",
    "attempts",
    "error",
    "parked_at",
    "dropped_at",
    "actor",
    "reason",
];

impl Reactor {
    /// Drops what parked `entity`, if that is still `event_id`: an event's id or a timer's key, as [`parked`](Self::parked) names
    /// it. What waits behind it goes on. `None`: the entity is not parked, or by something else.
    pub async fn drop_parked(
        &self,
        entity: &str,
        event_id: &str,
        actor: &str,
        reason: &str,
    ) -> Result<Option<DroppedEvent>, SqlError> {
        let shared = &self.shared;
        let dropped = shared.store.drop(entity, event_id, actor, reason).await?;
        let Some(dropped) = dropped else {
            return Ok(None);
        };
        tracing::warn!(
            reaction = self.name(),
            entity,
            event = event_id,
            actor,
            reason,
            "A PARKED EVENT IS DROPPED; what waits behind it goes on"
        );
        metrics::counter!("ordo_reaction_dropped_total", "reaction" => self.name()).increment(1);
        shared.replay.notify_one();
        Ok(Some(self.named(dropped)))
    }

    /// Up to `limit` things that were dropped after the one with the id `after`, in the order in which they were; from the first
    /// one with an empty `after`.
    pub async fn dropped(&self, after: &str, limit: u32) -> Result<Vec<DroppedEvent>, SqlError> {
        let dropped = self.shared.store.dropped(after, limit).await?;
        Ok(dropped.into_iter().map(|event| self.named(event)).collect())
    }

    fn named(&self, event: DroppedEvent) -> DroppedEvent {
        DroppedEvent {
            reaction: self.name().to_owned(),
            ..event
        }
    }
}

impl Store {
    /// Takes what parked `entity` out of the inbox, writes down who wanted that, and asks for the rest to be tried.
    async fn drop(
        &self,
        entity: &str,
        event_id: &str,
        actor: &str,
        reason: &str,
    ) -> Result<Option<DroppedEvent>, SqlError> {
        let mut tx = self.db.begin().await?;
        // Two operators, or one who replays and one who drops: the second one waits here and sees what the first one did.
        let lock = match self.db.backend() {
            Backend::Postgres => " for update",
            _ => "",
        };
        let sql = format!("select name, error, parked_at from parked where entity = $1{lock}");
        let Some(parked) = tx.fetch_optional(&sql, &params![entity]).await? else {
            return Ok(None);
        };
        let first = tx
            .fetch_optional(
                "select seq, tenant, service, partition, position, name, type, attempts from inbox
                 where entity = $1 order by seq limit 1",
                &params![entity],
            )
            .await?;
        let Some(first) = first else {
            return Ok(None);
        };
        if parked.text(0)? != event_id || first.text("name")? != event_id {
            return Ok(None);
        }
        let id = uuid::Uuid::now_v7().to_string();
        let row = params![
            &id,
            entity,
            first.text("tenant")?,
            first.text("service")?,
            first.u32("partition")?,
            first.u64("position")?,
            event_id,
            first.text("type")?,
            first.u32("attempts")?,
            parked.text(1)?,
            parked.i64(2)?,
            Timestamp::now().0,
            actor,
            reason
        ];
        tx.insert_many("insert into dropped", COLUMNS, vec![row.into()], "")
            .await?;
        tx.execute(
            "delete from inbox where seq = $1",
            &params![first.i64("seq")?],
        )
        .await?;
        tx.execute(
            "update parked set replay = 1 where entity = $1",
            &params![entity],
        )
        .await?;
        let sql = format!("select {} from dropped where id = $1", COLUMNS.join(", "));
        let dropped = tx.fetch_optional(&sql, &params![&id]).await?;
        tx.commit().await?;
        dropped.as_ref().map(dropped_event).transpose()
    }

    async fn dropped(&self, after: &str, limit: u32) -> Result<Vec<DroppedEvent>, SqlError> {
        let sql = format!(
            "select {} from dropped where id > $1 order by id limit $2",
            COLUMNS.join(", ")
        );
        let rows = self.db.fetch_all(&sql, &params![after, limit]).await?;
        rows.iter().map(dropped_event).collect()
    }
}

/// What a row with [`COLUMNS`] says.
fn dropped_event(row: &Row) -> Result<DroppedEvent, SqlError> {
    let service = row.text("service")?;
    let at = LogPosition {
        partition: row.u32("partition")?,
        position: row.u64("position")?,
        service,
        epoch: 0,
    };
    Ok(DroppedEvent {
        dropped_id: row.text("id")?,
        reaction: String::new(),
        entity: row.text("entity")?,
        tenant: row.text("tenant")?,
        event_id: row.text("name")?,
        event_type: row.text("type")?,
        at: (at.position > 0).then_some(at),
        attempts: row.u32("attempts")?,
        error: row.text("error")?,
        parked_at: Some(Timestamp(row.i64("parked_at")?).into()),
        dropped_at: Some(Timestamp(row.i64("dropped_at")?).into()),
        actor: row.text("actor")?,
        reason: row.text("reason")?,
    })
}
