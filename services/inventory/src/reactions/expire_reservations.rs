//! Reservations that are kept for a while only end in time.

use futures::future::BoxFuture;
use ordo_event_log::{EventLog, RecordedEvent, Timestamp};
use ordo_projection::{Reaction, ReactionContext, ReactionError, Timer};
use ordo_proto::inventory::ReservationRequested;
use prost::Name as _;

use super::{command, entity, failed};
use crate::{commands::expire, ids::ReservationId, projections::message};

/// The one timer of a reservation; its payload is the reservation's id.
const EXPIRY: &str = "expiry";

/// Sets a timer for every request that ends, and moves or lifts it with the next one.
pub struct ExpireReservations {
    log: EventLog,
}

impl ExpireReservations {
    /// Expires the reservations of `log`.
    pub fn new(log: EventLog) -> Self {
        Self { log }
    }

    fn schedule(
        &self,
        event: &RecordedEvent,
        context: &mut ReactionContext,
    ) -> Result<(), ReactionError> {
        let requested = message::<ReservationRequested>(event).map_err(ReactionError::failed)?;
        let Some(requested) = requested else {
            return Ok(());
        };
        match requested.expires_at {
            Some(time) => context.schedule(
                EXPIRY,
                Timestamp::from(&time),
                requested.reservation_id.into_bytes(),
            ),
            None => context.cancel_timer(EXPIRY),
        }
        Ok(())
    }

    async fn expire(&self, timer: &Timer, context: &ReactionContext) -> Result<(), ReactionError> {
        let Ok(reservation_id) = std::str::from_utf8(&timer.payload) else {
            return Err(ReactionError::park(
                "the timer's payload is no reservation id",
            ));
        };
        let id = ReservationId::from(reservation_id);
        // The due time, not the clock's: a later attempt may have moved the expiry meanwhile.
        let due = timer.due;
        self.log
            .execute(command(&self.log, context, "expire"), move |unit| {
                expire(unit, &id, due)
            })
            .await
            .map_err(failed)?;
        Ok(())
    }
}

impl Reaction for ExpireReservations {
    fn name(&self) -> &'static str {
        "expire_reservations"
    }

    fn entity(&self, event: &RecordedEvent) -> Option<String> {
        (*event.type_name == ReservationRequested::full_name())
            .then(|| entity(event, &event.stream.id))
    }

    fn react<'a>(
        &'a self,
        event: &'a RecordedEvent,
        context: &'a mut ReactionContext,
    ) -> BoxFuture<'a, Result<(), ReactionError>> {
        Box::pin(async move { self.schedule(event, context) })
    }

    fn on_timer<'a>(
        &'a self,
        timer: &'a Timer,
        context: &'a mut ReactionContext,
    ) -> BoxFuture<'a, Result<(), ReactionError>> {
        Box::pin(self.expire(timer, context))
    }
}
