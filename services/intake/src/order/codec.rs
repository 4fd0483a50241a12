//! An order's events as stored bytes, and its snapshot.

use ordo_event_log::{Aggregate, CodecError, EncodedEvent};
use ordo_proto::intake;
use prost::Message;

use super::{Body, Order, Phase};

ordo_event_log::events! {
    /// What happens to an order.
    pub enum OrderEvent {
        Placed(intake::OrderPlaced),
        Held(intake::OrderHeld),
        HoldReleased(intake::HoldReleased),
        Opened(intake::OrderOpened),
        InformationCompleted(intake::InformationCompleted),
        AddressAmended(intake::AddressAmended),
        PaymentCaptured(intake::PaymentCaptured),
        PaymentFailed(intake::PaymentFailed),
        PaymentRefunded(intake::PaymentRefunded),
        ReservationRequested(intake::ReservationRequested),
        StockReserved(intake::StockReserved),
        StockShort(intake::StockShort),
        StockLossBooked(intake::StockLossBooked),
        ReservationReleaseRequested(intake::ReservationReleaseRequested),
        FulfilmentRequested(intake::FulfilmentRequested),
        LinesCancelled(intake::LinesCancelled),
        CancellationRequested(intake::CancellationRequested),
        CancellationRefused(intake::CancellationRefused),
        FulfilmentStopped(intake::FulfilmentStopped),
        LinesShipped(intake::LinesShipped),
        LinesDelivered(intake::LinesDelivered),
        ReturnApproved(intake::ReturnApproved),
        LinesReturned(intake::LinesReturned),
        ReturnAbandoned(intake::ReturnAbandoned),
        Completed(intake::OrderCompleted),
        Cancelled(intake::OrderCancelled),
        Rejected(intake::OrderRejected),
    }
}

/// An order's state as bytes: for the log's snapshots and the read models. Disposable: raise
/// [`Aggregate::FOLD_VERSION`] when its meaning changes.
#[derive(Clone, PartialEq, Message)]
struct Snapshot {
    /// 0: unplaced.
    #[prost(uint32, tag = "1")]
    phase: u32,
    #[prost(message, optional, tag = "2")]
    body: Option<Body>,
}

impl Order {
    /// Bytes that [`from_bytes`](Order::from_bytes) reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        let snapshot = match self.placed() {
            None => Snapshot::default(),
            Some((phase, body)) => Snapshot {
                phase: match phase {
                    Phase::Received => 1,
                    Phase::Open => 2,
                    Phase::Completed => 3,
                    Phase::Cancelled => 4,
                    Phase::Rejected => 5,
                },
                body: Some(body.clone()),
            },
        };
        snapshot.encode_to_vec()
    }

    /// Reads [`to_bytes`](Order::to_bytes).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let snapshot = Snapshot::decode(bytes).map_err(|source| CodecError::Decode {
            type_name: "order snapshot".to_owned(),
            source,
        })?;
        let body = Box::new(snapshot.body.unwrap_or_default());
        Ok(match snapshot.phase {
            0 => Self::Unplaced,
            1 => Self::Received(body),
            2 => Self::Open(body),
            3 => Self::Completed(body),
            4 => Self::Cancelled(body),
            5 => Self::Rejected(body),
            phase => {
                return Err(CodecError::UnknownType(format!(
                    "order snapshot of phase {phase}"
                )));
            }
        })
    }
}

impl Aggregate for Order {
    const NAME: &'static str = "order";
    /// 2: counts the units that were not found.
    const FOLD_VERSION: u32 = 3;

    fn encode(event: &OrderEvent) -> EncodedEvent {
        event.encode_event()
    }

    fn decode(type_name: &str, payload: &[u8]) -> Result<OrderEvent, CodecError> {
        OrderEvent::decode_event(type_name, payload)
    }

    fn snapshot(state: &Self) -> Option<Vec<u8>> {
        Some(state.to_bytes())
    }

    fn restore(snapshot: &[u8]) -> Result<Self, CodecError> {
        Self::from_bytes(snapshot)
    }
}
