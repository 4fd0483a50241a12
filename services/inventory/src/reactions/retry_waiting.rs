//! Units that became available go to those who wait, first come, first served.
//!
//! The log itself says when a queue is due (`BackorderDue`) and whether a piece of work left a rest (`BackorderServed`), so
//! that nothing is forgotten over a crash: the events are still there.

use futures::future::BoxFuture;
use ordo_event_log::{EventLog, RecordedEvent};
use ordo_projection::{Reaction, ReactionContext, ReactionError};
use ordo_proto::inventory::{BackorderDue, BackorderServed};
use prost::Name as _;

use super::{command, entity, failed};
use crate::{
    backorder::Backorder,
    commands::serve_backorder,
    grpc::partition,
    ids::{Place, Sku},
    projections::message,
    reservation::Reservation,
    sites::{ALL, Sites},
    sku::SkuItem,
    stock::Stock,
};

/// Waiters looked at in one command; others of the same partition get their turn between two.
const PIECE: u32 = 100;

/// See the module.
pub struct RetryWaiting {
    log: EventLog,
}

impl RetryWaiting {
    /// Serves the queues of `log`.
    pub fn new(log: EventLog) -> Self {
        Self { log }
    }

    async fn serve(
        &self,
        event: &RecordedEvent,
        context: &ReactionContext,
    ) -> Result<(), ReactionError> {
        let sku = match message::<BackorderServed>(event).map_err(ReactionError::failed)? {
            Some(served) if served.done => return Ok(()),
            Some(served) => served.sku,
            None => match message::<BackorderDue>(event).map_err(ReactionError::failed)? {
                Some(due) => due.sku,
                None => return Ok(()),
            },
        };
        let sku = Sku::from(&sku);
        let command = self
            .prefetched(command(&self.log, context, "serve"), context, &sku)
            .await?;
        self.log
            .execute(command, move |unit| {
                serve_backorder(unit, &sku, PIECE).map(drop)
            })
            .await
            .map_err(failed)?;
        Ok(())
    }

    /// Names the streams that the decision will most likely read, so that they are loaded together.
    async fn prefetched(
        &self,
        command: ordo_event_log::Command,
        context: &ReactionContext,
        sku: &Sku,
    ) -> Result<ordo_event_log::Command, ReactionError> {
        let tenant = context.tenant();
        let partition = partition(&self.log, tenant);
        let read = ReactionError::retry;
        let queue = self
            .log
            .state::<Backorder>(partition, tenant, sku.as_str())
            .await
            .map_err(read)?;
        let item = self
            .log
            .state::<SkuItem>(partition, tenant, sku.as_str())
            .await
            .map_err(read)?;
        let mut command = command
            .prefetch::<Backorder>(sku.as_str())
            .prefetch::<SkuItem>(sku.as_str())
            .prefetch::<Sites>(ALL);
        for site_id in item.0.stocked_at() {
            command = command.prefetch::<Stock>(&Place::new(sku, site_id).stream_id());
        }
        for waiter in queue.0.due_waiters().take(PIECE as usize) {
            command = command.prefetch::<Reservation>(waiter.reservation_id.as_str());
        }
        Ok(command)
    }
}

impl Reaction for RetryWaiting {
    fn name(&self) -> &'static str {
        "retry_waiting"
    }

    fn entity(&self, event: &RecordedEvent) -> Option<String> {
        let ours = *event.type_name == BackorderDue::full_name()
            || *event.type_name == BackorderServed::full_name();
        ours.then(|| entity(event, &event.stream.id))
    }

    fn react<'a>(
        &'a self,
        event: &'a RecordedEvent,
        context: &'a mut ReactionContext,
    ) -> BoxFuture<'a, Result<(), ReactionError>> {
        Box::pin(self.serve(event, context))
    }
}
