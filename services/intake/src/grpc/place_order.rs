//! PlaceOrder.

use std::time::{Duration, Instant};

use ordo_event_log::{ExecuteError, TenantId};
use ordo_proto::{
    intake::{PlaceOrderRequest, PlaceOrderResponse, ShortStockPolicy, WaitFor, Wishes},
    types::{CommandHeader, ConsistencyToken, LogPosition},
};
use ordo_rpc::{Refusal, role};
use tonic::{Request, Status};

use super::{IntakeService, answers, deciding::receipt, fields, place_request};
use crate::{
    order::{Intent, Known, Order, OrderError, Personal, Place},
    personal::{self, Recipient},
    projections::{order_list, sku_codes},
    refusals::{CHANNEL_ORDER_CHANGED, SERVICE_FIELD},
};

/// How long PlaceOrder waits when the request does not say.
const DEFAULT_WAIT: Duration = Duration::from_secs(5);
/// How long a wait goes without looking at what another replica may have written.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// How long to wait for the read model to tell which order a changed resend is about.
const FIND_FIRST: Duration = Duration::from_secs(2);

impl IntakeService {
    pub(super) async fn place(
        &self,
        mut request: Request<PlaceOrderRequest>,
    ) -> Result<PlaceOrderResponse, Status> {
        let number = fields::order_number(&request.get_ref().channel_order_number).to_owned();
        // Before anything is made of it, the fingerprint included.
        request.get_mut().channel_order_number = number;
        let message = request.get_ref();
        for_services_only(&request)?;
        let place = place_request::read(message)?;
        let tenant = ordo_rpc::tenant(&request)?;
        let natural_key = format!("{}/{}", place.channel, place.channel_order_number);
        let partition = self.orders.log().partition_for(&tenant, &natural_key);
        let header = CommandHeader {
            command_id: format!("place:{}:{}", place.channel, place.channel_order_number),
            reason: message
                .header
                .as_ref()
                .map(|header| header.reason.clone())
                .unwrap_or_default(),
        };
        let content = PlaceOrderRequest {
            header: None,
            wait_for: 0,
            wait_timeout_ms: 0,
            ..message.clone()
        };
        let fingerprint = self.fingerprint(&tenant, &content)?;
        let command =
            ordo_rpc::command(&request, Some(&header), partition)?.fingerprint(fingerprint);
        let (channel, number) = (place.channel.clone(), place.channel_order_number.clone());

        let place = self.with_facts(&tenant, partition, place, message).await?;
        let order_id = place.order_id.clone();
        // Nearly always: the id was made for this request unless the order is known by its number.
        let command = command.new_stream::<Order>(&order_id);
        let answer = |order: &Order| PlaceOrderResponse {
            receipt: None,
            order_id: answers::body(order)
                .map(|body| body.order_id.clone())
                .unwrap_or_default(),
            status: answers::status(order),
            holds: answers::holds(order),
            fulfilment_status: answers::fulfilment_status(order),
        };
        let placed = match self
            .decide(command, &order_id, Intent::Place(Box::new(place)), answer)
            .await
        {
            Ok(placed) => placed,
            Err(ExecuteError::CommandIdReused { .. }) => {
                return Err(self.changed(&tenant, partition, &channel, &number).await);
            }
            Err(error) => return Err(ordo_rpc::status(error)),
        };
        let mut response = placed.answer.clone();
        response.receipt = receipt(&placed);
        if request.get_ref().wait_for() == WaitFor::Reserved {
            let wait = match request.get_ref().wait_timeout_ms {
                0 => DEFAULT_WAIT,
                ms => Duration::from_millis(ms.into()),
            };
            let order = self
                .wait_for_stock(&tenant, partition, &response.order_id, wait)
                .await?;
            response.status = answers::status(&order);
            response.holds = answers::holds(&order);
            response.fulfilment_status = answers::fulfilment_status(&order);
        }
        Ok(response)
    }

    /// Adds what the request does not say itself: ids, what codes mean, and the recipient, sealed.
    async fn with_facts(
        &self,
        tenant: &TenantId,
        partition: u32,
        mut place: Place,
        message: &PlaceOrderRequest,
    ) -> Result<Place, Status> {
        place.rules = self.rules.review.clone();
        if place.short_stock_policy == ShortStockPolicy::Unspecified {
            place.short_stock_policy = self.rules.short_stock_policy;
        }
        if place.customer_id.is_empty() && !message.channel_customer_id.is_empty() {
            let buyer = &message.channel_customer_id;
            place.customer_id = personal::customer_id(&self.vault, tenant, &place.channel, buyer)
                .map_err(ordo_rpc::status)?;
        }
        place.order_id = self.order_id(tenant, partition, &place).await?;
        place.data_subject = match place.customer_id.as_str() {
            "" => place.order_id.clone(),
            customer_id => customer_id.to_owned(),
        };
        for index in 0..place.lines.len() {
            let line = &place.lines[index];
            if line.sku.is_empty() && !line.channel_sku.is_empty() {
                let sku = self.sku(tenant, &place.channel, &line.channel_sku).await;
                place.lines[index].sku = sku.unwrap_or_default();
            }
        }
        let recipient = Recipient {
            contact: message.contact.clone(),
            address: message.address.clone(),
        };
        place.wishes = Wishes {
            delivery_window: message.delivery_window,
            gift_wrap: message.gift_wrap,
            gift_message: None,
            invoice_requested: message.invoice_requested,
            packaging: message.packaging.clone(),
            split_allowed: !message.split_not_allowed,
        };
        if !place.replacement_for_case.is_empty() && recipient == Recipient::default() {
            self.like_the_replaced(tenant, &mut place).await?;
            return Ok(place);
        }
        place.personal = personal::seal(&self.vault, tenant, &place.data_subject, &recipient)
            .await
            .map_err(ordo_rpc::status)?;
        let message = message.gift_message.clone();
        personal::seal_gift_message(
            &self.vault,
            tenant,
            &place.data_subject,
            message,
            &mut place.wishes,
        )
        .await
        .map_err(ordo_rpc::status)?;
        Ok(place)
    }

    /// A new id; for an order without a customer, whose id names the key of its data, the id that a resend had before, so
    /// that resends do not make keys that nobody needs.
    async fn order_id(
        &self,
        tenant: &TenantId,
        partition: u32,
        place: &Place,
    ) -> Result<String, Status> {
        if place.customer_id.is_empty() {
            let (channel, number) = (&place.channel, &place.channel_order_number);
            let known = order_list::order_of_channel_number(
                &self.list.db(),
                tenant.as_str(),
                channel,
                number,
            )
            .await
            .map_err(ordo_rpc::status)?;
            if let Some(order_id) = known {
                return Ok(order_id);
            }
        }
        Ok(self.orders.log().new_id_in(tenant, partition))
    }

    /// What a code means, as far as it is known. When that cannot be found out now, the order is held for mapping and
    /// freed by a reaction: an order is not refused for it.
    async fn sku(&self, tenant: &TenantId, channel: &str, code: &str) -> Option<String> {
        match sku_codes::sku_of(&self.codes.db(), tenant.as_str(), channel, code).await {
            Ok(sku) => sku,
            Err(error) => {
                tracing::warn!(%error, channel, "codes cannot be looked up; the order will be held for mapping");
                None
            }
        }
    }

    /// A replacement goes to the recipient of the order whose goods it replaces, the way that order went. Nothing is
    /// opened for it but to see what is known.
    async fn like_the_replaced(&self, tenant: &TenantId, place: &mut Place) -> Result<(), Status> {
        let case_id = place.replacement_for_case.as_str();
        let order_id = case_id
            .split_once('-')
            .map_or(case_id, |(order_id, _)| order_id);
        let (order, _) = self
            .orders
            .get(tenant, order_id)
            .await
            .map_err(ordo_rpc::status)?;
        let Some((_, replaced)) = order.placed() else {
            return Err(ordo_rpc::status(OrderError::NoSuchOrder));
        };
        let (contact, address) = (replaced.contact.as_ref(), replaced.address.as_ref());
        let (recipient, _) = personal::open(&self.vault, contact, address, "replacement")
            .await
            .map_err(ordo_rpc::status)?;
        place.personal = Personal {
            contact: replaced.contact.clone(),
            address: replaced.address.clone(),
            region: replaced.region.clone(),
            known: Known::of(recipient.contact.as_ref(), recipient.address.as_ref()),
        };
        place.customer_id.clone_from(&replaced.customer_id);
        place.data_subject.clone_from(&replaced.data_subject);
        if place.delivery_method == ordo_proto::intake::DeliveryMethod::Unspecified {
            place.delivery_method = replaced.delivery_method();
        }
        if place.currency.is_empty() {
            place.currency.clone_from(&replaced.currency);
        }
        Ok(())
    }

    /// The refusal of a resend with other content, with the id of the order that was taken.
    async fn changed(
        &self,
        tenant: &TenantId,
        partition: u32,
        channel: &str,
        number: &str,
    ) -> Status {
        let refusal = Refusal::new(
            &CHANNEL_ORDER_CHANGED,
            format!("order {number} of {channel} was taken before with other content"),
        );
        match self.first_order(tenant, partition, channel, number).await {
            Ok(Some(order_id)) => refusal.with("order_id", order_id).into(),
            Ok(None) => refusal.into(),
            Err(status) => status,
        }
    }

    async fn first_order(
        &self,
        tenant: &TenantId,
        partition: u32,
        channel: &str,
        number: &str,
    ) -> Result<Option<String>, Status> {
        let head = self
            .orders
            .log()
            .read_head(partition)
            .await
            .map_err(ordo_rpc::status)?;
        let token = ConsistencyToken {
            positions: vec![LogPosition {
                service: crate::SERVICE.to_owned(),
                partition,
                position: head.position,
                epoch: head.epoch,
            }],
        };
        self.list
            .wait_for(Some(&token), FIND_FIRST)
            .await
            .map_err(ordo_rpc::status)?;
        order_list::order_of_channel_number(&self.list.db(), tenant.as_str(), channel, number)
            .await
            .map_err(ordo_rpc::status)
    }

    /// The order as soon as it is known whether its stock is reserved, or when the time is over.
    async fn wait_for_stock(
        &self,
        tenant: &TenantId,
        partition: u32,
        order_id: &str,
        wait: Duration,
    ) -> Result<Order, Status> {
        let end = Instant::now() + wait;
        let mut news = self.orders.log().watch(partition);
        loop {
            news.borrow_and_update();
            let (order, _) = self
                .orders
                .get(tenant, order_id)
                .await
                .map_err(ordo_rpc::status)?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || stock_is_known(&order) {
                return Ok(order);
            }
            // Timed out or told, look again.
            let _ = tokio::time::timeout(left.min(LOOK_AGAIN), news.changed()).await;
        }
    }
}

/// Reserved, held, short, or at an end.
fn stock_is_known(order: &Order) -> bool {
    match order {
        Order::Open(body) => {
            !body.holds.is_empty()
                || body.lines.iter().all(|line| line.awaited == 0)
                || body.lines.iter().any(|line| line.backordered > 0)
        }
        Order::Unplaced
        | Order::Received(_)
        | Order::Completed(_)
        | Order::Cancelled(_)
        | Order::Rejected(_) => true,
    }
}

fn for_services_only(request: &Request<PlaceOrderRequest>) -> Result<(), Status> {
    let message = request.get_ref();
    let used = !message.replacement_for_case.is_empty() || message.await_return;
    if used && !ordo_rpc::identity(request)?.has(role::SERVICE) {
        return Err(Refusal::new(&SERVICE_FIELD, SERVICE_FIELD.meaning).into());
    }
    Ok(())
}
