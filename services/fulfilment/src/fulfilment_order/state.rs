//! What the decisions read.

use std::collections::BTreeMap;

use ordo_proto::fulfilment::{FulfilmentOrderStatus, WorkLine};

use super::{
    FulfilmentOrderError, FulfilmentOrderEvent,
    quantities::{Quantities, least_advanced},
};

/// `delivery_method` of goods that a carrier takes to the customer.
const SHIP: &str = "SHIP";

/// Where a fulfilment order is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum FulfilmentOrderState {
    /// Nobody asked for it.
    #[default]
    Unknown,
    /// Waits for somebody to pick it.
    Open(Work),
    /// Being picked, checked, packed or dispatched.
    InProgress(Work),
    /// Nothing is left to send. No parcels: nothing could be found.
    Closed(Closed),
    /// Stopped before anything left.
    Cancelled {
        /// Units that will not leave.
        lines: Vec<WorkLine>,
    },
}

/// What is left to know of a closed fulfilment order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Closed {
    /// Its own id.
    pub fulfilment_order_id: String,
    /// The customer's order.
    pub order_id: String,
    /// Parcels that left.
    pub parcel_ids: Vec<String>,
}

/// An instruction that is being carried out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Work {
    /// Its own id.
    pub fulfilment_order_id: String,
    /// The customer's order.
    pub order_id: String,
    /// Where the goods are.
    pub site_id: String,
    /// A carrier takes the goods; otherwise the customer does.
    pub by_carrier: bool,
    /// In the order of the instruction.
    pub lines: Vec<Line>,
    /// In the order they were packed; the n-th is `<fulfilment_order_id>-P<n>`.
    pub parcels: Vec<PackedParcel>,
    /// Who picks; empty while nobody does.
    pub worker: String,
}

/// One line of the instruction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// Line of the customer's order.
    pub line_id: String,
    /// What to pick.
    pub sku: String,
    /// For people.
    pub title: String,
    /// How far its units are.
    pub quantities: Quantities,
}

/// A parcel that was packed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PackedParcel {
    /// `<fulfilment_order_id>-P<n>`.
    pub parcel_id: String,
    /// Contents.
    pub lines: Vec<WorkLine>,
    /// It has left.
    pub dispatched: bool,
}

impl Line {
    /// `quantity` units of this line.
    pub fn units(&self, quantity: i64) -> WorkLine {
        WorkLine {
            line_id: self.line_id.clone(),
            sku: self.sku.clone(),
            title: self.title.clone(),
            quantity,
        }
    }
}

impl Work {
    /// The line, or [`FulfilmentOrderError::UnknownLine`].
    pub fn line(&self, line_id: &str) -> Result<&Line, FulfilmentOrderError> {
        self.lines
            .iter()
            .find(|line| line.line_id == line_id)
            .ok_or_else(|| FulfilmentOrderError::UnknownLine {
                line_id: line_id.to_owned(),
            })
    }

    /// Units that have not left and are still wanted, by line.
    pub fn remaining(&self) -> Vec<WorkLine> {
        let lines = self
            .lines
            .iter()
            .map(|line| line.units(line.quantities.remaining()));
        lines.filter(|line| line.quantity > 0).collect()
    }

    fn closed(&self) -> Closed {
        let left = self.parcels.iter().filter(|parcel| parcel.dispatched);
        Closed {
            fulfilment_order_id: self.fulfilment_order_id.clone(),
            order_id: self.order_id.clone(),
            parcel_ids: left.map(|parcel| parcel.parcel_id.clone()).collect(),
        }
    }

    fn line_mut(&mut self, line_id: &str) -> Option<&mut Quantities> {
        let line = self.lines.iter_mut().find(|line| line.line_id == line_id);
        line.map(|line| &mut line.quantities)
    }
}

impl FulfilmentOrderState {
    /// The work, as long as it goes on; otherwise why it does not.
    pub fn work(&self) -> Result<&Work, FulfilmentOrderError> {
        match self {
            Self::Unknown => Err(FulfilmentOrderError::NotFound),
            Self::Open(work) | Self::InProgress(work) => Ok(work),
            Self::Closed(closed) if closed.parcel_ids.is_empty() => {
                Err(FulfilmentOrderError::NothingFound)
            }
            Self::Closed(closed) => Err(FulfilmentOrderError::AlreadyDispatched {
                parcel_ids: closed.parcel_ids.clone(),
            }),
            Self::Cancelled { .. } => Err(FulfilmentOrderError::Cancelled),
        }
    }

    /// Least advanced step that any wanted unit is at. A fulfilment order of which nothing could be found counts as cancelled.
    pub fn status(&self) -> FulfilmentOrderStatus {
        match self {
            Self::Unknown => FulfilmentOrderStatus::Unspecified,
            Self::Open(_) => FulfilmentOrderStatus::Open,
            Self::InProgress(work) => least_advanced(
                work.lines
                    .iter()
                    .map(|line| &line.quantities)
                    .collect::<Vec<_>>(),
            ),
            Self::Closed(closed) if closed.parcel_ids.is_empty() => {
                FulfilmentOrderStatus::Cancelled
            }
            Self::Closed(_) => FulfilmentOrderStatus::Dispatched,
            Self::Cancelled { .. } => FulfilmentOrderStatus::Cancelled,
        }
    }
}

/// See [`ordo_decider::Decider::evolve`].
pub fn evolve(state: FulfilmentOrderState, event: &FulfilmentOrderEvent) -> FulfilmentOrderState {
    use FulfilmentOrderEvent as Event;
    use FulfilmentOrderState as State;

    if let Event::Opened(opened) = event {
        let lines = opened.lines.iter().map(|line| Line {
            line_id: line.line_id.clone(),
            sku: line.sku.clone(),
            title: line.title.clone(),
            quantities: Quantities::asked(line.quantity),
        });
        return State::Open(Work {
            fulfilment_order_id: opened.fulfilment_order_id.clone(),
            order_id: opened.order_id.clone(),
            site_id: opened.site_id.clone(),
            by_carrier: opened.delivery_method == SHIP,
            lines: lines.collect(),
            ..Work::default()
        });
    }
    let (mut work, begun) = match state {
        State::Open(work) => (work, false),
        State::InProgress(work) => (work, true),
        State::Closed(closed) => {
            return match event {
                Event::Cancelled(cancelled) => State::Cancelled {
                    lines: cancelled.lines.clone(),
                },
                _ => State::Closed(closed),
            };
        }
        other @ (State::Unknown | State::Cancelled { .. }) => return other,
    };
    match event {
        Event::Opened(_) => {}
        Event::PickingStarted(started) => work.worker.clone_from(&started.worker),
        Event::LinePicked(picked) => {
            if let Some(line) = work.line_mut(&picked.line_id) {
                line.pick(picked.quantity);
            }
        }
        Event::LineShortPicked(short) => {
            if let Some(line) = work.line_mut(&short.line_id) {
                line.miss(short.missing);
            }
        }
        Event::LineChecked(checked) => {
            if let Some(line) = work.line_mut(&checked.line_id) {
                line.check(checked.passed, checked.failed);
            }
        }
        Event::ParcelPacked(packed) => {
            for (line_id, units) in by_line(&packed.lines) {
                if let Some(line) = work.line_mut(line_id) {
                    line.pack(units);
                }
            }
            work.parcels.push(PackedParcel {
                parcel_id: packed.parcel_id.clone(),
                lines: packed.lines.clone(),
                dispatched: false,
            });
        }
        Event::ParcelDispatched(left) => {
            for (line_id, units) in by_line(&left.lines) {
                if let Some(line) = work.line_mut(line_id) {
                    line.dispatch(units);
                }
            }
            let parcel = work
                .parcels
                .iter_mut()
                .find(|parcel| parcel.parcel_id == left.parcel_id);
            if let Some(parcel) = parcel {
                parcel.dispatched = true;
            }
        }
        Event::Closed(_) => {
            return State::Closed(work.closed());
        }
        Event::Cancelled(cancelled) => {
            let closed = work.closed();
            return if closed.parcel_ids.is_empty() {
                State::Cancelled {
                    lines: cancelled.lines.clone(),
                }
            } else {
                State::Closed(closed)
            };
        }
        // Who receives it matters to labels, not to any decision; and it does not begin the work.
        Event::AddressChanged(_) if !begun => return State::Open(work),
        Event::AddressChanged(_) => {}
    }
    State::InProgress(work)
}

fn by_line(lines: &[WorkLine]) -> BTreeMap<&str, i64> {
    let mut units: BTreeMap<&str, i64> = BTreeMap::new();
    for line in lines {
        let sum = units.entry(&line.line_id).or_default();
        *sum = sum.saturating_add(line.quantity);
    }
    units
}
