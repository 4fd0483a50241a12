//! The events of one decision, and the order as they leave it: later steps of a decision see the earlier ones.

use prost_types::Timestamp;

use super::{Body, OrderEvent, Phase, evolve};

/// A decision in the making.
pub(super) struct Draft {
    /// When it is decided.
    pub at: Timestamp,
    phase: Phase,
    body: Body,
    events: Vec<OrderEvent>,
}

impl Draft {
    /// Begins with the order as it stands.
    pub fn new(at: Timestamp, phase: Phase, body: Body) -> Self {
        Self {
            at,
            phase,
            body,
            events: Vec::new(),
        }
    }

    /// Begins with the order's first event.
    pub fn placed(at: Timestamp, placed: ordo_proto::intake::OrderPlaced) -> Self {
        Self {
            at,
            phase: Phase::Received,
            body: Body::from_placed(&placed),
            events: vec![placed.into()],
        }
    }

    /// Phase after the events so far.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The order after the events so far.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// Something happens.
    pub fn record(&mut self, event: impl Into<OrderEvent>) {
        let event = event.into();
        self.phase = evolve::apply(self.phase, &mut self.body, &event);
        self.events.push(event);
    }

    /// What has happened.
    pub fn into_events(self) -> Vec<OrderEvent> {
        self.events
    }
}
