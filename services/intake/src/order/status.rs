//! What people call 'the status': derived, never stored by itself.

use ordo_proto::intake::{FulfilmentStatus, OrderStatus, PaymentStatus};

use super::{Body, Order, Phase};

/// Where the order is as a whole.
pub fn order(order: &Order) -> OrderStatus {
    match order.placed() {
        None => OrderStatus::Unspecified,
        Some((Phase::Received, _)) => OrderStatus::Received,
        Some((Phase::Open, _)) => OrderStatus::Open,
        Some((Phase::Completed, _)) => OrderStatus::Completed,
        Some((Phase::Cancelled, _)) => OrderStatus::Cancelled,
        Some((Phase::Rejected, _)) => OrderStatus::Rejected,
    }
}

/// How the payments stand to the amount due.
pub fn payment(body: &Body) -> PaymentStatus {
    let (captured, refunded) = (body.captured(), body.refunded());
    if captured > 0 && refunded >= captured {
        PaymentStatus::Refunded
    } else if refunded > 0 {
        PaymentStatus::PartlyRefunded
    } else if captured >= body.due() && (captured > 0 || is_free(body)) {
        PaymentStatus::Paid
    } else if captured > 0 {
        PaymentStatus::PartlyPaid
    } else {
        PaymentStatus::Unpaid
    }
}

/// Nothing is due, and that is known and not for want of prices.
fn is_free(body: &Body) -> bool {
    body.due() == 0 && !body.lines.is_empty() && body.lines.iter().all(|line| line.line.no_charge)
}

/// The least advanced step that any wanted unit is at.
pub fn fulfilment(body: &Body) -> FulfilmentStatus {
    let (mut wanted, mut shipped, mut settled, mut returned) = (0, 0, 0, 0);
    for line in &body.lines {
        wanted += line.wanted();
        shipped += line.shipped;
        settled += line.settled();
        returned += line.returned;
    }
    let reserved: i64 = body.stock.iter().map(|stock| stock.quantity).sum();
    let open = body
        .fulfilments
        .iter()
        .flat_map(|fulfilment| &fulfilment.open);
    let released: i64 = open.map(|line| line.quantity).sum();
    if wanted <= 0 {
        FulfilmentStatus::None
    } else if returned >= wanted {
        FulfilmentStatus::Returned
    } else if settled >= wanted {
        FulfilmentStatus::Delivered
    } else if settled > 0 {
        FulfilmentStatus::PartlyDelivered
    } else if shipped >= wanted {
        FulfilmentStatus::Shipped
    } else if shipped > 0 {
        FulfilmentStatus::PartlyShipped
    } else if released >= wanted {
        FulfilmentStatus::Released
    } else if reserved >= wanted {
        FulfilmentStatus::Reserved
    } else if reserved > 0 {
        FulfilmentStatus::PartlyReserved
    } else {
        FulfilmentStatus::Unreserved
    }
}
