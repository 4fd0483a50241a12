//! Readers that share a feed read what each would read alone.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use ordo_event_log::{Cursor, EventFeed, EventSource, FeedError, Head, RecordedEvent};
use ordo_projection::SharedSource;
use ordo_testkit::eventually;
use tokio::time::timeout;

use crate::fake_log::FakeLog;

const SOON: Duration = Duration::from_secs(30);

/// Counts the feeds that are open.
struct Counted {
    log: FakeLog,
    open: Arc<AtomicUsize>,
}

struct CountedFeed {
    feed: Box<dyn EventFeed>,
    open: Arc<AtomicUsize>,
}

impl Drop for CountedFeed {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl EventFeed for CountedFeed {
    fn next(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<RecordedEvent>, FeedError>> {
        self.feed.next(max)
    }
}

impl EventSource for Counted {
    fn service(&self) -> &str {
        EventSource::service(&self.log)
    }

    fn partitions(&self) -> u32 {
        EventSource::partitions(&self.log)
    }

    fn feed(
        &self,
        partition: u32,
        after: Cursor,
    ) -> BoxFuture<'_, Result<Box<dyn EventFeed>, FeedError>> {
        Box::pin(async move {
            let feed = self.log.feed(partition, after).await?;
            self.open.fetch_add(1, Ordering::SeqCst);
            let open = Arc::clone(&self.open);
            Ok(Box::new(CountedFeed { feed, open }) as Box<dyn EventFeed>)
        })
    }

    fn head(&self, partition: u32) -> BoxFuture<'_, Result<Head, FeedError>> {
        self.log.head(partition)
    }
}

fn shared(log: &FakeLog) -> (SharedSource, Arc<AtomicUsize>) {
    let open = Arc::new(AtomicUsize::new(0));
    let counted = Counted {
        log: log.clone(),
        open: Arc::clone(&open),
    };
    (SharedSource::new(Arc::new(counted)), open)
}

/// Positions of the next `count` events.
async fn read(feed: &mut dyn EventFeed, count: usize) -> Vec<u64> {
    let mut positions = Vec::new();
    while positions.len() < count {
        let events = timeout(SOON, feed.next(count - positions.len()))
            .await
            .expect("there are more events")
            .unwrap();
        assert!(!events.is_empty() && events.len() <= count - positions.len());
        positions.extend(events.iter().map(|event| event.position));
    }
    positions
}

fn cursor(event: &RecordedEvent) -> Cursor {
    Cursor {
        epoch: event.epoch,
        position: event.position,
        hash: event.hash,
    }
}

#[tokio::test]
async fn readers_at_the_end_share_one_feed_and_each_reads_everything_once() {
    let log = FakeLog::new("stock", 1);
    log.append_many(0, 1200);
    let (source, open) = shared(&log);
    let mut feeds = Vec::new();
    for _ in 0..5 {
        feeds.push(source.feed(0, Cursor::default()).await.unwrap());
    }
    for feed in &mut feeds {
        assert_eq!(
            read(&mut **feed, 1200).await,
            (1..=1200).collect::<Vec<_>>()
        );
    }
    log.append_many(0, 10);
    // All wait at the end at once; who got there alone lets go of its own feed.
    for feed in &mut feeds {
        assert_eq!(
            read(&mut **feed, 10).await,
            (1201..=1210).collect::<Vec<_>>()
        );
    }
    let mut added = 1210;
    eventually(SOON, async || {
        log.append_many(0, 1);
        added += 1;
        for feed in &mut feeds {
            assert_eq!(read(&mut **feed, 1).await, [added]);
        }
        open.load(Ordering::SeqCst) == 1
    })
    .await;
    drop(feeds);
    eventually(SOON, async || open.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn a_reader_far_behind_the_others_misses_nothing() {
    let log = FakeLog::new("stock", 1);
    let (source, _) = shared(&log);
    let mut quick = source.feed(0, Cursor::default()).await.unwrap();
    let mut slow = source.feed(0, Cursor::default()).await.unwrap();
    // More than stays in memory.
    log.append_many(0, 6000);
    assert_eq!(
        read(&mut *quick, 6000).await,
        (1..=6000).collect::<Vec<_>>()
    );
    assert_eq!(read(&mut *slow, 6000).await, (1..=6000).collect::<Vec<_>>());
    log.append_many(0, 3);
    assert_eq!(read(&mut *slow, 3).await, [6001, 6002, 6003]);
    assert_eq!(read(&mut *quick, 3).await, [6001, 6002, 6003]);
}

#[tokio::test]
async fn every_reader_learns_that_the_log_was_restored_beneath_it() {
    let log = FakeLog::new("stock", 1);
    log.append_many(0, 20);
    let (source, _) = shared(&log);
    let mut behind = source.feed(0, Cursor::default()).await.unwrap();
    let mut ahead = source.feed(0, Cursor::default()).await.unwrap();
    read(&mut *behind, 5).await;
    read(&mut *ahead, 20).await;
    log.restore(0, 10);
    let newer: Vec<_> = (0..15)
        .map(|n| log.append(0, "s", "Counted", &n.to_string()))
        .collect();
    let error = timeout(SOON, async {
        loop {
            if let Err(error) = ahead.next(100).await {
                break error;
            }
        }
    })
    .await
    .unwrap();
    assert!(matches!(error, FeedError::Diverged { .. }), "{error}");
    // What the one behind has read is part of the new history, too: it goes on, or is told as well and begins again there.
    let mut anew = source.feed(0, cursor(&newer[1])).await.unwrap();
    assert_eq!(read(&mut *anew, 13).await, (13..=25).collect::<Vec<_>>());
    assert!(
        source
            .feed(
                0,
                Cursor {
                    position: 15,
                    ..cursor(&newer[0])
                }
            )
            .await
            .is_err(),
        "another event stands there"
    );
}

#[tokio::test]
async fn readers_go_on_after_the_log_was_out_of_reach() {
    let log = FakeLog::new("stock", 1);
    log.append_many(0, 3);
    let (source, _) = shared(&log);
    let mut feed = source.feed(0, Cursor::default()).await.unwrap();
    read(&mut *feed, 3).await;
    log.set_away(true);
    let away = timeout(SOON, feed.next(10)).await.unwrap();
    assert!(
        matches!(away, Err(FeedError::Unavailable { .. })),
        "{away:?}"
    );
    log.append_many(0, 2);
    log.set_away(false);
    assert_eq!(read(&mut *feed, 2).await, [4, 5]);
}
