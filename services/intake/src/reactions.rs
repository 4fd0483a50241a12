//! What follows from events, here and elsewhere.
//!
//! | reaction | follows | does |
//! |---|---|---|
//! | [`reserve`] | own orders | asks inventory to reserve and to release, in order |
//! | [`cancel_fulfilment`] | own orders | asks the warehouse to stop |
//! | [`complete_delivered`] | own orders | completes them some time after delivery |
//! | [`follow_inventory`] | inventory | records reservations, shortages and units taken back on orders |
//! | [`follow_fulfilment`] | fulfilment | records short picks, parcels and deliveries on orders |
//! | [`follow_aftersales`] | aftersales | records returns on orders, frees replacements |
//! | [`follow_catalogue`] | inventory, own orders | maps codes that orders wait for |
//!
//! Every command carries an id made from the event that causes it, so that a reaction that runs again changes nothing.

pub mod cancel_fulfilment;
pub mod complete_delivered;
pub mod follow_aftersales;
pub mod follow_catalogue;
pub mod follow_fulfilment;
pub mod follow_inventory;
pub mod reserve;

use ordo_event_log::{RecordedEvent, TenantId};
use ordo_projection::ReactionError;
use ordo_proto::types::LineQuantity;
use prost::{Message, Name};

/// Everything about one order happens in order.
fn entity(tenant: &TenantId, order_id: &str) -> String {
    format!("{tenant}/{order_id}")
}

/// The event's message when it is an `M`.
fn message<M: Message + Default + Name>(event: &RecordedEvent) -> Result<Option<M>, ReactionError> {
    if *event.type_name != M::full_name() {
        return Ok(None);
    }
    M::decode(event.payload.clone()).map(Some).map_err(|error| {
        ReactionError::park(format!("`{}` cannot be read: {error}", event.type_name))
    })
}

/// Whether the event is an `M`.
fn is<M: Name>(event: &RecordedEvent) -> bool {
    *event.type_name == M::full_name()
}

/// The order that an id made from it belongs to: everything before the first `-`.
fn order_of(id: &str) -> &str {
    id.split_once('-').map_or(id, |(order_id, _)| order_id)
}

fn units(line_id: String, quantity: i64) -> LineQuantity {
    LineQuantity { line_id, quantity }
}
