//! A shop's log, a broker, and shorthands.

use std::{convert::Infallible, sync::Arc, time::Duration};

use async_nats::jetstream::{self, message::StreamMessage};
use ordo_bus::{
    Bus, BusConfig, CopyReport, OwnerLog, Relay, RelaySettings, RelayStatus, verify_copy,
};
use ordo_decider::Decider;
use ordo_event_log::{
    Aggregate, CodecError, Command, Cursor, EncodedEvent, EventFeed, EventLog, EventLogConfig,
    EventSource, Halt, RecordedEvent, TenantId,
};
use ordo_proto::{
    inventory::SitePut,
    log::EventMetadata,
    types::{Actor, ActorKind},
};
use ordo_testkit::{Nats, TestStore, eventually};

/// For everything that should happen soon.
pub const SOON: Duration = Duration::from_secs(30);

ordo_event_log::events! {
    pub enum SiteEvent {
        Put(SitePut),
    }
}

/// An aggregate without rules.
pub struct Site;

impl Decider for Site {
    type State = u64;
    type Command = SitePut;
    type Event = SiteEvent;
    type Error = Infallible;

    fn decide(_: &u64, command: SitePut) -> Result<Vec<SiteEvent>, Infallible> {
        Ok(vec![command.into()])
    }

    fn evolve(count: u64, _: &SiteEvent) -> u64 {
        count + 1
    }
}

impl Aggregate for Site {
    const NAME: &'static str = "site";

    fn encode(event: &SiteEvent) -> EncodedEvent {
        event.encode_event()
    }

    fn decode(type_name: &str, payload: &[u8]) -> Result<SiteEvent, CodecError> {
        SiteEvent::decode_event(type_name, payload)
    }
}

/// A log of service `shop` with one partition.
pub struct Shop {
    pub log: EventLog,
    _store: TestStore,
}

impl Shop {
    pub async fn open() -> Self {
        let store = ordo_testkit::sqlite().unwrap();
        let config = EventLogConfig::new("shop", store.store_url()).partitions(1);
        Self {
            log: EventLog::open(config).await.unwrap(),
            _store: store,
        }
    }

    /// Records `count` events in partition 0, up to 500 in one command.
    pub async fn record(&self, count: u64) {
        let mut left = count;
        while left > 0 {
            let now = left.min(500);
            record(&self.log, 0, now).await;
            left -= now;
        }
    }

    pub async fn head(&self) -> u64 {
        self.log.read_head(0).await.unwrap().position
    }

    pub async fn relay(&self, bus: &Bus) -> Relay {
        Relay::start(bus, self.log.clone(), settings())
            .await
            .unwrap()
    }

    /// Waits until the copy ends where the log ends.
    pub async fn relayed(&self, relay: &Relay) -> RelayStatus {
        let head = self.head().await;
        eventually(SOON, async || {
            let status = &relay.status()[0];
            status.relayed == Some(head) && status.trouble.is_none()
        })
        .await;
        relay.status()[0].clone()
    }

    /// Compares every message.
    pub async fn compare(&self, bus: &Bus) -> CopyReport {
        verify_copy(bus, &self.log, 0).await.unwrap()
    }

    /// The whole log is on the broker, exactly.
    pub async fn assert_exact(&self, bus: &Bus) {
        let report = self.compare(bus).await;
        let head = self.head().await;
        assert_eq!(report.difference, None);
        assert_eq!((report.first, report.last), (head.min(1), head));
        assert_eq!(report.compared, head);
    }

    pub async fn events(&self, after: u64) -> Vec<RecordedEvent> {
        let mut events = Vec::new();
        let mut position = after;
        loop {
            let more = self.log.read(0, position, 1000).await.unwrap();
            let Some(last) = more.last() else {
                return events;
            };
            position = last.position;
            events.extend(more);
        }
    }

    pub fn owner(&self) -> Arc<dyn OwnerLog> {
        Arc::new(self.log.clone())
    }
}

/// Records `count` events in one command, on streams whose ids need escaping.
pub async fn record(log: &EventLog, partition: u32, count: u64) {
    let command = Command::new(TenantId::new("acme").unwrap(), partition).metadata(EventMetadata {
        actor: Some(Actor {
            kind: ActorKind::Person.into(),
            id: "Zoë <z@shop>".into(),
        }),
        causation_id: String::new(),
        correlation_id: "corr".into(),
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into(),
        command_id: String::new(),
        reason: "moved,\r\nas \"agreed\" 100%; 搬家".into(),
    });
    log.execute(command, move |unit| -> Result<(), Halt<Infallible>> {
        for number in 0..count {
            let site = SitePut {
                name: format!("site {number}"),
                ..SitePut::default()
            };
            let id = format!("Lager.{} * {partition}", number % 7);
            unit.decide::<Site>(&id, site)?;
        }
        Ok(())
    })
    .await
    .unwrap();
}

/// Quick to notice.
pub fn settings() -> RelaySettings {
    RelaySettings {
        compare_interval: Duration::from_millis(300),
        poll_interval: Duration::from_millis(100),
        lag_interval: Duration::from_millis(100),
        longest_pause: Duration::from_millis(500),
        ..RelaySettings::default()
    }
}

pub async fn connect(nats: &Nats) -> Bus {
    Bus::connect(config(nats)).await.unwrap()
}

pub fn config(nats: &Nats) -> BusConfig {
    BusConfig {
        request_timeout: Duration::from_secs(2),
        ..BusConfig::new(nats.url())
    }
}

/// A connection beside the bus, for doing harm.
pub async fn jetstream(nats: &Nats) -> jetstream::Context {
    jetstream::new(async_nats::connect(nats.url()).await.unwrap())
}

pub const STREAM: &str = "ORDO_SHOP_0";

/// The stream's messages as stored.
pub async fn stored(jetstream: &jetstream::Context) -> Vec<StreamMessage> {
    let mut stream = jetstream.get_stream(STREAM).await.unwrap();
    let state = stream.info().await.unwrap().state.clone();
    let mut messages = Vec::new();
    for sequence in state.first_sequence..=state.last_sequence {
        messages.push(stream.get_raw_message(sequence).await.unwrap());
    }
    messages
}

/// Reads `count` events from a feed.
pub async fn take(feed: &mut Box<dyn EventFeed>, count: usize) -> Vec<RecordedEvent> {
    let mut events = Vec::new();
    while events.len() < count {
        let more = tokio::time::timeout(SOON, feed.next(count - events.len()))
            .await
            .expect("the feed is silent")
            .unwrap();
        assert!(!more.is_empty());
        events.extend(more);
    }
    events
}

pub async fn feed(bus: &Bus, owner: Arc<dyn OwnerLog>, after: Cursor) -> Box<dyn EventFeed> {
    bus.source(owner).feed(0, after).await.unwrap()
}

pub fn cursor_at(event: &RecordedEvent) -> Cursor {
    Cursor {
        epoch: event.epoch,
        position: event.position,
        hash: event.hash,
    }
}
