//! Products, SKUs with their dated prices, the codes that lead to them, and sites.

#[cfg(test)]
mod tests;

use futures::future::BoxFuture;
use ordo_event_log::{RecordedEvent, TenantId, Timestamp};
use ordo_projection::{Projection, ProjectionError, Rows, Tx, table};
use ordo_proto::{
    inventory::{
        BarcodeAssigned, BarcodeFreed, ChannelSku, ChannelSkuMapped, ChannelSkuUnmapped,
        ProductPut, Site, SitePut, Sku, SkuCostChanged, SkuPriceChanged, SkuPut,
    },
    types::Money,
};
use ordo_sql::{Db, SqlError};
use prost::Message as _;

use super::QueryError;
use crate::gs1;

ordo_event_log::events! {
    /// What changes these tables.
    enum Change {
        Product(ProductPut),
        Sku(SkuPut),
        Price(SkuPriceChanged),
        Cost(SkuCostChanged),
        BarcodeAssigned(BarcodeAssigned),
        BarcodeFreed(BarcodeFreed),
        Mapped(ChannelSkuMapped),
        Unmapped(ChannelSkuUnmapped),
        Site(SitePut),
    }
}

table! {
    /// A product.
    pub struct ProductRow in "product" {
        key { tenant: String, product_id: String }
        name: String,
        brand: String,
        category: String,
        listed: bool,
    }
}

table! {
    /// A SKU: the bytes of its latest `SkuPut`.
    pub struct SkuRow in "sku" {
        key { tenant: String, sku: String }
        record: Vec<u8>,
    }
}

table! {
    /// What a SKU costs from some time on (microseconds since 1970).
    pub struct PriceRow in "sku_price" {
        key { tenant: String, sku: String, kind: String, effective_from: i64 }
        currency: String,
        minor_units: i64,
    }
}

table! {
    /// A code that leads to a SKU: a canonical barcode (channel empty), or a channel's code.
    pub struct CodeRow in "code" {
        key { tenant: String, channel: String, code: String }
        sku: String,
    }
}

table! {
    /// A site: the bytes of its latest `SitePut`.
    pub struct SiteRow in "site" {
        key { tenant: String, site_id: String }
        priority: i64,
        record: Vec<u8>,
    }
}

const PRICE: &str = "PRICE";
const COST: &str = "COST";

const SCHEMA: &[&str] = &[
    "create table product (
        tenant text not null, product_id text not null,
        name text not null, brand text not null, category text not null, listed bigint not null,
        primary key (tenant, product_id))",
    "create table sku (
        tenant text not null, sku text not null, record bytea not null,
        primary key (tenant, sku))",
    "create table sku_price (
        tenant text not null, sku text not null, kind text not null, effective_from bigint not null,
        currency text not null, minor_units bigint not null,
        primary key (tenant, sku, kind, effective_from))",
    "create table code (
        tenant text not null, channel text not null, code text not null, sku text not null,
        primary key (tenant, channel, code))",
    "create table site (
        tenant text not null, site_id text not null, priority bigint not null, record bytea not null,
        primary key (tenant, site_id))",
];

/// See the module.
pub struct Catalogue;

impl Projection for Catalogue {
    fn name(&self) -> &'static str {
        "catalogue"
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

/// Every change replaces whole rows, so that nothing has to be loaded.
async fn apply(tx: &mut Tx, events: &[RecordedEvent]) -> Result<(), ProjectionError> {
    let mut products = Rows::<ProductRow>::default();
    let mut skus = Rows::<SkuRow>::default();
    let mut prices = Rows::<PriceRow>::default();
    let mut codes = Rows::<CodeRow>::default();
    let mut sites = Rows::<SiteRow>::default();
    for event in events
        .iter()
        .filter(|event| Change::type_names().contains(&&*event.type_name))
    {
        let tenant = event.tenant.to_string();
        match Change::decode_event(&event.type_name, &event.payload)? {
            Change::Product(e) => {
                let row = products.entry((tenant, e.product_id));
                (row.name, row.brand, row.category, row.listed) =
                    (e.name, e.brand, e.category, e.listed);
            }
            Change::Sku(e) => skus.entry((tenant, e.sku)).record = event.payload.to_vec(),
            Change::Price(e) => date(
                &mut prices,
                tenant,
                e.sku,
                PRICE,
                e.effective_from.as_ref(),
                e.price,
            ),
            Change::Cost(e) => date(
                &mut prices,
                tenant,
                e.sku,
                COST,
                e.effective_from.as_ref(),
                e.cost,
            ),
            Change::BarcodeAssigned(e) => {
                codes.entry((tenant, String::new(), e.barcode)).sku = e.sku
            }
            Change::BarcodeFreed(e) => {
                codes.remove(&(tenant, String::new(), e.barcode));
            }
            Change::Mapped(e) => codes.entry((tenant, e.channel, e.code)).sku = e.sku,
            Change::Unmapped(e) => {
                codes.remove(&(tenant, e.channel, e.code));
            }
            Change::Site(e) => {
                let row = sites.entry((tenant, e.site_id));
                (row.priority, row.record) = (e.priority.into(), event.payload.to_vec());
            }
        }
    }
    products.save(tx).await?;
    skus.save(tx).await?;
    prices.save(tx).await?;
    codes.save(tx).await?;
    sites.save(tx).await?;
    Ok(())
}

fn date(
    prices: &mut Rows<PriceRow>,
    tenant: String,
    sku: String,
    kind: &str,
    from: Option<&prost_types::Timestamp>,
    money: Option<Money>,
) {
    if let (Some(from), Some(money)) = (from, money) {
        let row = prices.entry((tenant, sku, kind.to_owned(), Timestamp::from(from).0));
        (row.currency, row.minor_units) = (money.currency_code, money.minor_units);
    }
}

/// The SKU with the price and cost that hold at `time`.
pub async fn sku(
    db: &Db,
    tenant: &TenantId,
    sku: &str,
    time: Timestamp,
) -> Result<Option<Sku>, QueryError> {
    let found = db
        .fetch_optional(
            "select record from sku where tenant = $1 and sku = $2",
            &[tenant.as_str().into(), sku.into()],
        )
        .await?;
    let Some(row) = found else { return Ok(None) };
    let put = SkuPut::decode(row.bytes(0)?.as_slice())?;
    Ok(Some(Sku {
        price: money_at(db, tenant, sku, PRICE, time).await?,
        cost: money_at(db, tenant, sku, COST, time).await?,
        sku: put.sku,
        product_id: put.product_id,
        name: put.name,
        barcodes: put.barcodes,
        style: put.style,
        colour: put.colour,
        size: put.size,
        weight_grams: put.weight_grams,
        fragile: put.fragile,
        perishable: put.perishable,
        attributes: put.attributes,
        channel_skus: put.channel_skus,
    }))
}

async fn money_at(
    db: &Db,
    tenant: &TenantId,
    sku: &str,
    kind: &str,
    time: Timestamp,
) -> Result<Option<Money>, SqlError> {
    let row = db
        .fetch_optional(
            "select currency, minor_units from sku_price
             where tenant = $1 and sku = $2 and kind = $3 and effective_from <= $4
             order by effective_from desc limit 1",
            &[
                tenant.as_str().into(),
                sku.into(),
                kind.into(),
                time.0.into(),
            ],
        )
        .await?;
    row.map(|row| {
        Ok(Money {
            currency_code: row.text(0)?,
            minor_units: row.i64(1)?,
        })
    })
    .transpose()
}

/// The SKU that a barcode means, however the scanner writes it.
pub async fn sku_of_barcode(
    db: &Db,
    tenant: &TenantId,
    barcode: &str,
) -> Result<Option<String>, SqlError> {
    match gs1::canonical(barcode) {
        Ok(code) => sku_of_code(db, tenant, "", &code).await,
        Err(_) => Ok(None),
    }
}

/// The SKU that a channel's code means.
pub async fn sku_of_channel_code(
    db: &Db,
    tenant: &TenantId,
    code: &ChannelSku,
) -> Result<Option<String>, SqlError> {
    sku_of_code(db, tenant, &code.channel, &code.code).await
}

async fn sku_of_code(
    db: &Db,
    tenant: &TenantId,
    channel: &str,
    code: &str,
) -> Result<Option<String>, SqlError> {
    let row = db
        .fetch_optional(
            "select sku from code where tenant = $1 and channel = $2 and code = $3",
            &[tenant.as_str().into(), channel.into(), code.into()],
        )
        .await?;
    row.map(|row| row.text(0)).transpose()
}

/// All sites, those that are tried first first.
pub async fn sites(db: &Db, tenant: &TenantId) -> Result<Vec<Site>, QueryError> {
    let rows = db
        .fetch_all(
            "select record from site where tenant = $1 order by priority, site_id",
            &[tenant.as_str().into()],
        )
        .await?;
    let mut sites = Vec::new();
    for row in rows {
        let put = SitePut::decode(row.bytes(0)?.as_slice())?;
        sites.push(Site {
            site_id: put.site_id,
            name: put.name,
            kind: put.kind,
            region: put.region,
            priority: put.priority,
            serves_orders: put.serves_orders,
        });
    }
    Ok(sites)
}
