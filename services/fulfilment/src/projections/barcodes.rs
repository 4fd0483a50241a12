//! What a barcode means, from inventory's catalogue: so that a scan is checked without asking anybody.

use std::collections::BTreeSet;

use futures::future::BoxFuture;
use ordo_event_log::RecordedEvent;
use ordo_projection::{Db, Projection, ProjectionError, Rows, Tx, table};
use ordo_proto::inventory::SkuPut;
use ordo_sql::{SqlError, Value};
use prost::{Message as _, Name as _};

table! {
    /// A barcode of a SKU; the code in its [comparable] form.
    pub struct BarcodeRow in "barcode" {
        key { tenant: String, sku: String, code: String }
    }
}

const SCHEMA: &[&str] = &[
    "create table barcode (
        tenant text not null,
        sku text not null,
        code text not null,
        primary key (tenant, sku, code)
    )",
    "create index barcode_by_code on barcode (tenant, code, sku)",
];

/// Keeps [`BarcodeRow`]s.
#[derive(Debug)]
pub struct BarcodeProjection;

impl Projection for BarcodeProjection {
    fn name(&self) -> &'static str {
        "barcodes"
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
            let mut put = Vec::new();
            for event in events
                .iter()
                .filter(|event| *event.type_name == *SkuPut::full_name())
            {
                put.push((
                    event.tenant.to_string(),
                    SkuPut::decode(event.payload.clone())?,
                ));
            }
            let mut rows = Rows::<BarcodeRow>::default();
            let groups = put
                .iter()
                .map(|(tenant, sku)| vec![Value::from(tenant.as_str()), sku.sku.as_str().into()]);
            rows.load_groups(tx, &["tenant", "sku"], groups).await?;
            for (tenant, sku) in put {
                // The event names all barcodes that the SKU has from now on.
                let wanted: BTreeSet<_> =
                    sku.barcodes.iter().map(|code| comparable(code)).collect();
                let known: Vec<_> = rows
                    .range(&(tenant.clone(), sku.sku.clone(), String::new()))
                    .map(|(key, _)| key.clone())
                    .take_while(|key| key.0 == tenant && key.1 == sku.sku)
                    .collect();
                for gone in known.iter().filter(|key| !wanted.contains(&key.2)) {
                    rows.remove(gone);
                }
                for code in wanted {
                    rows.entry((tenant.clone(), sku.sku.clone(), code));
                }
            }
            rows.save(tx).await?;
            Ok(())
        })
    }
}

/// A GTIN has one meaning at every length: scanners read a UPC with or without its leading zero.
pub fn comparable(code: &str) -> String {
    let code = code.trim();
    let digits = code.trim_start_matches('0');
    if !digits.is_empty() && code.bytes().all(|byte| byte.is_ascii_digit()) {
        digits.to_owned()
    } else {
        code.to_owned()
    }
}

/// SKUs that carry this barcode, by code.
pub async fn skus(db: &Db, tenant: &str, barcode: &str) -> Result<Vec<String>, SqlError> {
    let sql = "select sku from barcode where tenant = $1 and code = $2 order by sku limit 20";
    let rows = db
        .fetch_all(sql, &ordo_sql::params![tenant, comparable(barcode)])
        .await?;
    rows.iter().map(|row| row.text(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gtin_is_the_same_with_and_without_leading_zeros() {
        assert_eq!(comparable("0036000291452"), comparable("036000291452"));
        assert_eq!(comparable("A-0036"), "A-0036");
        assert_eq!(comparable("000"), "000");
    }
}
