//! The state as bytes, so that a place with a long history is loaded quickly.

use ordo_event_log::CodecError;
use prost::Message as _;

use super::Stock;
use crate::ids::ReservationId;

#[derive(Clone, PartialEq, prost::Message)]
struct Snapshot {
    #[prost(int64, tag = "1")]
    sellable: i64,
    #[prost(int64, tag = "2")]
    quarantine: i64,
    #[prost(int64, tag = "3")]
    damaged: i64,
    #[prost(message, repeated, tag = "4")]
    holds: Vec<Hold>,
    #[prost(int64, tag = "5")]
    safety: i64,
    #[prost(int64, tag = "6")]
    low_stock_level: i64,
    #[prost(bool, tag = "7")]
    low: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Hold {
    #[prost(string, tag = "1")]
    reservation_id: String,
    #[prost(int64, tag = "2")]
    quantity: i64,
}

pub(super) fn write(state: &Stock) -> Vec<u8> {
    let holds = state
        .holds
        .iter()
        .map(|(id, quantity)| Hold {
            reservation_id: String::from(id),
            quantity: *quantity,
        })
        .collect();
    Snapshot {
        sellable: state.sellable,
        quarantine: state.quarantine,
        damaged: state.damaged,
        holds,
        safety: state.safety,
        low_stock_level: state.low_stock_level,
        low: state.low,
    }
    .encode_to_vec()
}

pub(super) fn read(bytes: &[u8]) -> Result<Stock, CodecError> {
    let snapshot = Snapshot::decode(bytes).map_err(|source| CodecError::Decode {
        type_name: "stock snapshot".into(),
        source,
    })?;
    let reserved = snapshot
        .holds
        .iter()
        .fold(0_i64, |sum, hold| sum.saturating_add(hold.quantity));
    let holds = snapshot
        .holds
        .iter()
        .map(|hold| (ReservationId::from(&hold.reservation_id), hold.quantity))
        .collect();
    Ok(Stock {
        sellable: snapshot.sellable,
        quarantine: snapshot.quarantine,
        damaged: snapshot.damaged,
        reserved,
        holds,
        safety: snapshot.safety,
        low_stock_level: snapshot.low_stock_level,
        low: snapshot.low,
    })
}
