//! Picking and checking.

use ordo_proto::fulfilment::{
    FulfilmentOrderStatus, RecordCheckRequest, RecordCheckResponse, RecordPickRequest,
    RecordPickResponse, ShortPickReason, StartPickingRequest, StartPickingResponse,
};
use ordo_rpc::Violations;
use tonic::{Request, Response, Status};

use super::{FulfilmentService, fields};
use crate::{
    commands::on_fulfilment_order,
    fulfilment_order::{CheckedLine, FulfilmentOrder, FulfilmentOrderCommand, Pick, Scan},
    projections::barcodes,
};

pub(super) async fn start_picking(
    service: &FulfilmentService,
    request: Request<StartPickingRequest>,
) -> Result<Response<StartPickingResponse>, Status> {
    let message = request.get_ref();
    let mut violations = Violations::new();
    let order_id = fields::order_id(&message.fulfilment_order_id, &mut violations);
    fields::short(&message.worker, 100, "worker", &mut violations);
    violations.finish()?;

    let id = message.fulfilment_order_id.clone();
    let worker = match message.worker.as_str() {
        "" => ordo_rpc::identity(&request)?.subject.clone(),
        worker => worker.to_owned(),
    };
    let take_over = message.take_over;
    let command = service
        .command(&request, message.header.as_ref(), &order_id)?
        .prefetch::<FulfilmentOrder>(&id);
    let (_, receipt): (StartPickingResponse, _) = service
        .execute(command, move |unit| {
            let worker = worker.clone();
            on_fulfilment_order(
                unit,
                &id,
                FulfilmentOrderCommand::StartPicking { worker, take_over },
            )?;
            Ok(StartPickingResponse::default())
        })
        .await?;
    Ok(Response::new(StartPickingResponse {
        receipt: Some(receipt),
    }))
}

pub(super) async fn record_pick(
    service: &FulfilmentService,
    request: Request<RecordPickRequest>,
) -> Result<Response<RecordPickResponse>, Status> {
    let message = request.get_ref();
    let mut violations = Violations::new();
    let order_id = fields::order_id(&message.fulfilment_order_id, &mut violations);
    fields::named(&message.line_id, 40, "line_id", &mut violations);
    fields::short(&message.barcode, 100, "barcode", &mut violations);
    fields::units(message.quantity, 0, "quantity", &mut violations);
    fields::units(message.missing, 0, "missing", &mut violations);
    violations.require(
        message.quantity != 0 || message.missing != 0,
        "quantity",
        "must not be 0 unless `missing` is given",
    );
    if message.missing == 0 {
        violations.optional_choice(message.reason, ShortPickReason::as_str_name, "reason");
    } else {
        violations.choice(message.reason, ShortPickReason::as_str_name, "reason");
    }
    violations.finish()?;

    let scan = match message.barcode.as_str() {
        "" => None,
        barcode => {
            let tenant = ordo_rpc::tenant(&request)?;
            let known = barcodes::skus(&service.barcodes.db(), tenant.as_str(), barcode).await;
            Some(Scan {
                barcode: barcode.to_owned(),
                skus: known.map_err(ordo_rpc::status)?,
            })
        }
    };
    let pick = Pick {
        worker: ordo_rpc::identity(&request)?.subject.clone(),
        line_id: message.line_id.clone(),
        quantity: message.quantity,
        scan,
        missing: message.missing,
        reason: message.reason(),
    };
    let id = message.fulfilment_order_id.clone();
    let command = service
        .command(&request, message.header.as_ref(), &order_id)?
        .prefetch::<FulfilmentOrder>(&id);
    let (answer, receipt) = service
        .execute(command, move |unit| {
            let state =
                on_fulfilment_order(unit, &id, FulfilmentOrderCommand::RecordPick(pick.clone()))?;
            Ok(RecordPickResponse {
                status: state.status().into(),
                ..RecordPickResponse::default()
            })
        })
        .await?;
    Ok(Response::new(RecordPickResponse {
        receipt: Some(receipt),
        ..answer
    }))
}

pub(super) async fn record_check(
    service: &FulfilmentService,
    request: Request<RecordCheckRequest>,
) -> Result<Response<RecordCheckResponse>, Status> {
    let message = request.get_ref();
    let mut violations = Violations::new();
    let order_id = fields::order_id(&message.fulfilment_order_id, &mut violations);
    violations.require(
        message.lines.len() <= 2_000,
        "lines",
        "must be at most 2000",
    );
    for (n, line) in message.lines.iter().enumerate() {
        let field = |name: &str| format!("lines[{n}].{name}");
        fields::named(&line.line_id, 40, &field("line_id"), &mut violations);
        fields::units(line.passed, 0, &field("passed"), &mut violations);
        fields::units(line.failed, 0, &field("failed"), &mut violations);
        violations.require(
            line.passed != 0 || line.failed != 0,
            field("passed"),
            "must not be 0 unless `failed` is given",
        );
        violations.require(
            line.failed == 0 || !line.reason.is_empty(),
            field("reason"),
            "must be given with `failed`",
        );
        fields::short(&line.reason, 200, &field("reason"), &mut violations);
    }
    violations.finish()?;

    let id = message.fulfilment_order_id.clone();
    let lines: Vec<_> = message
        .lines
        .iter()
        .map(|line| CheckedLine {
            line_id: line.line_id.clone(),
            passed: line.passed,
            failed: line.failed,
            reason: line.reason.clone(),
        })
        .collect();
    let command = service
        .command(&request, message.header.as_ref(), &order_id)?
        .prefetch::<FulfilmentOrder>(&id);
    let (answer, receipt) = service
        .execute(command, move |unit| {
            let lines = lines.clone();
            let state =
                on_fulfilment_order(unit, &id, FulfilmentOrderCommand::RecordCheck { lines })?;
            let status: FulfilmentOrderStatus = state.status();
            Ok(RecordCheckResponse {
                status: status.into(),
                ..RecordCheckResponse::default()
            })
        })
        .await?;
    Ok(Response::new(RecordCheckResponse {
        receipt: Some(receipt),
        ..answer
    }))
}
