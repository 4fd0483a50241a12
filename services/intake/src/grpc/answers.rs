//! What answers say of an order.

use ordo_proto::intake::{FulfilmentStatus, Hold, OrderStatus, PaymentStatus};

use crate::order::{Body, Order, status};

pub(super) fn body(order: &Order) -> Option<&Body> {
    order.placed().map(|(_, body)| body)
}

pub(super) fn status(order: &Order) -> i32 {
    OrderStatus::into(status::order(order))
}

pub(super) fn payment_status(order: &Order) -> i32 {
    let status = body(order).map_or(PaymentStatus::Unspecified, status::payment);
    status.into()
}

pub(super) fn fulfilment_status(order: &Order) -> i32 {
    let status = body(order).map_or(FulfilmentStatus::Unspecified, status::fulfilment);
    status.into()
}

pub(super) fn holds(order: &Order) -> Vec<Hold> {
    body(order)
        .map(|body| body.holds.clone())
        .unwrap_or_default()
}
