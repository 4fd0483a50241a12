//! What callers send.

use std::sync::LazyLock;

use http::{HeaderMap, HeaderValue};
use ordo_decider::Decider as _;
use ordo_event_log::Aggregate as _;
use ordo_intake::{
    grpc::place_request,
    order::{Command, Intent, Order},
};
use ordo_proto::{
    intake::{ListOrdersRequest, PlaceOrderRequest},
    types::Page,
};
use ordo_rpc::{Authenticator, AuthenticatorSettings, Jwks, next_page_token, page_key};
use prost::Message as _;

/// The bytes of a PlaceOrder request. One that passes its checks becomes an order, or is refused; the order's events are
/// read back as they were written, and so is its snapshot.
pub fn place_order(data: &[u8]) {
    let Ok(request) = PlaceOrderRequest::decode(data) else {
        return;
    };
    let Ok(mut place) = place_request::read(&request) else {
        return;
    };
    place.order_id = "01jd8w2b7m3x5k9q4r6s8t0v1w".to_owned();
    place.data_subject.clone_from(&place.order_id);
    let at = prost_types::Timestamp {
        seconds: 1_800_000_000,
        nanos: 0,
    };
    let intent = Intent::Place(Box::new(place));
    let Ok(events) = Order::decide(&Order::default(), Command { at, intent }) else {
        return;
    };
    let mut order = Order::default();
    for event in &events {
        let stored = Order::encode(event);
        let read =
            Order::decode(stored.type_name, &stored.payload).expect("what was written is read");
        assert_eq!(read, *event);
        order = Order::evolve(order, event);
    }
    let snapshot = Order::snapshot(&order).expect("orders have snapshots");
    let restored = Order::restore(&snapshot).expect("what was written is read");
    assert_eq!(Order::snapshot(&restored), Some(snapshot));
}

/// A page token, as text.
pub fn page_token(data: &[u8]) {
    let token = String::from_utf8_lossy(data);
    let query = ListOrdersRequest::default();
    let page = Page {
        token: token.into_owned(),
        ..Page::default()
    };
    if let Ok(Some(key)) = page_key::<(i64, String)>(Some(&page), &query) {
        let token = next_page_token(&key, &query);
        let page = Page { token, ..page };
        let again = page_key::<(i64, String)>(Some(&page), &query);
        assert_eq!(again.expect("an own token is good"), Some(key));
    }
    let _ = page_key::<(String, String)>(Some(&page), &query);
    let _ = page_key::<i64>(Some(&page), &query);
}

/// `authorization` and, after a line break, `ordo-tenant`. Nobody has the key: nothing is let in.
pub fn access_token(data: &[u8]) {
    static AUTHENTICATOR: LazyLock<Authenticator> = LazyLock::new(|| {
        let keys = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k1","alg":"EdDSA","use":"sig","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
        Authenticator::new(
            Jwks::from_json(keys).expect("a key of RFC 8037"),
            AuthenticatorSettings::default(),
        )
    });
    let mut lines = data.splitn(2, |byte| *byte == b'\n');
    let mut headers = HeaderMap::new();
    for name in ["authorization", "ordo-tenant"] {
        if let Some(value) = lines.next()
            && let Ok(value) = HeaderValue::from_bytes(value)
        {
            headers.insert(name, value);
        }
    }
    assert!(AUTHENTICATOR.authenticate(&headers).is_err());
}
