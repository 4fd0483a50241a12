#![allow(clippy::unwrap_used, clippy::expect_used)]

use bytes::Bytes;
use ordo_event_log::{EventHash, StreamId, TenantId, Timestamp};

use super::*;

/// A chain of `count` events; `seed` makes one history differ from another.
fn chain(count: u64, seed: u8) -> Vec<RecordedEvent> {
    let mut hash = EventHash::default();
    (1..=count)
        .map(|position| {
            let mut event = RecordedEvent {
                partition: 0,
                position,
                epoch: 1,
                tenant: TenantId::new("acme").unwrap(),
                stream: StreamId::new("order", "1"),
                stream_version: position,
                event_id: uuid::Uuid::from_u128(u128::from(position)),
                type_name: "a.B".into(),
                time: Timestamp(0),
                payload: Bytes::from(vec![seed]),
                metadata: Default::default(),
                hash: EventHash::default(),
            };
            event.hash = hash_event(&hash, &event);
            hash = event.hash;
            event
        })
        .collect()
}

fn at(event: &RecordedEvent) -> Tip {
    let mut tip = Tip::new("shop", 0, Cursor::default());
    tip.advance(event);
    tip
}

#[test]
fn the_next_event_of_the_chain_is_next() {
    let events = chain(3, 0);
    assert_eq!(
        Tip::new("shop", 0, Cursor::default()).step(&events[0]),
        Step::Next
    );
    assert_eq!(at(&events[1]).step(&events[2]), Step::Next);
}

#[test]
fn what_was_read_is_known_and_what_lies_ahead_is_a_gap() {
    let events = chain(3, 0);
    assert_eq!(at(&events[1]).step(&events[1]), Step::Known);
    assert_eq!(at(&events[1]).step(&events[0]), Step::Known);
    assert_eq!(at(&events[0]).step(&events[2]), Step::Gap);
}

#[test]
fn an_event_of_another_history_or_partition_is_foreign() {
    let (events, others) = (chain(3, 0), chain(3, 1));
    assert!(matches!(at(&events[1]).step(&others[2]), Step::Foreign(_)));
    let mut moved = events[2].clone();
    moved.partition = 1;
    assert!(matches!(at(&events[1]).step(&moved), Step::Foreign(_)));
}

#[test]
fn an_owner_that_tells_another_history_has_diverged() {
    let (events, others) = (chain(3, 0), chain(3, 1));
    let mut tip = at(&events[0]);
    assert!(matches!(
        tip.follow(&others[1..]),
        Err(FeedError::Diverged { position: 1, .. })
    ));
    assert!(matches!(
        tip.follow(&events[2..]),
        Err(FeedError::Diverged { .. })
    ));
    tip.follow(&events[1..]).unwrap();
    assert_eq!(tip.position(), 3);
}
