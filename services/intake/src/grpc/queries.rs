//! GetOrder, ListOrders and GetTimeline.

use std::time::Duration;

use ordo_event_log::{CodecError, TenantId, Timestamp};
use ordo_proto::{
    intake::{
        FulfilmentStatus, GetOrderRequest, GetOrderResponse, GetTimelineRequest,
        GetTimelineResponse, HoldReason, ListOrdersRequest, ListOrdersResponse, OrderSort,
        OrderStatus, OrderSummary, get_order_request::Key,
    },
    types::{ConsistencyToken, Money},
};
use ordo_rpc::{Identity, Refusal, Violations, next_page_token, page_key, page_size, shared};
use tonic::{Request, Status};

use super::{IntakeService, fields};
use crate::{
    audit::Look,
    order::OrderError,
    personal,
    projections::order_list::{self, OrderRow, Query, Sort, key},
    timeline,
    view::{self, OrderView},
};

/// How long a query waits for what `at_least` asks for.
const PATIENCE: Duration = Duration::from_secs(5);

fn unreadable(error: CodecError) -> Status {
    tracing::error!(%error, "a stored event cannot be read");
    Refusal::new(
        &shared::STORED_DATA_UNREADABLE,
        shared::STORED_DATA_UNREADABLE.meaning,
    )
    .into()
}

fn unknown() -> Status {
    ordo_rpc::status(OrderError::NoSuchOrder)
}

impl IntakeService {
    pub(super) async fn order(
        &self,
        request: Request<GetOrderRequest>,
    ) -> Result<GetOrderResponse, Status> {
        let tenant = ordo_rpc::tenant(&request)?;
        let identity = ordo_rpc::identity(&request)?.clone();
        let message = request.into_inner();
        let order_id = match message.key {
            Some(Key::OrderId(order_id)) if !order_id.is_empty() => order_id,
            Some(Key::ChannelOrder(wanted))
                if !fields::order_number(&wanted.channel_order_number).is_empty() =>
            {
                self.wait(message.at_least.as_ref()).await?;
                let channel = &wanted.channel;
                let number = fields::order_number(&wanted.channel_order_number);
                let db = self.list.db();
                order_list::order_of_channel_number(&db, tenant.as_str(), channel, number)
                    .await
                    .map_err(ordo_rpc::status)?
                    .ok_or_else(unknown)?
            }
            _ => {
                let mut violations = Violations::new();
                violations.add(
                    "key",
                    "an order id or a channel and its order number must be given",
                );
                violations.finish()?;
                return Err(unknown());
            }
        };
        let events = self
            .orders
            .events(&tenant, &order_id)
            .await
            .map_err(ordo_rpc::status)?;
        let shown = view::fold(&events)
            .map_err(unreadable)?
            .ok_or_else(unknown)?;
        let order = self.with_recipient(&tenant, &identity, shown).await?;
        Ok(GetOrderResponse { order: Some(order) })
    }

    /// Adds the recipient: in the clear, and written into the audit trail, for those who need it; masked for others.
    async fn with_recipient(
        &self,
        tenant: &TenantId,
        identity: &Identity,
        shown: OrderView,
    ) -> Result<ordo_proto::intake::Order, Status> {
        let mut order = shown.view;
        let Some((_, body)) = shown.order.placed() else {
            return Ok(order);
        };
        let (contact, address) = (body.contact.as_ref(), body.address.as_ref());
        let (recipient, erased) = personal::open(&self.vault, contact, address, "order")
            .await
            .map_err(ordo_rpc::status)?;
        let recipient = if personal::may_see(identity) {
            let mut subjects: Vec<_> = [contact, address]
                .into_iter()
                .flatten()
                .map(|sealed| sealed.key_id.clone())
                .collect();
            subjects.dedup();
            let look = Look {
                actor: identity.subject.clone(),
                tenant: tenant.to_string(),
                purpose: "order".to_owned(),
                subjects,
            };
            self.audit.record(look).await.map_err(|error| {
                tracing::error!(%error, "a look at personal data cannot be written down");
                Status::from(Refusal::new(&shared::STORE_UNAVAILABLE, error.to_string()))
            })?;
            recipient
        } else {
            personal::mask(recipient)
        };
        order.contact = recipient.contact;
        order.address = recipient.address;
        order.personal_data_erased = erased;
        Ok(order)
    }

    pub(super) async fn timeline(
        &self,
        request: Request<GetTimelineRequest>,
    ) -> Result<GetTimelineResponse, Status> {
        let tenant = ordo_rpc::tenant(&request)?;
        let order_id = &request.get_ref().order_id;
        let mut violations = Violations::new();
        super::deciding::require_order_id(&mut violations, order_id);
        violations.finish()?;
        let events = self
            .orders
            .events(&tenant, order_id)
            .await
            .map_err(ordo_rpc::status)?;
        if events.is_empty() {
            return Err(unknown());
        }
        let entries = events
            .iter()
            .map(timeline::entry)
            .collect::<Result<Vec<_>, _>>();
        Ok(GetTimelineResponse {
            entries: entries.map_err(unreadable)?,
        })
    }

    pub(super) async fn list(
        &self,
        request: Request<ListOrdersRequest>,
    ) -> Result<ListOrdersResponse, Status> {
        let tenant = ordo_rpc::tenant(&request)?;
        let message = request.into_inner();
        let page = message.page.clone();
        let mut violations = Violations::new();
        let limit = page_size(page.as_ref(), &mut violations);
        check(&mut violations, &message);
        violations.finish()?;
        let bare = ListOrdersRequest {
            page: None,
            at_least: None,
            ..message.clone()
        };
        let after = page_key::<(i64, String)>(page.as_ref(), &bare)?;
        self.wait(message.at_least.as_ref()).await?;
        let query = Query {
            after,
            limit,
            ..self.query(&tenant, &message)?
        };
        let found = order_list::find(&self.list.db(), &query)
            .await
            .map_err(ordo_rpc::status)?;
        Ok(ListOrdersResponse {
            orders: found.rows.into_iter().map(summary).collect(),
            next_page_token: found
                .next
                .map(|next| next_page_token(&next, &bare))
                .unwrap_or_default(),
        })
    }

    fn query(&self, tenant: &TenantId, message: &ListOrdersRequest) -> Result<Query, Status> {
        let mut keys = Vec::new();
        if !message.tracking_number.is_empty() {
            keys.push((key::TRACKING, message.tracking_number.clone()));
        }
        for (kind, value) in [
            (key::PHONE, &message.phone),
            (key::NAME, &message.customer_name),
        ] {
            if !value.trim().is_empty() {
                let print = self.vault.blind_index(tenant.as_str(), kind, value);
                keys.push((kind, print.map_err(ordo_rpc::status)?));
            }
        }
        if !message.sku.is_empty() {
            keys.push((key::SKU, message.sku.clone()));
        }
        let micros = |time: &prost_types::Timestamp| Timestamp::from(time).0;
        let ordered = message.ordered.as_ref();
        let numbers = |values: &[i32]| values.iter().copied().map(i64::from).collect();
        Ok(Query {
            tenant: tenant.to_string(),
            statuses: numbers(&message.statuses),
            fulfilment_statuses: numbers(&message.fulfilment_statuses),
            holds: numbers(&message.holds),
            channel: message.channel.clone(),
            customer_id: message.customer_id.clone(),
            channel_order_number: fields::order_number(&message.channel_order_number).to_owned(),
            ordered_from: ordered.and_then(|range| range.from.as_ref()).map(micros),
            ordered_until: ordered.and_then(|range| range.until.as_ref()).map(micros),
            due_from: message.due_from,
            due_until: message.due_until,
            keys,
            sort: match message.sort() {
                OrderSort::Unspecified | OrderSort::Newest => Sort::Newest,
                OrderSort::Oldest => Sort::Oldest,
                OrderSort::Amount => Sort::Amount,
            },
            after: None,
            limit: 0,
        })
    }

    async fn wait(&self, token: Option<&ConsistencyToken>) -> Result<(), Status> {
        self.list
            .wait_for(token, PATIENCE)
            .await
            .map_err(ordo_rpc::status)
    }
}

fn check(violations: &mut Violations, message: &ListOrdersRequest) {
    fields::time_range(violations, "ordered", message.ordered.as_ref());
    violations.optional_choice(message.sort, OrderSort::as_str_name, "sort");
    violations.choices(&message.statuses, OrderStatus::as_str_name, "statuses");
    violations.choices(&message.holds, HoldReason::as_str_name, "holds");
    violations.choices(
        &message.fulfilment_statuses,
        FulfilmentStatus::as_str_name,
        "fulfilment_statuses",
    );
}

fn summary(row: OrderRow) -> OrderSummary {
    let number = |value: i64| i32::try_from(value).unwrap_or_default();
    OrderSummary {
        order_id: row.order_id,
        channel: row.channel,
        channel_order_number: row.channel_order_number,
        customer_id: row.customer_id,
        status: number(row.status),
        payment_status: number(row.payment_status),
        fulfilment_status: number(row.fulfilment_status),
        holds: row
            .holds
            .split(',')
            .filter_map(|reason| reason.parse().ok())
            .collect(),
        due: Some(Money {
            currency_code: row.currency,
            minor_units: row.due,
        }),
        units: row.units,
        ordered_at: Some(Timestamp(row.ordered_at).into()),
        updated_at: Some(Timestamp(row.updated_at).into()),
    }
}
