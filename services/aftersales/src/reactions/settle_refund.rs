//! Has intake move the money that a case promised, and records what came of it.

use futures::future::BoxFuture;
use ordo_event_log::{EventLog, RecordedEvent};
use ordo_projection::{Reaction, ReactionContext, ReactionError};
use ordo_proto::{aftersales::RefundGranted, intake::RefundPaymentRequest, types::CommandHeader};
use ordo_rpc::{Call, Remote, Verdict, classify, reaction_error};
use prost::Name as _;

use super::{case_entity, case_of, message, on_case};
use crate::desk::DeskCommand;

/// The reaction.
pub struct SettleRefund {
    log: EventLog,
    remote: Remote,
}

impl SettleRefund {
    /// Asks intake through `remote` and records in `log`.
    pub fn new(log: EventLog, remote: Remote) -> Self {
        Self { log, remote }
    }
}

impl Reaction for SettleRefund {
    fn name(&self) -> &'static str {
        "settle_refund"
    }

    fn entity(&self, event: &RecordedEvent) -> Option<String> {
        (*event.type_name == RefundGranted::full_name())
            .then(|| case_entity(event))
            .flatten()
    }

    fn react<'a>(
        &'a self,
        event: &'a RecordedEvent,
        context: &'a mut ReactionContext,
    ) -> BoxFuture<'a, Result<(), ReactionError>> {
        Box::pin(async move {
            let case_id = case_of(event)?;
            let granted: RefundGranted = message(event)?;
            let request = RefundPaymentRequest {
                header: Some(CommandHeader {
                    command_id: context.command_id("refund"),
                    reason: String::new(),
                }),
                order_id: granted.order_id,
                refund_id: granted.refund_id.clone(),
                case_id: granted.case_id,
                amount: granted.amount.clone(),
                lines: granted.lines,
            };
            let mut intake = self
                .remote
                .intake(&Call::from_reaction(context))
                .map_err(reaction_error)?;
            // Both verdicts are final under this command id, so both are recorded under one label: whichever was
            // recorded first stands.
            let outcome = match intake.refund_payment(request).await {
                Ok(_) => DeskCommand::SettleRefund {
                    refund_id: granted.refund_id,
                    amount: granted.amount.unwrap_or_default(),
                },
                Err(status) => match classify(&status) {
                    Verdict::Refused { reason, .. } => DeskCommand::FailRefund {
                        refund_id: granted.refund_id,
                        failure: format!("{reason}: {}", status.message()),
                    },
                    Verdict::Retry | Verdict::Fatal => return Err(reaction_error(status)),
                },
            };
            on_case(&self.log, context, event, "outcome", case_id, outcome).await
        })
    }
}
