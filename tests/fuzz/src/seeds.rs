//! Inputs to begin with: something that is accepted, for every target.

use ordo_event_log::{EventHash, RecordedEvent, StreamId, TenantId, Timestamp};
use ordo_proto::{
    intake::{ListOrdersRequest, Payment, PlaceOrderLine, PlaceOrderRequest},
    json,
    log::EventMetadata,
    types::{Actor, Address, Contact, Money},
};
use prost::Message as _;

/// Names of targets with an input.
pub fn all() -> Vec<(&'static str, Vec<u8>)> {
    let mut seeds: Vec<(&'static str, Vec<u8>)> = Vec::new();
    for (aggregate, event, _) in crate::event_types() {
        seeds.push(("event_payload", vec![aggregate, event, 10, 1, b'x']));
    }
    for which in 0..3 {
        seeds.push(("snapshot", vec![which, 8, 1, 18, 1, b'x']));
    }
    let order = order();
    seeds.push(("place_order", order.encode_to_vec()));
    if let Ok(text) = json::from_message(&order) {
        seeds.push(("json", text.to_string().into_bytes()));
    }
    let event = event();
    let proto = ordo_event_log::event_to_proto("intake", &event);
    seeds.push(("envelope", proto.encode_to_vec()));
    let mut message = String::new();
    for (name, values) in ordo_bus::headers::encode("intake", &event).iter() {
        for value in values {
            message.push_str(&format!("{name}: {value}\n"));
        }
    }
    message.push_str("\npayload");
    seeds.push(("headers", message.into_bytes()));
    let token = ordo_rpc::next_page_token(&(5_i64, "key"), &ListOrdersRequest::default());
    seeds.push(("page_token", token.into_bytes()));
    // {"alg":"EdDSA","kid":"k1"} {"sub":"x","exp":4102444800} and a signature of nobody.
    let token = "Bearer eyJhbGciOiJFZERTQSIsImtpZCI6ImsxIn0.eyJzdWIiOiJ4IiwiZXhwIjo0MTAyNDQ0ODAwfQ.AAAA\nacme";
    seeds.push(("access_token", token.into()));
    for text in [
        "4006381333931",
        "acme",
        "sqlite:///var/lib/ordo",
        "postgres://ordo@localhost/ordo",
        "1111111111111111111111111111111111111111111111111111111111111111",
    ] {
        seeds.push(("texts", text.into()));
    }
    seeds
}

fn pounds(minor_units: i64) -> Option<Money> {
    Some(Money {
        currency_code: "GBP".to_owned(),
        minor_units,
    })
}

/// An order that passes all checks.
pub fn order() -> PlaceOrderRequest {
    PlaceOrderRequest {
        channel: "web".to_owned(),
        channel_order_number: "1001".to_owned(),
        contact: Some(Contact {
            name: "Jane Doe".to_owned(),
            phone: "+44 20 7946 0958".to_owned(),
            ..Contact::default()
        }),
        address: Some(Address {
            country_code: "GB".to_owned(),
            ..Address::default()
        }),
        lines: vec![PlaceOrderLine {
            sku: "MUG".to_owned(),
            title: "A mug".to_owned(),
            quantity: 2,
            unit_price: pounds(500),
            ..PlaceOrderLine::default()
        }],
        due: pounds(1_000),
        payments: vec![Payment {
            payment_id: "p1".to_owned(),
            method: "card".to_owned(),
            amount: pounds(1_000),
            ..Payment::default()
        }],
        ..PlaceOrderRequest::default()
    }
}

fn event() -> RecordedEvent {
    RecordedEvent {
        partition: 3,
        position: 41,
        epoch: 2,
        tenant: TenantId::new("acme").expect("a tenant"),
        stream: StreamId::new("order", "01jd8w2b7m3x5k9q4r6s8t0v1w"),
        stream_version: 5,
        event_id: "01934c51-2d67-7a11-8f3e-5b6c7d8e9fa0"
            .parse()
            .expect("a UUID"),
        type_name: "ordo.intake.v1.OrderPlaced".into(),
        time: Timestamp(1_732_000_000_123_456),
        payload: vec![8, 1, 18, 3, 97, 98, 99].into(),
        metadata: EventMetadata {
            actor: Some(Actor {
                kind: 1,
                id: "Zoë \"z\" 100%".to_owned(),
            }),
            command_id: "place:web:1001".to_owned(),
            reason: "客户要求\r\n".to_owned(),
            ..EventMetadata::default()
        },
        hash: EventHash([7; 32]),
    }
}
