//! `ordo order …`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use ordo_proto::{
    intake::{
        AmendAddressRequest, CancelOrderRequest, CompleteInformationRequest,
        ConfirmDeliveryRequest, GetTimelineRequest, OrderStatus, Payment, RecordPaymentRequest,
        RejectOrderRequest, ReleaseHoldRequest,
    },
    types::{Address, Contact, LineQuantity},
};

use super::parse;
use crate::{
    client::{Client, header},
    fault::Fault,
    output::{json, table, time, word},
};

mod list;
mod place;
mod show;

/// What can be done with orders.
#[derive(Debug, Subcommand)]
pub enum OrderCommand {
    /// Take an order.
    Place(Box<place::PlaceOptions>),
    /// Show an order with its lines, holds, payments and parcels.
    Show {
        /// Order id, or `CHANNEL/NUMBER`.
        order: String,
    },
    /// List orders, newest first.
    List(Box<list::ListOptions>),
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

/// Runs one of them.
pub async fn run(client: &Client, command: OrderCommand) -> Result<ExitCode, Fault> {
    let mut intake = client.intake()?;
    match command {
        OrderCommand::Place(options) => {
            let answer = intake
                .place_order(place::request(*options)?)
                .await?
                .into_inner();
            place::told(client, &answer)?;
        }
        OrderCommand::Show { order } => show::show(client, &order).await?,
        OrderCommand::List(options) => list::list(client, *options).await?,
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
