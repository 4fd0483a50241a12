//! Completes orders some time after everything was delivered.

use std::time::Duration;

use futures::future::BoxFuture;
use ordo_event_log::{RecordedEvent, Timestamp};
use ordo_projection::{Reaction, ReactionContext, ReactionError, Timer};
use ordo_proto::intake::{LinesCancelled, LinesDelivered, LinesReturned};

use super::{entity, is};
use crate::{
    order::{Complete, Intent, Order, OrderError},
    orders::{Orders, TellError},
};

const TIMER: &str = "complete";
/// How long a held order is left alone before it is looked at again.
const HELD: Duration = Duration::from_secs(24 * 3_600);

/// The reaction.
pub struct CompleteDelivered {
    orders: Orders,
    after: Duration,
}

impl CompleteDelivered {
    /// Completes `orders` that long after delivery.
    pub fn new(orders: Orders, after: Duration) -> Self {
        Self { orders, after }
    }
}

fn later(time: Timestamp, delay: Duration) -> Timestamp {
    Timestamp(
        time.0
            .saturating_add(i64::try_from(delay.as_micros()).unwrap_or(i64::MAX)),
    )
}

impl Reaction for CompleteDelivered {
    fn name(&self) -> &'static str {
        "complete_delivered"
    }

    fn entity(&self, event: &RecordedEvent) -> Option<String> {
        let settles = is::<LinesDelivered>(event)
            || is::<LinesReturned>(event)
            || is::<LinesCancelled>(event);
        settles.then(|| entity(&event.tenant, &event.stream.id))
    }

    fn react<'a>(
        &'a self,
        event: &'a RecordedEvent,
        context: &'a mut ReactionContext,
    ) -> BoxFuture<'a, Result<(), ReactionError>> {
        Box::pin(async move {
            let order = self.orders.get(&event.tenant, &event.stream.id).await;
            let (order, _) =
                order.map_err(|error| ordo_rpc::reaction_error(ordo_rpc::status(error)))?;
            if let Order::Open(body) = order
                && body.all_settled()
            {
                let due = later(event.time, self.after);
                context.schedule(TIMER, due, event.stream.id.as_bytes().to_vec());
            }
            Ok(())
        })
    }

    fn on_timer<'a>(
        &'a self,
        timer: &'a Timer,
        context: &'a mut ReactionContext,
    ) -> BoxFuture<'a, Result<(), ReactionError>> {
        Box::pin(async move {
            let order_id = String::from_utf8_lossy(&timer.payload);
            let complete = Intent::Complete(Complete {
                cause: "TIME_AFTER_DELIVERY".to_owned(),
            });
            match self
                .orders
                .tell(context, "complete", &order_id, complete)
                .await
            {
                // More was delivered since, and has a timer of its own; or something is under way again.
                Ok(()) | Err(TellError::Refused(OrderError::NotDelivered)) => Ok(()),
                Err(TellError::Refused(OrderError::Held)) => {
                    context.schedule(TIMER, later(timer.due, HELD), timer.payload.clone());
                    Ok(())
                }
                Err(error) => Err(error.into()),
            }
        })
    }
}
