//! `ordo order list`

use clap::Args;
use ordo_proto::{
    intake::{FulfilmentStatus, HoldReason, ListOrdersRequest, OrderStatus, PaymentStatus},
    types::{Page, TimeRange},
};

use super::status;
use crate::{
    client::Client,
    commands::parse,
    fault::Fault,
    output::{json, money, table, time, word},
};

/// Which orders.
#[derive(Debug, Args)]
pub struct ListOptions {
    /// received, open, completed, cancelled or rejected.
    #[arg(long = "status", value_name = "STATUS")]
    statuses: Vec<String>,
    /// For example incomplete, unpaid, short-stock, review.
    #[arg(long = "hold", value_name = "REASON")]
    holds: Vec<String>,
    /// Channel.
    #[arg(long, default_value = "")]
    channel: String,
    /// Channel's order number.
    #[arg(long, default_value = "")]
    number: String,
    /// Own customer id.
    #[arg(long, default_value = "")]
    customer: String,
    /// Recipient's phone.
    #[arg(long, default_value = "")]
    phone: String,
    /// Recipient's name.
    #[arg(long, default_value = "")]
    name: String,
    /// SKU on a line.
    #[arg(long, default_value = "")]
    sku: String,
    /// Tracking number.
    #[arg(long, default_value = "")]
    tracking: String,
    /// Ordered at or after.
    #[arg(long, value_parser = parse::instant)]
    from: Option<prost_types::Timestamp>,
    /// Ordered before.
    #[arg(long, value_parser = parse::instant)]
    until: Option<prost_types::Timestamp>,
    /// How many, 1 to 500.
    #[arg(long, default_value_t = 50)]
    size: u32,
    /// `next_page_token` of the previous page.
    #[arg(long, default_value = "")]
    page: String,
}

pub async fn list(client: &Client, options: ListOptions) -> Result<(), Fault> {
    let statuses = options
        .statuses
        .iter()
        .map(|text| {
            parse::enum_value(text, "ORDER_STATUS_", OrderStatus::from_str_name).map(Into::into)
        })
        .collect::<Result<_, _>>()
        .map_err(Fault::local)?;
    let holds = options
        .holds
        .iter()
        .map(|text| {
            parse::enum_value(text, "HOLD_REASON_", HoldReason::from_str_name).map(Into::into)
        })
        .collect::<Result<_, _>>()
        .map_err(Fault::local)?;
    let ordered = (options.from.is_some() || options.until.is_some()).then_some(TimeRange {
        from: options.from,
        until: options.until,
    });
    let request = ListOrdersRequest {
        statuses,
        holds,
        channel: options.channel,
        channel_order_number: options.number,
        customer_id: options.customer,
        phone: options.phone,
        customer_name: options.name,
        sku: options.sku,
        tracking_number: options.tracking,
        ordered,
        page: Some(Page {
            size: options.size,
            token: options.page,
        }),
        ..ListOrdersRequest::default()
    };
    let answer = client.intake()?.list_orders(request).await?.into_inner();
    if client.json {
        return json(&answer);
    }
    let mut rows = table(&[
        "order",
        "channel",
        "number",
        "status",
        "payment",
        "fulfilment",
        "holds",
        "due",
        "ordered",
    ]);
    for order in &answer.orders {
        let holds: Vec<String> = order
            .holds()
            .map(|hold| word(hold.as_str_name(), "HOLD_REASON_"))
            .collect();
        rows.add_row([
            order.order_id.clone(),
            order.channel.clone(),
            order.channel_order_number.clone(),
            status(order.status),
            word(
                PaymentStatus::try_from(order.payment_status)
                    .unwrap_or_default()
                    .as_str_name(),
                "PAYMENT_STATUS_",
            ),
            word(
                FulfilmentStatus::try_from(order.fulfilment_status)
                    .unwrap_or_default()
                    .as_str_name(),
                "FULFILMENT_STATUS_",
            ),
            holds.join(" "),
            money(order.due.as_ref()),
            time(order.ordered_at.as_ref()),
        ]);
    }
    println!("{rows}");
    if !answer.next_page_token.is_empty() {
        println!("more: --page {}", answer.next_page_token);
    }
    Ok(())
}
