//! An event log in memory that can be appended to, restored to an earlier state, and cut off.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use ordo_event_log::{
    Cursor, EventFeed, EventHash, EventSource, FeedError, Head, RecordedEvent, StreamId, TenantId,
    Timestamp,
};
use ordo_proto::log::EventMetadata;
use tokio::sync::watch;
use uuid::Uuid;

#[derive(Clone)]
pub struct FakeLog {
    service: &'static str,
    partitions: u32,
    events: Arc<Mutex<Vec<Vec<RecordedEvent>>>>,
    epoch: Arc<Mutex<u64>>,
    changed: watch::Sender<u64>,
    away: watch::Sender<bool>,
}

impl FakeLog {
    pub fn new(service: &'static str, partitions: u32) -> Self {
        Self {
            service,
            partitions,
            events: Arc::new(Mutex::new(vec![Vec::new(); partitions as usize])),
            epoch: Arc::new(Mutex::new(1)),
            changed: watch::Sender::new(0),
            away: watch::Sender::new(false),
        }
    }

    pub fn source(&self) -> Vec<Arc<dyn EventSource>> {
        vec![Arc::new(self.clone())]
    }

    /// Appends an event `<type_name>` to `stream` of tenant `shop`, with `payload` as its bytes.
    pub fn append(
        &self,
        partition: u32,
        stream: &str,
        type_name: &str,
        payload: &str,
    ) -> RecordedEvent {
        self.append_with(partition, stream, type_name, payload, "")
    }

    fn append_with(
        &self,
        partition: u32,
        stream: &str,
        type_name: &str,
        payload: &str,
        traceparent: &str,
    ) -> RecordedEvent {
        let mut events = self.events.lock().unwrap();
        let events = &mut events[partition as usize];
        let position = events.len() as u64 + 1;
        let event_id = Uuid::now_v7();
        let mut hash = [0; 32];
        hash[..16].copy_from_slice(event_id.as_bytes());
        let event = RecordedEvent {
            partition,
            position,
            epoch: *self.epoch.lock().unwrap(),
            tenant: TenantId::new("shop").unwrap(),
            stream: StreamId::new("order", stream),
            stream_version: events
                .iter()
                .filter(|event| &*event.stream.id == stream)
                .count() as u64
                + 1,
            event_id,
            type_name: format!("test.v1.{type_name}").into(),
            time: Timestamp::now(),
            payload: Bytes::copy_from_slice(payload.as_bytes()),
            metadata: EventMetadata {
                correlation_id: format!("c-{position}"),
                traceparent: traceparent.to_owned(),
                ..Default::default()
            },
            hash: EventHash(hash),
        };
        events.push(event.clone());
        self.changed.send_modify(|count| *count += 1);
        event
    }

    /// Appends an event of a type that this version does not know.
    pub fn append_from_a_newer_version(&self, partition: u32, stream: &str) {
        self.append(partition, stream, "Happened", "");
        let mut events = self.events.lock().unwrap();
        let last = events[partition as usize].last_mut().unwrap();
        last.type_name = "ordo.test.v2.Happened".into();
    }

    /// Appends an event whose command had the trace context `traceparent`.
    pub fn append_traced(&self, partition: u32, stream: &str, traceparent: &str) {
        self.append_with(partition, stream, "Happened", "", traceparent);
    }

    /// Appends `count` events, spread over ten streams.
    pub fn append_many(&self, partition: u32, count: u64) {
        for n in 0..count {
            self.append(
                partition,
                &format!("s-{}", n % 10),
                "Counted",
                &n.to_string(),
            );
        }
    }

    /// Cuts everything after `position`, as a restore from a backup does.
    pub fn restore(&self, partition: u32, position: u64) {
        self.events.lock().unwrap()[partition as usize].truncate(position as usize);
        *self.epoch.lock().unwrap() += 1;
        self.changed.send_modify(|count| *count += 1);
    }

    /// Whether readers are told that the log is out of reach.
    pub fn set_away(&self, away: bool) {
        self.away.send_replace(away);
    }

    fn check_reachable(&self) -> Result<(), FeedError> {
        if *self.away.borrow() {
            return Err(FeedError::Unavailable {
                service: self.service.to_owned(),
                source: "cut off by the test".into(),
            });
        }
        Ok(())
    }

    fn check(&self, partition: u32, after: Cursor) -> Result<(), FeedError> {
        self.check_reachable()?;
        if after.position == 0 {
            return Ok(());
        }
        let events = self.events.lock().unwrap();
        let last_read = events[partition as usize].get(after.position as usize - 1);
        if last_read.is_some_and(|event| event.hash == after.hash) {
            return Ok(());
        }
        Err(FeedError::Diverged {
            service: self.service.to_owned(),
            partition,
            position: after.position,
            epoch: after.epoch,
            detail: "another event stands there".to_owned(),
        })
    }
}

impl EventSource for FakeLog {
    fn service(&self) -> &str {
        self.service
    }

    fn partitions(&self) -> u32 {
        self.partitions
    }

    fn feed(
        &self,
        partition: u32,
        after: Cursor,
    ) -> BoxFuture<'_, Result<Box<dyn EventFeed>, FeedError>> {
        Box::pin(async move {
            self.check(partition, after)?;
            let feed: Box<dyn EventFeed> = Box::new(FakeFeed {
                log: self.clone(),
                partition,
                after,
            });
            Ok(feed)
        })
    }

    fn head(&self, partition: u32) -> BoxFuture<'_, Result<Head, FeedError>> {
        Box::pin(async move {
            self.check_reachable()?;
            let events = self.events.lock().unwrap();
            let last = events[partition as usize].last();
            Ok(Head {
                epoch: *self.epoch.lock().unwrap(),
                position: last.map_or(0, |event| event.position),
                hash: last.map(|event| event.hash).unwrap_or_default(),
            })
        })
    }
}

struct FakeFeed {
    log: FakeLog,
    partition: u32,
    after: Cursor,
}

impl EventFeed for FakeFeed {
    fn next(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<RecordedEvent>, FeedError>> {
        Box::pin(async move {
            let mut changed = self.log.changed.subscribe();
            let mut away = self.log.away.subscribe();
            loop {
                changed.borrow_and_update();
                away.borrow_and_update();
                self.log.check(self.partition, self.after)?;
                let found: Vec<_> = {
                    let events = self.log.events.lock().unwrap();
                    let unread = events[self.partition as usize]
                        .iter()
                        .skip(self.after.position as usize);
                    unread.take(max).cloned().collect()
                };
                if let Some(last) = found.last() {
                    self.after = Cursor {
                        epoch: last.epoch,
                        position: last.position,
                        hash: last.hash,
                    };
                    return Ok(found);
                }
                // Not a wait: looks again even when no hint came.
                tokio::select! {
                    _ = changed.changed() => {}
                    _ = away.changed() => {}
                    () = tokio::time::sleep(Duration::from_secs(5)) => {}
                }
            }
        })
    }
}
