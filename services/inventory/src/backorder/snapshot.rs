//! The queue as bytes, so that a long history is loaded quickly.

use ordo_event_log::CodecError;
use prost::Message as _;

use super::{Backorder, Waiter};
use crate::ids::{ReservationId, SiteId};

#[derive(Clone, PartialEq, prost::Message)]
struct Snapshot {
    #[prost(message, repeated, tag = "1")]
    queue: Vec<Entry>,
    #[prost(uint64, tag = "2")]
    given: u64,
    #[prost(uint64, optional, tag = "3")]
    due: Option<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Entry {
    #[prost(uint64, tag = "1")]
    place: u64,
    #[prost(string, tag = "2")]
    reservation_id: String,
    #[prost(int64, tag = "3")]
    quantity: i64,
    #[prost(string, optional, tag = "4")]
    site_id: Option<String>,
}

pub(super) fn write(state: &Backorder) -> Vec<u8> {
    let queue = state
        .queue
        .iter()
        .map(|(place, waiter)| Entry {
            place: *place,
            reservation_id: String::from(&waiter.reservation_id),
            quantity: waiter.quantity,
            site_id: waiter.site_id.as_ref().map(String::from),
        })
        .collect();
    Snapshot {
        queue,
        given: state.given,
        due: state.due,
    }
    .encode_to_vec()
}

pub(super) fn read(bytes: &[u8]) -> Result<Backorder, CodecError> {
    let snapshot = Snapshot::decode(bytes).map_err(|source| CodecError::Decode {
        type_name: "backorder snapshot".into(),
        source,
    })?;
    let mut state = Backorder {
        given: snapshot.given,
        due: snapshot.due,
        ..Backorder::default()
    };
    for entry in snapshot.queue {
        let reservation_id = ReservationId::from(&entry.reservation_id);
        state.waiting = state.waiting.saturating_add(entry.quantity);
        state.places.insert_mut(reservation_id.clone(), entry.place);
        state.queue.insert_mut(
            entry.place,
            Waiter {
                reservation_id,
                quantity: entry.quantity,
                site_id: entry.site_id.as_ref().map(SiteId::from),
            },
        );
    }
    Ok(state)
}
