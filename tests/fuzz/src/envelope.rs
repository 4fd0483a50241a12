//! Events between services: as a message of the broker, and as gRPC sends them.

use async_nats::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use ordo_bus::{headers as codec, names};
use ordo_event_log::{EventHash, RecordedEvent, hash_event};
use ordo_proto::log::Event;
use prost::Message as _;

/// Lines `name: value`, then an empty line, then the payload: as the broker has it.
pub fn headers(data: &[u8]) {
    let (head, payload) = split_at_empty_line(data);
    let mut headers = HeaderMap::new();
    for line in String::from_utf8_lossy(head).lines() {
        let Some((name, value)) = line.split_once(": ") else {
            continue;
        };
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            headers.append(name, value);
        }
    }
    if let Ok(event) = codec::decode(&headers, Bytes::copy_from_slice(payload)) {
        survives(&event);
    }
    let _ = codec::without_transport(&headers);
}

/// The bytes of an `ordo.log.v1.Event`, as another service's gRPC gives it.
pub fn envelope(data: &[u8]) {
    let Ok(event) = Event::decode(data) else {
        return;
    };
    let Ok(event) = ordo_event_log::event_from_proto(event) else {
        return;
    };
    let sent = ordo_event_log::event_to_proto("intake", &event);
    let again = ordo_event_log::event_from_proto(sent).expect("what was sent is read");
    assert_eq!(again, event);
    if is_sound(&event) {
        survives(&event);
    }
}

/// The bus leaves an absent header out, so these are never empty in an event that a log has recorded.
fn is_sound(event: &RecordedEvent) -> bool {
    !event.type_name.is_empty()
}

/// The event is the same after a journey over the broker, and so is its hash.
fn survives(event: &RecordedEvent) {
    let headers = codec::encode("intake", event);
    let arrived = codec::decode(&headers, event.payload.clone()).expect("what was sent is read");
    assert_eq!(arrived, *event);
    let before = EventHash::default();
    assert_eq!(hash_event(&before, &arrived), hash_event(&before, event));
    let subject = names::subject("ordo", "intake", event);
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'*' | b'>');
    assert!(subject.bytes().all(is_plain), "{subject}");
    assert_eq!(
        subject.split('.').filter(|token| token.is_empty()).count(),
        0,
        "{subject}"
    );
}

fn split_at_empty_line(data: &[u8]) -> (&[u8], &[u8]) {
    match data.windows(2).position(|pair| pair == b"\n\n") {
        Some(end) => (&data[..end], &data[end + 2..]),
        None => (data, &[]),
    }
}
