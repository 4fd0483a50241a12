//! `ordo order place`

use std::path::PathBuf;

use clap::Args;
use ordo_proto::{
    intake::{
        DeliveryMethod, FulfilmentStatus, Payment, PaymentTerms, PlaceOrderLine, PlaceOrderRequest,
        PlaceOrderResponse, WaitFor,
    },
    types::Money,
};

use super::{Recipient, holds, status};
use crate::{
    client::{Client, header},
    commands::parse,
    fault::Fault,
    output::{json, say},
};

pub const EXAMPLES: &str = "\
Example:
  ordo order place --number 1001 --line TEA-1:2:12.50 --paid card --name \"Alice Zhang\" --phone 13800138000 \\
      --country CN --province Zhejiang --city Hangzhou --street \"1 Lakeside Road\"
  ordo order place --file order.json    # everything that PlaceOrder takes: docs/ORDERS.md";

/// An order to take.
#[derive(Debug, Args)]
pub struct PlaceOptions {
    /// A PlaceOrderRequest in proto3 JSON, instead of the other options.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["number", "lines"])]
    file: Option<PathBuf>,
    /// Where the order comes from.
    #[arg(long, default_value = "phone")]
    channel: String,
    /// The channel's order number.
    #[arg(long, required_unless_present = "file")]
    number: Option<String>,
    /// `SKU:QUANTITY:PRICE`, once for each line.
    #[arg(long = "line", value_parser = parse::order_line)]
    lines: Vec<parse::OrderLine>,
    /// ISO 4217 code.
    #[arg(long, default_value = "CNY")]
    currency: String,
    /// Customer's id on the channel.
    #[arg(long)]
    customer: Option<String>,
    /// Who and where.
    #[command(flatten)]
    recipient: Recipient,
    /// Paid in full by this method, for example `card`.
    #[arg(long, value_name = "METHOD")]
    paid: Option<String>,
    /// Cash on delivery.
    #[arg(long, conflicts_with = "paid")]
    cash_on_delivery: bool,
    /// Wait until stock is reserved, short or the order is held, at most 5 seconds, and say which.
    #[arg(long)]
    wait: bool,
}

pub fn request(options: PlaceOptions) -> Result<PlaceOrderRequest, Fault> {
    if let Some(path) = &options.file {
        let text = std::fs::read(path)
            .map_err(|error| Fault::usage_because(&format!("reading {}", path.display()), error))?;
        return ordo_proto::json::to_message(&text).map_err(|error| {
            let what = format!("{} is no PlaceOrderRequest", path.display());
            Fault::usage_because(&what, error)
        });
    }
    let mut due: i64 = 0;
    let mut lines = Vec::new();
    for line in &options.lines {
        let unit_price = line
            .price
            .as_deref()
            .map(|price| parse::amount(price, &options.currency))
            .transpose()
            .map_err(Fault::usage)?;
        let price = unit_price.as_ref().map_or(0, |price| price.minor_units);
        due = price
            .checked_mul(line.quantity)
            .and_then(|total| due.checked_add(total))
            .ok_or_else(|| Fault::usage("the order's total is too large"))?;
        lines.push(PlaceOrderLine {
            channel_sku: line.sku.clone(),
            sku: line.sku.clone(),
            quantity: line.quantity,
            unit_price,
            ..PlaceOrderLine::default()
        });
    }
    let number = options.number.as_deref().unwrap_or_default();
    // Nothing is paid for an order whose prices are still missing.
    let paid = options.paid.iter().filter(|_| due > 0);
    let payments = paid.map(|method| Payment {
        payment_id: payment_id(number),
        method: method.clone(),
        amount: Some(Money {
            currency_code: options.currency.clone(),
            minor_units: due,
        }),
        ..Payment::default()
    });
    let terms = if options.cash_on_delivery {
        PaymentTerms::CashOnDelivery
    } else {
        PaymentTerms::Prepaid
    };
    let wait = if options.wait {
        WaitFor::Reserved
    } else {
        WaitFor::Durable
    };
    Ok(PlaceOrderRequest {
        header: header("place-order", None),
        channel: options.channel,
        channel_order_number: options.number.clone().unwrap_or_default(),
        channel_customer_id: options.customer.unwrap_or_default(),
        lines,
        payment_terms: terms.into(),
        payments: payments.collect(),
        delivery_method: DeliveryMethod::Ship.into(),
        contact: options.recipient.contact(),
        address: options.recipient.address(),
        wait_for: wait.into(),
        ..PlaceOrderRequest::default()
    })
}

/// Tells what came of it; `waited`: stock was waited for.
pub fn told(client: &Client, answer: &PlaceOrderResponse, waited: bool) -> Result<(), Fault> {
    if client.json {
        return json(answer);
    }
    let again = answer
        .receipt
        .as_ref()
        .is_some_and(|receipt| receipt.duplicate);
    let note = if again {
        " (taken before; nothing new)"
    } else {
        ""
    };
    let stock = if waited {
        format!(", {}", stock(answer))
    } else {
        String::new()
    };
    say!("{} {}{stock}{note}", answer.order_id, status(answer.status))?;
    holds(&answer.holds)
}

/// What became of waiting for stock.
fn stock(answer: &PlaceOrderResponse) -> String {
    match answer.fulfilment_status() {
        FulfilmentStatus::Unreserved if !answer.holds.is_empty() => {
            "no stock reserved: held".to_owned()
        }
        FulfilmentStatus::Unreserved => format!(
            "stock not reserved yet: the time was over; `ordo order show {}` tells later",
            answer.order_id
        ),
        FulfilmentStatus::PartlyReserved => "stock partly reserved".to_owned(),
        FulfilmentStatus::None => "nothing to reserve".to_owned(),
        FulfilmentStatus::Unspecified => {
            "the service does not say whether stock is reserved".to_owned()
        }
        FulfilmentStatus::Reserved
        | FulfilmentStatus::Released
        | FulfilmentStatus::PartlyShipped
        | FulfilmentStatus::Shipped
        | FulfilmentStatus::PartlyDelivered
        | FulfilmentStatus::Delivered
        | FulfilmentStatus::Returned => "stock reserved".to_owned(),
    }
}

/// The same again for the same order number, in the characters that payment ids have.
fn payment_id(number: &str) -> String {
    let mut id = String::new();
    for byte in number.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            id.push(char::from(byte));
        } else {
            id.push_str(&format!("%{byte:02X}"));
        }
    }
    id.push_str("-1");
    id
}

#[cfg(test)]
mod tests {
    use ordo_proto::intake::Hold;

    use super::*;

    #[test]
    fn what_became_of_waiting_for_stock_is_told() {
        let answer = |status: FulfilmentStatus, holds: usize| PlaceOrderResponse {
            order_id: "01kq".to_owned(),
            fulfilment_status: status.into(),
            holds: vec![Hold::default(); holds],
            ..PlaceOrderResponse::default()
        };
        let of = |status, holds| stock(&answer(status, holds));
        assert_eq!(of(FulfilmentStatus::Reserved, 0), "stock reserved");
        assert_eq!(of(FulfilmentStatus::Released, 0), "stock reserved");
        assert_eq!(
            of(FulfilmentStatus::PartlyReserved, 1),
            "stock partly reserved"
        );
        assert!(of(FulfilmentStatus::Unreserved, 1).contains("held"));
        let late = of(FulfilmentStatus::Unreserved, 0);
        assert!(
            late.contains("time was over") && late.contains("ordo order show 01kq"),
            "{late}"
        );
    }

    #[test]
    fn payment_ids_are_plain_and_differ_like_their_numbers() {
        assert_eq!(payment_id("1001"), "1001-1");
        assert_eq!(payment_id("单 1"), "%E5%8D%95%201-1");
    }
}
