//! Movements.

use ordo_event_log::Command;
use ordo_proto::inventory::{
    AdjustStockRequest, AdjustStockResponse, ReceiveStockRequest, ReceiveStockResponse,
    RestockRequest, RestockResponse, SetStockLevelsRequest, SetStockLevelsResponse, StockCondition,
};
use ordo_rpc::Violations;
use tonic::{Request, Response, Status};

use super::{InventoryService, fields};
use crate::{
    backorder::Backorder,
    commands::{self, Adjustment, Receipt, ReceiptLine, Restocking},
    ids::{LineId, Place, ReservationId, SiteId, Sku},
    sites::{ALL, Sites},
    sku::SkuItem,
    stock::Stock,
};

/// Most lines of one delivery or return.
const MAX_LINES: usize = 2_000;

pub(super) async fn receive(
    service: &InventoryService,
    request: Request<ReceiveStockRequest>,
) -> Result<Response<ReceiveStockResponse>, Status> {
    let message = request.get_ref();
    let receipt = check_receipt(message)?;
    let command = service.command(&request, message.header.as_ref())?;
    let skus = receipt.lines.iter().map(|line| &line.sku);
    let command = prefetched(command, &receipt.site_id, skus);
    let ((), receipt) = service
        .execute(command, move |unit| {
            commands::receive(unit, receipt.clone())
        })
        .await?;
    let receipt = Some(receipt);
    Ok(Response::new(ReceiveStockResponse { receipt }))
}

/// Loads together what units that come in touch.
fn prefetched<'a>(
    command: Command,
    site_id: &SiteId,
    skus: impl Iterator<Item = &'a Sku>,
) -> Command {
    skus.fold(command.prefetch::<Sites>(ALL), |command, sku| {
        command
            .prefetch::<SkuItem>(sku.as_str())
            .prefetch::<Backorder>(sku.as_str())
            .prefetch::<Stock>(&Place::new(sku, site_id).stream_id())
    })
}

fn check_receipt(message: &ReceiveStockRequest) -> Result<Receipt, Status> {
    let mut violations = Violations::new();
    let v = &mut violations;
    fields::site_id(&message.site_id, "site_id", v);
    fields::text(&message.cause_id, 100, "cause_id", v);
    fields::count(message.lines.len(), 1, MAX_LINES, "lines", v);
    let mut lines = Vec::new();
    for (index, line) in message.lines.iter().enumerate() {
        let field = |name: &str| format!("lines[{index}].{name}");
        fields::sku(&line.sku, &field("sku"), v);
        fields::quantity(line.quantity, &field("quantity"), v);
        fields::text(&line.lot, 100, &field("lot"), v);
        fields::money(line.unit_cost.as_ref(), &field("unit_cost"), v);
        let sellable = Some(StockCondition::Sellable);
        lines.push(ReceiptLine {
            sku: Sku::from(&line.sku),
            quantity: line.quantity,
            condition: fields::condition(line.condition, sellable, &field("condition"), v),
            lot: line.lot.clone(),
            unit_cost: line.unit_cost.clone(),
        });
    }
    violations.finish()?;
    Ok(Receipt {
        site_id: SiteId::from(&message.site_id),
        lines,
        cause_id: message.cause_id.clone(),
    })
}

pub(super) async fn restock(
    service: &InventoryService,
    request: Request<RestockRequest>,
) -> Result<Response<RestockResponse>, Status> {
    let message = request.get_ref();
    let mut violations = Violations::new();
    let v = &mut violations;
    fields::site_id(&message.site_id, "site_id", v);
    fields::id(&message.case_id, "case_id", v);
    fields::count(message.lines.len(), 1, MAX_LINES, "lines", v);
    let mut lines = Vec::new();
    for (index, line) in message.lines.iter().enumerate() {
        let field = |name: &str| format!("lines[{index}].{name}");
        fields::sku(&line.sku, &field("sku"), v);
        fields::quantity(line.quantity, &field("quantity"), v);
        let condition = fields::condition(line.condition, None, &field("condition"), v);
        lines.push((Sku::from(&line.sku), line.quantity, condition));
    }
    violations.finish()?;
    let restocking = Restocking {
        site_id: SiteId::from(&message.site_id),
        lines,
        case_id: message.case_id.clone(),
    };
    let command = service.command(&request, message.header.as_ref())?;
    let skus = restocking.lines.iter().map(|(sku, ..)| sku);
    let command = prefetched(command, &restocking.site_id, skus);
    let ((), receipt) = service
        .execute(command, move |unit| {
            commands::restock(unit, restocking.clone())
        })
        .await?;
    let receipt = Some(receipt);
    Ok(Response::new(RestockResponse { receipt }))
}

pub(super) async fn adjust(
    service: &InventoryService,
    request: Request<AdjustStockRequest>,
) -> Result<Response<AdjustStockResponse>, Status> {
    let message = request.get_ref();
    let adjustment = check_adjustment(message)?;
    let command = service.command(&request, message.header.as_ref())?;
    let (answer, receipt) = service
        .execute(command, move |unit| {
            let on_hand = commands::adjust(unit, adjustment.clone())?;
            Ok(AdjustStockResponse {
                receipt: None,
                on_hand,
            })
        })
        .await?;
    let receipt = Some(receipt);
    Ok(Response::new(AdjustStockResponse { receipt, ..answer }))
}

fn check_adjustment(message: &AdjustStockRequest) -> Result<Adjustment, Status> {
    let mut violations = Violations::new();
    let v = &mut violations;
    fields::sku(&message.sku, "sku", v);
    fields::site_id(&message.site_id, "site_id", v);
    let most = fields::MAX_QUANTITY;
    v.require(
        message.delta != 0 && (-most..=most).contains(&message.delta),
        "delta",
        format!("must be -{most} to {most}, and not 0"),
    );
    let sellable = Some(StockCondition::Sellable);
    let condition = fields::condition(message.condition, sellable, "condition", v);
    fields::code(&message.reason, "reason", v);
    fields::text(&message.cause_id, 100, "cause_id", v);
    let mut release = None;
    if message.released_quantity != 0 {
        fields::id(&message.reservation_id, "reservation_id", v);
        fields::named(&message.line_id, 100, "line_id", v);
        let lost = if condition == StockCondition::Sellable {
            message.delta.saturating_neg()
        } else {
            0
        };
        v.require(
            (0..=lost.max(0)).contains(&message.released_quantity),
            "released_quantity",
            "must be 0 to the number of sellable units that are lost",
        );
        release = Some((
            ReservationId::from(&message.reservation_id),
            LineId::from(&message.line_id),
            message.released_quantity,
        ));
    }
    if message.all_unpromised {
        v.require(
            message.delta < 0 && condition == StockCondition::Sellable,
            "all_unpromised",
            "is for a loss of sellable units only",
        );
    }
    violations.finish()?;
    Ok(Adjustment {
        place: Place::new(&Sku::from(&message.sku), &SiteId::from(&message.site_id)),
        delta: message.delta,
        condition,
        reason: message.reason.clone(),
        cause_id: message.cause_id.clone(),
        release,
        all_unpromised: message.all_unpromised,
    })
}

pub(super) async fn set_levels(
    service: &InventoryService,
    request: Request<SetStockLevelsRequest>,
) -> Result<Response<SetStockLevelsResponse>, Status> {
    let message = request.get_ref();
    let mut violations = Violations::new();
    fields::sku(&message.sku, "sku", &mut violations);
    fields::site_id(&message.site_id, "site_id", &mut violations);
    fields::level(message.safety, "safety", &mut violations);
    fields::level(message.low_stock_level, "low_stock_level", &mut violations);
    violations.finish()?;
    let place = Place::new(&Sku::from(&message.sku), &SiteId::from(&message.site_id));
    let (safety, low_stock_level) = (message.safety, message.low_stock_level);
    let command = service.command(&request, message.header.as_ref())?;
    let ((), receipt) = service
        .execute(command, move |unit| {
            commands::set_levels(unit, place.clone(), safety, low_stock_level)
        })
        .await?;
    let receipt = Some(receipt);
    Ok(Response::new(SetStockLevelsResponse { receipt }))
}
