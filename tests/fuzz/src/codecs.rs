//! Events and snapshots as they are stored, and messages as JSON.

use ordo_event_log::{Aggregate, CodecError, EncodedEvent};
use ordo_proto::{intake::PlaceOrderRequest, json};
use prost::Message as _;

/// Type names and the codec of one aggregate.
struct Codec {
    types: &'static [&'static str],
    again: fn(&str, &[u8]) -> Result<EncodedEvent, CodecError>,
}

fn again<A: Aggregate>(type_name: &str, payload: &[u8]) -> Result<EncodedEvent, CodecError> {
    A::decode(type_name, payload).map(|event| A::encode(&event))
}

macro_rules! codecs {
    ($($aggregate:ty: $events:ty),+ $(,)?) => {
        fn codecs() -> Vec<Codec> {
            vec![$(Codec { types: <$events>::type_names(), again: again::<$aggregate> }),+]
        }
    };
}

codecs! {
    ordo_intake::order::Order: ordo_intake::order::OrderEvent,
    ordo_intake::data_subject::DataSubject: ordo_intake::data_subject::DataSubjectEvent,
    ordo_inventory::stock::Stock: ordo_inventory::stock::StockEvent,
    ordo_inventory::reservation::Reservation: ordo_inventory::reservation::ReservationEvent,
    ordo_inventory::backorder::Backorder: ordo_inventory::backorder::BackorderEvent,
    ordo_inventory::sku::SkuItem: ordo_inventory::sku::SkuEvent,
    ordo_fulfilment::fulfilment_order::FulfilmentOrder: ordo_fulfilment::fulfilment_order::FulfilmentOrderEvent,
    ordo_fulfilment::parcel::Parcel: ordo_fulfilment::parcel::ParcelEvent,
    ordo_aftersales::case::Case: ordo_aftersales::case::CaseEvent,
    ordo_aftersales::purchase::Purchase: ordo_aftersales::purchase::PurchaseEvent,
}

/// All event types, in the order in which the first two bytes of [`event_payload`]'s input choose them.
pub fn event_types() -> Vec<(u8, u8, &'static str)> {
    let mut all = Vec::new();
    for (codec, index) in codecs().iter().zip(0..) {
        for (name, nth) in codec.types.iter().zip(0..) {
            all.push((index, nth, *name));
        }
    }
    all
}

/// The first byte chooses an aggregate, the second one of its events; the rest is the payload. What is accepted encodes to
/// bytes that decode to the same again.
pub fn event_payload(data: &[u8]) {
    let [aggregate, event, payload @ ..] = data else {
        return;
    };
    let codecs = codecs();
    let codec = &codecs[usize::from(*aggregate) % codecs.len()];
    let type_name = codec.types[usize::from(*event) % codec.types.len()];
    let _ = json::from_bytes(type_name, payload);
    let Ok(once) = (codec.again)(type_name, payload) else {
        return;
    };
    assert_eq!(once.type_name, type_name);
    let twice = (codec.again)(once.type_name, &once.payload).expect("what was written is read");
    assert_eq!(once, twice);
}

/// Bytes in place of a snapshot.
pub fn snapshot(data: &[u8]) {
    fn restored<A: Aggregate>(bytes: &[u8]) {
        if let Ok(state) = A::restore(bytes) {
            let written = A::snapshot(&state).expect("what has snapshots gives one");
            let again = A::restore(&written).expect("what was written is read");
            assert_eq!(A::snapshot(&again), Some(written));
        }
    }
    let [which, bytes @ ..] = data else { return };
    match which % 3 {
        0 => restored::<ordo_intake::order::Order>(bytes),
        1 => restored::<ordo_inventory::stock::Stock>(bytes),
        _ => restored::<ordo_inventory::backorder::Backorder>(bytes),
    }
}

/// The JSON that the command line takes an order from.
pub fn json(data: &[u8]) {
    let Ok(request) = json::to_message::<PlaceOrderRequest>(data) else {
        return;
    };
    let Ok(written) = json::from_message(&request) else {
        // A time stamp out of range has no JSON.
        return;
    };
    let again = json::to_message::<PlaceOrderRequest>(written.to_string().as_bytes());
    let again = again.expect("what was written is read");
    assert_eq!(again.encode_to_vec(), request.encode_to_vec());
}
