//! How the desk's states are told.

use ordo_proto::aftersales::{CaseStatus, GetPurchaseResponse, PurchaseLine, PurchaseLineView};

use crate::{
    case::{CaseState, Status},
    money::money,
    purchase::PurchaseState,
};

/// The case's status as the proto names it.
pub fn status(case: &CaseState) -> CaseStatus {
    match case.status() {
        None => CaseStatus::Unspecified,
        Some(Status::Requested) => CaseStatus::Requested,
        Some(Status::Approved) => CaseStatus::Approved,
        Some(Status::Rejected) => CaseStatus::Rejected,
        Some(Status::Received) => CaseStatus::Received,
        Some(Status::Closed) => CaseStatus::Closed,
    }
}

/// A purchase with what of it can still be claimed, and what that is worth.
pub fn purchase(order_id: &str, state: &PurchaseState) -> GetPurchaseResponse {
    let amount = |minor_units| Some(money(state.currency(), minor_units));
    let lines = state.lines().iter().map(|line| {
        let claimable = state.claimable(line);
        PurchaseLineView {
            line: Some(PurchaseLine {
                line_id: line.line_id.clone(),
                sku: line.sku.clone(),
                title: line.title.clone(),
                quantity: line.quantity,
                paid: amount(line.paid),
                total: amount(line.total),
            }),
            delivered: line.delivered,
            claimed: state.claimed(&line.line_id),
            claimable,
            worth: amount(state.worth(line, claimable)),
        }
    });
    GetPurchaseResponse {
        order_id: order_id.to_owned(),
        lines: lines.collect(),
        paid: amount(state.captured()),
        refund_granted: amount(state.granted()),
        refundable: amount(state.money_left()),
    }
}
