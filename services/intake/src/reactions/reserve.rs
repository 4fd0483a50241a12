//! Asks inventory to reserve what orders want, and to take back what they no longer want. One reaction for both, so that
//! an order's requests reach inventory in the order in which they were made.

use futures::future::BoxFuture;
use ordo_event_log::RecordedEvent;
use ordo_projection::{Reaction, ReactionContext, ReactionError};
use ordo_proto::{
    intake::{ReservationReleaseRequested, ReservationRequested},
    inventory::{ReleaseReservationRequest, ReservationLine, ReserveRequest},
    types::CommandHeader,
};
use ordo_rpc::{Call, Remote, Verdict, classify, reaction_error};
use tonic::{Code, Status};

use super::{entity, is, message};
use crate::order::told_by_others;

/// Inventory has seen a later request.
const SUPERSEDED: &str = "ATTEMPT_SUPERSEDED";

/// The reaction.
pub struct Reserve {
    remote: Remote,
}

impl Reserve {
    /// Asks inventory through `remote`.
    pub fn new(remote: Remote) -> Self {
        Self { remote }
    }

    /// What came of it is told by inventory's events, not by the answer: there is one path.
    async fn reserve(
        &self,
        request: ReserveRequest,
        context: &ReactionContext,
    ) -> Result<(), ReactionError> {
        let mut inventory = self
            .remote
            .inventory(&Call::from_reaction(context))
            .map_err(reaction_error)?;
        match inventory.reserve(request).await {
            Ok(_) => Ok(()),
            Err(status) if is_refused(&status, SUPERSEDED) => Ok(()),
            Err(status) => Err(reaction_error(status)),
        }
    }

    async fn release(
        &self,
        request: ReleaseReservationRequest,
        context: &ReactionContext,
    ) -> Result<(), ReactionError> {
        let mut inventory = self
            .remote
            .inventory(&Call::from_reaction(context))
            .map_err(reaction_error)?;
        match inventory.release_reservation(request).await {
            Ok(_) => Ok(()),
            // Nothing was ever reserved.
            Err(status) if status.code() == Code::NotFound && is_decision(&status) => Ok(()),
            Err(status) => Err(reaction_error(status)),
        }
    }
}

fn is_refused(status: &Status, wanted: &str) -> bool {
    matches!(classify(status), Verdict::Refused { reason, .. } if reason == wanted)
}

fn is_decision(status: &Status) -> bool {
    matches!(classify(status), Verdict::Refused { .. })
}

impl Reaction for Reserve {
    fn name(&self) -> &'static str {
        "reserve"
    }

    fn commands(&self) -> &'static [&'static str] {
        &["inventory"]
    }

    fn entity(&self, event: &RecordedEvent) -> Option<String> {
        (is::<ReservationRequested>(event) || is::<ReservationReleaseRequested>(event))
            .then(|| entity(&event.tenant, &event.stream.id))
    }

    fn react<'a>(
        &'a self,
        event: &'a RecordedEvent,
        context: &'a mut ReactionContext,
    ) -> BoxFuture<'a, Result<(), ReactionError>> {
        Box::pin(async move {
            if let Some(requested) = message::<ReservationRequested>(event)? {
                let request =
                    reserve_request(&event.stream.id, requested, context.command_id("reserve"));
                return self.reserve(request, context).await;
            }
            let Some(requested) = message::<ReservationReleaseRequested>(event)? else {
                return Ok(());
            };
            if told_by_others(&requested) {
                return Ok(());
            }
            let request =
                release_request(&event.stream.id, requested, context.command_id("release"));
            self.release(request, context).await
        })
    }
}

fn header(command_id: String) -> Option<CommandHeader> {
    Some(CommandHeader {
        command_id,
        reason: String::new(),
    })
}

/// The reservation's id is the order's.
pub(super) fn reserve_request(
    order_id: &str,
    requested: ReservationRequested,
    command_id: String,
) -> ReserveRequest {
    let lines = requested.demand.into_iter().map(|demand| ReservationLine {
        line_id: demand.line_id,
        sku: demand.sku,
        quantity: demand.quantity,
    });
    ReserveRequest {
        header: header(command_id),
        reservation_id: order_id.to_owned(),
        attempt: requested.attempt,
        lines: lines.collect(),
        all_or_nothing: requested.all_or_nothing,
        wait_for_stock: requested.wait_for_stock,
        region: requested.region,
        site_id: requested.site_id,
        split_not_allowed: !requested.split_allowed,
        expires_at: None,
    }
}

pub(super) fn release_request(
    order_id: &str,
    requested: ReservationReleaseRequested,
    command_id: String,
) -> ReleaseReservationRequest {
    ReleaseReservationRequest {
        header: header(command_id),
        reservation_id: order_id.to_owned(),
        lines: requested.lines,
        cause: requested.cause,
        site_id: requested.site_id,
    }
}
