//! One warehouse's share of an order: picked, checked, packed and dispatched line by line.
//!
//! Pure: the worker, the scan's meaning and the check policy come in with the command.

mod checking;
mod command;
mod dispatching;
mod ending;
mod error;
mod opening;
mod packing;
mod picking;
mod quantities;
#[cfg(test)]
mod specs;
mod state;

pub use command::{
    CheckPolicy, CheckedLine, FulfilmentOrderCommand, NewRecipient, ParcelContents, Pick, Scan,
};
pub use error::FulfilmentOrderError;
use ordo_decider::Decider;
use ordo_event_log::{Aggregate, CodecError, EncodedEvent};
pub use quantities::{Quantities, least_advanced};
pub use state::{Closed, FulfilmentOrderState, Line, PackedParcel, Work};

ordo_event_log::events! {
    /// What happens to a fulfilment order.
    pub enum FulfilmentOrderEvent {
        Opened(ordo_proto::fulfilment::FulfilmentOrderOpened),
        PickingStarted(ordo_proto::fulfilment::PickingStarted),
        LinePicked(ordo_proto::fulfilment::LinePicked),
        LineShortPicked(ordo_proto::fulfilment::LineShortPicked),
        LineChecked(ordo_proto::fulfilment::LineChecked),
        ParcelPacked(ordo_proto::fulfilment::ParcelPacked),
        ParcelDispatched(ordo_proto::fulfilment::ParcelDispatched),
        Closed(ordo_proto::fulfilment::FulfilmentOrderClosed),
        Cancelled(ordo_proto::fulfilment::FulfilmentOrderCancelled),
        AddressChanged(ordo_proto::fulfilment::FulfilmentAddressChanged),
    }
}

/// Decides what may happen to a fulfilment order.
#[derive(Debug)]
pub struct FulfilmentOrder;

impl Decider for FulfilmentOrder {
    type State = FulfilmentOrderState;
    type Command = FulfilmentOrderCommand;
    type Event = FulfilmentOrderEvent;
    type Error = FulfilmentOrderError;

    fn decide(
        state: &Self::State,
        command: Self::Command,
    ) -> Result<Vec<Self::Event>, Self::Error> {
        match command {
            FulfilmentOrderCommand::Open(instruction) => opening::open(state, *instruction),
            FulfilmentOrderCommand::StartPicking { worker, take_over } => {
                picking::start(state, worker, take_over)
            }
            FulfilmentOrderCommand::RecordPick(pick) => picking::record(state, pick),
            FulfilmentOrderCommand::RecordCheck { lines } => checking::record(state, lines),
            FulfilmentOrderCommand::Pack { check, parcels } => packing::pack(state, check, parcels),
            FulfilmentOrderCommand::Dispatch {
                parcel_ids,
                carrier,
                tracking_number,
            } => dispatching::dispatch(state, &parcel_ids, &carrier, &tracking_number),
            FulfilmentOrderCommand::ChangeAddress(recipient) => {
                ending::change_address(state, recipient)
            }
            FulfilmentOrderCommand::Cancel { cause } => ending::cancel(state, cause),
        }
    }

    fn evolve(state: Self::State, event: &Self::Event) -> Self::State {
        state::evolve(state, event)
    }
}

impl Aggregate for FulfilmentOrder {
    const NAME: &'static str = "fulfilment_order";

    fn encode(event: &Self::Event) -> EncodedEvent {
        event.encode_event()
    }

    fn decode(type_name: &str, payload: &[u8]) -> Result<Self::Event, CodecError> {
        FulfilmentOrderEvent::decode_event(type_name, payload)
    }
}
