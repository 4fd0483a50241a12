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
    output::{json, money, more, say, table, time, word},
};

/// Which orders.
#[derive(Debug, Args)]
pub struct ListOptions {
    /// In this state; may be given several times.
    #[arg(long = "status", value_name = "STATUS", value_parser = parse::words(OrderStatus::as_str_name, "ORDER_STATUS_"))]
    statuses: Vec<OrderStatus>,
    /// Held for this reason; may be given several times.
    #[arg(long = "hold", value_name = "REASON", value_parser = parse::words(HoldReason::as_str_name, "HOLD_REASON_"))]
    holds: Vec<HoldReason>,
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
    #[arg(long, default_value_t = 50, value_parser = parse::page_size())]
    size: u32,
    /// `next_page_token` of the previous page.
    #[arg(long, default_value = "")]
    page: String,
}

pub async fn list(client: &Client, options: ListOptions) -> Result<(), Fault> {
    let ordered = (options.from.is_some() || options.until.is_some()).then_some(TimeRange {
        from: options.from,
        until: options.until,
    });
    let request = ListOrdersRequest {
        statuses: options.statuses.into_iter().map(Into::into).collect(),
        holds: options.holds.into_iter().map(Into::into).collect(),
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
    say!("{rows}")?;
    more(&answer.next_page_token)
}
