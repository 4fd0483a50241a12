//! One parcel on its way: what the carrier says about it.
//!
//! The carrier's status is an axis of its own. It never moves the fulfilment order, and nothing but the first DELIVERED
//! scan is passed on (as `ParcelDelivered`). Scans come late, twice and out of order; all new ones are kept.

mod error;
#[cfg(test)]
mod specs;
mod tracking;

use std::collections::BTreeSet;

pub use error::ParcelError;
use ordo_decider::Decider;
use ordo_event_log::{Aggregate, CodecError, EncodedEvent};
use ordo_proto::fulfilment::{
    ParcelDelivered, ParcelHandedOver, TrackingNumberAssigned, TrackingRecorded, TrackingStatus,
    WorkLine,
};
pub use tracking::{ScanKey, latest_status};

ordo_event_log::events! {
    /// What happens to a parcel after it has left.
    pub enum ParcelEvent {
        HandedOver(ordo_proto::fulfilment::ParcelHandedOver),
        NumberAssigned(ordo_proto::fulfilment::TrackingNumberAssigned),
        TrackingRecorded(ordo_proto::fulfilment::TrackingRecorded),
        Delivered(ordo_proto::fulfilment::ParcelDelivered),
    }
}

/// Distinct scans that are kept of one parcel; a carrier that sends more is malfunctioning.
pub const MAX_SCANS: usize = 1_000;

/// Decides what may happen to a parcel.
#[derive(Debug)]
pub struct Parcel;

/// Where a parcel is, as far as decisions read it.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ParcelState {
    /// Has not left.
    #[default]
    Unknown,
    /// On its way.
    Travelling(Journey),
    /// Said to be delivered. Later scans are still recorded.
    Delivered(Journey),
}

/// What is known of a parcel that has left.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Journey {
    parcel_id: String,
    fulfilment_order_id: String,
    order_id: String,
    lines: Vec<WorkLine>,
    carrier: String,
    tracking_number: String,
    scans: BTreeSet<ScanKey>,
}

/// A wish concerning one parcel.
#[derive(Clone, Debug, PartialEq)]
pub enum ParcelCommand {
    /// It left. The same again changes nothing.
    HandOver(ParcelHandedOver),
    /// Its carrier and number became known, or were wrong.
    AssignTracking {
        /// Not empty.
        carrier: String,
        /// Not empty.
        tracking_number: String,
    },
    /// The carrier says something. Known scans are passed over; `parcel_id` is filled in.
    RecordScans(Vec<TrackingRecorded>),
}

impl ParcelState {
    fn journey(&self) -> Result<&Journey, ParcelError> {
        match self {
            Self::Unknown => Err(ParcelError::NotFound),
            Self::Travelling(journey) | Self::Delivered(journey) => Ok(journey),
        }
    }

    /// Scans recorded so far.
    pub fn scans(&self) -> usize {
        self.journey().map_or(0, |journey| journey.scans.len())
    }
}

impl Decider for Parcel {
    type State = ParcelState;
    type Command = ParcelCommand;
    type Event = ParcelEvent;
    type Error = ParcelError;

    fn decide(
        state: &ParcelState,
        command: ParcelCommand,
    ) -> Result<Vec<ParcelEvent>, ParcelError> {
        match command {
            ParcelCommand::HandOver(parcel) => hand_over(state, parcel),
            ParcelCommand::AssignTracking {
                carrier,
                tracking_number,
            } => assign_tracking(state, carrier, tracking_number),
            ParcelCommand::RecordScans(scans) => record_scans(state, scans),
        }
    }

    fn evolve(state: ParcelState, event: &ParcelEvent) -> ParcelState {
        if let ParcelEvent::HandedOver(parcel) = event {
            return ParcelState::Travelling(Journey {
                parcel_id: parcel.parcel_id.clone(),
                fulfilment_order_id: parcel.fulfilment_order_id.clone(),
                order_id: parcel.order_id.clone(),
                lines: parcel.lines.clone(),
                carrier: parcel.carrier.clone(),
                tracking_number: parcel.tracking_number.clone(),
                scans: BTreeSet::new(),
            });
        }
        let (mut journey, delivered) = match state {
            ParcelState::Unknown => return ParcelState::Unknown,
            ParcelState::Travelling(journey) => (journey, false),
            ParcelState::Delivered(journey) => (journey, true),
        };
        let delivered = match event {
            ParcelEvent::HandedOver(_) => delivered,
            ParcelEvent::NumberAssigned(assigned) => {
                journey.carrier.clone_from(&assigned.carrier);
                journey
                    .tracking_number
                    .clone_from(&assigned.tracking_number);
                delivered
            }
            ParcelEvent::TrackingRecorded(scan) => {
                journey.scans.insert(ScanKey::of(scan));
                delivered
            }
            ParcelEvent::Delivered(_) => true,
        };
        if delivered {
            ParcelState::Delivered(journey)
        } else {
            ParcelState::Travelling(journey)
        }
    }
}

fn hand_over(
    state: &ParcelState,
    parcel: ParcelHandedOver,
) -> Result<Vec<ParcelEvent>, ParcelError> {
    match state {
        ParcelState::Unknown => Ok(vec![parcel.into()]),
        ParcelState::Travelling(_) | ParcelState::Delivered(_) => Ok(Vec::new()),
    }
}

fn assign_tracking(
    state: &ParcelState,
    carrier: String,
    tracking_number: String,
) -> Result<Vec<ParcelEvent>, ParcelError> {
    let journey = state.journey()?;
    if journey.carrier == carrier && journey.tracking_number == tracking_number {
        return Ok(Vec::new());
    }
    Ok(vec![
        TrackingNumberAssigned {
            parcel_id: journey.parcel_id.clone(),
            fulfilment_order_id: journey.fulfilment_order_id.clone(),
            order_id: journey.order_id.clone(),
            carrier,
            tracking_number,
        }
        .into(),
    ])
}

fn record_scans(
    state: &ParcelState,
    scans: Vec<TrackingRecorded>,
) -> Result<Vec<ParcelEvent>, ParcelError> {
    let journey = state.journey()?;
    let mut delivered = matches!(state, ParcelState::Delivered(_));
    let mut known = journey.scans.clone();
    let mut events: Vec<ParcelEvent> = Vec::new();
    for mut scan in scans {
        if !known.insert(ScanKey::of(&scan)) {
            continue;
        }
        if known.len() > MAX_SCANS {
            return Err(ParcelError::TooManyScans);
        }
        scan.parcel_id.clone_from(&journey.parcel_id);
        let delivered_now = scan.status() == TrackingStatus::Delivered && !delivered;
        let occurred_at = scan.occurred_at;
        events.push(scan.into());
        if delivered_now {
            delivered = true;
            events.push(
                ParcelDelivered {
                    parcel_id: journey.parcel_id.clone(),
                    order_id: journey.order_id.clone(),
                    fulfilment_order_id: journey.fulfilment_order_id.clone(),
                    lines: journey.lines.clone(),
                    delivered_at: occurred_at,
                }
                .into(),
            );
        }
    }
    Ok(events)
}

impl Aggregate for Parcel {
    const NAME: &'static str = "parcel";

    fn encode(event: &ParcelEvent) -> EncodedEvent {
        event.encode_event()
    }

    fn decode(type_name: &str, payload: &[u8]) -> Result<ParcelEvent, CodecError> {
        ParcelEvent::decode_event(type_name, payload)
    }
}
