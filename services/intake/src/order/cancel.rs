//! Cancelling, whole or in part, at each stage, and refusing an order.
//!
//! Units that are not with the warehouse are cancelled at once. Units that are need its consent: the cancellation is
//! requested, and the warehouse's answer cancels them or tells why not. Money and reservations follow the units.

use ordo_proto::{
    intake::{
        CancellationRefused, CancellationRequested, FulfilmentStopped, HoldReason, LinesCancelled,
        OrderCancelled, OrderRejected, ReservationReleaseRequested,
    },
    types::LineQuantity,
};

use super::{
    Body, Draft, OrderError, Phase, amounts,
    body::{add, count, units},
    command::{Cancel, RecordCancellationRefused, RecordFulfilmentStopped, Reject},
    hold::{Raised, raise},
    payment,
};

const REJECTED: &str = "REJECTED";
const CANCELLED: &str = "CANCELLED";

/// What a customer gave back is paid for by its replacement: only the case, which then pays the money back, ends it.
fn not_a_replacement(body: &Body) -> Result<(), OrderError> {
    if body.replacement_for_case.is_empty() {
        return Ok(());
    }
    Err(OrderError::ReplacementOfCase {
        case_id: body.replacement_for_case.clone(),
    })
}

/// Cancels what was asked for, or asks the warehouse to stop.
pub(super) fn cancel(draft: &mut Draft, it: Cancel) -> Result<(), OrderError> {
    match draft.phase() {
        Phase::Received | Phase::Open => {}
        Phase::Cancelled => return Ok(()),
        phase @ (Phase::Completed | Phase::Rejected) => return Err(OrderError::Ended { phase }),
    }
    let body = draft.body();
    if !it.by_case {
        not_a_replacement(body)?;
    }
    let wanted = if it.lines.is_empty() {
        let wanted = everything(body);
        if wanted.is_empty() {
            return cancel_nothing_left(draft, &it);
        }
        wanted
    } else {
        chosen(body, &it.lines)?
    };
    let mut now = Vec::new();
    let mut later = Vec::new();
    for LineQuantity { line_id, quantity } in wanted {
        let to_ship = body.line(&line_id).map_or(0, super::Line::to_ship);
        let free = quantity.min(to_ship - body.released(&line_id));
        if free > 0 {
            now.push(units(&line_id, free));
        }
        if quantity > free.max(0) {
            later.push(units(&line_id, quantity - free.max(0)));
        }
    }
    if !later.is_empty() {
        let fulfilment_order_ids = to_stop(body, &later);
        let number = body.cancellations_so_far + 1;
        let cancellation_id = format!("{}-X{number}", body.order_id);
        draft.record(CancellationRequested {
            cancellation_id,
            lines: later,
            cause: it.cause.clone(),
            fulfilment_order_ids,
        });
    }
    if now.is_empty() {
        Ok(())
    } else {
        cancel_units(draft, now, &it.cause, &it.detail)
    }
}

/// All units that have not left and are not being cancelled already.
fn everything(body: &Body) -> Vec<LineQuantity> {
    let of_line = |line: &super::Line| {
        let line_id = line.line.line_id.as_str();
        units(line_id, line.to_ship() - body.cancelling(line_id))
    };
    let all = body.lines.iter().map(of_line);
    all.filter(|line| line.quantity > 0).collect()
}

/// Everything was asked for and there are no units: an order without units is cancelled, a repeated wish is not an
/// error, and what has been shipped cannot be cancelled.
fn cancel_nothing_left(draft: &mut Draft, it: &Cancel) -> Result<(), OrderError> {
    if draft.body().lines.iter().any(|line| line.shipped > 0)
        && draft.body().cancellations.is_empty()
    {
        return Err(OrderError::AlreadyShipped);
    }
    if draft.body().cancellations.is_empty() {
        end_cancelled(draft, &it.cause, &it.detail);
    }
    Ok(())
}

fn chosen(body: &Body, lines: &[LineQuantity]) -> Result<Vec<LineQuantity>, OrderError> {
    let mut chosen = Vec::new();
    for LineQuantity { line_id, quantity } in lines {
        add(&mut chosen, line_id, *quantity);
    }
    for LineQuantity { line_id, quantity } in &chosen {
        let Some(line) = body.line(line_id) else {
            return Err(OrderError::UnknownLine {
                line_id: line_id.clone(),
            });
        };
        let cancellable = line.to_ship() - body.cancelling(line_id);
        if cancellable == 0 && line.shipped > 0 {
            return Err(OrderError::AlreadyShipped);
        }
        if *quantity > cancellable || *quantity <= 0 {
            return Err(OrderError::CancelsTooMuch {
                line_id: line_id.clone(),
                cancellable,
            });
        }
    }
    Ok(chosen)
}

/// The latest fulfilment orders that hold enough of the units.
fn to_stop(body: &Body, lines: &[LineQuantity]) -> Vec<String> {
    let mut stop: Vec<String> = Vec::new();
    for LineQuantity { line_id, quantity } in lines {
        let mut left = quantity + body.cancelling(line_id);
        for fulfilment in body.fulfilments.iter().rev() {
            let here = count(&fulfilment.open, line_id);
            if left > 0 && here > 0 {
                left -= here;
                if !stop.contains(&fulfilment.id) {
                    stop.push(fulfilment.id.clone());
                }
            }
        }
    }
    stop.sort();
    stop
}

/// Cancels units that are not with the warehouse. Money paid for them goes back; an order of which nothing is wanted any
/// more is cancelled.
pub(super) fn cancel_units(
    draft: &mut Draft,
    lines: Vec<LineQuantity>,
    cause: &str,
    detail: &str,
) -> Result<(), OrderError> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut after = draft.body().clone();
    for LineQuantity { line_id, quantity } in &lines {
        if let Some(line) = after.line_mut(line_id) {
            line.cancelled += quantity;
        }
    }
    draft.record(LinesCancelled {
        lines: lines.clone(),
        cause: cause.to_owned(),
        amounts: Some(amounts::remaining(&after)?),
    });
    let owed = payment::owed(draft);
    payment::give_back(draft, owed, lines);
    if draft.body().lines.iter().all(|line| line.wanted() == 0) {
        end_cancelled(draft, cause, detail);
    }
    Ok(())
}

fn end_cancelled(draft: &mut Draft, cause: &str, detail: &str) {
    give_up_reservation(draft, CANCELLED);
    let paid = draft.body().paid();
    payment::give_back(draft, paid, Vec::new());
    draft.record(OrderCancelled {
        cause: cause.to_owned(),
        detail: detail.to_owned(),
    });
}

fn give_up_reservation(draft: &mut Draft, cause: &str) {
    if draft.body().attempt > 0 {
        draft.record(ReservationReleaseRequested {
            lines: Vec::new(),
            cause: cause.to_owned(),
            site_id: String::new(),
        });
    }
}

/// The shop refuses the order. Once goods are with the warehouse it can only be cancelled.
pub(super) fn reject(draft: &mut Draft, it: Reject) -> Result<(), OrderError> {
    match draft.phase() {
        Phase::Received | Phase::Open => {}
        Phase::Rejected => return Ok(()),
        phase @ (Phase::Completed | Phase::Cancelled) => return Err(OrderError::Ended { phase }),
    }
    let body = draft.body();
    not_a_replacement(body)?;
    if body.lines.iter().any(|line| line.shipped > 0) {
        return Err(OrderError::AlreadyShipped);
    }
    if body
        .fulfilments
        .iter()
        .any(|fulfilment| !fulfilment.open.is_empty())
    {
        return Err(OrderError::ReleasedToWarehouse);
    }
    let lines = everything(body);
    if !lines.is_empty() {
        let mut after = body.clone();
        after
            .lines
            .iter_mut()
            .for_each(|line| line.cancelled = line.line.quantity);
        let amounts = Some(amounts::remaining(&after)?);
        draft.record(LinesCancelled {
            lines: lines.clone(),
            cause: REJECTED.to_owned(),
            amounts,
        });
    }
    give_up_reservation(draft, REJECTED);
    let paid = draft.body().paid();
    payment::give_back(draft, paid, lines);
    draft.record(OrderRejected { detail: it.detail });
    Ok(())
}

/// The warehouse stopped a fulfilment order: on our request, or by itself (then a person looks at it before the goods
/// are released again).
pub(super) fn record_stopped(
    draft: &mut Draft,
    it: RecordFulfilmentStopped,
) -> Result<(), OrderError> {
    if draft.phase().ended() {
        return Ok(());
    }
    let body = draft.body();
    let id = it.fulfilment_order_id;
    let Some(fulfilment) = body.fulfilment(&id) else {
        return Err(OrderError::UnknownFulfilmentOrder {
            fulfilment_order_id: id,
        });
    };
    let mut stopped = Vec::new();
    for LineQuantity { line_id, quantity } in &it.lines {
        let open = count(&fulfilment.open, line_id) - count(&stopped, line_id);
        if open.min(*quantity) > 0 {
            add(&mut stopped, line_id, open.min(*quantity));
        }
    }
    let asking: Vec<_> = body
        .cancellations
        .iter()
        .filter(|cancellation| cancellation.asked.contains(&id))
        .cloned()
        .collect();
    if stopped.is_empty() && asking.is_empty() {
        return Ok(());
    }
    draft.record(FulfilmentStopped {
        fulfilment_order_id: id.clone(),
        lines: stopped.clone(),
        cause: it.cause.clone(),
    });
    if asking.is_empty() {
        let detail = format!("the warehouse stopped {id}: {}", it.cause);
        raise(draft, Raised::new(HoldReason::Review, detail));
        return Ok(());
    }
    let mut left = stopped;
    for cancellation in asking {
        let mut cancelled = Vec::new();
        for LineQuantity { line_id, quantity } in &cancellation.lines {
            let taken = super::body::take(&mut left, line_id, *quantity);
            if taken > 0 {
                add(&mut cancelled, line_id, taken);
            }
        }
        let wanted: i64 = cancellation.lines.iter().map(|line| line.quantity).sum();
        let reached: i64 = cancelled.iter().map(|line| line.quantity).sum();
        let answered = cancellation.asked.len() == 1;
        if answered && reached < wanted && !cancellation.refused {
            refuse(
                draft,
                &cancellation.id,
                &id,
                "some of the units had left already",
            );
        }
        cancel_units(draft, cancelled, &cancellation.cause, "")?;
    }
    Ok(())
}

/// The warehouse could not stop a fulfilment order.
pub(super) fn record_refused(
    draft: &mut Draft,
    it: RecordCancellationRefused,
) -> Result<(), OrderError> {
    let asked = draft.body().cancellations.iter().any(|cancellation| {
        cancellation.id == it.cancellation_id
            && cancellation.asked.contains(&it.fulfilment_order_id)
    });
    if asked {
        refuse(
            draft,
            &it.cancellation_id,
            &it.fulfilment_order_id,
            &it.detail,
        );
    }
    Ok(())
}

fn refuse(draft: &mut Draft, cancellation_id: &str, fulfilment_order_id: &str, detail: &str) {
    draft.record(CancellationRefused {
        cancellation_id: cancellation_id.to_owned(),
        detail: detail.to_owned(),
        way_out: OrderError::AlreadyShipped.way_out().to_owned(),
        fulfilment_order_id: fulfilment_order_id.to_owned(),
    });
}
