//! What the shelf really held corrects the book.
//!
//! Short picks, by their reason (as HotWax does it):
//!
//! - NOT_IN_STOCK, the bin is empty: the missing units and everything that is not promised to an order are written off, so
//!   that nothing more is sold from there. Units promised to other orders are left to their own pickers.
//! - MISMATCH, fewer than the book says: the missing units are written off.
//! - DAMAGED: the missing units move from sellable to damaged.
//!
//! In each case the order's reservation of the missing units is given up in the same step: between two steps somebody else would
//! reserve what is not there. The order itself asks for other units when inventory says that this is booked. When the order was
//! cancelled meanwhile, its units may be promised to others by then: one of their pickers will not find them, and that short pick
//! corrects the book.
//!
//! Units that fail the check move to quarantine, where the stock allows it; where every unit is promised, the replacement cannot be
//! found either and the short pick that follows corrects the book.

use futures::future::BoxFuture;
use ordo_event_log::RecordedEvent;
use ordo_projection::{Reaction, ReactionContext, ReactionError};
use ordo_proto::{
    fulfilment::{LineChecked, LineShortPicked, ShortPickReason},
    inventory::{AdjustStockRequest, StockCondition},
    types::CommandHeader,
};
use ordo_rpc::{Call, Remote, Verdict, classify, reaction_error};
use tonic::Status;

use super::{entity, is, message};

/// Reason of adjustments after a short pick.
pub const SHORT_PICK: &str = "SHORT_PICK";
/// Reason of adjustments after a failed check.
pub const CHECK_FAILED: &str = "CHECK_FAILED";

/// Inventory's reason when an adjustment takes units that are promised.
const TAKES_TOO_MANY: &str = "ADJUSTMENT_TAKES_TOO_MANY";

/// Corrects inventory's book.
pub struct CorrectStock {
    remote: Remote,
}

/// What an adjustment came to.
enum Adjusted {
    Done,
    /// Fewer units may be taken: all others are promised to orders.
    TooMany(Status),
}

impl CorrectStock {
    /// Calls inventory through `remote`.
    pub fn new(remote: Remote) -> Self {
        Self { remote }
    }

    async fn correct(
        &self,
        event: &RecordedEvent,
        context: &ReactionContext,
    ) -> Result<(), ReactionError> {
        if let Some(short) = message::<LineShortPicked>(event)? {
            return self.write_off(&short, context).await;
        }
        match message::<LineChecked>(event)? {
            Some(checked) if checked.failed > 0 => self.quarantine(&checked, context).await,
            Some(_) | None => Ok(()),
        }
    }

    async fn write_off(
        &self,
        short: &LineShortPicked,
        context: &ReactionContext,
    ) -> Result<(), ReactionError> {
        let loss = AdjustStockRequest {
            delta: short.missing.saturating_neg(),
            condition: StockCondition::Sellable.into(),
            // The reservation of an order has the order's id.
            reservation_id: short.order_id.clone(),
            line_id: short.line_id.clone(),
            released_quantity: short.missing,
            all_unpromised: short.reason() == ShortPickReason::NotInStock,
            ..adjustment(
                &short.sku,
                &short.site_id,
                &short.fulfilment_order_id,
                SHORT_PICK,
            )
        };
        if let Adjusted::TooMany(status) = self.adjust(loss, context, "write-off").await? {
            tracing::warn!(
                fulfilment_order_id = short.fulfilment_order_id,
                sku = short.sku,
                site_id = short.site_id,
                missing = short.missing,
                refusal = status.message(),
                "units that were not found are promised to other orders, whose pickers will miss them"
            );
            return Ok(());
        }
        if short.reason() != ShortPickReason::Damaged {
            return Ok(());
        }
        let damaged = AdjustStockRequest {
            delta: short.missing,
            condition: StockCondition::Damaged.into(),
            ..adjustment(
                &short.sku,
                &short.site_id,
                &short.fulfilment_order_id,
                SHORT_PICK,
            )
        };
        self.must(damaged, context, "damaged").await
    }

    async fn quarantine(
        &self,
        checked: &LineChecked,
        context: &ReactionContext,
    ) -> Result<(), ReactionError> {
        let adjustment = || {
            adjustment(
                &checked.sku,
                &checked.site_id,
                &checked.fulfilment_order_id,
                CHECK_FAILED,
            )
        };
        let out = AdjustStockRequest {
            delta: checked.failed.saturating_neg(),
            condition: StockCondition::Sellable.into(),
            ..adjustment()
        };
        if let Adjusted::TooMany(_) = self.adjust(out, context, "failed-out").await? {
            return Ok(());
        }
        let into = AdjustStockRequest {
            delta: checked.failed,
            condition: StockCondition::Quarantine.into(),
            ..adjustment()
        };
        self.must(into, context, "failed-in").await
    }

    async fn must(
        &self,
        request: AdjustStockRequest,
        context: &ReactionContext,
        label: &str,
    ) -> Result<(), ReactionError> {
        match self.adjust(request, context, label).await? {
            Adjusted::Done => Ok(()),
            Adjusted::TooMany(status) => Err(reaction_error(status)),
        }
    }

    async fn adjust(
        &self,
        request: AdjustStockRequest,
        context: &ReactionContext,
        label: &str,
    ) -> Result<Adjusted, ReactionError> {
        let call = Call::from_reaction(context);
        let mut inventory = self.remote.inventory(&call).map_err(reaction_error)?;
        let request = AdjustStockRequest {
            header: Some(CommandHeader {
                command_id: context.command_id(label),
                reason: String::new(),
            }),
            ..request
        };
        let Err(status) = inventory.adjust_stock(request).await else {
            return Ok(Adjusted::Done);
        };
        match classify(&status) {
            Verdict::Refused { reason, .. } if reason == TAKES_TOO_MANY => {
                Ok(Adjusted::TooMany(status))
            }
            Verdict::Refused { .. } | Verdict::Retry | Verdict::Fatal => {
                Err(reaction_error(status))
            }
        }
    }
}

fn adjustment(sku: &str, site_id: &str, cause_id: &str, reason: &str) -> AdjustStockRequest {
    AdjustStockRequest {
        sku: sku.to_owned(),
        site_id: site_id.to_owned(),
        reason: reason.to_owned(),
        cause_id: cause_id.to_owned(),
        ..AdjustStockRequest::default()
    }
}

impl Reaction for CorrectStock {
    fn name(&self) -> &'static str {
        "correct_stock"
    }

    fn entity(&self, event: &RecordedEvent) -> Option<String> {
        let ours = is::<LineShortPicked>(event) || is::<LineChecked>(event);
        let order_id = || crate::ids::order_of_fulfilment_order(&event.stream.id);
        ours.then(order_id)?.map(|order_id| entity(event, order_id))
    }

    fn react<'a>(
        &'a self,
        event: &'a RecordedEvent,
        context: &'a mut ReactionContext,
    ) -> BoxFuture<'a, Result<(), ReactionError>> {
        Box::pin(self.correct(event, context))
    }
}
