//! Orders that intake releases become work, and their new addresses reach the packing desk.

use futures::future::BoxFuture;
use ordo_event_log::{Command, EventLog, RecordedEvent};
use ordo_projection::{Reaction, ReactionContext, ReactionError};
use ordo_proto::{
    fulfilment::{FulfilmentOrderOpened, WorkLine},
    intake::{AddressAmended, DeliveryMethod, FulfilmentRequested, InformationCompleted},
};

use super::{entity, is, message, own_command_failed};
use crate::{
    commands::{self, TAKE_AWAY},
    fulfilment_order::{FulfilmentOrder, NewRecipient},
};

/// Follows the log of intake.
pub struct FollowIntake {
    log: EventLog,
}

impl FollowIntake {
    /// Decides on `log`.
    pub fn new(log: EventLog) -> Self {
        Self { log }
    }

    async fn follow(
        &self,
        event: &RecordedEvent,
        context: &ReactionContext,
    ) -> Result<(), ReactionError> {
        if let Some(released) = message::<FulfilmentRequested>(event)? {
            return self.open(event, context, instruction(released)).await;
        }
        let recipient = match message::<AddressAmended>(event)? {
            Some(amended) => NewRecipient {
                contact: amended.contact,
                address: amended.address,
                region: amended.region,
            },
            None => match message::<InformationCompleted>(event)? {
                Some(completed) => NewRecipient {
                    contact: completed.contact,
                    address: completed.address,
                    region: completed.region,
                },
                None => return Ok(()),
            },
        };
        if recipient == NewRecipient::default() {
            return Ok(());
        }
        self.readdress(&event.stream.id, context, recipient).await
    }

    async fn open(
        &self,
        event: &RecordedEvent,
        context: &ReactionContext,
        instruction: FulfilmentOrderOpened,
    ) -> Result<(), ReactionError> {
        let command = self
            .command(context, &instruction.order_id, "open")
            .fingerprint(ordo_rpc::fingerprint(&instruction))
            .prefetch::<FulfilmentOrder>(&instruction.fulfilment_order_id);
        let at = event.time;
        let opened = self
            .log
            .execute(command, move |unit| {
                commands::open(unit, instruction.clone(), at)
            })
            .await;
        opened.map(|_| ()).map_err(own_command_failed)
    }

    async fn readdress(
        &self,
        order_id: &str,
        context: &ReactionContext,
        recipient: NewRecipient,
    ) -> Result<(), ReactionError> {
        let command = self.command(context, order_id, "address");
        let order_id = order_id.to_owned();
        let changed = self
            .log
            .execute(command, move |unit| {
                commands::change_address(unit, &order_id, &recipient)
            })
            .await;
        changed.map(|_| ()).map_err(own_command_failed)
    }

    fn command(&self, context: &ReactionContext, order_id: &str, label: &str) -> Command {
        let partition = self.log.partition_for(context.tenant(), order_id);
        Command::new(context.tenant().clone(), partition)
            .id(context.command_id(label))
            .metadata(context.metadata())
    }
}

impl Reaction for FollowIntake {
    fn name(&self) -> &'static str {
        "follow_intake"
    }

    fn entity(&self, event: &RecordedEvent) -> Option<String> {
        let ours = is::<FulfilmentRequested>(event)
            || is::<AddressAmended>(event)
            || is::<InformationCompleted>(event);
        ours.then(|| entity(event, &event.stream.id))
    }

    fn react<'a>(
        &'a self,
        event: &'a RecordedEvent,
        context: &'a mut ReactionContext,
    ) -> BoxFuture<'a, Result<(), ReactionError>> {
        Box::pin(self.follow(event, context))
    }
}

fn instruction(released: FulfilmentRequested) -> FulfilmentOrderOpened {
    let delivery_method = match released.delivery_method() {
        DeliveryMethod::Ship | DeliveryMethod::Unspecified => "SHIP",
        DeliveryMethod::Pickup => "PICKUP",
        DeliveryMethod::TakeAway => TAKE_AWAY,
    };
    let lines = released.lines.into_iter().map(|line| WorkLine {
        line_id: line.line_id,
        sku: line.sku,
        title: line.title,
        quantity: line.quantity,
    });
    let wishes = released.wishes.unwrap_or_default();
    FulfilmentOrderOpened {
        fulfilment_order_id: released.fulfilment_order_id,
        order_id: released.order_id,
        site_id: released.site_id,
        lines: lines.collect(),
        channel: released.channel,
        channel_order_number: released.channel_order_number,
        delivery_method: delivery_method.to_owned(),
        contact: released.contact,
        address: released.address,
        region: released.region,
        gift_wrap: wishes.gift_wrap,
        gift_message: wishes.gift_message,
        packaging: wishes.packaging,
        collect_on_delivery: released.collect_on_delivery,
    }
}
