//! `ordo order show`

use ordo_proto::{
    intake::{GetOrderResponse, Order},
    types::Address,
};

use super::{WhichOrder, holds, status};
use crate::{
    client::Client,
    fault::Fault,
    output::{json, money, say, table, time, word},
};

pub async fn show(client: &Client, order: &WhichOrder) -> Result<(), Fault> {
    let order = order.get(client).await?;
    if client.json {
        return json(&GetOrderResponse { order: Some(order) });
    }
    print_order(&order)
}

fn print_order(order: &Order) -> Result<(), Fault> {
    say!(
        "order     {}  {}/{}",
        order.order_id,
        order.channel,
        order.channel_order_number
    )?;
    say!(
        "status    {}, payment {}, fulfilment {}",
        status(order.status),
        word(order.payment_status().as_str_name(), "PAYMENT_STATUS_"),
        word(
            order.fulfilment_status().as_str_name(),
            "FULFILMENT_STATUS_"
        ),
    )?;
    let due = order
        .amounts
        .as_ref()
        .and_then(|amounts| amounts.due.as_ref());
    say!(
        "money     due {}, captured {}, refunded {}",
        money(due),
        money(order.captured.as_ref()),
        money(order.refunded.as_ref())
    )?;
    say!("ordered   {}", time(order.ordered_at.as_ref()))?;
    if let Some(contact) = &order.contact {
        say!("recipient {} {}", contact.name, contact.phone)?;
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
        say!("address   {street} {district} {city} {province} {postcode} {country_code}")?;
    }
    if order.personal_data_erased {
        say!("recipient erased on request")?;
    }
    holds(&order.holds)?;
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
    say!("{lines}")?;
    for parcel in &order.parcels {
        let state = if parcel.delivered {
            "delivered"
        } else {
            "on its way"
        };
        say!(
            "parcel {} {} {} {state}",
            parcel.parcel_id,
            parcel.carrier,
            parcel.tracking_number
        )?;
    }
    Ok(())
}
