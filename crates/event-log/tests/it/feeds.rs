//! Reading a partition as it grows.

use std::time::Duration;

use futures::future::join_all;
use ordo_event_log::{Cursor, EventFeed, EventLog, EventSource, FeedError, RecordedEvent};
use tokio::time::timeout;

use crate::fixture::*;

crate::on_both_stores!(
    a_feed_gives_every_event_once_and_in_order,
    a_waiting_feed_wakes_for_an_event,
    a_waiting_feed_wakes_for_what_a_replica_wrote,
    a_dropped_wait_loses_nothing,
    a_feed_goes_on_from_a_cursor,
    many_feeds_keep_up_with_a_busy_log,
    a_feed_outlives_the_log_it_came_from,
);

async fn feed(log: &EventLog, after: Cursor) -> Box<dyn EventFeed> {
    log.feed(0, after).await.unwrap()
}

fn cursor(event: &RecordedEvent) -> Cursor {
    Cursor {
        epoch: event.epoch,
        position: event.position,
        hash: event.hash,
    }
}

const SOON: Duration = Duration::from_secs(10);

async fn a_feed_gives_every_event_once_and_in_order(ground: Ground) {
    let log = ground.open().await;
    assert_eq!(
        (EventSource::service(&log), EventSource::partitions(&log)),
        ("shop", 1)
    );
    join_all((0..40).map(|n| put(&log, command(), "a", n))).await;
    let all = log.read(0, 0, 100).await.unwrap();
    for page in [1, 7, 39, 40, 1000] {
        let mut feed = feed(&log, Cursor::default()).await;
        let mut got = Vec::new();
        while got.len() < 40 {
            let events = feed.next(page).await.unwrap();
            assert!((1..=page).contains(&events.len()));
            got.extend(events);
        }
        assert_eq!(got, all);
    }
    assert_eq!(
        EventSource::head(&log, 0).await.unwrap(),
        log.read_head(0).await.unwrap()
    );
    assert!(matches!(
        log.feed(1, Cursor::default()).await.err(),
        Some(FeedError::Unavailable { .. })
    ));
    assert!(matches!(
        EventSource::head(&log, 1).await,
        Err(FeedError::Unavailable { .. })
    ));
}

async fn a_waiting_feed_wakes_for_an_event(ground: Ground) {
    // The hint alone has to wake it.
    let log = ground
        .open_with(|config| config.poll_interval = Duration::from_secs(3600))
        .await;
    let mut feed = feed(&log, Cursor::default()).await;
    for n in 1..=50 {
        let (events, receipt) =
            tokio::join!(timeout(SOON, feed.next(10)), put(&log, command(), "a", 1));
        assert_eq!(receipt.unwrap().position, n);
        assert_eq!(events.unwrap().unwrap()[0].position, n);
    }
}

async fn a_waiting_feed_wakes_for_what_a_replica_wrote(ground: Ground) {
    let log = ground
        .open_with(|config| config.poll_interval = Duration::from_millis(20))
        .await;
    let replica = ground.open().await;
    let mut feed = feed(&log, Cursor::default()).await;
    let hint = log.watch(0);
    let (events, _) = tokio::join!(
        timeout(SOON, feed.next(10)),
        put(&replica, command(), "a", 1)
    );
    assert_eq!(events.unwrap().unwrap()[0].position, 1);
    ordo_testkit::eventually(SOON, async || *hint.borrow() == 1).await;
}

async fn a_dropped_wait_loses_nothing(ground: Ground) {
    let log = ground.open().await;
    let mut feed = feed(&log, Cursor::default()).await;
    let writer = {
        let log = log.clone();
        tokio::spawn(async move {
            for _ in 0..100 {
                put(&log, command(), "a", 1).await.unwrap();
            }
        })
    };
    let mut positions = Vec::new();
    let mut patience = Duration::from_micros(50);
    while positions.len() < 100 {
        if let Ok(events) = timeout(patience, feed.next(3)).await {
            positions.extend(events.unwrap().iter().map(|event| event.position));
        } else {
            // Long enough in the end, whatever the machine.
            patience = (patience * 2).min(SOON);
        }
    }
    assert_eq!(positions, (1..=100).collect::<Vec<_>>());
    writer.await.unwrap();
}

async fn a_feed_goes_on_from_a_cursor(ground: Ground) {
    let log = ground.open().await;
    join_all((0..10).map(|n| put(&log, command(), "a", n))).await;
    let all = log.read(0, 0, 100).await.unwrap();
    let mut from = feed(&log, cursor(&all[3])).await;
    assert_eq!(from.next(100).await.unwrap(), all[4..]);
    // A reader that keeps only positions.
    let position_only = Cursor {
        position: 9,
        ..Cursor::default()
    };
    assert_eq!(
        feed(&log, position_only).await.next(100).await.unwrap(),
        all[9..]
    );
    // A reader that has seen another log.
    for wrong in [
        Cursor {
            hash: all[4].hash,
            ..cursor(&all[3])
        },
        Cursor {
            epoch: 2,
            ..cursor(&all[3])
        },
        Cursor {
            position: 11,
            ..cursor(&all[3])
        },
    ] {
        let outcome = feed(&log, wrong).await.next(100).await;
        assert!(
            matches!(outcome, Err(FeedError::Diverged { partition: 0, .. })),
            "{outcome:?}"
        );
    }
}

async fn many_feeds_keep_up_with_a_busy_log(ground: Ground) {
    let log = ground.open().await;
    let readers: Vec<_> = (0..8)
        .map(|n| {
            let log = log.clone();
            tokio::spawn(async move {
                let mut feed = log.feed(0, Cursor::default()).await.unwrap();
                let mut seen = 0;
                while seen < 640 {
                    for event in timeout(SOON, feed.next(10 + n)).await.unwrap().unwrap() {
                        seen += 1;
                        assert_eq!(event.position, seen);
                    }
                }
            })
        })
        .collect();
    join_all((0..32).map(|caller| {
        let log = log.clone();
        async move {
            for _ in 0..20 {
                put(&log, command(), &format!("till-{caller}"), 1)
                    .await
                    .unwrap();
            }
        }
    }))
    .await;
    for reader in readers {
        reader.await.unwrap();
    }
}

async fn a_feed_outlives_the_log_it_came_from(ground: Ground) {
    let log = ground
        .open_with(|config| config.poll_interval = Duration::from_millis(10))
        .await;
    put(&log, command(), "a", 1).await.unwrap();
    let mut feed = feed(&log, Cursor::default()).await;
    assert_eq!(feed.next(10).await.unwrap().len(), 1);
    drop(log);
    let log = ground.open().await;
    let (events, _) = tokio::join!(timeout(SOON, feed.next(10)), put(&log, command(), "a", 1));
    assert_eq!(events.unwrap().unwrap()[0].position, 2);
}
