//! Units by SKU and site: there, promised, kept back, waited for.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use futures::future::BoxFuture;
use ordo_event_log::{RecordedEvent, TenantId};
use ordo_projection::{Projection, ProjectionError, Rows, Tx, table};
use ordo_proto::inventory::{
    Availability, BackorderLeft, BackorderQueued, StockAdjusted, StockCondition, StockIssued,
    StockLevelsSet, StockReceived, StockReservationReleased, StockReserved, StockReturned,
};
use ordo_sql::{Db, SqlError, Value};

ordo_event_log::events! {
    /// What changes these tables.
    enum Change {
        Received(StockReceived),
        Adjusted(StockAdjusted),
        Reserved(StockReserved),
        Released(StockReservationReleased),
        Issued(StockIssued),
        Returned(StockReturned),
        LevelsSet(StockLevelsSet),
        Queued(BackorderQueued),
        Left(BackorderLeft),
    }
}

table! {
    /// Units of a SKU at a site; with an empty site, those that wait for any site.
    pub struct PlaceRow in "availability" {
        key { tenant: String, sku: String, site_id: String }
        sellable: i64,
        quarantine: i64,
        damaged: i64,
        reserved: i64,
        safety: i64,
        backordered: i64,
    }
}

table! {
    /// Who waits, and where for.
    pub struct WaiterRow in "waiter" {
        key { tenant: String, sku: String, reservation_id: String }
        site_id: String,
        quantity: i64,
    }
}

const SCHEMA: &[&str] = &[
    "create table availability (
        tenant text not null, sku text not null, site_id text not null,
        sellable bigint not null, quarantine bigint not null, damaged bigint not null,
        reserved bigint not null, safety bigint not null, backordered bigint not null,
        primary key (tenant, sku, site_id))",
    "create index availability_site on availability (tenant, site_id, sku)",
    "create table waiter (
        tenant text not null, sku text not null, reservation_id text not null,
        site_id text not null, quantity bigint not null,
        primary key (tenant, sku, reservation_id))",
];

/// See the module.
pub struct AvailabilityList;

impl Projection for AvailabilityList {
    fn name(&self) -> &'static str {
        "availability"
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
        Box::pin(apply(tx, events))
    }
}

async fn apply(tx: &mut Tx, events: &[RecordedEvent]) -> Result<(), ProjectionError> {
    let mut changes = Vec::new();
    for event in events
        .iter()
        .filter(|event| Change::type_names().contains(&&*event.type_name))
    {
        let change = Change::decode_event(&event.type_name, &event.payload)?;
        changes.push((event.tenant.to_string(), change));
    }
    let waiting = changes
        .iter()
        .filter_map(|(tenant, change)| waiter_key(tenant, change));
    let mut waiters = Rows::<WaiterRow>::load(tx, waiting).await?;
    let before = waiters
        .iter()
        .map(|((tenant, sku, _), waiter)| (tenant.clone(), sku.clone(), waiter.site_id.clone()));
    let touched = changes
        .iter()
        .map(|(tenant, change)| place_key(tenant, change));
    let mut places = Rows::<PlaceRow>::load(tx, touched.chain(before)).await?;
    for (tenant, change) in &changes {
        change_rows(&mut places, &mut waiters, tenant, change);
    }
    // Nobody waits for any site any more.
    let empty: Vec<_> = (places.iter())
        .filter(|((.., site_id), row)| site_id.is_empty() && row.backordered == 0)
        .map(|(key, _)| key.clone())
        .collect();
    for key in &empty {
        places.remove(key);
    }
    waiters.save(tx).await?;
    places.save(tx).await?;
    Ok(())
}

fn change_rows(
    places: &mut Rows<PlaceRow>,
    waiters: &mut Rows<WaiterRow>,
    tenant: &str,
    change: &Change,
) {
    let place = places.entry(place_key(tenant, change));
    match change {
        Change::Received(e) => count(place, e.condition(), e.quantity),
        Change::Returned(e) => count(place, e.condition(), e.quantity),
        Change::Adjusted(e) => count(place, e.condition(), e.delta),
        Change::Reserved(e) => place.reserved += e.quantity,
        Change::Released(e) => place.reserved -= e.quantity,
        Change::Issued(e) => {
            place.reserved -= e.quantity;
            place.sellable -= e.quantity;
        }
        Change::LevelsSet(e) => place.safety = e.safety,
        Change::Queued(e) => {
            place.backordered += e.quantity;
            let now = WaiterRow {
                tenant: tenant.to_owned(),
                sku: e.sku.clone(),
                reservation_id: e.reservation_id.clone(),
                site_id: e.site_id.clone(),
                quantity: e.quantity,
            };
            stop_waiting(places, waiters, tenant, &e.sku, &e.reservation_id);
            waiters.insert(
                (
                    now.tenant.clone(),
                    now.sku.clone(),
                    now.reservation_id.clone(),
                ),
                now,
            );
        }
        Change::Left(e) => stop_waiting(places, waiters, tenant, &e.sku, &e.reservation_id),
    }
}

fn count(place: &mut PlaceRow, condition: StockCondition, delta: i64) {
    match condition {
        StockCondition::Sellable => place.sellable += delta,
        StockCondition::Quarantine => place.quarantine += delta,
        StockCondition::Damaged => place.damaged += delta,
        StockCondition::Unspecified => {}
    }
}

fn stop_waiting(
    places: &mut Rows<PlaceRow>,
    waiters: &mut Rows<WaiterRow>,
    tenant: &str,
    sku: &str,
    reservation_id: &str,
) {
    let key = (tenant.to_owned(), sku.to_owned(), reservation_id.to_owned());
    if let Some(waiter) = waiters.remove(&key) {
        places.entry((key.0, key.1, waiter.site_id)).backordered -= waiter.quantity;
    }
}

/// The row that the change is about. Who leaves a queue does not say where it waited for; that row is loaded beside.
fn place_key(tenant: &str, change: &Change) -> (String, String, String) {
    let (sku, site_id) = match change {
        Change::Received(e) => (&e.sku, e.site_id.as_str()),
        Change::Returned(e) => (&e.sku, e.site_id.as_str()),
        Change::Adjusted(e) => (&e.sku, e.site_id.as_str()),
        Change::Reserved(e) => (&e.sku, e.site_id.as_str()),
        Change::Released(e) => (&e.sku, e.site_id.as_str()),
        Change::Issued(e) => (&e.sku, e.site_id.as_str()),
        Change::LevelsSet(e) => (&e.sku, e.site_id.as_str()),
        Change::Queued(e) => (&e.sku, e.site_id.as_str()),
        Change::Left(e) => (&e.sku, ""),
    };
    (tenant.to_owned(), sku.clone(), site_id.to_owned())
}

fn waiter_key(tenant: &str, change: &Change) -> Option<(String, String, String)> {
    match change {
        Change::Queued(e) => Some((tenant.to_owned(), e.sku.clone(), e.reservation_id.clone())),
        Change::Left(e) => Some((tenant.to_owned(), e.sku.clone(), e.reservation_id.clone())),
        _ => None,
    }
}

/// Which rows are wanted.
#[derive(Clone, Copy, Debug)]
pub struct AvailabilityQuery<'a> {
    /// All rows of these SKUs; empty: every SKU, page by page.
    pub skus: &'a [String],
    /// Only this site; empty: all.
    pub site_id: &'a str,
    /// Rows after this SKU and site.
    pub after: Option<(&'a str, &'a str)>,
    /// Rows of a page.
    pub limit: u32,
}

/// Rows in the order of SKU and site, and whether there are more.
pub async fn list(
    db: &Db,
    tenant: &TenantId,
    query: AvailabilityQuery<'_>,
) -> Result<(Vec<Availability>, bool), SqlError> {
    let mut params: Vec<Value> = vec![tenant.as_str().into()];
    let mut sql = String::from(
        "select sku, site_id, sellable, quarantine, damaged, reserved, safety, backordered
         from availability where tenant = $1",
    );
    let mut bind = |value: &str| {
        params.push(value.into());
        format!("${}", params.len())
    };
    if !query.site_id.is_empty() {
        sql += &format!(" and site_id = {}", bind(query.site_id));
    }
    let skus: BTreeSet<&String> = query.skus.iter().collect();
    if !skus.is_empty() {
        let list: Vec<String> = skus.iter().map(|sku| bind(sku)).collect();
        sql += &format!(" and sku in ({})", list.join(", "));
    }
    if let Some((sku, site_id)) = query.after {
        sql += &format!(" and (sku, site_id) > ({}, {})", bind(sku), bind(site_id));
    }
    sql += " order by sku, site_id";
    let paged = skus.is_empty();
    if paged {
        sql += &format!(" limit {}", u64::from(query.limit) + 1);
    }
    let mut rows = Vec::new();
    for row in db.fetch_all(&sql, &params).await? {
        let (sellable, reserved, safety) = (row.i64(2)?, row.i64(5)?, row.i64(6)?);
        rows.push(Availability {
            sku: row.text(0)?,
            site_id: row.text(1)?,
            on_hand: sellable,
            reserved,
            safety,
            available: (sellable - reserved - safety).max(0),
            quarantine: row.i64(3)?,
            damaged: row.i64(4)?,
            backordered: row.i64(7)?,
        });
    }
    let more = paged && rows.len() > query.limit as usize;
    if paged {
        rows.truncate(query.limit as usize);
    }
    Ok((rows, more))
}

/// SKUs that somebody waits for and that `site_id` could give now.
pub async fn waited_for_at(
    db: &Db,
    tenant: &TenantId,
    site_id: &str,
) -> Result<Vec<String>, SqlError> {
    // The primary key of `waiter` answers `exists` without a scan.
    let sql = "select a.sku from availability a
         where a.tenant = $1 and a.site_id = $2 and a.sellable - a.reserved - a.safety > 0
           and exists (select 1 from waiter w where w.tenant = a.tenant and w.sku = a.sku)
         order by a.sku";
    let rows = db
        .fetch_all(sql, &[tenant.as_str().into(), site_id.into()])
        .await?;
    rows.iter().map(|row| row.text(0)).collect()
}
