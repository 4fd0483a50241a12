//! Queries.

use ordo_proto::fulfilment::{
    FulfilmentOrderStatus, GetFulfilmentOrderRequest, GetFulfilmentOrderResponse, GetParcelRequest,
    GetParcelResponse, ListWorkRequest, ListWorkResponse, get_parcel_request,
};
use ordo_rpc::{Refusal, Violations};
use tonic::{Request, Response, Status};

use super::{FulfilmentService, fields, ready, recipient};
use crate::{
    projections::{
        parcels,
        work::{self, WorkFilter, WorkKey},
    },
    refusals::{FULFILMENT_ORDER_NOT_FOUND, PARCEL_NOT_FOUND},
};

pub(super) async fn list_work(
    service: &FulfilmentService,
    request: Request<ListWorkRequest>,
) -> Result<Response<ListWorkResponse>, Status> {
    let tenant = ordo_rpc::tenant(&request)?;
    let message = request.into_inner();
    let mut violations = Violations::new();
    let size = ordo_rpc::page_size(message.page.as_ref(), &mut violations);
    violations.choices(
        &message.statuses,
        FulfilmentOrderStatus::as_str_name,
        "statuses",
    );
    violations.finish()?;
    let query = ListWorkRequest {
        page: None,
        at_least: None,
        ..message.clone()
    };
    let after: Option<WorkKey> = ordo_rpc::page_key(message.page.as_ref(), &query)?;
    ready(&service.work, message.at_least.as_ref()).await?;

    let filter = WorkFilter {
        site_id: message.site_id,
        statuses: message.statuses,
        worker: message.worker,
        order_id: message.order_id,
    };
    let (work, last) = work::list(
        &service.work.db(),
        tenant.as_str(),
        &filter,
        after.as_ref(),
        size,
    )
    .await
    .map_err(ordo_rpc::status)?;
    let next_page_token =
        last.map_or_else(String::new, |key| ordo_rpc::next_page_token(&key, &query));
    Ok(Response::new(ListWorkResponse {
        work,
        next_page_token,
    }))
}

pub(super) async fn get_fulfilment_order(
    service: &FulfilmentService,
    request: Request<GetFulfilmentOrderRequest>,
) -> Result<Response<GetFulfilmentOrderResponse>, Status> {
    let tenant = ordo_rpc::tenant(&request)?;
    let message = request.get_ref();
    let id = &message.fulfilment_order_id;
    let mut violations = Violations::new();
    fields::order_id(id, &mut violations);
    violations.finish()?;
    ready(&service.work, message.at_least.as_ref()).await?;

    let stored = work::find(&service.work.db(), tenant.as_str(), id)
        .await
        .map_err(ordo_rpc::status)?;
    let stored = stored.ok_or_else(|| {
        let refusal = Refusal::new(
            &FULFILMENT_ORDER_NOT_FOUND,
            FULFILMENT_ORDER_NOT_FOUND.meaning,
        );
        ordo_rpc::status(refusal.with("fulfilment_order_id", id))
    })?;
    let caller = ordo_rpc::identity(&request)?;
    let view = recipient::addressed(&service.vault, caller, stored)
        .await
        .map_err(ordo_rpc::status)?;
    Ok(Response::new(GetFulfilmentOrderResponse {
        fulfilment_order: Some(view),
    }))
}

pub(super) async fn get_parcel(
    service: &FulfilmentService,
    request: Request<GetParcelRequest>,
) -> Result<Response<GetParcelResponse>, Status> {
    let tenant = ordo_rpc::tenant(&request)?;
    let message = request.into_inner();
    let Some(which) = message.parcel else {
        let mut violations = Violations::new();
        violations.add(
            "parcel",
            "name the parcel by `parcel_id` or `carrier_parcel`",
        );
        return Err(violations
            .finish()
            .err()
            .unwrap_or_else(|| Status::invalid_argument("parcel")));
    };
    ready(&service.parcels, message.at_least.as_ref()).await?;

    let db = service.parcels.db();
    let found = match &which {
        get_parcel_request::Parcel::ParcelId(id) => parcels::find(&db, tenant.as_str(), id).await,
        get_parcel_request::Parcel::CarrierParcel(parcel) => parcels::find_by_number(
            &db,
            tenant.as_str(),
            &parcel.carrier,
            &parcel.tracking_number,
        )
        .await
        .map(|found| found.into_iter().next()),
    };
    match found.map_err(ordo_rpc::status)? {
        Some(parcel) => Ok(Response::new(GetParcelResponse {
            parcel: Some(parcel),
        })),
        None => Err(ordo_rpc::status(Refusal::new(
            &PARCEL_NOT_FOUND,
            PARCEL_NOT_FOUND.meaning,
        ))),
    }
}
