//! Orders in intake's own log: finding their partition, deciding on them, reading them.

use ordo_event_log::{
    Command, EventLog, Halt, ReadError, RecordedEvent, StreamId, TenantId, Timestamp,
};
use ordo_projection::{ReactionContext, ReactionError};

use crate::order::{self, Intent, Order, OrderError};

/// Events of one order that are read at once.
const PAGE: u32 = 500;

/// The orders of a log. Cheap to clone.
#[derive(Clone)]
pub struct Orders {
    log: EventLog,
}

impl Orders {
    /// Orders in `log`.
    pub fn new(log: EventLog) -> Self {
        Self { log }
    }

    /// The log itself.
    pub fn log(&self) -> &EventLog {
        &self.log
    }

    /// Where the order lives.
    pub fn partition(&self, tenant: &TenantId, order_id: &str) -> u32 {
        self.log.partition_for(tenant, order_id)
    }

    /// The order and its version; [`Order::Unplaced`] and 0 when there is none.
    pub async fn get(&self, tenant: &TenantId, order_id: &str) -> Result<(Order, u64), ReadError> {
        let partition = self.partition(tenant, order_id);
        self.log.state::<Order>(partition, tenant, order_id).await
    }

    /// All events of the order.
    pub async fn events(
        &self,
        tenant: &TenantId,
        order_id: &str,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        let partition = self.partition(tenant, order_id);
        let stream = StreamId::new("order", order_id);
        let mut events: Vec<RecordedEvent> = Vec::new();
        loop {
            let after = events.last().map_or(0, |event| event.stream_version);
            let page = self
                .log
                .read_stream(partition, tenant, &stream, after, PAGE)
                .await?;
            let last = page.len() < PAGE as usize;
            events.extend(page);
            if last {
                return Ok(events);
            }
        }
    }

    /// Tells the order what a reaction learned. Told again by a later try, it is the same command: the id comes from the
    /// event, and so does the content.
    pub async fn tell(
        &self,
        context: &ReactionContext,
        label: &str,
        order_id: &str,
        intent: Intent,
    ) -> Result<(), TellError> {
        let tenant = context.tenant();
        let partition = self.partition(tenant, order_id);
        let command = Command::new(tenant.clone(), partition)
            .id(context.command_id(label))
            .metadata(context.metadata())
            .prefetch::<Order>(order_id);
        let at = prost_types::Timestamp::from(Timestamp::now());
        let order_id = order_id.to_owned();
        let decided = self.log.execute(command, move |unit| {
            let intent = intent.clone();
            unit.decide::<Order>(&order_id, order::Command { at, intent })?;
            Ok::<(), Halt<OrderError>>(())
        });
        match decided.await {
            Ok(_) => Ok(()),
            Err(ordo_event_log::ExecuteError::Refused(refusal)) => Err(TellError::Refused(refusal)),
            Err(error) => Err(TellError::Failed(ordo_rpc::reaction_error(
                ordo_rpc::status(error),
            ))),
        }
    }
}

/// Why an order did not take what it was told.
#[derive(Debug)]
pub enum TellError {
    /// The order refuses it.
    Refused(OrderError),
    /// The log could not say.
    Failed(ReactionError),
}

impl From<TellError> for ReactionError {
    /// A refusal that the reaction did not expect is for a person; one that another follower may lift is tried again some
    /// times before.
    fn from(error: TellError) -> Self {
        match error {
            TellError::Refused(refusal) if comes_too_early(&refusal) => Self::failed(refusal),
            TellError::Refused(refusal) => Self::park(format!("refused: {refusal}")),
            TellError::Failed(error) => error,
        }
    }
}

/// After a restore all neighbours are heard again, and none waits for another: a parcel may be told before the reservation
/// from which its order is released again, a return before the parcel, and that units were given back before the warehouse was
/// stopped.
fn comes_too_early(refusal: &OrderError) -> bool {
    matches!(
        refusal,
        OrderError::UnknownFulfilmentOrder { .. }
            | OrderError::ReturnsTooMuch { .. }
            | OrderError::ReleasedToWarehouse
    )
}
