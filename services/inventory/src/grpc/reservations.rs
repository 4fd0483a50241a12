//! Reserving, releasing, sending.

use std::collections::BTreeSet;

use ordo_event_log::{TenantId, Timestamp};
use ordo_proto::inventory::{
    ConsumeReservationRequest, ConsumeReservationResponse, GetReservationRequest,
    GetReservationResponse, ReleaseReservationRequest, ReleaseReservationResponse,
    Reservation as ReservationView, ReservationRequested, ReserveRequest, ReserveResponse,
};
use ordo_rpc::{Refusal, Violations, status};
use tonic::{Request, Response, Status};

use super::{InventoryService, fields, partition};
use crate::{
    backorder::Backorder,
    commands::{self, Outcome},
    ids::{Place, ReservationId, SiteId, Sku},
    projections::availability::{self, AvailabilityQuery},
    refusals::RESERVATION_NOT_FOUND,
    reservation::Reservation,
    sites::{ALL, Sites},
    sku::SkuItem,
    stock::Stock,
};

/// Most lines of one request.
const MAX_LINES: usize = 2_000;
/// From this many SKUs on, the streams of stock are loaded together rather than one after the other.
const MANY_SKUS: usize = 4;

pub(super) async fn reserve(
    service: &InventoryService,
    request: Request<ReserveRequest>,
) -> Result<Response<ReserveResponse>, Status> {
    let message = request.get_ref();
    let wish = check_request(message)?;
    let mut command = service
        .command(&request, message.header.as_ref())?
        .prefetch::<Reservation>(&wish.reservation_id)
        .prefetch::<Sites>(ALL);
    let known: BTreeSet<&str> = (wish.lines.iter())
        .map(|line| line.sku.as_str())
        .filter(|sku| Sku::is_well_formed(sku))
        .collect();
    for sku in &known {
        command = command.prefetch::<SkuItem>(sku).prefetch::<Backorder>(sku);
    }
    if known.len() >= MANY_SKUS {
        for place in places(service, &command.tenant, &known, &wish.site_id).await {
            command = command.prefetch::<Stock>(&place.stream_id());
        }
    }
    let (answer, receipt) = service
        .execute(command, move |unit| {
            Ok(answer(&commands::reserve(unit, wish.clone())?))
        })
        .await?;
    let receipt = Some(receipt);
    Ok(Response::new(ReserveResponse { receipt, ..answer }))
}

/// Where these SKUs lie, as far as the read model knows: a hint which streams the decision will read. Nothing depends on it.
async fn places(
    service: &InventoryService,
    tenant: &TenantId,
    skus: &BTreeSet<&str>,
    site_id: &str,
) -> Vec<Place> {
    let skus: Vec<String> = skus.iter().map(|sku| (*sku).to_owned()).collect();
    let query = AvailabilityQuery {
        skus: &skus,
        site_id,
        after: None,
        limit: 0,
    };
    let found = availability::list(&service.availability.db(), tenant, query).await;
    let rows = found.map(|(rows, _)| rows).unwrap_or_default();
    (rows.iter().filter(|row| !row.site_id.is_empty()))
        .map(|row| Place::new(&Sku::from(&row.sku), &SiteId::from(&row.site_id)))
        .collect()
}

fn answer(outcome: &Outcome) -> ReserveResponse {
    ReserveResponse {
        receipt: None,
        allocations: outcome.allocations.iter().map(Into::into).collect(),
        shortages: outcome.shortages.iter().map(Into::into).collect(),
        waiting: outcome.waiting,
    }
}

fn check_request(message: &ReserveRequest) -> Result<ReservationRequested, Status> {
    let mut violations = Violations::new();
    let v = &mut violations;
    fields::id(&message.reservation_id, "reservation_id", v);
    v.require(message.attempt > 0, "attempt", "must be at least 1");
    let least = usize::from(message.attempt <= 1);
    fields::count(message.lines.len(), least, MAX_LINES, "lines", v);
    let mut seen = BTreeSet::new();
    for (index, line) in message.lines.iter().enumerate() {
        let field = |name: &str| format!("lines[{index}].{name}");
        fields::named(&line.line_id, 100, &field("line_id"), v);
        v.require(
            seen.insert(line.line_id.as_str()),
            field("line_id"),
            "must not be the same as another line's",
        );
        // Whatever a channel wrote: what the catalogue does not have is told as unknown, not refused.
        fields::named(&line.sku, 200, &field("sku"), v);
        fields::quantity(line.quantity, &field("quantity"), v);
    }
    if let Some(region) = &message.region {
        fields::text(&region.country_code, 100, "region.country_code", v);
        fields::text(&region.province, 100, "region.province", v);
        fields::text(&region.city, 100, "region.city", v);
    }
    fields::text(&message.site_id, 100, "site_id", v);
    let expires_at = fields::time(message.expires_at.as_ref(), "expires_at", v);
    violations.finish()?;
    Ok(ReservationRequested {
        reservation_id: message.reservation_id.clone(),
        attempt: message.attempt,
        lines: message.lines.clone(),
        all_or_nothing: message.all_or_nothing,
        wait_for_stock: message.wait_for_stock,
        region: message.region.clone(),
        site_id: message.site_id.clone(),
        split_allowed: !message.split_not_allowed,
        expires_at: expires_at.map(|Timestamp(time)| Timestamp(time).into()),
    })
}

pub(super) async fn release(
    service: &InventoryService,
    request: Request<ReleaseReservationRequest>,
) -> Result<Response<ReleaseReservationResponse>, Status> {
    let message = request.get_ref();
    let mut violations = Violations::new();
    let v = &mut violations;
    fields::id(&message.reservation_id, "reservation_id", v);
    fields::count(message.lines.len(), 0, MAX_LINES, "lines", v);
    let parts = fields::parts(&message.lines, "lines", v);
    fields::named(&message.cause, 100, "cause", v);
    fields::text(&message.site_id, 100, "site_id", v);
    violations.finish()?;
    let id = ReservationId::from(&message.reservation_id);
    let site_id = Some(&message.site_id)
        .filter(|site| !site.is_empty())
        .map(SiteId::from);
    let cause = message.cause.clone();
    let command = service.command(&request, message.header.as_ref())?;
    let (answer, receipt) = service
        .execute(command, move |unit| {
            let released =
                commands::release(unit, &id, parts.clone(), site_id.clone(), cause.clone())?;
            Ok(ReleaseReservationResponse {
                receipt: None,
                released: released.iter().map(Into::into).collect(),
            })
        })
        .await?;
    let receipt = Some(receipt);
    Ok(Response::new(ReleaseReservationResponse {
        receipt,
        ..answer
    }))
}

pub(super) async fn consume(
    service: &InventoryService,
    request: Request<ConsumeReservationRequest>,
) -> Result<Response<ConsumeReservationResponse>, Status> {
    let message = request.get_ref();
    let mut violations = Violations::new();
    let v = &mut violations;
    fields::id(&message.reservation_id, "reservation_id", v);
    fields::site_id(&message.site_id, "site_id", v);
    fields::id(&message.parcel_id, "parcel_id", v);
    fields::count(message.lines.len(), 1, MAX_LINES, "lines", v);
    let parts = fields::parts(&message.lines, "lines", v);
    violations.finish()?;
    let id = ReservationId::from(&message.reservation_id);
    let site_id = SiteId::from(&message.site_id);
    let parcel_id = message.parcel_id.clone();
    let command = service.command(&request, message.header.as_ref())?;
    let ((), receipt) = service
        .execute(command, move |unit| {
            commands::consume(unit, &id, parcel_id.clone(), site_id.clone(), parts.clone())
        })
        .await?;
    let receipt = Some(receipt);
    Ok(Response::new(ConsumeReservationResponse { receipt }))
}

/// Straight from the log: as decisions see it.
pub(super) async fn get(
    service: &InventoryService,
    request: Request<GetReservationRequest>,
) -> Result<Response<GetReservationResponse>, Status> {
    let tenant = ordo_rpc::tenant(&request)?;
    let reservation_id = &request.get_ref().reservation_id;
    let mut violations = Violations::new();
    fields::id(reservation_id, "reservation_id", &mut violations);
    violations.finish()?;
    let (reservation, _) = service
        .log
        .state::<Reservation>(partition(&service.log, &tenant), &tenant, reservation_id)
        .await
        .map_err(status)?;
    if reservation.request().is_none() {
        let refusal = Refusal::new(&RESERVATION_NOT_FOUND, RESERVATION_NOT_FOUND.meaning)
            .with("reservation_id", reservation_id);
        return Err(refusal.into());
    }
    let view = ReservationView {
        reservation_id: reservation_id.clone(),
        attempt: reservation.attempt(),
        allocations: reservation.open().iter().map(Into::into).collect(),
        waiting: reservation.wanted().iter().map(Into::into).collect(),
        consumed: reservation.consumed().iter().map(Into::into).collect(),
    };
    Ok(Response::new(GetReservationResponse {
        reservation: Some(view),
    }))
}
