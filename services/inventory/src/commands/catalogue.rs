//! Products, SKUs and sites, with the codes that lead to them.

use std::collections::BTreeSet;

use ordo_event_log::{Halt, Timestamp};
use ordo_proto::{
    inventory::{ChannelSku, ProductPut, SiteListed, SitePut, SkuPut},
    types::Money,
};

use super::{InventoryError, Streams};
use crate::{
    codes::{Barcode, ChannelCode, CodeCommand},
    gs1,
    ids::Sku,
    product::Product,
    sites::{ALL, Site, Sites},
    sku::{SkuCommand, SkuItem},
};

/// Describes a product.
pub fn put_product(
    streams: &mut impl Streams,
    put: ProductPut,
) -> Result<(), Halt<InventoryError>> {
    let id = put.product_id.clone();
    streams
        .decide::<Product>(&id, put)
        .map_err(|halt| halt.map(InventoryError::from))
}

/// Describes a site, and lists it for decisions.
pub fn put_site(streams: &mut impl Streams, put: SitePut) -> Result<(), Halt<InventoryError>> {
    let listed = SiteListed {
        site_id: put.site_id.clone(),
        region: put.region.clone(),
        priority: put.priority,
        serves_orders: put.serves_orders,
    };
    let id = put.site_id.clone();
    streams
        .decide::<Site>(&id, put)
        .map_err(|halt| halt.map(InventoryError::from))?;
    streams
        .decide::<Sites>(ALL, listed)
        .map_err(|halt| halt.map(InventoryError::from))
}

/// Describes a SKU, dates its price and cost, and moves its barcodes and channel codes. A code that belongs to another SKU
/// is refused. Barcodes must be valid (see [`gs1::canonical`]).
pub fn put_sku(
    streams: &mut impl Streams,
    put: SkuPut,
    price: Option<Money>,
    cost: Option<Money>,
    effective_from: Timestamp,
) -> Result<(), Halt<InventoryError>> {
    let sku = Sku::from(&put.sku);
    if !put.product_id.is_empty() && !streams.state::<Product>(&put.product_id)?.exists() {
        let product_id = put.product_id.clone();
        return Err(Halt::Refuse(InventoryError::UnknownProduct { product_id }));
    }
    let before = streams
        .state::<SkuItem>(&put.sku)?
        .record()
        .cloned()
        .unwrap_or_default();
    move_barcodes(streams, &sku, &before.barcodes, &put.barcodes)?;
    move_channel_codes(streams, &sku, &before.channel_skus, &put.channel_skus)?;
    let command = SkuCommand::Put {
        put: Box::new(put),
        price,
        cost,
        effective_from,
    };
    streams
        .decide::<SkuItem>(sku.as_str(), command)
        .map_err(|halt| halt.map(InventoryError::from))
}

fn move_barcodes(
    streams: &mut impl Streams,
    sku: &Sku,
    before: &[String],
    now: &[String],
) -> Result<(), Halt<InventoryError>> {
    let canonical = |codes: &[String]| -> BTreeSet<String> {
        codes
            .iter()
            .filter_map(|code| gs1::canonical(code).ok())
            .collect()
    };
    let (before, now) = (canonical(before), canonical(now));
    let freed = before.difference(&now).map(|code| {
        (
            code,
            CodeCommand::Free {
                code: code.clone(),
                sku: sku.clone(),
            },
        )
    });
    let taken = now.iter().map(|code| {
        (
            code,
            CodeCommand::Take {
                code: code.clone(),
                sku: sku.clone(),
            },
        )
    });
    for (code, command) in freed.chain(taken) {
        streams
            .decide::<Barcode>(code, command)
            .map_err(|halt| halt.map(InventoryError::from))?;
    }
    Ok(())
}

fn move_channel_codes(
    streams: &mut impl Streams,
    sku: &Sku,
    before: &[ChannelSku],
    now: &[ChannelSku],
) -> Result<(), Halt<InventoryError>> {
    let freed = before
        .iter()
        .filter(|code| !now.contains(code))
        .map(|code| {
            (
                code,
                CodeCommand::Free {
                    code: code.clone(),
                    sku: sku.clone(),
                },
            )
        });
    let taken = now.iter().map(|code| {
        (
            code,
            CodeCommand::Take {
                code: code.clone(),
                sku: sku.clone(),
            },
        )
    });
    for (code, command) in freed.chain(taken) {
        streams
            .decide::<ChannelCode>(&ChannelCode::stream_id(code), command)
            .map_err(|halt| halt.map(InventoryError::from))?;
    }
    Ok(())
}
