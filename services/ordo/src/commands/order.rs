//! `ordo order …`

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use ordo_proto::{
    intake::{
        AmendAddressRequest, CancelOrderRequest, ChannelOrderKey, CompleteInformationRequest,
        ConfirmDeliveryRequest, FulfilmentStatus, GetOrderRequest, GetTimelineRequest, HoldReason,
        ListOrdersRequest, Order, OrderStatus, Payment, PaymentStatus, PaymentTerms,
        PlaceOrderLine, PlaceOrderRequest, PlaceOrderResponse, RecordPaymentRequest,
        RejectOrderRequest, ReleaseHoldRequest, WaitFor, get_order_request::Key,
    },
    types::{Address, Contact, LineQuantity, Page, TimeRange},
};

use super::parse;
use crate::{
    client::{Client, header},
    fault::Fault,
    output::{json, money, table, time, word},
};

/// What can be done with orders.
#[derive(Debug, Subcommand)]
pub enum OrderCommand {
    /// Take an order.
    Place(Box<PlaceOptions>),
    /// Show an order with its lines, holds, payments and parcels.
    Show {
        /// Order id, or `CHANNEL/NUMBER`.
        order: String,
    },
    /// List orders, newest first.
    List(Box<ListOptions>),
    /// Tell an order's life from its events.
    Timeline {
        /// Order id.
        order_id: String,
        /// In Chinese.
        #[arg(long)]
        chinese: bool,
    },
    /// Cancel an order, or some of its lines.
    Cancel {
        /// Order id.
        order_id: String,
        /// `LINE:QUANTITY`; everything not yet shipped when not given.
        #[arg(long = "line", value_parser = parse::line_quantity)]
        lines: Vec<LineQuantity>,
        /// Why, for the record.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Supply a missing recipient or address.
    Complete {
        /// Order id.
        order_id: String,
        /// Who and where.
        #[command(flatten)]
        recipient: Recipient,
    },
    /// Change the recipient or address before dispatch.
    Address {
        /// Order id.
        order_id: String,
        /// Who and where.
        #[command(flatten)]
        recipient: Recipient,
    },
    /// Record a payment.
    Pay {
        /// Order id.
        order_id: String,
        /// Amount, such as 12.50.
        amount: String,
        /// ISO 4217 code.
        #[arg(long, default_value = "CNY")]
        currency: String,
        /// For example `card`, `alipay`, `cash`.
        #[arg(long, default_value = "card")]
        method: String,
        /// The provider's id; a new one when not given.
        #[arg(long)]
        payment_id: Option<String>,
    },
    /// Release one hold.
    Release {
        /// Order id.
        order_id: String,
        /// Hold id, as `show` prints it.
        hold_id: String,
        /// Why, for the record.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Reject an order after review.
    Reject {
        /// Order id.
        order_id: String,
        /// What the customer is told.
        detail: String,
    },
    /// Record that the customer has the goods.
    Confirm {
        /// Order id.
        order_id: String,
        /// The customer accepted them: the order completes.
        #[arg(long)]
        accepted: bool,
    },
}

/// Recipient and address.
#[derive(Debug, Clone, Args)]
pub struct Recipient {
    /// Recipient's name.
    #[arg(long)]
    name: Option<String>,
    /// Recipient's phone.
    #[arg(long)]
    phone: Option<String>,
    /// Recipient's mail address.
    #[arg(long)]
    email: Option<String>,
    /// ISO 3166-1 alpha-2 code, such as CN or GB.
    #[arg(long)]
    country: Option<String>,
    /// Province or state.
    #[arg(long)]
    province: Option<String>,
    /// City.
    #[arg(long)]
    city: Option<String>,
    /// District.
    #[arg(long)]
    district: Option<String>,
    /// Street and house number.
    #[arg(long)]
    street: Option<String>,
    /// Postal code.
    #[arg(long)]
    postcode: Option<String>,
}

impl Recipient {
    fn contact(&self) -> Option<Contact> {
        let Self {
            name, phone, email, ..
        } = self.clone();
        (name.is_some() || phone.is_some() || email.is_some()).then(|| Contact {
            name: name.unwrap_or_default(),
            phone: phone.unwrap_or_default(),
            email: email.unwrap_or_default(),
        })
    }

    fn address(&self) -> Option<Address> {
        let address = Address {
            country_code: self.country.clone().unwrap_or_default(),
            province: self.province.clone().unwrap_or_default(),
            city: self.city.clone().unwrap_or_default(),
            district: self.district.clone().unwrap_or_default(),
            street: self.street.clone().unwrap_or_default(),
            postcode: self.postcode.clone().unwrap_or_default(),
        };
        (address != Address::default()).then_some(address)
    }
}

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
    /// Wait until stock is reserved.
    #[arg(long)]
    wait: bool,
}

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

/// Runs one of them.
pub async fn run(client: &Client, command: OrderCommand) -> Result<ExitCode, Fault> {
    let mut intake = client.intake()?;
    match command {
        OrderCommand::Place(options) => {
            let answer = intake
                .place_order(place_request(*options)?)
                .await?
                .into_inner();
            placed(client, &answer)?;
        }
        OrderCommand::Show { order } => show(client, &order).await?,
        OrderCommand::List(options) => list(client, *options).await?,
        OrderCommand::Timeline { order_id, chinese } => timeline(client, order_id, chinese).await?,
        OrderCommand::Cancel {
            order_id,
            lines,
            reason,
        } => {
            let request = CancelOrderRequest {
                header: header(None, reason.as_deref()),
                order_id,
                lines,
            };
            let answer = intake.cancel_order(request).await?.into_inner();
            if client.json {
                json(&answer)?;
            } else if answer.pending {
                println!("the warehouse has been asked; `ordo order timeline` tells the outcome");
            } else {
                println!("{}", status(answer.status));
            }
        }
        OrderCommand::Complete {
            order_id,
            recipient,
        } => {
            let request = CompleteInformationRequest {
                header: header(None, None),
                order_id,
                contact: recipient.contact(),
                address: recipient.address(),
                ..CompleteInformationRequest::default()
            };
            let answer = intake.complete_information(request).await?.into_inner();
            after(client, &answer, answer.status, &answer.holds)?;
        }
        OrderCommand::Address {
            order_id,
            recipient,
        } => {
            let request = AmendAddressRequest {
                header: header(None, None),
                order_id,
                contact: recipient.contact(),
                address: recipient.address(),
            };
            let answer = intake.amend_address(request).await?.into_inner();
            after(client, &answer, 0, &answer.holds)?;
        }
        OrderCommand::Pay {
            order_id,
            amount,
            currency,
            method,
            payment_id,
        } => {
            let payment = Payment {
                payment_id: payment_id.unwrap_or_else(|| uuid::Uuid::now_v7().to_string()),
                method,
                amount: Some(parse::amount(&amount, &currency).map_err(Fault::local)?),
                ..Payment::default()
            };
            let request = RecordPaymentRequest {
                header: header(None, None),
                order_id,
                payment: Some(payment),
            };
            let answer = intake.record_payment(request).await?.into_inner();
            after(client, &answer, answer.status, &answer.holds)?;
        }
        OrderCommand::Release {
            order_id,
            hold_id,
            reason,
        } => {
            let request = ReleaseHoldRequest {
                header: header(None, reason.as_deref()),
                order_id,
                hold_id,
            };
            let answer = intake.release_hold(request).await?.into_inner();
            after(client, &answer, answer.status, &answer.holds)?;
        }
        OrderCommand::Reject { order_id, detail } => {
            let request = RejectOrderRequest {
                header: header(None, None),
                order_id,
                detail,
            };
            let answer = intake.reject_order(request).await?.into_inner();
            after(client, &answer, answer.status, &[])?;
        }
        OrderCommand::Confirm { order_id, accepted } => {
            let request = ConfirmDeliveryRequest {
                header: header(None, None),
                order_id,
                accepted,
            };
            let answer = intake.confirm_delivery(request).await?.into_inner();
            after(client, &answer, answer.status, &[])?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn place_request(options: PlaceOptions) -> Result<PlaceOrderRequest, Fault> {
    if let Some(path) = &options.file {
        let text = std::fs::read(path)
            .map_err(|error| Fault::because(&format!("reading {}", path.display()), error))?;
        return ordo_proto::json::to_message(&text).map_err(|error| {
            Fault::because(
                &format!("{} is no PlaceOrderRequest", path.display()),
                error,
            )
        });
    }
    let mut due = 0;
    let mut lines = Vec::new();
    for line in &options.lines {
        let unit_price = line
            .price
            .as_deref()
            .map(|price| parse::amount(price, &options.currency))
            .transpose()
            .map_err(Fault::local)?;
        due += unit_price.as_ref().map_or(0, |price| price.minor_units) * line.quantity;
        lines.push(PlaceOrderLine {
            channel_sku: line.sku.clone(),
            sku: line.sku.clone(),
            quantity: line.quantity,
            unit_price,
            ..PlaceOrderLine::default()
        });
    }
    let payments = options.paid.iter().map(|method| Payment {
        payment_id: format!("{}-1", options.number.as_deref().unwrap_or_default()),
        method: method.clone(),
        amount: Some(ordo_proto::types::Money {
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
        header: header(None, None),
        channel: options.channel,
        channel_order_number: options.number.clone().unwrap_or_default(),
        channel_customer_id: options.customer.unwrap_or_default(),
        lines,
        payment_terms: terms.into(),
        payments: payments.collect(),
        delivery_method: ordo_proto::intake::DeliveryMethod::Ship.into(),
        contact: options.recipient.contact(),
        address: options.recipient.address(),
        wait_for: wait.into(),
        ..PlaceOrderRequest::default()
    })
}

fn placed(client: &Client, answer: &PlaceOrderResponse) -> Result<(), Fault> {
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
    println!("{} {}{note}", answer.order_id, status(answer.status));
    holds(&answer.holds);
    Ok(())
}

fn after<M>(
    client: &Client,
    answer: &M,
    now: i32,
    held: &[ordo_proto::intake::Hold],
) -> Result<(), Fault>
where
    M: prost::Message + prost::Name,
{
    if client.json {
        return json(answer);
    }
    println!(
        "{}",
        if now == 0 {
            "done".to_owned()
        } else {
            status(now)
        }
    );
    holds(held);
    Ok(())
}

fn holds(holds: &[ordo_proto::intake::Hold]) {
    for hold in holds {
        println!(
            "  held {}: {} {}",
            hold.hold_id,
            hold.detail,
            hold.fields.join(", ")
        );
    }
}

async fn show(client: &Client, order: &str) -> Result<(), Fault> {
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

async fn list(client: &Client, options: ListOptions) -> Result<(), Fault> {
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

async fn timeline(client: &Client, order_id: String, chinese: bool) -> Result<(), Fault> {
    let request = GetTimelineRequest {
        order_id,
        at_least: None,
    };
    let answer = client.intake()?.get_timeline(request).await?.into_inner();
    if client.json {
        return json(&answer);
    }
    let mut rows = table(&["time", "event", "what happened", "by", "why"]);
    for entry in answer.entries {
        rows.add_row([
            time(entry.time.as_ref()),
            entry.event,
            if chinese {
                entry.text_zh
            } else {
                entry.text_en
            },
            entry.actor.map(|actor| actor.id).unwrap_or_default(),
            entry.reason,
        ]);
    }
    println!("{rows}");
    Ok(())
}

fn status(value: i32) -> String {
    word(
        OrderStatus::try_from(value)
            .unwrap_or_default()
            .as_str_name(),
        "ORDER_STATUS_",
    )
}
