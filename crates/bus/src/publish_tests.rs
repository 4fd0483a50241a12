#![allow(clippy::unwrap_used, clippy::expect_used)]

use bytes::Bytes;
use ordo_event_log::{EventHash, StreamId, TenantId, Timestamp};

use super::*;

fn event(payload: usize) -> RecordedEvent {
    RecordedEvent {
        partition: 0,
        position: 1,
        epoch: 1,
        tenant: TenantId::new("acme").unwrap(),
        stream: StreamId::new("order", "1"),
        stream_version: 1,
        event_id: uuid::Uuid::nil(),
        type_name: "a.B".into(),
        time: Timestamp(0),
        payload: Bytes::from(vec![0; payload]),
        metadata: Default::default(),
        hash: EventHash::default(),
    }
}

fn transport(last: u64, of: usize, batch: Option<&str>) -> Vec<Vec<(String, String)>> {
    (1..=of)
        .map(|nth| {
            let mut headers = HeaderMap::new();
            add_transport(&mut headers, last, nth, of, batch);
            let mut listed: Vec<(String, String)> = headers
                .iter()
                .map(|(name, values)| (name.to_string(), values[0].to_string()))
                .collect();
            listed.sort();
            listed
        })
        .collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn a_single_event_carries_only_the_expected_sequence() {
    assert_eq!(
        transport(41, 1, None),
        [pairs(&[("Nats-Expected-Last-Sequence", "41")])]
    );
}

#[test]
fn a_batch_is_checked_on_its_first_message_and_committed_on_its_last() {
    assert_eq!(
        transport(0, 3, Some("b")),
        [
            pairs(&[
                ("Nats-Batch-Id", "b"),
                ("Nats-Batch-Sequence", "1"),
                ("Nats-Expected-Last-Sequence", "0"),
            ]),
            pairs(&[("Nats-Batch-Id", "b"), ("Nats-Batch-Sequence", "2")]),
            pairs(&[
                ("Nats-Batch-Commit", "1"),
                ("Nats-Batch-Id", "b"),
                ("Nats-Batch-Sequence", "3"),
            ]),
        ]
    );
}

#[test]
fn a_batch_is_bounded_by_count_and_by_bytes() {
    let small = vec![event(0); 2500];
    assert_eq!(batch_len(&small, 1 << 20), BATCH_MESSAGES);
    let large = vec![event(400); 10];
    assert_eq!(batch_len(&large, 1000), 2);
    assert_eq!(batch_len(&large, 400), 1);
    assert_eq!(batch_len(&[], 1000), 0);
}

#[test]
fn an_event_above_the_bound_goes_alone() {
    let events = [event(5000), event(1)];
    assert_eq!(batch_len(&events, 1000), 1);
}
