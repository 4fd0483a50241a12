//! An order as it is shown: folded from its own events, so it is never behind.

use ordo_event_log::{Aggregate, CodecError, RecordedEvent};
use ordo_proto::intake;

use crate::order::{Body, Order, OrderEvent, status};

/// What `GetOrder` shows, without the recipient in the clear.
#[derive(Clone, Debug, Default)]
pub struct OrderView {
    /// The answer; contact and address are absent.
    pub view: intake::Order,
    /// The order itself, with the sealed recipient.
    pub order: Order,
}

/// Folds an order's events. `None` without events.
pub fn fold(events: &[RecordedEvent]) -> Result<Option<OrderView>, CodecError> {
    use ordo_decider::Decider as _;
    let (Some(first), Some(last)) = (events.first(), events.last()) else {
        return Ok(None);
    };
    let mut order = Order::default();
    let mut ordered_at = None;
    for recorded in events {
        let event = Order::decode(&recorded.type_name, &recorded.payload)?;
        if let OrderEvent::Placed(placed) = &event {
            ordered_at = placed.ordered_at;
        }
        order = Order::evolve(order, &event);
    }
    let Some((_, body)) = order.placed() else {
        return Ok(None);
    };
    let mut view = show(&order, body);
    view.placed_at = Some(first.time.into());
    view.ordered_at = ordered_at.or(view.placed_at);
    view.updated_at = Some(last.time.into());
    view.version = last.stream_version;
    Ok(Some(OrderView { view, order }))
}

fn show(order: &Order, body: &Body) -> intake::Order {
    intake::Order {
        order_id: body.order_id.clone(),
        channel: body.channel.clone(),
        channel_order_number: body.channel_order_number.clone(),
        customer_id: body.customer_id.clone(),
        status: status::order(order).into(),
        payment_status: status::payment(body).into(),
        fulfilment_status: status::fulfilment(body).into(),
        holds: body.holds.clone(),
        lines: lines(body),
        charges: body.charges.clone(),
        amounts: body.amounts.clone(),
        captured: Some(body.money(body.captured())),
        refunded: Some(body.money(body.refunded())),
        payment_terms: body.payment_terms,
        delivery_method: body.delivery_method,
        parcels: parcels(body),
        allocations: allocations(body),
        replacement_for_case: body.replacement_for_case.clone(),
        ..intake::Order::default()
    }
}

fn lines(body: &Body) -> Vec<intake::OrderLineView> {
    let show = |line: &crate::order::Line| {
        let counted = body.quantities(line);
        intake::OrderLineView {
            line: Some(line.line.clone()),
            quantities: Some(intake::LineQuantities {
                ordered: counted.ordered,
                cancelled: counted.cancelled,
                reserved: counted.reserved,
                backordered: counted.backordered,
                released: counted.released,
                shipped: counted.shipped,
                delivered: counted.delivered,
                return_approved: counted.return_approved,
                returned: counted.returned,
                refunded: counted.refunded,
            }),
        }
    };
    body.lines.iter().map(show).collect()
}

fn parcels(body: &Body) -> Vec<intake::Parcel> {
    let show = |parcel: &crate::order::ParcelEntry| intake::Parcel {
        parcel_id: parcel.id.clone(),
        carrier: parcel.carrier.clone(),
        tracking_number: parcel.tracking_number.clone(),
        lines: parcel.lines.clone(),
        delivered: parcel.delivered,
    };
    body.parcels.iter().map(show).collect()
}

/// Units that are reserved and have not left.
fn allocations(body: &Body) -> Vec<intake::Allocation> {
    let show = |stock: &crate::order::SiteStock| intake::Allocation {
        line_id: stock.line_id.clone(),
        sku: body
            .line(&stock.line_id)
            .map(|line| line.line.sku.clone())
            .unwrap_or_default(),
        site_id: stock.site_id.clone(),
        quantity: stock.quantity,
    };
    body.stock.iter().map(show).collect()
}
