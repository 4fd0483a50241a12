//! Every movement at every place, newest first.

#[cfg(test)]
mod tests;

use futures::future::BoxFuture;
use ordo_event_log::{RecordedEvent, TenantId, Timestamp};
use ordo_projection::{Projection, ProjectionError, Tx};
use ordo_proto::{
    inventory::{
        Movement, StockAdjusted, StockCondition, StockIssued, StockReceived,
        StockReservationReleased, StockReserved, StockReturned,
    },
    types::Actor,
};
use ordo_sql::{Db, SqlError, Value, params};

ordo_event_log::events! {
    /// What is listed.
    enum Moved {
        Received(StockReceived),
        Adjusted(StockAdjusted),
        Reserved(StockReserved),
        Released(StockReservationReleased),
        Issued(StockIssued),
        Returned(StockReturned),
    }
}

// A tenant's movements are all in one partition, so that the position orders them.
const SCHEMA: &[&str] = &[
    "create table movement (
        tenant text not null, position bigint not null, sku text not null, site_id text not null,
        time bigint not null, kind text not null, delta bigint not null, reserved_delta bigint not null,
        condition bigint not null, cause_id text not null, reason text not null,
        actor_kind bigint not null, actor_id text not null, event_id text not null,
        primary key (tenant, position))",
    "create index movement_sku on movement (tenant, sku, site_id, position)",
    "create index movement_site on movement (tenant, site_id, position)",
];

const COLUMNS: &[&str] = &[
    "tenant",
    "position",
    "sku",
    "site_id",
    "time",
    "kind",
    "delta",
    "reserved_delta",
    "condition",
    "cause_id",
    "reason",
    "actor_kind",
    "actor_id",
    "event_id",
];

/// See the module.
pub struct MovementList;

impl Projection for MovementList {
    fn name(&self) -> &'static str {
        "movements"
    }

    fn version(&self) -> u32 {
        1
    }

    fn schema(&self) -> &'static [&'static str] {
        SCHEMA
    }

    fn apply<'a>(
        &'a self,
        tx: &'a mut Tx,
        events: &'a [RecordedEvent],
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async move {
            let mut rows = Vec::new();
            for event in events
                .iter()
                .filter(|event| Moved::type_names().contains(&&*event.type_name))
            {
                let moved = Moved::decode_event(&event.type_name, &event.payload)?;
                rows.push(row(event, moved));
            }
            if !rows.is_empty() {
                tx.insert_many("insert into movement", COLUMNS, rows, "")
                    .await?;
            }
            Ok(())
        })
    }
}

/// The movement that an event is, as far as the event itself tells it.
fn movement(moved: Moved) -> Movement {
    let sellable = StockCondition::Sellable.into();
    match moved {
        Moved::Received(e) => Movement {
            sku: e.sku,
            site_id: e.site_id,
            kind: "RECEIVED".into(),
            delta: e.quantity,
            condition: e.condition,
            cause_id: e.cause_id,
            ..Movement::default()
        },
        Moved::Adjusted(e) => Movement {
            sku: e.sku,
            site_id: e.site_id,
            kind: "ADJUSTED".into(),
            delta: e.delta,
            condition: e.condition,
            cause_id: e.cause_id,
            reason: e.reason,
            ..Movement::default()
        },
        Moved::Reserved(e) => Movement {
            sku: e.sku,
            site_id: e.site_id,
            kind: "RESERVED".into(),
            reserved_delta: e.quantity,
            condition: sellable,
            cause_id: e.reservation_id,
            ..Movement::default()
        },
        Moved::Released(e) => Movement {
            sku: e.sku,
            site_id: e.site_id,
            kind: "RELEASED".into(),
            reserved_delta: -e.quantity,
            condition: sellable,
            cause_id: e.reservation_id,
            reason: e.cause,
            ..Movement::default()
        },
        Moved::Issued(e) => Movement {
            sku: e.sku,
            site_id: e.site_id,
            kind: "ISSUED".into(),
            delta: -e.quantity,
            reserved_delta: -e.quantity,
            condition: sellable,
            cause_id: e.parcel_id,
            ..Movement::default()
        },
        Moved::Returned(e) => Movement {
            sku: e.sku,
            site_id: e.site_id,
            kind: "RETURNED".into(),
            delta: e.quantity,
            condition: e.condition,
            cause_id: e.case_id,
            ..Movement::default()
        },
    }
}

fn row(event: &RecordedEvent, moved: Moved) -> Vec<Value> {
    let movement = movement(moved);
    let actor = event.metadata.actor.clone().unwrap_or_default();
    // What the event does not say itself, the person who acted may have said.
    let reason = if movement.reason.is_empty() {
        event.metadata.reason.clone()
    } else {
        movement.reason
    };
    params![
        event.tenant.as_str(),
        event.position,
        movement.sku,
        movement.site_id,
        event.time.0,
        movement.kind,
        movement.delta,
        movement.reserved_delta,
        movement.condition,
        movement.cause_id,
        reason,
        actor.kind,
        actor.id,
        event.event_id.to_string(),
    ]
    .into()
}

/// Which movements are wanted.
#[derive(Clone, Copy, Debug)]
pub struct MovementQuery<'a> {
    /// Only of this SKU; empty: all.
    pub sku: &'a str,
    /// Only at this site; empty: all.
    pub site_id: &'a str,
    /// Recorded at this time or later.
    pub from: Option<Timestamp>,
    /// Recorded before this time.
    pub until: Option<Timestamp>,
    /// Only those before this position.
    pub before: Option<i64>,
    /// Rows of a page.
    pub limit: u32,
}

/// Movements, the newest first, and the position that the next page begins before.
pub async fn list(
    db: &Db,
    tenant: &TenantId,
    query: MovementQuery<'_>,
) -> Result<(Vec<Movement>, Option<i64>), SqlError> {
    let mut params: Vec<Value> = vec![tenant.as_str().into()];
    let mut sql = format!(
        "select {} from movement where tenant = $1",
        COLUMNS.join(", ")
    );
    let mut also = |condition: &str, value: Option<Value>| {
        if let Some(value) = value {
            params.push(value);
            sql += &format!(" and {condition} ${}", params.len());
        }
    };
    let given = |text: &str| (!text.is_empty()).then(|| Value::from(text));
    also("sku =", given(query.sku));
    also("site_id =", given(query.site_id));
    also("time >=", query.from.map(|time| time.0.into()));
    also("time <", query.until.map(|time| time.0.into()));
    also("position <", query.before.map(Into::into));
    sql += &format!(
        " order by position desc limit {}",
        u64::from(query.limit) + 1
    );
    let mut rows = db.fetch_all(&sql, &params).await?;
    let more = rows.len() > query.limit as usize;
    rows.truncate(query.limit as usize);
    let next = match rows.last().filter(|_| more) {
        Some(row) => Some(row.i64(1)?),
        None => None,
    };
    let movements = rows.iter().map(read).collect::<Result<_, _>>()?;
    Ok((movements, next))
}

fn read(row: &ordo_sql::Row) -> Result<Movement, SqlError> {
    let small = |value: i64| i32::try_from(value).unwrap_or_default();
    Ok(Movement {
        sku: row.text(2)?,
        site_id: row.text(3)?,
        time: Some(Timestamp(row.i64(4)?).into()),
        kind: row.text(5)?,
        delta: row.i64(6)?,
        reserved_delta: row.i64(7)?,
        condition: small(row.i64(8)?),
        cause_id: row.text(9)?,
        reason: row.text(10)?,
        actor: Some(Actor {
            kind: small(row.i64(11)?),
            id: row.text(12)?,
        }),
        event_id: row.text(13)?,
    })
}
