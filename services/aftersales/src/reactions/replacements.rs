//! Places the other goods of an exchange as an order of its own, and cancels it when the exchange is given up.

use futures::future::BoxFuture;
use ordo_event_log::{EventLog, RecordedEvent};
use ordo_projection::{Reaction, ReactionContext, ReactionError};
use ordo_proto::{
    aftersales::{ReplacementRequested, ReplacementWithdrawn},
    intake::{CancelOrderRequest, PaymentTerms, PlaceOrderLine, PlaceOrderRequest},
    types::CommandHeader,
};
use ordo_rpc::{Call, Remote, reaction_error};
use prost::Name as _;

use super::{case_entity, case_of, message, on_case};
use crate::{
    desk::DeskCommand,
    ids::CaseId,
    money::money,
    purchase::{Purchase, PurchaseState},
};

/// Channel of the orders that replace goods. Their number on it is the case's id, so a case has one.
pub const CHANNEL: &str = "exchange";

/// The reaction.
pub struct Replacements {
    log: EventLog,
    remote: Remote,
}

impl Replacements {
    /// Asks intake through `remote` and records in `log`.
    pub fn new(log: EventLog, remote: Remote) -> Self {
        Self { log, remote }
    }

    async fn place(
        &self,
        event: &RecordedEvent,
        context: &ReactionContext,
    ) -> Result<(), ReactionError> {
        let case_id = case_of(event)?;
        let requested: ReplacementRequested = message(event)?;
        let partition = self.log.partition_for(context.tenant(), case_id.order_id());
        let (purchase, _) = self
            .log
            .state::<Purchase>(partition, context.tenant(), case_id.order_id())
            .await
            .map_err(|error| reaction_error(ordo_rpc::status(error)))?;
        let request = order(context, &case_id, requested, &purchase);
        let mut intake = self
            .remote
            .intake(&Call::from_reaction(context))
            .map_err(reaction_error)?;
        let placed = intake.place_order(request).await.map_err(reaction_error)?;
        let recorded = DeskCommand::RecordReplacement {
            replacement_order_id: placed.into_inner().order_id,
        };
        on_case(&self.log, context, event, "ordered", case_id, recorded).await
    }

    async fn cancel(
        &self,
        event: &RecordedEvent,
        context: &ReactionContext,
    ) -> Result<(), ReactionError> {
        let withdrawn: ReplacementWithdrawn = message(event)?;
        if withdrawn.replacement_order_id.is_empty() {
            // Not placed yet: once it is, the event comes again with its id.
            return Ok(());
        }
        let request = CancelOrderRequest {
            header: Some(CommandHeader {
                command_id: context.command_id("cancel"),
                reason: format!("case {} no longer needs it", withdrawn.case_id),
            }),
            order_id: withdrawn.replacement_order_id,
            lines: Vec::new(),
        };
        let mut intake = self
            .remote
            .intake(&Call::from_reaction(context))
            .map_err(reaction_error)?;
        intake.cancel_order(request).await.map_err(reaction_error)?;
        Ok(())
    }
}

impl Reaction for Replacements {
    fn name(&self) -> &'static str {
        "replacements"
    }

    fn entity(&self, event: &RecordedEvent) -> Option<String> {
        let known = *event.type_name == ReplacementRequested::full_name()
            || *event.type_name == ReplacementWithdrawn::full_name();
        known.then(|| case_entity(event)).flatten()
    }

    fn react<'a>(
        &'a self,
        event: &'a RecordedEvent,
        context: &'a mut ReactionContext,
    ) -> BoxFuture<'a, Result<(), ReactionError>> {
        Box::pin(async move {
            if *event.type_name == ReplacementRequested::full_name() {
                self.place(event, context).await
            } else {
                self.cancel(event, context).await
            }
        })
    }
}

/// The replacement as an order: free of charge, to the recipient of the order that it replaces goods of. Who that is stays
/// with intake, which finds the order by `replacement_for_case` and copies the sealed recipient.
fn order(
    context: &ReactionContext,
    case_id: &CaseId,
    requested: ReplacementRequested,
    purchase: &PurchaseState,
) -> PlaceOrderRequest {
    let lines = requested.lines.into_iter().map(|line| {
        let bought = purchase.line(&line.line_id);
        let same = bought.filter(|bought| bought.sku == line.replacement_sku);
        PlaceOrderLine {
            title: same.map(|bought| bought.title.clone()).unwrap_or_default(),
            sku: line.replacement_sku,
            quantity: line.quantity,
            unit_price: Some(money(purchase.currency(), 0)),
            no_charge: true,
            ..PlaceOrderLine::default()
        }
    });
    PlaceOrderRequest {
        header: Some(CommandHeader {
            command_id: context.command_id("place"),
            reason: format!("replacement for case {case_id}"),
        }),
        channel: CHANNEL.to_owned(),
        channel_order_number: case_id.to_string(),
        customer_id: purchase.customer_id().to_owned(),
        lines: lines.collect(),
        payment_terms: PaymentTerms::Prepaid.into(),
        replacement_for_case: case_id.to_string(),
        await_return: requested.await_return,
        ..PlaceOrderRequest::default()
    }
}
