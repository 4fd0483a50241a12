//! Records returns on orders, and frees replacements whose return is in.

use futures::future::BoxFuture;
use ordo_event_log::RecordedEvent;
use ordo_projection::{Reaction, ReactionContext, ReactionError};
use ordo_proto::aftersales::{
    CaseApproved, CaseKind, PurchaseUnclaimed, ReplacementFreed, ReturnReceived,
};

use super::{entity, is, message, order_of, units};
use crate::{
    order::{Intent, ReturnedLines},
    orders::Orders,
};

/// The reaction.
pub struct FollowAftersales {
    orders: Orders,
}

impl FollowAftersales {
    /// Tells `orders`.
    pub fn new(orders: Orders) -> Self {
        Self { orders }
    }
}

/// Which order is told what. A replacement is an order of its own.
pub(super) fn told(event: &RecordedEvent) -> Result<Option<(String, Intent)>, ReactionError> {
    if let Some(it) = message::<CaseApproved>(event)? {
        // Nothing comes back when only money is given.
        let comes_back = it.kind() != CaseKind::RefundOnly && !it.lines.is_empty();
        let returned = ReturnedLines {
            case_id: it.case_id,
            lines: it.lines,
        };
        return Ok(comes_back.then_some((it.order_id, Intent::RecordReturnApproved(returned))));
    }
    if let Some(it) = message::<ReturnReceived>(event)? {
        let lines = it
            .lines
            .into_iter()
            .map(|line| units(line.line_id, line.resellable + line.not_resellable))
            .filter(|line| line.quantity > 0)
            .collect::<Vec<_>>();
        let returned = ReturnedLines {
            case_id: it.case_id,
            lines,
        };
        let something = !returned.lines.is_empty();
        return Ok(something.then_some((it.order_id, Intent::RecordReturned(returned))));
    }
    if let Some(it) = message::<PurchaseUnclaimed>(event)? {
        // Of the stream of the purchase, whose id is the order's.
        let order_id = event.stream.id.to_string();
        let abandoned = ReturnedLines {
            case_id: it.case_id,
            lines: it.lines,
        };
        return Ok(Some((order_id, Intent::RecordReturnAbandoned(abandoned))));
    }
    if let Some(it) = message::<ReplacementFreed>(event)? {
        let placed = !it.replacement_order_id.is_empty();
        return Ok(placed.then_some((it.replacement_order_id, Intent::ReleaseReplacement)));
    }
    Ok(None)
}

impl Reaction for FollowAftersales {
    fn name(&self) -> &'static str {
        "follow_aftersales"
    }

    fn entity(&self, event: &RecordedEvent) -> Option<String> {
        let concerns = is::<CaseApproved>(event)
            || is::<ReturnReceived>(event)
            || is::<PurchaseUnclaimed>(event)
            || is::<ReplacementFreed>(event);
        concerns.then(|| entity(&event.tenant, order_of(&event.stream.id)))
    }

    fn react<'a>(
        &'a self,
        event: &'a RecordedEvent,
        context: &'a mut ReactionContext,
    ) -> BoxFuture<'a, Result<(), ReactionError>> {
        Box::pin(async move {
            if let Some((order_id, intent)) = told(event)? {
                self.orders
                    .tell(context, "record", &order_id, intent)
                    .await?;
            }
            Ok(())
        })
    }
}
