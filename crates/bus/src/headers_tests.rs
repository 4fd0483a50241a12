#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

use super::*;

fn event() -> RecordedEvent {
    RecordedEvent {
        partition: 3,
        position: 1 << 60,
        epoch: 2,
        tenant: TenantId::new("acme").unwrap(),
        stream: StreamId::new("order", "01jq.x/红包 \"50%\""),
        stream_version: 7,
        event_id: Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001),
        type_name: "ordo.intake.v1.OrderPlaced".into(),
        time: Timestamp(1_763_760_000_123_456),
        payload: Bytes::from_static(b"\x00\xffbytes\r\n"),
        metadata: EventMetadata {
            actor: Some(Actor {
                kind: ActorKind::Person.into(),
                id: "alice\r\nNats-Rollup: all".into(),
            }),
            causation_id: "c".into(),
            correlation_id: String::new(),
            traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into(),
            command_id: "place:shop:№ 7".into(),
            reason: " leading, trailing and\ttabs ".into(),
        },
        hash: EventHash([0xab; 32]),
    }
}

fn value<'a>(headers: &'a HeaderMap, name: &'static str) -> Option<&'a str> {
    headers
        .get(HeaderName::from_static(name))
        .map(HeaderValue::as_str)
}

#[test]
fn an_event_comes_back_exactly() {
    let event = event();
    let headers = encode("intake", &event);
    assert_eq!(decode(&headers, event.payload.clone()).unwrap(), event);
}

#[test]
fn the_headers_are_those_of_cloud_events() {
    let headers = encode("intake", &event());
    assert_eq!(value(&headers, "ce-specversion"), Some("1.0"));
    assert_eq!(value(&headers, "ce-source"), Some("/ordo/intake"));
    assert_eq!(
        value(&headers, "ce-type"),
        Some("ordo.intake.v1.OrderPlaced")
    );
    assert_eq!(
        value(&headers, "ce-time"),
        Some("2025-11-21T21:20:00.123456Z")
    );
    assert_eq!(
        value(&headers, "ce-id"),
        Some("01920000-0000-7000-8000-000000000001")
    );
    assert_eq!(
        value(&headers, "ce-datacontenttype"),
        Some("application/protobuf")
    );
    assert_eq!(
        value(&headers, "ce-subject"),
        Some("order/01jq.x/%E7%BA%A2%E5%8C%85%20%2250%25%22")
    );
}

#[test]
fn no_value_can_smuggle_a_header_in() {
    let headers = encode("intake", &event());
    assert_eq!(
        value(&headers, "ordo-actor-id"),
        Some("alice%0D%0ANats-Rollup:%20all")
    );
    for (_, values) in headers.iter() {
        for value in values {
            assert!(value.as_str().bytes().all(|b| (0x21..=0x7e).contains(&b)));
        }
    }
}

#[test]
fn no_actor_and_an_unspecified_actor_stay_different() {
    for actor in [
        None,
        Some(Actor::default()),
        Some(Actor {
            kind: 99,
            id: String::new(),
        }),
    ] {
        let mut event = event();
        event.metadata.actor = actor;
        let headers = encode("intake", &event);
        assert_eq!(decode(&headers, event.payload.clone()).unwrap(), event);
    }
}

#[test]
fn times_before_the_calendar_and_after_it_stay_exact() {
    for micros in [
        0,
        -1,
        i64::MIN,
        i64::MAX,
        253_402_300_799_999_999,
        253_402_300_800_000_000,
    ] {
        let mut event = event();
        event.time = Timestamp(micros);
        let headers = encode("intake", &event);
        assert_eq!(decode(&headers, event.payload.clone()).unwrap(), event);
    }
}

#[test]
fn a_missing_header_is_named() {
    assert_eq!(
        decode(&HeaderMap::new(), Bytes::new()),
        Err(HeaderError::Missing("ordo-partition"))
    );
}

#[test]
fn what_stands_between_publisher_and_broker_is_not_part_of_the_event() {
    let headers = encode("intake", &event());
    let mut sent = headers.clone();
    sent.insert("Nats-Expected-Last-Sequence", "7");
    assert_eq!(without_transport(&sent), headers);
}

proptest! {
    #[test]
    fn any_text_comes_back(id in ".{1,60}", reason in "\\PC*|.*|[\r\n\t %\"]*") {
        let mut event = event();
        event.stream = StreamId::new("order", &id);
        event.metadata.reason = reason;
        let headers = encode("intake", &event);
        prop_assert_eq!(decode(&headers, event.payload.clone()).unwrap(), event);
    }

    #[test]
    fn foreign_headers_never_panic(
        values in proptest::collection::vec((0usize..23, "[ -~]{0,40}|%[0-9a-zA-Z%]{0,4}|\\PC{0,10}"), 0..30),
    ) {
        let known = [
            SPEC_VERSION, ID, SOURCE, TYPE, SUBJECT, TIME, CONTENT_TYPE, TRACEPARENT, PARTITION, POSITION, EPOCH,
            STREAM_VERSION, TENANT, AGGREGATE, AGGREGATE_ID, HASH, ACTOR_KIND, ACTOR_ID, CAUSATION, CORRELATION,
            COMMAND, REASON, ODD_TIME,
        ];
        let mut headers = encode("intake", &event());
        for (index, text) in values {
            headers.insert(HeaderName::from_static(known[index]), text.replace(['\r', '\n'], " "));
        }
        let _ = decode(&headers, Bytes::new());
    }
}
