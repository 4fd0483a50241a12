//! Packing, dispatch, and stopping in time.

use std::collections::BTreeMap;

use ordo_proto::{
    fulfilment::{
        CancelFulfilmentRequest, CancelFulfilmentResponse, DispatchRequest, DispatchResponse,
        PackRequest, PackResponse, WorkLine,
    },
    types::{ActorKind, LineQuantity},
};
use ordo_rpc::{Refusal, Violations};
use tonic::{Code, Request, Response, Status};

use super::{FulfilmentService, fields};
use crate::{
    commands::{self, on_fulfilment_order},
    fulfilment_order::{
        FulfilmentOrder, FulfilmentOrderCommand, FulfilmentOrderState, ParcelContents,
    },
    ids,
    refusals::FULFILMENT_ORDER_NOT_OPENED_YET,
};

/// Heaviest parcel, in grams: a lorry's load.
const MAX_GRAMS: i64 = 50_000_000;

pub(super) async fn pack(
    service: &FulfilmentService,
    request: Request<PackRequest>,
) -> Result<Response<PackResponse>, Status> {
    let message = request.get_ref();
    let mut violations = Violations::new();
    let order_id = fields::order_id(&message.fulfilment_order_id, &mut violations);
    violations.require(
        message.parcels.len() <= 100,
        "parcels",
        "must be at most 100",
    );
    for (n, parcel) in message.parcels.iter().enumerate() {
        let several = message.parcels.len() > 1;
        let field = |name: &str| format!("parcels[{n}].{name}");
        violations.require(
            !(several && parcel.lines.is_empty()),
            field("lines"),
            "must not be empty unless it is the only parcel",
        );
        violations.require(
            parcel.lines.len() <= 2_000,
            field("lines"),
            "must be at most 2000",
        );
        for (m, line) in parcel.lines.iter().enumerate() {
            let field = |name: &str| format!("parcels[{n}].lines[{m}].{name}");
            fields::named(&line.line_id, 40, &field("line_id"), &mut violations);
            fields::units(line.quantity, 1, &field("quantity"), &mut violations);
        }
        violations.require(
            (0..=MAX_GRAMS).contains(&parcel.weight_grams),
            field("weight_grams"),
            format!("must be 0 to {MAX_GRAMS}"),
        );
        fields::short(&parcel.carton, 40, &field("carton"), &mut violations);
    }
    violations.finish()?;

    let id = message.fulfilment_order_id.clone();
    let check = service.check;
    let parcels: Vec<_> = message
        .parcels
        .iter()
        .map(|parcel| ParcelContents {
            lines: parcel
                .lines
                .iter()
                .map(|line| (line.line_id.clone(), line.quantity))
                .collect(),
            weight_grams: parcel.weight_grams,
            carton: parcel.carton.clone(),
        })
        .collect();
    let command = service
        .command(&request, message.header.as_ref(), &order_id)?
        .prefetch::<FulfilmentOrder>(&id);
    let (answer, receipt) = service
        .execute(command, move |unit| {
            Ok(PackResponse {
                parcel_ids: commands::pack(unit, &id, check, parcels.clone())?,
                ..PackResponse::default()
            })
        })
        .await?;
    Ok(Response::new(PackResponse {
        receipt: Some(receipt),
        ..answer
    }))
}

pub(super) async fn dispatch(
    service: &FulfilmentService,
    request: Request<DispatchRequest>,
) -> Result<Response<DispatchResponse>, Status> {
    let message = request.get_ref();
    let mut violations = Violations::new();
    let order_id = fields::order_id(&message.fulfilment_order_id, &mut violations);
    violations.require(
        message.parcel_ids.len() <= 100,
        "parcel_ids",
        "must be at most 100",
    );
    for (n, parcel_id) in message.parcel_ids.iter().enumerate() {
        let is_its_own = ids::orders_of_parcel(parcel_id)
            .is_some_and(|(id, _)| id == message.fulfilment_order_id);
        violations.require(
            is_its_own,
            format!("parcel_ids[{n}]"),
            "must be a parcel of this fulfilment order",
        );
    }
    fields::short(&message.carrier, 60, "carrier", &mut violations);
    fields::short(
        &message.tracking_number,
        60,
        "tracking_number",
        &mut violations,
    );
    violations.require(
        message.tracking_number.is_empty() || !message.carrier.is_empty(),
        "carrier",
        "must be given with `tracking_number`",
    );
    violations.finish()?;

    let id = message.fulfilment_order_id.clone();
    let (parcel_ids, carrier) = (message.parcel_ids.clone(), message.carrier.clone());
    let tracking_number = message.tracking_number.clone();
    let command = service
        .command(&request, message.header.as_ref(), &order_id)?
        .prefetch::<FulfilmentOrder>(&id);
    let (answer, receipt) = service
        .execute(command, move |unit| {
            let parcel_ids = commands::dispatch(
                unit,
                &id,
                parcel_ids.clone(),
                carrier.clone(),
                tracking_number.clone(),
            )?;
            Ok(DispatchResponse {
                parcel_ids,
                ..DispatchResponse::default()
            })
        })
        .await?;
    Ok(Response::new(DispatchResponse {
        receipt: Some(receipt),
        ..answer
    }))
}

pub(super) async fn cancel(
    service: &FulfilmentService,
    request: Request<CancelFulfilmentRequest>,
) -> Result<Response<CancelFulfilmentResponse>, Status> {
    let message = request.get_ref();
    let mut violations = Violations::new();
    let order_id = fields::order_id(&message.fulfilment_order_id, &mut violations);
    fields::named(&message.cause, 100, "cause", &mut violations);
    violations.finish()?;

    let id = message.fulfilment_order_id.clone();
    let cause = message.cause.clone();
    let asked_by_service = ordo_rpc::identity(&request)?.kind == ActorKind::Service;
    let command = service
        .command(&request, message.header.as_ref(), &order_id)?
        .prefetch::<FulfilmentOrder>(&id);
    let outcome = service
        .execute(command, move |unit| {
            let before = unit.state::<FulfilmentOrder>(&id)?.clone();
            let cause = cause.clone();
            let after = on_fulfilment_order(unit, &id, FulfilmentOrderCommand::Cancel { cause })?;
            Ok(CancelFulfilmentResponse {
                lines: stopped(&before, after),
                ..CancelFulfilmentResponse::default()
            })
        })
        .await;
    match outcome {
        // Another service speaks of what it has released itself: the release is still on its way here. Answering that there
        // is no such thing would let it ship after all.
        Err(status) if status.code() == Code::NotFound && asked_by_service => {
            let refusal = Refusal::new(
                &FULFILMENT_ORDER_NOT_OPENED_YET,
                FULFILMENT_ORDER_NOT_OPENED_YET.meaning,
            );
            Err(ordo_rpc::status(refusal.with(
                "fulfilment_order_id",
                &request.get_ref().fulfilment_order_id,
            )))
        }
        Err(status) => Err(status),
        Ok((answer, receipt)) => Ok(Response::new(CancelFulfilmentResponse {
            receipt: Some(receipt),
            ..answer
        })),
    }
}

/// Units that will not leave because of this command, or of the one that stopped it before.
fn stopped(before: &FulfilmentOrderState, after: &FulfilmentOrderState) -> Vec<LineQuantity> {
    let lines: Vec<WorkLine> = match (before, after) {
        (FulfilmentOrderState::Open(work) | FulfilmentOrderState::InProgress(work), _) => {
            work.remaining()
        }
        (_, FulfilmentOrderState::Cancelled { lines }) => lines.clone(),
        _ => Vec::new(),
    };
    let mut units: BTreeMap<String, i64> = BTreeMap::new();
    for line in lines {
        *units.entry(line.line_id).or_default() += line.quantity;
    }
    units
        .into_iter()
        .map(|(line_id, quantity)| LineQuantity { line_id, quantity })
        .collect()
}
