//! What each event changes. Total: whatever was once stored is taken as it is.

mod reservation;

use ordo_proto::{
    intake::{
        Amounts, FulfilmentRequested, FulfilmentStopped, HoldReason, InformationCompleted,
        LinesDelivered, LinesShipped, PaymentRefunded,
    },
    types::{LineQuantity, Money},
};

use super::{
    Body, Line, OrderEvent, Phase,
    body::{
        Cancellation, Fulfilment, ParcelEntry, PaymentEntry, RefundEntry, ReturnEntry, add, take,
    },
    place, short_pick,
};

/// The phase after `event`, and `body` changed by it.
pub(super) fn apply(phase: Phase, body: &mut Body, event: &OrderEvent) -> Phase {
    match event {
        // A second one is refused by the decider.
        OrderEvent::Placed(_) => {}
        OrderEvent::Held(held) => {
            if let Some(hold) = &held.hold {
                let index = usize::try_from(hold.reason).unwrap_or_default();
                if body.holds_so_far.len() <= index {
                    body.holds_so_far.resize(index + 1, 0);
                }
                body.holds_so_far[index] += 1;
                body.holds.push(hold.clone());
            }
        }
        OrderEvent::HoldReleased(released) => {
            body.holds.retain(|hold| hold.hold_id != released.hold_id);
            match released.reason() {
                HoldReason::CustomerDecision => body.waits_by_choice = true,
                // Asked of inventory again.
                HoldReason::UnmappedSku => {
                    body.lines
                        .iter_mut()
                        .for_each(|line| line.unknown_sku = false);
                }
                _ => {}
            }
        }
        OrderEvent::Opened(_) => return Phase::Open,
        OrderEvent::InformationCompleted(completed) => information(body, completed),
        OrderEvent::AddressAmended(amended) => {
            personal(body, &amended.contact, &amended.address, &amended.region);
        }
        OrderEvent::PaymentCaptured(captured) => {
            let entry = payment(body, &captured.payment_id, &captured.method);
            entry.captured += minor(&captured.amount);
            if let Some(amount) = captured
                .amount
                .as_ref()
                .filter(|_| body.currency.is_empty())
            {
                body.currency.clone_from(&amount.currency_code);
            }
            place::tell_what_is_paid(body);
        }
        OrderEvent::PaymentFailed(failed) => {
            payment(body, &failed.payment_id, &failed.method);
        }
        OrderEvent::PaymentRefunded(refunded) => refund(body, refunded),
        OrderEvent::ReservationRequested(requested) => reservation::requested(body, requested),
        OrderEvent::StockReserved(reserved) => reservation::reserved(body, reserved),
        OrderEvent::StockShort(short) => reservation::short(body, short),
        OrderEvent::StockLossBooked(booked) => short_pick::count_loss(body, booked),
        OrderEvent::ReservationReleaseRequested(release) => reservation::released(body, release),
        OrderEvent::FulfilmentRequested(requested) => fulfilment_requested(body, requested),
        OrderEvent::LinesCancelled(cancelled) => {
            for LineQuantity { line_id, quantity } in &cancelled.lines {
                if let Some(line) = body.line_mut(line_id) {
                    line.cancelled += quantity;
                }
            }
            set_amounts(body, &cancelled.amounts);
        }
        OrderEvent::CancellationRequested(requested) => {
            body.cancellations_so_far += 1;
            body.cancellations.push(Cancellation {
                id: requested.cancellation_id.clone(),
                lines: requested.lines.clone(),
                cause: requested.cause.clone(),
                asked: requested.fulfilment_order_ids.clone(),
                refused: false,
            });
        }
        OrderEvent::CancellationRefused(refused) => {
            for cancellation in &mut body.cancellations {
                if cancellation.id == refused.cancellation_id {
                    cancellation.refused = true;
                    cancellation
                        .asked
                        .retain(|id| *id != refused.fulfilment_order_id);
                }
            }
            drop_answered(body);
        }
        OrderEvent::FulfilmentStopped(stopped) => fulfilment_stopped(body, stopped),
        OrderEvent::LinesShipped(shipped) => lines_shipped(body, shipped),
        OrderEvent::LinesDelivered(delivered) => lines_delivered(body, delivered),
        OrderEvent::ReturnApproved(approved) => {
            for LineQuantity { line_id, quantity } in &approved.lines {
                if let Some(line) = body.line_mut(line_id) {
                    line.return_approved += quantity;
                }
                add(
                    &mut return_entry(body, &approved.case_id).approved,
                    line_id,
                    *quantity,
                );
            }
        }
        OrderEvent::ReturnAbandoned(abandoned) => {
            for LineQuantity { line_id, quantity } in &abandoned.lines {
                if let Some(line) = body.line_mut(line_id) {
                    line.return_approved -= quantity;
                }
                add(
                    &mut return_entry(body, &abandoned.case_id).approved,
                    line_id,
                    -quantity,
                );
            }
        }
        OrderEvent::LinesReturned(returned) => {
            for LineQuantity { line_id, quantity } in &returned.lines {
                if let Some(line) = body.line_mut(line_id) {
                    line.returned += quantity;
                }
                add(
                    &mut return_entry(body, &returned.case_id).returned,
                    line_id,
                    *quantity,
                );
            }
        }
        OrderEvent::Completed(_) => return end(body, Phase::Completed),
        OrderEvent::Cancelled(_) => return end(body, Phase::Cancelled),
        OrderEvent::Rejected(_) => return end(body, Phase::Rejected),
    }
    phase
}

/// An ended order waits for nothing.
fn end(body: &mut Body, phase: Phase) -> Phase {
    body.holds.clear();
    body.cancellations.clear();
    for line in &mut body.lines {
        line.awaited = 0;
        line.backordered = 0;
    }
    phase
}

fn minor(money: &Option<Money>) -> i64 {
    money.as_ref().map_or(0, |money| money.minor_units)
}

fn set_amounts(body: &mut Body, amounts: &Option<Amounts>) {
    if let Some(amounts) = amounts {
        if let Some(due) = &amounts.due
            && !due.currency_code.is_empty()
        {
            body.currency.clone_from(&due.currency_code);
        }
        body.amounts = Some(amounts.clone());
    }
}

fn personal(
    body: &mut Body,
    contact: &Option<ordo_proto::types::Sealed>,
    address: &Option<ordo_proto::types::Sealed>,
    region: &Option<ordo_proto::types::Region>,
) {
    if contact.is_some() || address.is_some() {
        body.personal_revision += 1;
    }
    if contact.is_some() {
        body.contact.clone_from(contact);
    }
    if address.is_some() {
        body.address.clone_from(address);
        body.region.clone_from(region);
    }
}

fn information(body: &mut Body, completed: &InformationCompleted) {
    personal(
        body,
        &completed.contact,
        &completed.address,
        &completed.region,
    );
    for line in &completed.lines {
        match body.line_mut(&line.line_id) {
            Some(known) => {
                known.unknown_sku &= known.line.sku == line.sku;
                known.line = line.clone();
            }
            None => body.lines.push(Line::new(line.clone())),
        }
    }
    set_amounts(body, &completed.amounts);
    if completed.delivery_method != 0 {
        body.delivery_method = completed.delivery_method;
    }
    if completed.payment_terms != 0 {
        body.payment_terms = completed.payment_terms;
    }
}

fn payment<'a>(body: &'a mut Body, id: &str, method: &str) -> &'a mut PaymentEntry {
    let known = body.payments.iter().position(|payment| payment.id == id);
    let index = known.unwrap_or_else(|| {
        body.payments.push(PaymentEntry {
            id: id.to_owned(),
            method: method.to_owned(),
            ..PaymentEntry::default()
        });
        body.payments.len() - 1
    });
    &mut body.payments[index]
}

fn refund(body: &mut Body, refunded: &PaymentRefunded) {
    for part in &refunded.parts {
        payment(body, &part.payment_id, &part.method).refunded += minor(&part.amount);
    }
    for LineQuantity { line_id, quantity } in &refunded.lines {
        if let Some(line) = body.line_mut(line_id) {
            line.refunded += quantity;
        }
    }
    body.refunds.push(RefundEntry {
        id: refunded.refund_id.clone(),
        case_id: refunded.case_id.clone(),
        amount: minor(&refunded.amount),
    });
}

fn fulfilment_requested(body: &mut Body, requested: &FulfilmentRequested) {
    if body.fulfilments.is_empty() {
        body.deposit = body.paid();
    }
    let mut open = Vec::new();
    for line in &requested.lines {
        add(&mut open, &line.line_id, line.quantity);
    }
    body.fulfilments.push(Fulfilment {
        id: requested.fulfilment_order_id.clone(),
        site_id: requested.site_id.clone(),
        open,
        collect: minor(&requested.collect_on_delivery),
    });
}

fn fulfilment<'a>(body: &'a mut Body, id: &str) -> Option<&'a mut Fulfilment> {
    body.fulfilments
        .iter_mut()
        .find(|fulfilment| fulfilment.id == id)
}

/// Units of a stopped fulfilment order that a pending cancellation is about will be cancelled by the same decision. A
/// short pick takes units out of the fulfilment order without answering the cancellation.
fn fulfilment_stopped(body: &mut Body, stopped: &FulfilmentStopped) {
    let id = stopped.fulfilment_order_id.as_str();
    let short_pick = stopped.cause == short_pick::SHORT_PICK;
    if let Some(fulfilment) = fulfilment(body, id) {
        for LineQuantity { line_id, quantity } in &stopped.lines {
            take(&mut fulfilment.open, line_id, *quantity);
        }
        if fulfilment.open.is_empty() && !short_pick {
            fulfilment.collect = 0;
        }
    }
    for LineQuantity { line_id, quantity } in &stopped.lines {
        let mut left = *quantity;
        for cancellation in &mut body.cancellations {
            if cancellation.asked.iter().any(|asked| asked == id) {
                left -= take(&mut cancellation.lines, line_id, left);
            }
        }
        if short_pick && let Some(line) = body.line_mut(line_id) {
            line.short_picks += 1;
            line.not_found += quantity;
        }
    }
    if !short_pick {
        for cancellation in &mut body.cancellations {
            cancellation.asked.retain(|asked| asked != id);
        }
        drop_answered(body);
    }
}

fn drop_answered(body: &mut Body) {
    body.cancellations
        .retain(|cancellation| !cancellation.asked.is_empty());
}

/// The units of a parcel leave, once, whoever tells of it first.
fn leave(body: &mut Body, fulfilment_order_id: &str, parcel_id: &str, lines: &[LineQuantity]) {
    let site = fulfilment(body, fulfilment_order_id).map(|fulfilment| {
        for LineQuantity { line_id, quantity } in lines {
            take(&mut fulfilment.open, line_id, *quantity);
        }
        fulfilment.site_id.clone()
    });
    for LineQuantity { line_id, quantity } in lines {
        if let Some(line) = body.line_mut(line_id) {
            line.shipped += quantity;
        }
        if let Some(site) = &site {
            reservation::take_stock(body, line_id, site, *quantity);
        }
    }
    body.parcels.push(ParcelEntry {
        id: parcel_id.to_owned(),
        lines: lines.to_vec(),
        ..ParcelEntry::default()
    });
}

/// Fulfilment order of a parcel: `<fulfilment_order_id>-P<n>`.
fn fulfilment_of(parcel_id: &str) -> &str {
    parcel_id
        .rsplit_once("-P")
        .map_or("", |(fulfilment, _)| fulfilment)
}

fn lines_shipped(body: &mut Body, shipped: &LinesShipped) {
    if !body
        .parcels
        .iter()
        .any(|parcel| parcel.id == shipped.parcel_id)
    {
        leave(
            body,
            &shipped.fulfilment_order_id,
            &shipped.parcel_id,
            &shipped.lines,
        );
    }
    for parcel in body
        .parcels
        .iter_mut()
        .filter(|parcel| parcel.id == shipped.parcel_id)
    {
        parcel.shipped = true;
        parcel.carrier.clone_from(&shipped.carrier);
        parcel.tracking_number.clone_from(&shipped.tracking_number);
    }
}

fn lines_delivered(body: &mut Body, delivered: &LinesDelivered) {
    if delivered.parcel_id.is_empty() {
        body.parcels
            .iter_mut()
            .for_each(|parcel| parcel.delivered = true);
    } else {
        let id = delivered.parcel_id.as_str();
        if !body.parcels.iter().any(|parcel| parcel.id == id) {
            leave(body, fulfilment_of(id), id, &delivered.lines);
        }
        for parcel in body.parcels.iter_mut().filter(|parcel| parcel.id == id) {
            parcel.delivered = true;
        }
    }
    for LineQuantity { line_id, quantity } in &delivered.lines {
        if let Some(line) = body.line_mut(line_id) {
            line.delivered += quantity;
        }
    }
}

fn return_entry<'a>(body: &'a mut Body, case_id: &str) -> &'a mut ReturnEntry {
    let known = body
        .returns
        .iter()
        .position(|entry| entry.case_id == case_id);
    let index = known.unwrap_or_else(|| {
        body.returns.push(ReturnEntry {
            case_id: case_id.to_owned(),
            ..ReturnEntry::default()
        });
        body.returns.len() - 1
    });
    &mut body.returns[index]
}
