//! Frees orders that wait for a code: when the catalogue learns what it means, and when an order is held for a code that
//! the catalogue has learnt meanwhile.

use std::time::Duration;

use futures::future::BoxFuture;
use ordo_event_log::{RecordedEvent, TenantId};
use ordo_projection::{NotYet, Reaction, ReactionContext, ReactionError, ReadModel};
use ordo_proto::{
    intake::{HoldReason, OrderHeld},
    inventory::{BarcodeAssigned, ChannelSkuMapped, SkuPut},
    types::{ConsistencyToken, LogPosition},
};
use ordo_sql::SqlError;

use super::{entity, is, message};
use crate::{
    order::{Body, CompleteInformation, CompletedLine, Intent, OrderError, ReleaseHold},
    orders::{Orders, TellError},
    projections::{
        order_list::{key, orders_with_key},
        sku_codes,
    },
};

/// Orders freed at once.
const PAGE: u32 = 200;
/// How often an order may be held for a SKU that the catalogue lists and inventory does not know, before it is left to a
/// person.
const MOST_TRIES: u32 = 3;
/// How long the read models may lag before the event is tried again.
const PATIENCE: Duration = Duration::from_secs(5);

/// The reaction.
pub struct FollowCatalogue {
    orders: Orders,
    list: ReadModel,
    codes: ReadModel,
}

impl FollowCatalogue {
    /// Finds held orders in `list`, what codes mean in `codes`, and tells `orders`.
    pub fn new(orders: Orders, list: ReadModel, codes: ReadModel) -> Self {
        Self {
            orders,
            list,
            codes,
        }
    }

    /// The read model has seen everything in our log up to now.
    async fn list_is_fresh(&self) -> Result<(), ReactionError> {
        let log = self.orders.log();
        let mut token = ConsistencyToken::default();
        for partition in 0..log.partitions() {
            let head = log.read_head(partition).await;
            let head = head.map_err(|error| ordo_rpc::reaction_error(ordo_rpc::status(error)))?;
            token.positions.push(LogPosition {
                service: log.service().to_owned(),
                partition,
                position: head.position,
                epoch: head.epoch,
            });
        }
        self.list
            .wait_for(Some(&token), PATIENCE)
            .await
            .map_err(behind)
    }

    /// A code got a meaning: every order that waits for it is told.
    async fn code_learnt(
        &self,
        event: &RecordedEvent,
        context: &ReactionContext,
    ) -> Result<(), ReactionError> {
        let meaning = sku_codes::meaning(event).map_err(ReactionError::failed)?;
        let Some(meaning) = meaning.filter(|meaning| meaning.sku.is_some()) else {
            return Ok(());
        };
        self.list_is_fresh().await?;
        let position = LogPosition {
            service: "inventory".to_owned(),
            partition: event.partition,
            position: event.position,
            epoch: event.epoch,
        };
        let token = ConsistencyToken {
            positions: vec![position],
        };
        self.codes
            .wait_for(Some(&token), PATIENCE)
            .await
            .map_err(behind)?;
        let tenant = event.tenant.as_str();
        let mut after = (i64::MIN, String::new());
        loop {
            let page = orders_with_key(
                &self.list.db(),
                tenant,
                key::UNMAPPED,
                &meaning.awaited_as(),
                (after.0, &after.1),
                PAGE,
            )
            .await
            .map_err(sql)?;
            for (_, order_id) in &page {
                self.free(&event.tenant, order_id, context).await?;
            }
            match page.into_iter().last() {
                Some(last) => after = last,
                None => return Ok(()),
            }
        }
    }

    /// Supplies the SKUs that are known by now. SKUs that inventory did not know are asked for again.
    async fn free(
        &self,
        tenant: &TenantId,
        order_id: &str,
        context: &ReactionContext,
    ) -> Result<(), ReactionError> {
        let order = self.orders.get(tenant, order_id).await;
        let (order, _) =
            order.map_err(|error| ordo_rpc::reaction_error(ordo_rpc::status(error)))?;
        let Some((phase, body)) = order.placed() else {
            return Ok(());
        };
        if phase.ended() {
            return Ok(());
        }
        let lines = self.known_by_now(tenant, body).await?;
        if !lines.is_empty() {
            let complete = CompleteInformation {
                lines,
                ..CompleteInformation::default()
            };
            let intent = Intent::CompleteInformation(Box::new(complete));
            accept(
                self.orders
                    .tell(context, &format!("map-{order_id}"), order_id, intent)
                    .await,
            )?;
        }
        let tries = body.times_held(HoldReason::UnmappedSku);
        if tries <= MOST_TRIES && self.all_in_catalogue(tenant, body).await? {
            for hold in body.holds_for(HoldReason::UnmappedSku) {
                let release = Intent::ReleaseHold(ReleaseHold {
                    hold_id: hold.hold_id.clone(),
                    note: "the catalogue has the SKU".to_owned(),
                });
                let label = format!("release-{order_id}-{}", hold.hold_id);
                accept(self.orders.tell(context, &label, order_id, release).await)?;
            }
        }
        Ok(())
    }

    async fn known_by_now(
        &self,
        tenant: &TenantId,
        body: &Body,
    ) -> Result<Vec<CompletedLine>, ReactionError> {
        let mut lines = Vec::new();
        for line in body
            .lines
            .iter()
            .map(|line| &line.line)
            .filter(|line| line.sku.is_empty())
        {
            if let Some(sku) = self.sku(tenant, &body.channel, &line.channel_sku).await? {
                lines.push(CompletedLine {
                    line_id: line.line_id.clone(),
                    sku,
                    ..CompletedLine::default()
                });
            }
        }
        Ok(lines)
    }

    /// Whether every line has a SKU, and inventory knows by now those that it did not.
    async fn all_in_catalogue(
        &self,
        tenant: &TenantId,
        body: &Body,
    ) -> Result<bool, ReactionError> {
        if body.lines.iter().any(|line| line.line.sku.is_empty()) {
            return Ok(false);
        }
        for line in body.lines.iter().filter(|line| line.unknown_sku) {
            let sku = self.sku(tenant, &body.channel, &line.line.sku).await?;
            if sku.as_ref() != Some(&line.line.sku) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn sku(
        &self,
        tenant: &TenantId,
        channel: &str,
        code: &str,
    ) -> Result<Option<String>, ReactionError> {
        let sku = sku_codes::sku_of(&self.codes.db(), tenant.as_str(), channel, code).await;
        sku.map_err(sql)
    }
}

fn behind(error: NotYet) -> ReactionError {
    ReactionError::retry(error)
}

fn sql(error: SqlError) -> ReactionError {
    if error.is_transient() {
        ReactionError::retry(error)
    } else {
        ReactionError::failed(error)
    }
}

/// Somebody else may have mapped, changed or ended the order in the meantime.
fn accept(told: Result<(), TellError>) -> Result<(), ReactionError> {
    match told {
        Ok(())
        | Err(TellError::Refused(
            OrderError::NotEditable { .. }
            | OrderError::Ended { .. }
            | OrderError::UnknownHold { .. }
            | OrderError::HoldHasLiveCause { .. },
        )) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

impl Reaction for FollowCatalogue {
    fn name(&self) -> &'static str {
        "follow_catalogue"
    }

    fn entity(&self, event: &RecordedEvent) -> Option<String> {
        if is::<OrderHeld>(event) {
            return Some(entity(&event.tenant, &event.stream.id));
        }
        let learns =
            is::<SkuPut>(event) || is::<ChannelSkuMapped>(event) || is::<BarcodeAssigned>(event);
        learns.then(|| {
            format!(
                "{}/{}/{}",
                event.tenant, event.stream.aggregate, event.stream.id
            )
        })
    }

    fn react<'a>(
        &'a self,
        event: &'a RecordedEvent,
        context: &'a mut ReactionContext,
    ) -> BoxFuture<'a, Result<(), ReactionError>> {
        Box::pin(async move {
            let Some(held) = message::<OrderHeld>(event)? else {
                return self.code_learnt(event, context).await;
            };
            match held.hold.map(|hold| hold.reason()) {
                Some(HoldReason::UnmappedSku) => {
                    self.free(&event.tenant, &event.stream.id, context).await
                }
                _ => Ok(()),
            }
        })
    }
}
