//! The order: one stream per order, decided without clock, network or database.
//!
//! A small life cycle ([`Order`]) carries stackable holds, a ledger of payments and counted units per line. Whatever the
//! customer sees as 'the status' is derived from these (see [`status`]). Every command ends in the same step
//! (`settle`): holds whose cause is gone are released, an order without holds opens, stock that is still wanted is
//! asked for, and reserved stock goes to the warehouse.

mod amounts;
mod body;
mod cancel;
mod checks;
mod codec;
mod command;
mod delivery;
mod doubt;
mod draft;
mod edit;
mod error;
mod evolve;
mod hold;
mod payment;
mod place;
mod records;
mod returns;
mod review;
mod settle;
mod short_pick;
pub mod status;
mod stock;
mod tally;

#[cfg(test)]
pub(crate) mod specs;

pub use amounts::{LARGEST_AMOUNT, LARGEST_QUANTITY};
pub use body::{Body, Line, ParcelEntry, Quantities, SiteStock};
pub use codec::OrderEvent;
pub use command::*;
pub use error::OrderError;
use ordo_decider::Decider;
pub use review::{ReviewRule, ReviewRules};

pub use stock::told_by_others;

use draft::Draft;

/// Where an order is in its life.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Order {
    /// No such order.
    #[default]
    Unplaced,
    /// Held before anything was done for it.
    Received(Box<Body>),
    /// Worked on.
    Open(Box<Body>),
    /// Delivered and done; money and goods may still come back.
    Completed(Box<Body>),
    /// Nothing of it will be delivered any more.
    Cancelled(Box<Body>),
    /// Refused by the shop.
    Rejected(Box<Body>),
}

/// The kinds of [`Order`] that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// See [`Order::Received`].
    Received,
    /// See [`Order::Open`].
    Open,
    /// See [`Order::Completed`].
    Completed,
    /// See [`Order::Cancelled`].
    Cancelled,
    /// See [`Order::Rejected`].
    Rejected,
}

impl Phase {
    /// The order is at its end.
    pub fn ended(self) -> bool {
        match self {
            Self::Received | Self::Open => false,
            Self::Completed | Self::Cancelled | Self::Rejected => true,
        }
    }
}

impl Order {
    /// Phase and content of an order that was placed.
    pub fn placed(&self) -> Option<(Phase, &Body)> {
        match self {
            Self::Unplaced => None,
            Self::Received(body) => Some((Phase::Received, body)),
            Self::Open(body) => Some((Phase::Open, body)),
            Self::Completed(body) => Some((Phase::Completed, body)),
            Self::Cancelled(body) => Some((Phase::Cancelled, body)),
            Self::Rejected(body) => Some((Phase::Rejected, body)),
        }
    }

    fn into_placed(self) -> Option<(Phase, Box<Body>)> {
        match self {
            Self::Unplaced => None,
            Self::Received(body) => Some((Phase::Received, body)),
            Self::Open(body) => Some((Phase::Open, body)),
            Self::Completed(body) => Some((Phase::Completed, body)),
            Self::Cancelled(body) => Some((Phase::Cancelled, body)),
            Self::Rejected(body) => Some((Phase::Rejected, body)),
        }
    }

    fn from_placed(phase: Phase, body: Box<Body>) -> Self {
        match phase {
            Phase::Received => Self::Received(body),
            Phase::Open => Self::Open(body),
            Phase::Completed => Self::Completed(body),
            Phase::Cancelled => Self::Cancelled(body),
            Phase::Rejected => Self::Rejected(body),
        }
    }
}

impl Decider for Order {
    type State = Self;
    type Command = Command;
    type Event = OrderEvent;
    type Error = OrderError;

    fn decide(state: &Self, command: Command) -> Result<Vec<OrderEvent>, OrderError> {
        let Command { at, intent } = command;
        let Some((phase, body)) = state.placed() else {
            return match intent {
                Intent::Place(place) => place::place(at, *place),
                _ => Err(OrderError::NoSuchOrder),
            };
        };
        let mut draft = Draft::new(at, phase, body.clone());
        let draft_ref = &mut draft;
        match intent {
            Intent::Place(_) => Err(OrderError::AlreadyPlaced),
            Intent::CompleteInformation(it) => edit::complete_information(draft_ref, *it),
            Intent::AmendAddress(it) => edit::amend_address(draft_ref, *it),
            Intent::RecordPayment(it) => payment::record(draft_ref, it),
            Intent::RefundPayment(it) => payment::refund(draft_ref, it),
            Intent::Cancel(it) => cancel::cancel(draft_ref, it),
            Intent::RecordFulfilmentStopped(it) => cancel::record_stopped(draft_ref, it),
            Intent::RecordCancellationRefused(it) => cancel::record_refused(draft_ref, it),
            Intent::Reject(it) => cancel::reject(draft_ref, it),
            Intent::Hold(it) => hold::hold(draft_ref, it),
            Intent::ReleaseHold(it) => hold::release(draft_ref, it),
            Intent::ReleaseReplacement => hold::release_replacement(draft_ref),
            Intent::RecordReservation(it) => stock::record_reservation(draft_ref, it),
            Intent::RecordShortage(it) => stock::record_shortage(draft_ref, it),
            Intent::RecordReservationExpired(it) => stock::record_expired(draft_ref, it),
            Intent::RecordReleasedElsewhere(it) => stock::record_released_elsewhere(draft_ref, it),
            Intent::RecordShortPick(it) => short_pick::record(draft_ref, it),
            Intent::RecordStockLoss(it) => short_pick::record_loss(draft_ref, it),
            Intent::RecordShipment(it) => delivery::record_shipment(draft_ref, it),
            Intent::RecordTrackingNumber(it) => delivery::record_tracking_number(draft_ref, it),
            Intent::RecordDelivery(it) => delivery::record_delivery(draft_ref, it),
            Intent::ConfirmDelivery(it) => delivery::confirm(draft_ref, it),
            Intent::Complete(it) => delivery::complete(draft_ref, it),
            Intent::RecordReturnApproved(it) => returns::record_approved(draft_ref, it),
            Intent::RecordReturnAbandoned(it) => returns::record_abandoned(draft_ref, it),
            Intent::RecordReturned(it) => returns::record_returned(draft_ref, it),
        }?;
        settle::settle(&mut draft);
        Ok(draft.into_events())
    }

    fn evolve(state: Self, event: &OrderEvent) -> Self {
        match (state.into_placed(), event) {
            (None, OrderEvent::Placed(placed)) => {
                Self::Received(Box::new(Body::from_placed(placed)))
            }
            (None, _) => Self::Unplaced,
            (Some((phase, mut body)), event) => {
                let phase = evolve::apply(phase, &mut body, event);
                Self::from_placed(phase, body)
            }
        }
    }
}
