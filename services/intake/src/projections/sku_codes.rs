//! `sku_codes`: which of our SKUs a channel's code, a barcode or a till's input means. Follows inventory's catalogue.

use futures::future::BoxFuture;
use ordo_event_log::RecordedEvent;
use ordo_projection::{Db, Projection, ProjectionError, Rows, Tx, table};
use ordo_proto::inventory::{
    BarcodeAssigned, BarcodeFreed, ChannelSkuMapped, ChannelSkuUnmapped, SkuPut,
};
use ordo_sql::{SqlError, params};
use prost::Name;

/// Place of our own SKUs among the channels; no channel can have this name.
const OWN: &str = "*";
/// Place of barcodes.
const BARCODE: &str = "#";

table! {
    /// A code and what it means.
    pub struct CodeRow in "sku_code" {
        key { tenant: String, place: String, code: String }
        sku: String,
    }
}

const SCHEMA: &[&str] = &["create table sku_code (
    tenant text not null, place text not null, code text not null, sku text not null,
    primary key (tenant, place, code))"];

/// The read model.
pub struct SkuCodes;

/// A code that began or ceased to mean a SKU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// Channel, `OWN` or `BARCODE`.
    pub place: String,
    /// The code.
    pub code: String,
    /// `None`: it means nothing any more, if it meant `was`.
    pub sku: Option<String>,
    was: String,
}

/// What inventory's event says about a code.
pub fn meaning(event: &RecordedEvent) -> Result<Option<Meaning>, prost::DecodeError> {
    let means = |place: &str, code: String, sku: String| Meaning {
        place: place.to_owned(),
        code,
        was: String::new(),
        sku: Some(sku),
    };
    let ceases = |place: &str, code: String, was: String| Meaning {
        place: place.to_owned(),
        code,
        was,
        sku: None,
    };
    Ok(if let Some(it) = message::<SkuPut>(event)? {
        Some(means(OWN, it.sku.clone(), it.sku))
    } else if let Some(it) = message::<ChannelSkuMapped>(event)? {
        Some(means(&it.channel, it.code, it.sku))
    } else if let Some(it) = message::<ChannelSkuUnmapped>(event)? {
        Some(ceases(&it.channel, it.code, it.sku))
    } else if let Some(it) = message::<BarcodeAssigned>(event)? {
        Some(means(BARCODE, it.barcode, it.sku))
    } else if let Some(it) = message::<BarcodeFreed>(event)? {
        Some(ceases(BARCODE, it.barcode, it.sku))
    } else {
        None
    })
}

impl Meaning {
    /// The key of orders whose lines wait for this code; see `order_list`.
    pub fn awaited_as(&self) -> String {
        format!("{}/{}", self.place, self.code)
    }
}

/// Keys under which an order waits for the meaning of a channel's code, in the order in which they count.
pub fn awaited(channel: &str, code: &str) -> [String; 3] {
    [
        format!("{channel}/{code}"),
        format!("{OWN}/{code}"),
        format!("{BARCODE}/{}", barcode(code)),
    ]
}

/// The key under which an order waits for one of our SKUs to be put into the catalogue.
pub fn awaited_sku(sku: &str) -> String {
    format!("{OWN}/{sku}")
}

fn message<M: prost::Message + Default + Name>(
    event: &RecordedEvent,
) -> Result<Option<M>, prost::DecodeError> {
    if *event.type_name == M::full_name() {
        M::decode(event.payload.clone()).map(Some)
    } else {
        Ok(None)
    }
}

impl Projection for SkuCodes {
    fn name(&self) -> &'static str {
        "sku_codes"
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
            let mut meanings = Vec::new();
            for event in events {
                if let Some(meaning) = meaning(event)? {
                    let key = (
                        event.tenant.to_string(),
                        meaning.place.clone(),
                        meaning.code.clone(),
                    );
                    meanings.push((key, meaning));
                }
            }
            let mut codes =
                Rows::<CodeRow>::load(tx, meanings.iter().map(|(key, _)| key.clone())).await?;
            for (key, meaning) in meanings {
                match meaning.sku {
                    Some(sku) => codes.entry(key).sku = sku,
                    None if codes.get(&key).is_some_and(|row| row.sku == meaning.was) => {
                        codes.remove(&key);
                    }
                    None => {}
                }
            }
            codes.save(tx).await?;
            Ok(())
        })
    }
}

/// A barcode as inventory stores it: GTIN-8, -12 and -13 as GTIN-14 with leading zeros.
fn barcode(code: &str) -> String {
    let is_gtin = matches!(code.len(), 8 | 12 | 13) && code.bytes().all(|b| b.is_ascii_digit());
    if is_gtin {
        format!("{code:0>14}")
    } else {
        code.to_owned()
    }
}

/// The SKU that `code` means on `channel`: the channel's own mapping first, then our SKU of that code, then a barcode.
pub async fn sku_of(
    db: &Db,
    tenant: &str,
    channel: &str,
    code: &str,
) -> Result<Option<String>, SqlError> {
    let rows = db
        .fetch_all(
            "select place, sku from sku_code where tenant = $1 and place in ($2, $3) and code = $4
             union all select place, sku from sku_code where tenant = $1 and place = $5 and code = $6",
            &params![tenant, channel, OWN, code, BARCODE, barcode(code)],
        )
        .await?;
    let mut best: Option<(u8, String)> = None;
    for row in &rows {
        let rank = match row.text(0)?.as_str() {
            OWN => 1,
            BARCODE => 2,
            _ => 0,
        };
        if best.as_ref().is_none_or(|(known, _)| rank < *known) {
            best = Some((rank, row.text(1)?));
        }
    }
    Ok(best.map(|(_, sku)| sku))
}
