//! A site that begins to serve orders has units for those who wait.

use std::time::Duration;

use futures::future::BoxFuture;
use ordo_event_log::{EventLog, RecordedEvent};
use ordo_projection::{Reaction, ReactionContext, ReactionError, ReadModel};
use ordo_proto::{
    inventory::SiteListed,
    types::{ConsistencyToken, LogPosition},
};
use prost::Name as _;

use super::{command, entity, failed};
use crate::{
    SERVICE,
    commands::announce_units,
    ids::Sku,
    projections::{availability, message},
};

/// How long it waits for the read model before it tries again later.
const PATIENCE: Duration = Duration::from_secs(5);
/// SKUs announced in one command.
const PIECE: usize = 1_000;

/// Makes the queues due of what the site has.
pub struct OpenSite {
    log: EventLog,
    availability: ReadModel,
}

impl OpenSite {
    /// Announces what `availability` knows to the queues of `log`.
    pub fn new(log: EventLog, availability: ReadModel) -> Self {
        Self { log, availability }
    }

    async fn announce(
        &self,
        event: &RecordedEvent,
        context: &ReactionContext,
    ) -> Result<(), ReactionError> {
        let listed = message::<SiteListed>(event).map_err(ReactionError::failed)?;
        let Some(listed) = listed.filter(|listed| listed.serves_orders) else {
            return Ok(());
        };
        let token = ConsistencyToken {
            positions: vec![LogPosition {
                service: SERVICE.to_owned(),
                partition: event.partition,
                position: event.position,
                epoch: event.epoch,
            }],
        };
        self.availability
            .wait_for(Some(&token), PATIENCE)
            .await
            .map_err(ReactionError::retry)?;
        let skus =
            availability::waited_for_at(&self.availability.db(), context.tenant(), &listed.site_id)
                .await
                .map_err(ReactionError::retry)?;
        for (number, piece) in skus.chunks(PIECE).enumerate() {
            let skus: Vec<Sku> = piece.iter().map(Sku::from).collect();
            // Which SKUs these are depends on when the read model was asked, so that a repetition is a command of its own;
            // announcing twice does no harm.
            let command = command(
                &self.log,
                context,
                &format!("announce-{}-{number}", context.attempt()),
            );
            self.log
                .execute(command, move |unit| announce_units(unit, &skus))
                .await
                .map_err(failed)?;
        }
        Ok(())
    }
}

impl Reaction for OpenSite {
    fn name(&self) -> &'static str {
        "open_site"
    }

    fn entity(&self, event: &RecordedEvent) -> Option<String> {
        (*event.type_name == SiteListed::full_name()).then(|| entity(event, "sites"))
    }

    fn react<'a>(
        &'a self,
        event: &'a RecordedEvent,
        context: &'a mut ReactionContext,
    ) -> BoxFuture<'a, Result<(), ReactionError>> {
        Box::pin(self.announce(event, context))
    }
}
