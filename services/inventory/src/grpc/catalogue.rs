//! Products, SKUs and sites.

use ordo_event_log::Timestamp;
use ordo_proto::inventory::{
    ChannelSku, ProductPut, PutProductRequest, PutProductResponse, PutSiteRequest, PutSiteResponse,
    PutSkuRequest, PutSkuResponse, SiteKind, SitePut, SkuPut,
};
use ordo_rpc::Violations;
use tonic::{Request, Response, Status};

use super::{InventoryService, fields};
use crate::{commands, gs1};

pub(super) async fn put_product(
    service: &InventoryService,
    request: Request<PutProductRequest>,
) -> Result<Response<PutProductResponse>, Status> {
    let message = request.get_ref();
    let mut violations = Violations::new();
    fields::id(&message.product_id, "product_id", &mut violations);
    fields::named(&message.name, 200, "name", &mut violations);
    fields::text(&message.brand, 100, "brand", &mut violations);
    fields::text(&message.category, 100, "category", &mut violations);
    violations.finish()?;
    let put = ProductPut {
        product_id: message.product_id.clone(),
        name: message.name.clone(),
        brand: message.brand.clone(),
        category: message.category.clone(),
        listed: !message.delisted,
    };
    let command = service.command(&request, message.header.as_ref())?;
    let ((), receipt) = service
        .execute(command, move |unit| {
            commands::put_product(unit, put.clone())
        })
        .await?;
    let receipt = Some(receipt);
    Ok(Response::new(PutProductResponse { receipt }))
}

pub(super) async fn put_site(
    service: &InventoryService,
    request: Request<PutSiteRequest>,
) -> Result<Response<PutSiteResponse>, Status> {
    let message = request.get_ref();
    let mut violations = Violations::new();
    fields::site_id(&message.site_id, "site_id", &mut violations);
    fields::named(&message.name, 200, "name", &mut violations);
    fields::region(message.region.as_ref(), "region", &mut violations);
    let kind = violations.choice(message.kind, SiteKind::as_str_name, "kind");
    violations.finish()?;
    let kind = kind.unwrap_or_default();
    let put = SitePut {
        site_id: message.site_id.clone(),
        name: message.name.clone(),
        kind: kind.into(),
        region: message.region.clone(),
        priority: message.priority,
        serves_orders: !message.serves_no_orders,
    };
    let command = service.command(&request, message.header.as_ref())?;
    let ((), receipt) = service
        .execute(command, move |unit| commands::put_site(unit, put.clone()))
        .await?;
    let receipt = Some(receipt);
    Ok(Response::new(PutSiteResponse { receipt }))
}

pub(super) async fn put_sku(
    service: &InventoryService,
    request: Request<PutSkuRequest>,
) -> Result<Response<PutSkuResponse>, Status> {
    let message = request.get_ref();
    let (put, effective_from) = check_sku(message)?;
    let (price, cost) = (message.price.clone(), message.cost.clone());
    let effective_from = effective_from.unwrap_or_else(Timestamp::now);
    let command = service.command(&request, message.header.as_ref())?;
    let ((), receipt) = service
        .execute(command, move |unit| {
            commands::put_sku(
                unit,
                put.clone(),
                price.clone(),
                cost.clone(),
                effective_from,
            )
        })
        .await?;
    let receipt = Some(receipt);
    Ok(Response::new(PutSkuResponse { receipt }))
}

fn check_sku(message: &PutSkuRequest) -> Result<(SkuPut, Option<Timestamp>), Status> {
    let mut violations = Violations::new();
    let v = &mut violations;
    fields::sku(&message.sku, "sku", v);
    if !message.product_id.is_empty() {
        fields::id(&message.product_id, "product_id", v);
    }
    fields::named(&message.name, 200, "name", v);
    fields::text(&message.style, 100, "style", v);
    fields::text(&message.colour, 100, "colour", v);
    fields::text(&message.size, 100, "size", v);
    fields::level(message.weight_grams, "weight_grams", v);
    fields::count(message.barcodes.len(), 0, 50, "barcodes", v);
    for (index, barcode) in message.barcodes.iter().enumerate() {
        if let Err(error) = gs1::canonical(barcode) {
            v.add(format!("barcodes[{index}]"), error.to_string());
        }
    }
    fields::count(message.attributes.len(), 0, 50, "attributes", v);
    for (name, value) in &message.attributes {
        fields::named(name, 50, "attributes.key", v);
        fields::text(value, 500, &format!("attributes[{name}]"), v);
    }
    fields::count(message.channel_skus.len(), 0, 50, "channel_skus", v);
    for (index, code) in message.channel_skus.iter().enumerate() {
        check_channel_sku(code, &format!("channel_skus[{index}]"), v);
    }
    fields::money(message.price.as_ref(), "price", v);
    fields::money(message.cost.as_ref(), "cost", v);
    let effective_from = fields::time(message.effective_from.as_ref(), "effective_from", v);
    violations.finish()?;
    let put = SkuPut {
        sku: message.sku.clone(),
        product_id: message.product_id.clone(),
        name: message.name.clone(),
        barcodes: message.barcodes.clone(),
        style: message.style.clone(),
        colour: message.colour.clone(),
        size: message.size.clone(),
        weight_grams: message.weight_grams,
        fragile: message.fragile,
        perishable: message.perishable,
        attributes: message.attributes.clone(),
        channel_skus: message.channel_skus.clone(),
    };
    Ok((put, effective_from))
}

/// A channel's name and its code; together they fit into the id of a stream.
pub(super) fn check_channel_sku(code: &ChannelSku, field: &str, violations: &mut Violations) {
    fields::site_id(&code.channel, &format!("{field}.channel"), violations);
    fields::named(&code.code, 100, &format!("{field}.code"), violations);
    violations.require(
        code.code.len() <= 150,
        format!("{field}.code"),
        "must be at most 150 bytes",
    );
}
