//! `ordo order place`

use std::path::{Path, PathBuf};

use clap::Args;
use ordo_proto::{
    intake::{
        DeliveryMethod, FulfilmentStatus, Payment, PaymentTerms, PlaceOrderLine, PlaceOrderRequest,
        PlaceOrderResponse, WaitFor,
    },
    types::Money,
};
use sha2::{Digest as _, Sha256};

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
  ordo order place --file order.json --wait    # everything that PlaceOrder takes: docs/ORDERS.md";

/// Most characters of a payment id, as intake takes them.
const LONGEST_PAYMENT_ID: usize = 100;

/// An order to take.
#[derive(Debug, Args)]
pub struct PlaceOptions {
    /// A PlaceOrderRequest in proto3 JSON, instead of every other option but --wait.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "channel", "number", "lines", "currency", "customer", "Recipient", "paid", "cash_on_delivery",
        ]
    )]
    file: Option<PathBuf>,
    /// Where the order comes from.
    #[arg(long, default_value = "phone", value_parser = parse::text)]
    channel: String,
    /// The channel's order number.
    #[arg(long, required_unless_present = "file", value_parser = parse::text)]
    number: Option<String>,
    /// `SKU:QUANTITY:PRICE`, once for each line.
    #[arg(long = "line", value_parser = parse::order_line)]
    lines: Vec<parse::OrderLine>,
    /// ISO 4217 code.
    #[arg(long, default_value = "CNY")]
    currency: String,
    /// Customer's id on the channel.
    #[arg(long, value_parser = parse::text)]
    customer: Option<String>,
    /// Who and where.
    #[command(flatten)]
    recipient: Recipient,
    /// Paid in full by this method, for example `card`.
    #[arg(long, value_name = "METHOD", value_parser = parse::text)]
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
        let mut request = read(path)?;
        if options.wait {
            request.set_wait_for(WaitFor::Reserved);
        }
        return Ok(request);
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
    // White space around it is no part of a number: intake takes it away too.
    let number = options.number.as_deref().unwrap_or_default().trim();
    // Nothing is paid for an order whose prices are still missing.
    let paid = options.paid.iter().filter(|_| due > 0);
    let payments = paid.map(|method| Payment {
        payment_id: payment_id(&options.channel, number),
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
        channel: options.channel.clone(),
        channel_order_number: number.to_owned(),
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

/// The request in a file.
fn read(path: &Path) -> Result<PlaceOrderRequest, Fault> {
    let told = path.display();
    let text = std::fs::read(path).map_err(|error| {
        Fault::usage_because(&format!("{told} cannot be read"), error).about("--file")
    })?;
    ordo_proto::json::to_message(&text).map_err(|error| {
        Fault::usage_because(&format!("{told} is no PlaceOrderRequest"), error).about("--file")
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

/// The same again for the same order, in the characters that payment ids have: the number as it stands where that fits, else a hash
/// of channel and number.
fn payment_id(channel: &str, number: &str) -> String {
    let mut id = String::new();
    for byte in number.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            id.push(char::from(byte));
        } else {
            id.push_str(&format!("%{byte:02X}"));
        }
    }
    id.push_str("-1");
    if id.len() > LONGEST_PAYMENT_ID {
        // No channel has a slash in it.
        let hash = Sha256::digest(format!("{channel}/{number}"));
        id = format!("sha256-{}-1", hex::encode(hash));
    }
    id
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser as _;
    use ordo_proto::intake::Hold;

    use super::*;
    use crate::{
        cli::{Cli, Command},
        commands::order::OrderCommand,
        fault::exit,
    };

    fn placed(arguments: &[&str]) -> Result<PlaceOrderRequest, Fault> {
        let line = ["ordo", "order", "place"].iter().chain(arguments);
        match Cli::try_parse_from(line).unwrap().command {
            Command::Order(OrderCommand::Place(options)) => request(*options),
            other => panic!("{other:?}"),
        }
    }

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
        assert_eq!(payment_id("phone", "1001"), "1001-1");
        assert_eq!(payment_id("phone", "单 1"), "%E5%8D%95%201-1");
        let longest = "x".repeat(LONGEST_PAYMENT_ID - 2);
        assert_eq!(payment_id("phone", &longest), format!("{longest}-1"));
    }

    #[test]
    fn every_number_that_an_order_may_have_gives_a_payment_id_that_fits() {
        let numbers = ["x".repeat(100), "x".repeat(99), "单".repeat(45)];
        let mut ids: Vec<String> = ["phone", "tmall"]
            .iter()
            .flat_map(|channel| numbers.iter().map(|number| payment_id(channel, number)))
            .collect();
        for id in &ids {
            assert!(id.len() <= LONGEST_PAYMENT_ID, "{id}");
            assert!(id.bytes().all(|byte| byte.is_ascii_graphic()), "{id}");
        }
        // Orders that were placed with it are repeated with it by every later version.
        assert_eq!(
            ids[0],
            "sha256-89f4cff7dd55d33107e8815937f2d6333dfe28fb77525cdd23f1d572d49b3c19-1"
        );
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 6);
    }

    #[test]
    fn white_space_around_a_number_does_not_make_another_order_of_it() {
        let of = |number| {
            let line = ["--number", number, "--line", "TEA:1:5.00", "--paid", "card"];
            let request = placed(&line).unwrap();
            (request.channel_order_number, request.payments)
        };
        assert_eq!(of(" 3001\t"), of("3001"));
    }

    #[test]
    fn an_order_from_a_file_is_waited_for_when_that_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("order.json");
        std::fs::write(&path, r#"{"channel": "phone", "channelOrderNumber": "1"}"#).unwrap();
        let file = path.to_str().unwrap();
        let waits_for = |arguments: &[&str]| placed(arguments).unwrap().wait_for();
        assert_eq!(waits_for(&["--file", file]), WaitFor::Unspecified);
        assert_eq!(waits_for(&["--file", file, "--wait"]), WaitFor::Reserved);
        let waiting = r#"{"channelOrderNumber": "1", "waitFor": "WAIT_FOR_RESERVED"}"#;
        std::fs::write(&path, waiting).unwrap();
        assert_eq!(waits_for(&["--file", file]), WaitFor::Reserved);
    }

    #[test]
    fn what_a_file_says_is_not_said_a_second_time() {
        for option in [
            ["--channel", "tmall"],
            ["--paid", "card"],
            ["--name", "Alice"],
            ["--currency", "GBP"],
            ["--cash-on-delivery", "--wait"],
        ] {
            let line = ["ordo", "order", "place", "--file", "order.json"];
            let taken = Cli::try_parse_from(line.iter().chain(&option));
            assert!(taken.is_err(), "{option:?}");
        }
    }

    #[test]
    fn a_file_that_is_no_order_is_a_wrong_argument() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("order.json");
        for text in [None, Some("{"), Some(r#"{"colour": "red"}"#)] {
            if let Some(text) = text {
                std::fs::write(&path, text).unwrap();
            }
            let fault = placed(&["--file", path.to_str().unwrap()]).unwrap_err();
            assert_eq!(fault.exit_status(), exit::USAGE, "{fault}");
            assert_eq!(fault.to_json()["error"]["fields"][0]["field"], "--file");
        }
    }
}
