//! Questions to the read models.

use ordo_event_log::Timestamp;
use ordo_proto::inventory::{
    GetAvailabilityRequest, GetAvailabilityResponse, GetSkuRequest, GetSkuResponse,
    ListMovementsRequest, ListMovementsResponse, ListSitesRequest, ListSitesResponse,
    get_sku_request::Key,
};
use ordo_rpc::{Refusal, Violations, next_page_token, page_key, page_size, shared, status};
use tonic::{Request, Response, Status};

use super::{InventoryService, catalogue::check_channel_sku, fields, ready};
use crate::{
    gs1,
    projections::{
        QueryError,
        availability::{self, AvailabilityQuery},
        catalogue,
        movements::{self, MovementQuery},
    },
    refusals::UNKNOWN_SKU,
};

/// Most SKUs in one question.
const MAX_SKUS: usize = 500;

impl From<QueryError> for Refusal {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Sql(error) => error.into(),
            QueryError::Decode(error) => {
                tracing::error!(%error, "a row of the read model is damaged");
                Self::new(
                    &shared::STORED_DATA_UNREADABLE,
                    shared::STORED_DATA_UNREADABLE.meaning,
                )
            }
        }
    }
}

pub(super) async fn get_sku(
    service: &InventoryService,
    request: Request<GetSkuRequest>,
) -> Result<Response<GetSkuResponse>, Status> {
    let tenant = ordo_rpc::tenant(&request)?;
    let message = request.get_ref();
    let mut violations = Violations::new();
    let v = &mut violations;
    match &message.key {
        None => v.add("key", "must name a SKU, a barcode or a channel's code"),
        Some(Key::Sku(sku)) => fields::sku(sku, "sku", v),
        Some(Key::Barcode(barcode)) => {
            if let Err(error) = gs1::canonical(barcode) {
                v.add("barcode", error.to_string());
            }
        }
        Some(Key::ChannelSku(code)) => check_channel_sku(code, "channel_sku", v),
    }
    let as_of = fields::time(message.as_of.as_ref(), "as_of", v).unwrap_or_else(Timestamp::now);
    violations.finish()?;
    ready(&service.catalogue, message.at_least.as_ref()).await?;
    let db = service.catalogue.db();
    let sku = match &message.key {
        None => None,
        Some(Key::Sku(sku)) => Some(sku.clone()),
        Some(Key::Barcode(barcode)) => catalogue::sku_of_barcode(&db, &tenant, barcode)
            .await
            .map_err(status)?,
        Some(Key::ChannelSku(code)) => catalogue::sku_of_channel_code(&db, &tenant, code)
            .await
            .map_err(status)?,
    };
    let found = match sku {
        Some(sku) => catalogue::sku(&db, &tenant, &sku, as_of)
            .await
            .map_err(status)?,
        None => None,
    };
    match found {
        Some(sku) => Ok(Response::new(GetSkuResponse { sku: Some(sku) })),
        None => Err(Refusal::new(&UNKNOWN_SKU, UNKNOWN_SKU.meaning).into()),
    }
}

pub(super) async fn list_sites(
    service: &InventoryService,
    request: Request<ListSitesRequest>,
) -> Result<Response<ListSitesResponse>, Status> {
    let tenant = ordo_rpc::tenant(&request)?;
    ready(&service.catalogue, request.get_ref().at_least.as_ref()).await?;
    let sites = catalogue::sites(&service.catalogue.db(), &tenant)
        .await
        .map_err(status)?;
    Ok(Response::new(ListSitesResponse { sites }))
}

pub(super) async fn get_availability(
    service: &InventoryService,
    request: Request<GetAvailabilityRequest>,
) -> Result<Response<GetAvailabilityResponse>, Status> {
    let tenant = ordo_rpc::tenant(&request)?;
    let message = request.get_ref();
    let mut violations = Violations::new();
    let v = &mut violations;
    fields::count(message.skus.len(), 0, MAX_SKUS, "skus", v);
    for (index, sku) in message.skus.iter().enumerate() {
        fields::sku(sku, &format!("skus[{index}]"), v);
    }
    if !message.site_id.is_empty() {
        fields::site_id(&message.site_id, "site_id", v);
    }
    let size = page_size(message.page.as_ref(), v);
    violations.finish()?;
    let whole = GetAvailabilityRequest {
        page: None,
        at_least: None,
        ..message.clone()
    };
    let after: Option<(String, String)> = page_key(message.page.as_ref(), &whole)?;
    ready(&service.availability, message.at_least.as_ref()).await?;
    let query = AvailabilityQuery {
        skus: &message.skus,
        site_id: &message.site_id,
        after: after
            .as_ref()
            .map(|(sku, site_id)| (sku.as_str(), site_id.as_str())),
        limit: size,
    };
    let (availability, more) = availability::list(&service.availability.db(), &tenant, query)
        .await
        .map_err(status)?;
    let last = availability.last().filter(|_| more);
    let next_page_token = last
        .map(|row| next_page_token(&(&row.sku, &row.site_id), &whole))
        .unwrap_or_default();
    Ok(Response::new(GetAvailabilityResponse {
        availability,
        next_page_token,
    }))
}

pub(super) async fn list_movements(
    service: &InventoryService,
    request: Request<ListMovementsRequest>,
) -> Result<Response<ListMovementsResponse>, Status> {
    let tenant = ordo_rpc::tenant(&request)?;
    let message = request.get_ref();
    let mut violations = Violations::new();
    let v = &mut violations;
    if !message.sku.is_empty() {
        fields::sku(&message.sku, "sku", v);
    }
    if !message.site_id.is_empty() {
        fields::site_id(&message.site_id, "site_id", v);
    }
    let time = message.time.as_ref();
    let from = fields::time(time.and_then(|time| time.from.as_ref()), "time.from", v);
    let until = fields::time(time.and_then(|time| time.until.as_ref()), "time.until", v);
    let size = page_size(message.page.as_ref(), v);
    violations.finish()?;
    let whole = ListMovementsRequest {
        page: None,
        at_least: None,
        ..message.clone()
    };
    let before: Option<i64> = page_key(message.page.as_ref(), &whole)?;
    ready(&service.movements, message.at_least.as_ref()).await?;
    let query = MovementQuery {
        sku: &message.sku,
        site_id: &message.site_id,
        from,
        until,
        before,
        limit: size,
    };
    let (movements, next) = movements::list(&service.movements.db(), &tenant, query)
        .await
        .map_err(status)?;
    let next_page_token = next
        .map(|position| next_page_token(&position, &whole))
        .unwrap_or_default();
    Ok(Response::new(ListMovementsResponse {
        movements,
        next_page_token,
    }))
}
