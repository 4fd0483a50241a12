//! A shop that never runs out, and orders for it.

use futures::{StreamExt as _, TryStreamExt as _};
use ordo_proto::{
    intake::{DeliveryMethod, Payment, PaymentTerms, PlaceOrderLine, PlaceOrderRequest},
    inventory::{
        PutSiteRequest, PutSkuRequest, ReceiveStockLine, ReceiveStockRequest, SiteKind,
        StockCondition,
    },
    types::{Address, Contact, Money, Region},
};

use crate::{
    client::{Client, header},
    fault::Fault,
};

/// The only warehouse.
pub const SITE: &str = "warehouse";
/// Price of every article, in pence.
const PRICE: i64 = 1_250;
/// Lines of one delivery.
const DELIVERY: usize = 500;

/// Opens the warehouse and puts `units` of each of `skus` into it.
pub async fn stock(client: &Client, skus: &[String], units: i64) -> Result<(), Fault> {
    let mut inventory = client.inventory()?;
    let site = PutSiteRequest {
        header: header("site", None),
        site_id: SITE.to_owned(),
        name: "Warehouse".to_owned(),
        kind: SiteKind::Warehouse.into(),
        region: Some(Region {
            country_code: "GB".to_owned(),
            ..Region::default()
        }),
        ..PutSiteRequest::default()
    };
    inventory.put_site(site).await?;
    futures::stream::iter(skus)
        .map(|sku| {
            let mut inventory = inventory.clone();
            let request = PutSkuRequest {
                header: header(&format!("sku-{sku}"), None),
                sku: sku.clone(),
                name: format!("Article {sku}"),
                price: Some(pence(PRICE)),
                ..PutSkuRequest::default()
            };
            async move { inventory.put_sku(request).await.map(|_| ()) }
        })
        .buffer_unordered(32)
        .try_collect::<()>()
        .await?;
    for (number, skus) in skus.chunks(DELIVERY).enumerate() {
        let lines = skus.iter().map(|sku| ReceiveStockLine {
            sku: sku.clone(),
            quantity: units,
            condition: StockCondition::Sellable.into(),
            ..ReceiveStockLine::default()
        });
        let request = ReceiveStockRequest {
            header: header(&format!("delivery-of-{}", skus[0]), None),
            site_id: SITE.to_owned(),
            lines: lines.collect(),
            cause_id: format!("delivery-{number}"),
        };
        inventory.receive_stock(request).await?;
    }
    Ok(())
}

/// Names of `count` articles.
pub fn articles(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("ART-{number:05}"))
        .collect()
}

/// The order with this number: `lines` articles, one of each, paid for, to be sent to a person of its own.
pub fn order(number: usize, lines: usize, articles: &[String]) -> PlaceOrderRequest {
    // Far apart in the catalogue, and not the same for orders that are placed together.
    let chosen = (0..lines).map(|line| &articles[(number * 31 + line * 7919) % articles.len()]);
    let due = pence(PRICE * lines as i64);
    PlaceOrderRequest {
        header: header(&format!("order-{number}"), None),
        channel: "bench".to_owned(),
        channel_order_number: number.to_string(),
        channel_customer_id: number.to_string(),
        lines: chosen
            .map(|sku| PlaceOrderLine {
                channel_sku: sku.clone(),
                sku: sku.clone(),
                title: format!("Article {sku}"),
                quantity: 1,
                unit_price: Some(pence(PRICE)),
                ..PlaceOrderLine::default()
            })
            .collect(),
        due: Some(due.clone()),
        payment_terms: PaymentTerms::Prepaid.into(),
        payments: vec![Payment {
            payment_id: format!("{number}-1"),
            method: "card".to_owned(),
            amount: Some(due),
            ..Payment::default()
        }],
        delivery_method: DeliveryMethod::Ship.into(),
        contact: Some(Contact {
            name: format!("Customer {number}"),
            // Telephone numbers that are set aside for fiction.
            phone: format!("+44 20 7946 0{:03}", number % 1000),
            email: String::new(),
        }),
        address: Some(Address {
            country_code: "GB".to_owned(),
            province: "London".to_owned(),
            city: "London".to_owned(),
            street: format!("{number} Example Street"),
            ..Address::default()
        }),
        ..PlaceOrderRequest::default()
    }
}

fn pence(minor_units: i64) -> Money {
    Money {
        currency_code: "GBP".to_owned(),
        minor_units,
    }
}
