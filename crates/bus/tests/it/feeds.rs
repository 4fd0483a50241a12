use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use ordo_bus::{Bus, BusConfig, OwnerLog, Relay, StreamLimits};
use ordo_event_log::{Cursor, EventSource, FeedError, Head, RecordedEvent};
use ordo_testkit::{Nats, eventually};

use crate::support::{
    SOON, STREAM, Shop, config, connect, cursor_at, feed, jetstream, settings, take,
};

/// An owner that can be cut off and counts what it is asked for.
struct Owner {
    log: Arc<dyn OwnerLog>,
    away: AtomicBool,
    given: AtomicU64,
}

impl Owner {
    fn of(shop: &Shop) -> Arc<Self> {
        Arc::new(Self {
            log: shop.owner(),
            away: AtomicBool::new(false),
            given: AtomicU64::new(0),
        })
    }

    fn reach(&self) -> Result<(), FeedError> {
        if self.away.load(Ordering::Relaxed) {
            return Err(FeedError::Unavailable {
                service: "shop".into(),
                source: "cut off".into(),
            });
        }
        Ok(())
    }
}

impl OwnerLog for Owner {
    fn service(&self) -> &str {
        "shop"
    }

    fn partitions(&self) -> u32 {
        1
    }

    fn read(
        &self,
        partition: u32,
        after: u64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<RecordedEvent>, FeedError>> {
        Box::pin(async move {
            self.reach()?;
            let events = self.log.read(partition, after, limit).await?;
            self.given.fetch_add(events.len() as u64, Ordering::Relaxed);
            Ok(events)
        })
    }

    fn head(&self, partition: u32) -> BoxFuture<'_, Result<Head, FeedError>> {
        Box::pin(async move {
            self.reach()?;
            self.log.head(partition).await
        })
    }
}

#[tokio::test]
async fn a_feed_gives_the_whole_log_exactly_and_then_what_is_new() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    let relay = shop.relay(&bus).await;
    shop.record(1500).await;
    shop.relayed(&relay).await;
    let owner = Owner::of(&shop);
    owner.away.store(true, Ordering::Relaxed);
    let mut feed = feed(&bus, owner.clone(), Cursor::default()).await;
    assert_eq!(take(&mut feed, 1500).await, shop.events(0).await);
    shop.record(10).await;
    assert_eq!(take(&mut feed, 10).await, shop.events(1500).await);
    assert_eq!(owner.given.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_feed_goes_on_after_its_cursor() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    let relay = shop.relay(&bus).await;
    shop.record(100).await;
    shop.relayed(&relay).await;
    let events = shop.events(0).await;
    let mut feed = feed(&bus, shop.owner(), cursor_at(&events[59])).await;
    assert_eq!(take(&mut feed, 40).await, events[60..]);
}

#[tokio::test]
async fn a_feed_survives_restarts_of_the_broker_without_loss_or_duplicates() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    let _relay = shop.relay(&bus).await;
    let mut feed = feed(&bus, shop.owner(), Cursor::default()).await;
    let mut read = Vec::new();
    for round in 0..4_usize {
        shop.record(300).await;
        if round == 1 {
            nats.kill().unwrap();
        }
        if round == 2 {
            nats.restart().await.unwrap();
        }
        read.extend(take(&mut feed, 150).await);
    }
    read.extend(take(&mut feed, 600).await);
    assert_eq!(read, shop.events(0).await);
}

#[tokio::test]
async fn a_restarted_broker_wakes_its_readers_long_before_their_heartbeats_would() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    let relay = shop.relay(&bus).await;
    shop.record(5).await;
    shop.relayed(&relay).await;
    let owner = Owner::of(&shop);
    let mut feed = feed(&bus, owner.clone(), Cursor::default()).await;
    take(&mut feed, 5).await;
    nats.kill().unwrap();
    nats.restart().await.unwrap();
    shop.record(5).await;
    let within = Duration::from_secs(5);
    let read = tokio::time::timeout(within, take(&mut feed, 5))
        .await
        .unwrap();
    assert_eq!(read, shop.events(5).await);
}

#[tokio::test]
async fn a_feed_needs_no_broker() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    nats.kill().unwrap();
    let bus = Bus::connect(BusConfig {
        connect_wait: Duration::from_millis(50),
        ..config(&nats)
    })
    .await
    .unwrap();
    shop.record(1200).await;
    let mut feed = feed(&bus, shop.owner(), Cursor::default()).await;
    assert_eq!(take(&mut feed, 1200).await, shop.events(0).await);
    shop.record(3).await;
    assert_eq!(take(&mut feed, 3).await, shop.events(1200).await);
}

#[tokio::test]
async fn a_feed_waits_for_the_relay_no_longer_than_the_watchdog() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    let relay = shop.relay(&bus).await;
    shop.record(5).await;
    shop.relayed(&relay).await;
    relay.close().await;
    let mut feed = feed(&bus, shop.owner(), Cursor::default()).await;
    take(&mut feed, 5).await;
    shop.record(2000).await;
    let within = Duration::from_secs(10);
    let read = tokio::time::timeout(within, take(&mut feed, 2000))
        .await
        .unwrap();
    assert_eq!(read, shop.events(5).await);
}

#[tokio::test]
async fn what_the_broker_dropped_comes_from_the_owner() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = Bus::connect(BusConfig {
        limits: StreamLimits {
            max_bytes: 256 << 10,
            ..StreamLimits::default()
        },
        ..config(&nats)
    })
    .await
    .unwrap();
    let relay = shop.relay(&bus).await;
    shop.record(2000).await;
    let status = shop.relayed(&relay).await;
    assert_eq!(status.rebuilds, 0, "dropping old messages is no fault");
    let report = shop.compare(&bus).await;
    assert!(report.first > 1 && report.is_exact(), "{report:?}");

    let owner = Owner::of(&shop);
    let mut feed = feed(&bus, owner.clone(), Cursor::default()).await;
    assert_eq!(take(&mut feed, 2000).await, shop.events(0).await);
    // One more: the first look at the copy compares its last event with the owner's.
    assert_eq!(owner.given.load(Ordering::Relaxed), report.first - 1 + 1);
}

#[tokio::test]
async fn a_stale_copy_is_not_believed() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    let relay = shop.relay(&bus).await;
    shop.record(20).await;
    shop.relayed(&relay).await;
    relay.close().await;
    let restored = Shop::open().await;
    restored.record(30).await;
    let mut feed = feed(&bus, restored.owner(), Cursor::default()).await;
    assert_eq!(take(&mut feed, 30).await, restored.events(0).await);
}

#[tokio::test]
async fn a_reader_of_another_history_is_told_to_start_over() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    shop.record(20).await;
    let events = shop.events(0).await;
    let (shorter, longer) = (Shop::open().await, Shop::open().await);
    shorter.record(5).await;
    longer.record(50).await;
    for restored in [shorter, longer] {
        let opened = bus
            .source(restored.owner())
            .feed(0, cursor_at(&events[19]))
            .await;
        assert!(matches!(
            opened.err(),
            Some(FeedError::Diverged { position: 20, .. })
        ));
    }
}

#[tokio::test]
async fn an_open_feed_notices_that_its_owner_was_restored() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    let relay = shop.relay(&bus).await;
    shop.record(20).await;
    shop.relayed(&relay).await;
    let owner = Owner::of(&shop);
    owner.away.store(true, Ordering::Relaxed);
    let restored = Shop::open().await;
    restored.record(5).await;
    let swapped = Arc::new(Owner {
        log: restored.owner(),
        away: AtomicBool::new(true),
        given: AtomicU64::new(0),
    });
    let mut feed = feed(&bus, swapped.clone(), Cursor::default()).await;
    take(&mut feed, 20).await;
    swapped.away.store(false, Ordering::Relaxed);
    let next = tokio::time::timeout(SOON, feed.next(10)).await.unwrap();
    assert!(matches!(
        next,
        Err(FeedError::Diverged { position: 20, .. })
    ));
}

#[tokio::test]
async fn a_feed_says_so_when_neither_broker_nor_owner_is_there() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    nats.kill().unwrap();
    eventually(SOON, async || !bus.is_connected()).await;
    let owner = Owner::of(&shop);
    owner.away.store(true, Ordering::Relaxed);
    let mut feed = feed(&bus, owner, Cursor::default()).await;
    let next = tokio::time::timeout(SOON, feed.next(1)).await.unwrap();
    assert!(matches!(next, Err(FeedError::Unavailable { .. })));
}

#[tokio::test]
async fn a_wait_that_is_dropped_loses_nothing() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    let _relay = shop.relay(&bus).await;
    let writer = async {
        for _ in 0..50 {
            shop.record(20).await;
        }
    };
    let reader = async {
        let mut feed = feed(&bus, shop.owner(), Cursor::default()).await;
        let mut read = Vec::new();
        while read.len() < 1000 {
            let patience = Duration::from_millis(2);
            if let Ok(events) = tokio::time::timeout(patience, feed.next(7)).await {
                read.extend(events.unwrap());
            }
        }
        read
    };
    let ((), read) = tokio::time::timeout(SOON, async { tokio::join!(writer, reader) })
        .await
        .unwrap();
    assert_eq!(read, shop.events(0).await);
}

#[tokio::test]
async fn a_stream_that_is_started_over_under_a_reader_costs_it_nothing() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    let relay = Relay::start(&bus, shop.log.clone(), settings())
        .await
        .unwrap();
    shop.record(50).await;
    shop.relayed(&relay).await;
    let mut feed = feed(&bus, shop.owner(), Cursor::default()).await;
    let mut read = take(&mut feed, 30).await;
    jetstream(&nats).await.delete_stream(STREAM).await.unwrap();
    shop.record(50).await;
    read.extend(take(&mut feed, 70).await);
    assert_eq!(read, shop.events(0).await);
}
