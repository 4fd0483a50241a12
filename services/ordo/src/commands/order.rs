//! `ordo order …`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use ordo_proto::{
    intake::{
        AmendAddressRequest, CancelOrderRequest, GetTimelineRequest, HoldOrderRequest, OrderStatus,
        Payment, RecordPaymentRequest, RejectOrderRequest, ReleaseHoldRequest, WaitFor,
    },
    types::{Address, Contact, LineQuantity},
};

use super::parse;
use crate::{
    client::{Client, header},
    fault::Fault,
    output::{json, say, table, time, word},
};

mod complete;
mod confirm;
mod key;
mod list;
mod place;
mod refund;
mod show;

pub use key::{WhichOrder, order_id};

/// What can be done with orders.
#[derive(Debug, Subcommand)]
pub enum OrderCommand {
    /// Take an order.
    #[command(after_help = place::EXAMPLES)]
    Place(Box<place::PlaceOptions>),
    /// Show an order with its lines, holds, payments and parcels.
    #[command(after_help = "Example: ordo order show phone/1001")]
    Show {
        /// Which.
        #[command(flatten)]
        order: WhichOrder,
    },
    /// List orders, newest first.
    #[command(
        after_help = "Example: ordo order list --hold short-stock --from 2026-11-01 --size 100"
    )]
    List(Box<list::ListOptions>),
    /// Tell an order's life from its events.
    #[command(after_help = "Example: ordo order timeline phone/1001 --chinese")]
    Timeline {
        /// Which.
        #[command(flatten)]
        order: WhichOrder,
        /// In Chinese.
        #[arg(long)]
        chinese: bool,
    },
    /// Cancel an order, or some of its lines.
    #[command(
        after_help = "Example: ordo order cancel phone/1001 --line 1:2 --reason \"ordered twice\""
    )]
    Cancel {
        /// Which.
        #[command(flatten)]
        order: WhichOrder,
        /// `LINE:QUANTITY`; everything not yet shipped when not given.
        #[arg(long = "line", value_name = "LINE:QUANTITY", value_parser = parse::line_quantity)]
        lines: Vec<LineQuantity>,
        /// Why, for the record.
        #[arg(long, value_parser = parse::text)]
        reason: Option<String>,
    },
    /// Supply what an order was held for as incomplete: recipient, address, lines, delivery method, terms.
    #[command(after_help = complete::EXAMPLES)]
    Complete(Box<complete::CompleteOptions>),
    /// Change the recipient or address before dispatch.
    #[command(
        after_help = "Example: ordo order address phone/1001 --street \"2 Lakeside Road\" --phone 13900139000"
    )]
    Address {
        /// Which.
        #[command(flatten)]
        order: WhichOrder,
        /// Who and where; what is not given stays.
        #[command(flatten)]
        recipient: Recipient,
    },
    /// Record a payment.
    #[command(after_help = "Example: ordo order pay phone/1001 25.00 --method alipay")]
    Pay {
        /// Which.
        #[command(flatten)]
        order: WhichOrder,
        /// Amount, such as 12.50.
        #[arg(allow_negative_numbers = true)]
        amount: String,
        /// ISO 4217 code.
        #[arg(long, default_value = "CNY")]
        currency: String,
        /// For example `card`, `alipay`, `cash`.
        #[arg(long, default_value = "card", value_parser = parse::text)]
        method: String,
        /// The provider's id; a new one when not given.
        #[arg(long, value_parser = parse::text)]
        payment_id: Option<String>,
    },
    /// Pay money back without a case: what was paid beyond what is due, or a named amount.
    #[command(after_help = refund::EXAMPLES)]
    Refund(refund::RefundOptions),
    /// Hold an order for a person's review.
    #[command(after_help = "Example: ordo order hold phone/1001 \"is the address real?\"")]
    Hold {
        /// Which.
        #[command(flatten)]
        order: WhichOrder,
        /// What is to be looked at.
        #[arg(value_parser = parse::text)]
        detail: String,
    },
    /// Release one hold.
    #[command(
        after_help = "Example: ordo order release phone/1001 REVIEW-1 --reason \"called the customer\""
    )]
    Release {
        /// Which.
        #[command(flatten)]
        order: WhichOrder,
        /// Hold id, as `show` prints it.
        #[arg(value_parser = parse::text)]
        hold_id: String,
        /// Why, for the record.
        #[arg(long, value_parser = parse::text)]
        reason: Option<String>,
    },
    /// Reject an order after review.
    #[command(after_help = "Example: ordo order reject phone/1001 \"we do not deliver there\"")]
    Reject {
        /// Which.
        #[command(flatten)]
        order: WhichOrder,
        /// What the customer is told.
        #[arg(value_parser = parse::text)]
        detail: String,
    },
    /// Record that the customer has what was sent.
    #[command(after_help = "Example: ordo order confirm phone/1001 --accepted")]
    Confirm {
        /// Which.
        #[command(flatten)]
        order: WhichOrder,
        /// The customer accepted them: the order completes.
        #[arg(long)]
        accepted: bool,
    },
}

/// Recipient and address.
#[derive(Debug, Clone, Args)]
pub struct Recipient {
    /// Recipient's name.
    #[arg(long, value_parser = parse::text)]
    name: Option<String>,
    /// Recipient's phone.
    #[arg(long, value_parser = parse::text)]
    phone: Option<String>,
    /// Recipient's mail address.
    #[arg(long, value_parser = parse::text)]
    email: Option<String>,
    /// ISO 3166-1 alpha-2 code, such as CN or GB.
    #[arg(long, value_parser = parse::text)]
    country: Option<String>,
    /// Province or state.
    #[arg(long, value_parser = parse::text)]
    province: Option<String>,
    /// City.
    #[arg(long, value_parser = parse::text)]
    city: Option<String>,
    /// District.
    #[arg(long, value_parser = parse::text)]
    district: Option<String>,
    /// Street and house number.
    #[arg(long, value_parser = parse::text)]
    street: Option<String>,
    /// Postal code.
    #[arg(long, value_parser = parse::text)]
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
    match command {
        OrderCommand::Place(options) => {
            let request = place::request(*options)?;
            let waited = request.wait_for() == WaitFor::Reserved;
            let answer = client.intake()?.place_order(request).await?.into_inner();
            place::told(client, &answer, waited)?;
        }
        OrderCommand::Show { order } => show::show(client, &order).await?,
        OrderCommand::List(options) => list::list(client, *options).await?,
        OrderCommand::Timeline { order, chinese } => timeline(client, &order, chinese).await?,
        OrderCommand::Cancel {
            order,
            lines,
            reason,
        } => cancel(client, &order, lines, reason.as_deref()).await?,
        OrderCommand::Complete(options) => complete::complete(client, *options).await?,
        OrderCommand::Refund(options) => refund::refund(client, options).await?,
        OrderCommand::Confirm { order, accepted } => {
            confirm::confirm(client, &order, accepted).await?;
        }
        command => change(client, command).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The commands that are one call each.
async fn change(client: &Client, command: OrderCommand) -> Result<(), Fault> {
    let mut intake = client.intake()?;
    match command {
        OrderCommand::Address { order, recipient } => {
            let request = AmendAddressRequest {
                header: header("amend-address", None),
                order_id: order.id(client).await?,
                contact: recipient.contact(),
                address: recipient.address(),
            };
            let answer = intake.amend_address(request).await?.into_inner();
            after(client, &answer, 0, &answer.holds)
        }
        OrderCommand::Pay {
            order,
            amount,
            currency,
            method,
            payment_id,
        } => {
            let payment = Payment {
                payment_id: payment_id.unwrap_or_else(|| uuid::Uuid::now_v7().to_string()),
                method,
                amount: Some(parse::amount(&amount, &currency).map_err(Fault::usage)?),
                ..Payment::default()
            };
            let request = RecordPaymentRequest {
                header: header("record-payment", None),
                order_id: order.id(client).await?,
                payment: Some(payment),
            };
            let answer = intake.record_payment(request).await?.into_inner();
            after(client, &answer, answer.status, &answer.holds)
        }
        OrderCommand::Hold { order, detail } => {
            let request = HoldOrderRequest {
                header: header("hold-order", None),
                order_id: order.id(client).await?,
                detail,
            };
            let answer = intake.hold_order(request).await?.into_inner();
            if client.json {
                return json(&answer);
            }
            say!("held {}", answer.hold_id)
        }
        OrderCommand::Release {
            order,
            hold_id,
            reason,
        } => {
            let request = ReleaseHoldRequest {
                header: header("release-hold", reason.as_deref()),
                order_id: order.id(client).await?,
                hold_id,
            };
            let answer = intake.release_hold(request).await?.into_inner();
            after(client, &answer, answer.status, &answer.holds)
        }
        OrderCommand::Reject { order, detail } => {
            let request = RejectOrderRequest {
                header: header("reject-order", None),
                order_id: order.id(client).await?,
                detail,
            };
            let answer = intake.reject_order(request).await?.into_inner();
            after(client, &answer, answer.status, &[])
        }
        OrderCommand::Place(_)
        | OrderCommand::Show { .. }
        | OrderCommand::List(_)
        | OrderCommand::Timeline { .. }
        | OrderCommand::Cancel { .. }
        | OrderCommand::Complete(_)
        | OrderCommand::Refund(_)
        | OrderCommand::Confirm { .. } => Ok(()),
    }
}

async fn cancel(
    client: &Client,
    order: &WhichOrder,
    lines: Vec<LineQuantity>,
    reason: Option<&str>,
) -> Result<(), Fault> {
    let request = CancelOrderRequest {
        header: header("cancel-order", reason),
        order_id: order.id(client).await?,
        lines,
    };
    let answer = client.intake()?.cancel_order(request).await?.into_inner();
    if client.json {
        return json(&answer);
    }
    if answer.pending {
        return say!("the warehouse has been asked; `ordo order timeline` tells the outcome");
    }
    say!("{}", status(answer.status))
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
    if now == 0 {
        say!("done")?;
    } else {
        say!("{}", status(now))?;
    }
    holds(held)
}

fn holds(holds: &[ordo_proto::intake::Hold]) -> Result<(), Fault> {
    for hold in holds {
        say!("{}", held(hold))?;
    }
    Ok(())
}

/// A hold on a line, with those of its fields that its text does not name itself.
fn held(hold: &ordo_proto::intake::Hold) -> String {
    let detail = hold.detail.as_str();
    let mut text = format!("  held {}: {detail}", hold.hold_id);
    let names = |field: &str| detail.split([' ', ',']).any(|word| word == field);
    let more: Vec<&str> = hold
        .fields
        .iter()
        .map(String::as_str)
        .filter(|field| !names(field))
        .collect();
    if !more.is_empty() {
        text.push_str(&format!(" ({})", more.join(", ")));
    }
    text
}

async fn timeline(client: &Client, order: &WhichOrder, chinese: bool) -> Result<(), Fault> {
    let request = GetTimelineRequest {
        order_id: order.id(client).await?,
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
    say!("{rows}")
}

fn status(value: i32) -> String {
    word(
        OrderStatus::try_from(value)
            .unwrap_or_default()
            .as_str_name(),
        "ORDER_STATUS_",
    )
}

#[cfg(test)]
mod tests {
    use ordo_proto::intake::Hold;

    use super::*;

    #[test]
    fn a_hold_names_each_field_once() {
        let hold = |detail: &str, fields: &[&str]| {
            held(&Hold {
                hold_id: "H-1".to_owned(),
                detail: detail.to_owned(),
                fields: fields.iter().map(ToString::to_string).collect(),
                ..Hold::default()
            })
        };
        assert_eq!(
            hold(
                "missing: lines[0].quantity, due",
                &["lines[0].quantity", "due"]
            ),
            "  held H-1: missing: lines[0].quantity, due"
        );
        assert_eq!(
            hold(
                "the discount is more than the line costs",
                &["lines[1].discount"]
            ),
            "  held H-1: the discount is more than the line costs (lines[1].discount)"
        );
        assert_eq!(hold("ask her", &[]), "  held H-1: ask her");
    }
}
