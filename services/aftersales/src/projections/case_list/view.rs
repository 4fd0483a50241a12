//! A case as it is shown, folded from its events.

use ordo_event_log::Timestamp;
use ordo_proto::aftersales::{
    Case, CaseKind, CaseLineView, CaseRefund, CaseStatus, ReceivedLine, RefundStatus,
};
use ordo_proto::types::LineQuantity;

use crate::case::CaseEvent;

/// `case` after `event`.
pub fn apply(case: &mut Case, event: &CaseEvent, time: Timestamp) {
    case.updated_at = Some(time.into());
    match event {
        CaseEvent::Opened(opened) => {
            case.case_id.clone_from(&opened.case_id);
            case.order_id.clone_from(&opened.order_id);
            case.kind = opened.kind;
            case.set_status(CaseStatus::Requested);
            case.lines = opened
                .lines
                .iter()
                .map(|line| CaseLineView {
                    line: Some(line.clone()),
                    ..CaseLineView::default()
                })
                .collect();
            case.customer_id.clone_from(&opened.customer_id);
            case.site_id.clone_from(&opened.site_id);
            case.opened_at = Some(time.into());
        }
        CaseEvent::Approved(approved) => {
            case.set_status(CaseStatus::Approved);
            approve(case, &approved.lines);
        }
        CaseEvent::Rejected(rejected) => {
            case.set_status(CaseStatus::Rejected);
            case.rejection.clone_from(&rejected.reason);
        }
        CaseEvent::ReturnParcelRecorded(parcel) => {
            case.return_carrier.clone_from(&parcel.carrier);
            case.return_tracking_number
                .clone_from(&parcel.tracking_number);
        }
        CaseEvent::ReturnReceived(received) => {
            receive(case, &received.lines);
            if received.last || is_all_back(case) {
                case.set_status(CaseStatus::Received);
            }
        }
        CaseEvent::RefundGranted(granted) => {
            let mut refund = CaseRefund {
                refund_id: granted.refund_id.clone(),
                amount: granted.amount.clone(),
                ..CaseRefund::default()
            };
            refund.set_status(RefundStatus::Pending);
            case.refunds.push(refund);
        }
        CaseEvent::RefundSettled(settled) => {
            if let Some(refund) = refund(case, &settled.refund_id) {
                refund.set_status(RefundStatus::Settled);
            }
        }
        CaseEvent::RefundFailed(failed) => {
            if let Some(refund) = refund(case, &failed.refund_id) {
                refund.set_status(RefundStatus::Failed);
                refund.failure.clone_from(&failed.failure);
            }
        }
        CaseEvent::ReplacementOrdered(ordered) => case
            .replacement_order_id
            .clone_from(&ordered.replacement_order_id),
        CaseEvent::ReplacementWithdrawn(_) => case.replacement_order_id.clear(),
        CaseEvent::ReplacementRequested(_) | CaseEvent::ReplacementFreed(_) => {}
        CaseEvent::Closed(closed) => {
            // A rejected case stays rejected: that says more than that it is over.
            if case.status() != CaseStatus::Rejected {
                case.set_status(CaseStatus::Closed);
            }
            case.outcome.clone_from(&closed.outcome);
        }
    }
}

/// Units of a line go to its entries in their order.
fn approve(case: &mut Case, lines: &[LineQuantity]) {
    for approved in lines {
        let mut left = approved.quantity;
        for entry in case
            .lines
            .iter_mut()
            .filter(|entry| is(entry, &approved.line_id))
        {
            let asked = entry.line.as_ref().map_or(0, |line| line.quantity);
            entry.approved = left.min(asked);
            left -= entry.approved;
        }
    }
}

fn receive(case: &mut Case, lines: &[ReceivedLine]) {
    for back in lines {
        let (mut resellable, mut not_resellable) = (back.resellable, back.not_resellable);
        for entry in case
            .lines
            .iter_mut()
            .filter(|entry| is(entry, &back.line_id))
        {
            let mut room = entry.approved - entry.resellable - entry.not_resellable;
            let good = resellable.min(room);
            room -= good;
            let bad = not_resellable.min(room);
            entry.resellable += good;
            entry.not_resellable += bad;
            resellable -= good;
            not_resellable -= bad;
        }
    }
}

fn is_all_back(case: &Case) -> bool {
    let back = |line: &CaseLineView| line.resellable + line.not_resellable >= line.approved;
    case.kind() != CaseKind::RefundOnly && case.lines.iter().all(back)
}

fn is(entry: &CaseLineView, line_id: &str) -> bool {
    entry
        .line
        .as_ref()
        .is_some_and(|line| line.line_id == line_id)
}

fn refund<'a>(case: &'a mut Case, refund_id: &str) -> Option<&'a mut CaseRefund> {
    case.refunds
        .iter_mut()
        .find(|refund| refund.refund_id == refund_id)
}
