//! Keeps the purchases up with what intake tells of the orders.

use futures::future::BoxFuture;
use ordo_event_log::{EventLog, Halt, RecordedEvent};
use ordo_projection::{Reaction, ReactionContext, ReactionError};
use ordo_proto::intake::{Amounts, OrderLine, OrderPlaced};

use super::{command, order_entity};
use crate::{
    commands,
    purchase::{OrderedLine, OrderedPurchase, Purchase, PurchaseCommand, PurchaseError},
};

ordo_event_log::events! {
    /// The facts of an order that a purchase is made of.
    enum OrderFact {
        Placed(ordo_proto::intake::OrderPlaced),
        Completed(ordo_proto::intake::InformationCompleted),
        Sourced(ordo_proto::intake::FulfilmentRequested),
        Paid(ordo_proto::intake::PaymentCaptured),
        Shipped(ordo_proto::intake::LinesShipped),
        Delivered(ordo_proto::intake::LinesDelivered),
        Cancelled(ordo_proto::intake::LinesCancelled),
        Refunded(ordo_proto::intake::PaymentRefunded),
    }
}

/// The reaction.
pub struct FollowIntake {
    log: EventLog,
}

impl FollowIntake {
    /// Records in `log`.
    pub fn new(log: EventLog) -> Self {
        Self { log }
    }
}

impl Reaction for FollowIntake {
    fn name(&self) -> &'static str {
        "follow_intake"
    }

    fn entity(&self, event: &RecordedEvent) -> Option<String> {
        let known = OrderFact::type_names().contains(&&*event.type_name);
        known.then(|| order_entity(&event.tenant, &event.stream.id))
    }

    fn react<'a>(
        &'a self,
        event: &'a RecordedEvent,
        context: &'a mut ReactionContext,
    ) -> BoxFuture<'a, Result<(), ReactionError>> {
        Box::pin(async move {
            let fact = OrderFact::decode_event(&event.type_name, &event.payload)
                .map_err(|error| ReactionError::park(error.to_string()))?;
            let order_id = event.stream.id.to_string();
            let told = told(fact, &event.event_id.to_string());
            let partition = self.log.partition_for(context.tenant(), &order_id);
            let command =
                command(context, event, "record", partition).prefetch::<Purchase>(&order_id);
            self.log
                .execute(command, move |unit| {
                    commands::on_purchase(unit, &order_id, told.clone())?;
                    Ok::<(), Halt<PurchaseError>>(())
                })
                .await
                .map_err(|error| ordo_rpc::reaction_error(ordo_rpc::status(error)))?;
            Ok(())
        })
    }
}

/// The fact in the purchase's words.
fn told(fact: OrderFact, fact_id: &str) -> PurchaseCommand {
    let fact_id = fact_id.to_owned();
    match fact {
        OrderFact::Placed(placed) => PurchaseCommand::Record(ordered(placed)),
        OrderFact::Completed(completed) => PurchaseCommand::Complete {
            lines: completed.lines.into_iter().map(line).collect(),
            due: due(completed.amounts),
        },
        OrderFact::Sourced(requested) => PurchaseCommand::Source {
            fulfilment_order_id: requested.fulfilment_order_id,
            site_id: requested.site_id,
        },
        OrderFact::Paid(captured) => PurchaseCommand::Pay {
            payment_id: captured.payment_id,
            amount: captured.amount.unwrap_or_default(),
        },
        OrderFact::Shipped(shipped) => PurchaseCommand::Ship {
            fact_id,
            fulfilment_order_id: shipped.fulfilment_order_id,
            lines: shipped.lines,
        },
        OrderFact::Delivered(delivered) => PurchaseCommand::Deliver {
            fact_id,
            lines: delivered.lines,
        },
        OrderFact::Cancelled(cancelled) => PurchaseCommand::Cancel {
            fact_id,
            lines: cancelled.lines,
            due: due(cancelled.amounts),
        },
        OrderFact::Refunded(refunded) => PurchaseCommand::RecordRefund {
            refund_id: refunded.refund_id,
            amount: refunded.amount.unwrap_or_default(),
        },
    }
}

fn ordered(placed: OrderPlaced) -> OrderedPurchase {
    OrderedPurchase {
        order_id: placed.order_id,
        customer_id: placed.customer_id,
        channel: placed.channel,
        channel_order_number: placed.channel_order_number,
        lines: placed.lines.into_iter().map(line).collect(),
        due: due(placed.amounts).unwrap_or_default(),
        site_id: placed.site_id,
    }
}

fn line(line: OrderLine) -> OrderedLine {
    OrderedLine {
        line_id: line.line_id,
        sku: line.sku,
        title: line.title,
        quantity: line.quantity,
        total: line.total.map_or(0, |total| total.minor_units),
    }
}

fn due(amounts: Option<Amounts>) -> Option<ordo_proto::types::Money> {
    amounts.and_then(|amounts| amounts.due)
}
