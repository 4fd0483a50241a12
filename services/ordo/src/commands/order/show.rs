//! `ordo order show`

use ordo_proto::{
    intake::{ChannelOrderKey, GetOrderRequest, Order, get_order_request::Key},
    types::Address,
};

use super::{holds, status};
use crate::{
    client::Client,
    fault::Fault,
    output::{json, money, table, time, word},
};

pub async fn show(client: &Client, order: &str) -> Result<(), Fault> {
    let key = match order.split_once('/') {
        Some((channel, number)) => Key::ChannelOrder(ChannelOrderKey {
            channel: channel.to_owned(),
            channel_order_number: number.to_owned(),
        }),
        None => Key::OrderId(order.to_owned()),
    };
    let request = GetOrderRequest {
        key: Some(key),
        at_least: None,
    };
    let answer = client.intake()?.get_order(request).await?.into_inner();
    if client.json {
        return json(&answer);
    }
    print_order(&answer.order.unwrap_or_default());
    Ok(())
}

fn print_order(order: &Order) {
    println!(
        "order     {}  {}/{}",
        order.order_id, order.channel, order.channel_order_number
    );
    println!(
        "status    {}, payment {}, fulfilment {}",
        status(order.status),
        word(order.payment_status().as_str_name(), "PAYMENT_STATUS_"),
        word(
            order.fulfilment_status().as_str_name(),
            "FULFILMENT_STATUS_"
        ),
    );
    let due = order
        .amounts
        .as_ref()
        .and_then(|amounts| amounts.due.as_ref());
    println!(
        "money     due {}, captured {}, refunded {}",
        money(due),
        money(order.captured.as_ref()),
        money(order.refunded.as_ref())
    );
    println!("ordered   {}", time(order.ordered_at.as_ref()));
    if let Some(contact) = &order.contact {
        println!("recipient {} {}", contact.name, contact.phone);
    }
    if let Some(address) = &order.address {
        let Address {
            street,
            district,
            city,
            province,
            postcode,
            country_code,
        } = address;
        println!("address   {street} {district} {city} {province} {postcode} {country_code}");
    }
    if order.personal_data_erased {
        println!("recipient erased on request");
    }
    holds(&order.holds);
    let mut lines = table(&[
        "line",
        "SKU",
        "title",
        "ordered",
        "cancelled",
        "reserved",
        "shipped",
        "delivered",
        "returned",
        "total",
    ]);
    for view in &order.lines {
        let line = view.line.clone().unwrap_or_default();
        let at = view.quantities.unwrap_or_default();
        lines.add_row([
            line.line_id,
            line.sku,
            line.title,
            at.ordered.to_string(),
            at.cancelled.to_string(),
            at.reserved.to_string(),
            at.shipped.to_string(),
            at.delivered.to_string(),
            at.returned.to_string(),
            money(line.total.as_ref()),
        ]);
    }
    println!("{lines}");
    for parcel in &order.parcels {
        let state = if parcel.delivered {
            "delivered"
        } else {
            "on its way"
        };
        println!(
            "parcel {} {} {} {state}",
            parcel.parcel_id, parcel.carrier, parcel.tracking_number
        );
    }
}
