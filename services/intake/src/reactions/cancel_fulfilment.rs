//! Asks the warehouse to stop fulfilment orders, and records what it says.

use futures::future::BoxFuture;
use ordo_event_log::RecordedEvent;
use ordo_projection::{Reaction, ReactionContext, ReactionError};
use ordo_proto::{
    fulfilment::CancelFulfilmentRequest, intake::CancellationRequested, types::CommandHeader,
};
use ordo_rpc::{Call, Remote, Verdict, classify, reaction_error};
use tonic::{Code, Status};

use super::{entity, is, message};
use crate::{
    order::{Intent, RecordCancellationRefused, RecordFulfilmentStopped},
    orders::Orders,
};

/// Everything has left.
const ALREADY_DISPATCHED: &str = "ALREADY_DISPATCHED";

/// The reaction.
pub struct CancelFulfilment {
    orders: Orders,
    remote: Remote,
}

impl CancelFulfilment {
    /// Asks fulfilment through `remote` and tells `orders`.
    pub fn new(orders: Orders, remote: Remote) -> Self {
        Self { orders, remote }
    }

    async fn stop(
        &self,
        requested: &CancellationRequested,
        fulfilment_order_id: &str,
        order_id: &str,
        context: &ReactionContext,
    ) -> Result<(), ReactionError> {
        let mut fulfilment = self
            .remote
            .fulfilment(&Call::from_reaction(context))
            .map_err(reaction_error)?;
        let request = CancelFulfilmentRequest {
            header: Some(CommandHeader {
                command_id: context.command_id(fulfilment_order_id),
                reason: String::new(),
            }),
            fulfilment_order_id: fulfilment_order_id.to_owned(),
            cause: requested.cause.clone(),
        };
        let intent = match fulfilment.cancel_fulfilment(request).await {
            Ok(answer) => Intent::RecordFulfilmentStopped(RecordFulfilmentStopped {
                fulfilment_order_id: fulfilment_order_id.to_owned(),
                lines: answer.into_inner().lines,
                cause: requested.cause.clone(),
            }),
            Err(status) => refusal(requested, fulfilment_order_id, status)?,
        };
        let label = format!("record-{fulfilment_order_id}");
        Ok(self.orders.tell(context, &label, order_id, intent).await?)
    }
}

/// A fulfilment order that fulfilment has not heard of yet will be there soon; one that has left is told as a refusal.
fn refusal(
    requested: &CancellationRequested,
    fulfilment_order_id: &str,
    status: Status,
) -> Result<Intent, ReactionError> {
    match classify(&status) {
        Verdict::Refused { reason, .. } if reason == ALREADY_DISPATCHED => Ok(
            Intent::RecordCancellationRefused(RecordCancellationRefused {
                cancellation_id: requested.cancellation_id.clone(),
                fulfilment_order_id: fulfilment_order_id.to_owned(),
                detail: status.message().to_owned(),
            }),
        ),
        Verdict::Refused {
            code: Code::NotFound,
            ..
        } => Err(ReactionError::retry(status)),
        _ => Err(reaction_error(status)),
    }
}

impl Reaction for CancelFulfilment {
    fn name(&self) -> &'static str {
        "cancel_fulfilment"
    }

    fn commands(&self) -> &'static [&'static str] {
        &["fulfilment"]
    }

    fn entity(&self, event: &RecordedEvent) -> Option<String> {
        is::<CancellationRequested>(event).then(|| entity(&event.tenant, &event.stream.id))
    }

    fn react<'a>(
        &'a self,
        event: &'a RecordedEvent,
        context: &'a mut ReactionContext,
    ) -> BoxFuture<'a, Result<(), ReactionError>> {
        Box::pin(async move {
            if let Some(requested) = message::<CancellationRequested>(event)? {
                for fulfilment_order_id in &requested.fulfilment_order_ids {
                    self.stop(&requested, fulfilment_order_id, &event.stream.id, context)
                        .await?;
                }
            }
            Ok(())
        })
    }
}
