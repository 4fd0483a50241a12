//! Catalogue and stock of the replayed shop, and its orders as requests.

use futures::{StreamExt as _, TryStreamExt as _};
use ordo_proto::{
    intake::{Charge, DeliveryMethod, Payment, PaymentTerms, PlaceOrderLine, PlaceOrderRequest},
    inventory::{
        AdjustStockRequest, PutSiteRequest, PutSkuRequest, ReceiveStockLine, ReceiveStockRequest,
        SiteKind, StockCondition,
    },
    types::{Address, CommandHeader, Contact, Money, Region},
};

use super::{countries, retail};
use crate::{client::Client, fault::Fault};

/// The only warehouse.
const SITE: &str = "warehouse";
/// Lines of one delivery.
const DELIVERY: usize = 500;

/// An amount of the shop's currency.
pub fn pounds(minor_units: i64) -> Money {
    Money {
        currency_code: "GBP".to_owned(),
        minor_units,
    }
}

/// A header whose id tells what the command is for, so that it may be repeated.
pub fn header(command_id: String) -> Option<CommandHeader> {
    Some(CommandHeader {
        command_id,
        reason: String::new(),
    })
}

/// Defines what is sold and receives exactly what the orders and write-offs need, then writes off.
pub async fn stock(client: &Client, history: &retail::History) -> Result<(), Fault> {
    let mut inventory = client.inventory()?;
    let site = PutSiteRequest {
        header: header("demo-site".to_owned()),
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
    futures::stream::iter(&history.articles)
        .map(|(sku, article)| {
            let mut inventory = inventory.clone();
            let request = PutSkuRequest {
                header: header(format!("demo-sku-{sku}")),
                sku: sku_code(sku),
                name: if article.name.is_empty() {
                    sku.clone()
                } else {
                    article.name.clone()
                },
                price: (article.price_pence > 0).then(|| pounds(article.price_pence)),
                ..PutSkuRequest::default()
            };
            async move { inventory.put_sku(request).await.map(|_| ()) }
        })
        .buffer_unordered(64)
        .try_collect::<()>()
        .await?;
    let lines: Vec<ReceiveStockLine> = history
        .articles
        .iter()
        .filter(|(_, article)| article.units > 0)
        .map(|(sku, article)| ReceiveStockLine {
            sku: sku_code(sku),
            quantity: article.units,
            condition: StockCondition::Sellable.into(),
            ..ReceiveStockLine::default()
        })
        .collect();
    for (number, lines) in lines.chunks(DELIVERY).enumerate() {
        let request = ReceiveStockRequest {
            header: header(format!("demo-delivery-{number}")),
            site_id: SITE.to_owned(),
            lines: lines.to_vec(),
            cause_id: format!("delivery-{number}"),
        };
        inventory.receive_stock(request).await?;
    }
    for (number, write_off) in history.write_offs.iter().enumerate() {
        let request = AdjustStockRequest {
            header: Some(CommandHeader {
                command_id: format!("demo-write-off-{number}"),
                reason: write_off.remark.clone(),
            }),
            sku: sku_code(&write_off.sku),
            site_id: SITE.to_owned(),
            delta: -write_off.quantity,
            condition: StockCondition::Sellable.into(),
            reason: "WRITE_OFF".to_owned(),
            cause_id: write_off.number.clone(),
            ..AdjustStockRequest::default()
        };
        inventory.adjust_stock(request).await?;
    }
    Ok(())
}

/// SKUs hold no white space.
fn sku_code(code: &str) -> String {
    code.split_whitespace().collect::<Vec<_>>().join("-")
}

/// The order as its channel would push it. Names, phones and streets are not in the data: they are made up from the customer's
/// number, with telephone numbers that are set aside for fiction.
pub fn place_request(order: &retail::Order) -> PlaceOrderRequest {
    let goods: i64 = order
        .lines
        .iter()
        .map(|line| line.price_pence * line.quantity)
        .sum();
    let charges: i64 = order.charges.iter().map(|charge| charge.amount_pence).sum();
    let country = countries::code(&order.country).unwrap_or_default();
    let paid = Payment {
        payment_id: format!("{}-1", order.number),
        method: "card".to_owned(),
        amount: Some(pounds(goods + charges)),
        ..Payment::default()
    };
    PlaceOrderRequest {
        header: header(format!("demo-place-{}", order.number)),
        channel: "online-retail".to_owned(),
        channel_order_number: order.number.clone(),
        channel_customer_id: order.customer.clone().unwrap_or_default(),
        lines: order
            .lines
            .iter()
            .map(|line| PlaceOrderLine {
                channel_sku: line.sku.clone(),
                sku: sku_code(&line.sku),
                title: line.title.clone(),
                quantity: line.quantity,
                unit_price: Some(pounds(line.price_pence)),
                ..PlaceOrderLine::default()
            })
            .collect(),
        charges: order
            .charges
            .iter()
            .map(|charge| Charge {
                code: charge.code.to_owned(),
                title: charge.title.clone(),
                amount: Some(pounds(charge.amount_pence)),
            })
            .collect(),
        due: Some(pounds(goods + charges)),
        payment_terms: PaymentTerms::Prepaid.into(),
        payments: if goods + charges > 0 {
            vec![paid]
        } else {
            vec![]
        },
        delivery_method: DeliveryMethod::Ship.into(),
        contact: order.customer.as_ref().map(|customer| Contact {
            name: format!("Customer {customer}"),
            phone: format!(
                "+44 20 7946 0{:0>3}",
                &customer[customer.len().saturating_sub(3)..]
            ),
            email: String::new(),
        }),
        address: order.customer.as_ref().map(|customer| Address {
            country_code: country.to_owned(),
            province: order.country.clone(),
            city: order.country.clone(),
            district: String::new(),
            street: format!("{customer} Example Street"),
            postcode: String::new(),
        }),
        ordered_at: order
            .ordered_at
            .to_zoned(jiff::tz::TimeZone::UTC)
            .ok()
            .map(|time| prost_types::Timestamp {
                seconds: time.timestamp().as_second(),
                nanos: 0,
            }),
        ..PlaceOrderRequest::default()
    }
}
