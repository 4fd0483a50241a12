//! The broker: streams in memory that keep JetStream's rules about sequences and batches, and no others.

mod disaster;
mod reader;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_nats::{
    HeaderMap,
    header::{NATS_BATCH_COMMIT, NATS_BATCH_SEQUENCE, NATS_EXPECTED_LAST_SEQUENCE},
};
use bytes::Bytes;
use futures::{FutureExt as _, future::BoxFuture};
use ordo_bus::{
    BusError,
    plugged::{Broker, Messages, NewMessage, StoredMessage, StreamState},
};
use tokio::sync::watch;

use self::reader::Reader;
use crate::world::{Life, World};

/// The broker of a world.
pub struct Nats {
    world: Arc<World>,
    streams: Mutex<BTreeMap<String, Stream>>,
    /// Changes with every stream.
    news: watch::Sender<u64>,
    up: AtomicBool,
    connections: watch::Sender<u64>,
}

/// A stream.
#[derive(Clone, Debug, Default)]
struct Stream {
    created: i128,
    first: u64,
    last: u64,
    messages: BTreeMap<u64, StoredMessage>,
    /// A message is not what was published: only a new stream mends that for sure.
    altered: bool,
}

impl Stream {
    fn state(&self) -> StreamState {
        StreamState {
            created: self.created,
            first: self.first.max(1),
            last: self.last,
            messages: self.messages.len() as u64,
            bytes: self.messages.len() as u64 * 100,
        }
    }

    /// Takes a batch, or says why not, in JetStream's words.
    fn take(&mut self, messages: &[NewMessage]) -> String {
        let expected = messages
            .first()
            .and_then(|message| number(&message.headers, NATS_EXPECTED_LAST_SEQUENCE.as_ref()));
        if expected.is_some_and(|expected| expected != self.last) {
            return format!(
                r#"{{"error":{{"code":400,"err_code":10071,"description":"wrong last sequence: {}"}}}}"#,
                self.last
            );
        }
        let whole = messages.len() < 2
            || messages.iter().enumerate().all(|(nth, message)| {
                let sequence = number(&message.headers, NATS_BATCH_SEQUENCE.as_ref());
                let commits = message.headers.get(NATS_BATCH_COMMIT).is_some();
                sequence == Some(nth as u64 + 1) && commits == (nth + 1 == messages.len())
            });
        if !whole {
            return r#"{"error":{"code":400,"err_code":10176,"description":"batch publish is incomplete"}}"#
                .to_owned();
        }
        for message in messages {
            self.last += 1;
            self.messages.insert(
                self.last,
                StoredMessage {
                    sequence: self.last,
                    subject: message.subject.clone(),
                    headers: message.headers.clone(),
                    payload: message.payload.clone(),
                },
            );
        }
        format!(r#"{{"stream":"S","seq":{}}}"#, self.last)
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.as_str().parse().ok()
}

impl Nats {
    /// A broker without streams.
    pub fn new(world: Arc<World>) -> Arc<Self> {
        Arc::new(Self {
            world,
            streams: Mutex::default(),
            news: watch::channel(0).0,
            up: AtomicBool::new(true),
            connections: watch::channel(0).0,
        })
    }

    /// The broker as a process reaches it.
    pub fn of(self: &Arc<Self>, life: &Arc<Life>) -> Arc<dyn Broker> {
        Arc::new(Connection {
            nats: Arc::clone(self),
            life: Arc::clone(life),
        })
    }

    /// Whether a stream is there, as one is for an empty log too, with a message for each of `events` events and none beyond.
    pub fn is_whole(&self, stream: &str, events: u64) -> bool {
        self.streams()
            .get(stream)
            .is_some_and(|stream| stream.last == events && stream.messages.len() as u64 == events)
    }

    fn streams(&self) -> MutexGuard<'_, BTreeMap<String, Stream>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.news.send_modify(|news| *news += 1);
    }

    fn apply(&self, name: &str, messages: &[NewMessage], how: &'static str) -> Option<Bytes> {
        let answer = {
            let mut streams = self.streams();
            let stream = streams.get_mut(name)?;
            stream.take(messages)
        };
        self.world
            .note(how, format_args!("{name} {} {answer}", messages.len()));
        self.changed();
        Some(answer.into())
    }
}

/// A process's connection.
struct Connection {
    nats: Arc<Nats>,
    life: Arc<Life>,
}

fn failed(what: &str) -> BusError {
    BusError::Request {
        what: what.to_owned(),
        source: "the simulated broker fails".into(),
    }
}

impl Connection {
    async fn enter(&self, what: &str) -> Result<(), BusError> {
        let world = &self.nats.world;
        world.pass(&self.life).await;
        if !self.is_connected() {
            return Err(BusError::Disconnected);
        }
        if world.hits(world.weather.broker_error) {
            world.fault(
                "broker.error",
                format_args!("{what} for {}", self.life.name),
            );
            return Err(failed(what));
        }
        Ok(())
    }

    async fn take(&self, name: &str, messages: Vec<NewMessage>) -> Result<Bytes, BusError> {
        self.enter("take events").await?;
        let (nats, world) = (&self.nats, &self.nats.world);
        if world.hits(world.weather.publish_late) {
            world.fault("publish.late", format_args!("{name} {}", messages.len()));
            let (nats, name) = (Arc::clone(nats), name.to_owned());
            let wait = Duration::from_millis(world.below(8_000));
            tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                nats.apply(&name, &messages, "publish.arrives");
            });
            // No answer, ever; the publisher gives up.
            return std::future::pending().await;
        }
        if world.hits(world.weather.publish_twice) {
            let (nats, name, again) = (Arc::clone(nats), name.to_owned(), messages.clone());
            let wait = Duration::from_millis(world.below(2_000));
            world.fault("publish.twice", format_args!("{name} {}", messages.len()));
            tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                nats.apply(&name, &again, "publish.again");
            });
        }
        let answer = nats.apply(name, &messages, "publish");
        world.pass(&self.life).await;
        if world.hits(world.weather.ack_lost) {
            world.fault("ack.lost", format_args!("{name}"));
            std::future::pending::<()>().await;
        }
        // JetStream says nothing about a subject that no stream takes.
        answer.ok_or_else(|| failed("take events"))
    }
}

impl Broker for Connection {
    fn is_connected(&self) -> bool {
        self.life.is_alive() && self.nats.up.load(Ordering::Relaxed)
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.nats.connections.subscribe()
    }

    fn state<'a>(
        &'a self,
        stream: &'a str,
    ) -> BoxFuture<'a, Result<Option<StreamState>, BusError>> {
        async move {
            self.enter("describe").await?;
            Ok(self.nats.streams().get(stream).map(Stream::state))
        }
        .boxed()
    }

    fn create<'a>(&'a self, stream: &'a str) -> BoxFuture<'a, Result<StreamState, BusError>> {
        async move {
            self.enter("create").await?;
            let now = i128::from(self.nats.world.below(u64::MAX));
            let state = {
                let mut streams = self.nats.streams();
                let made = streams.entry(stream.to_owned()).or_insert_with(|| Stream {
                    created: now,
                    first: 1,
                    ..Stream::default()
                });
                made.state()
            };
            self.nats
                .world
                .note("stream.create", format_args!("{stream}"));
            self.nats.changed();
            Ok(state)
        }
        .boxed()
    }

    fn delete<'a>(&'a self, stream: &'a str) -> BoxFuture<'a, Result<(), BusError>> {
        async move {
            self.enter("delete").await?;
            self.nats.streams().remove(stream);
            self.nats
                .world
                .note("stream.delete", format_args!("{stream}"));
            self.nats.changed();
            Ok(())
        }
        .boxed()
    }

    fn message<'a>(
        &'a self,
        stream: &'a str,
        sequence: u64,
    ) -> BoxFuture<'a, Result<Option<StoredMessage>, BusError>> {
        async move {
            self.enter("give a message").await?;
            let streams = self.nats.streams();
            let stream = streams
                .get(stream)
                .ok_or_else(|| failed("find the stream"))?;
            Ok(stream.messages.get(&sequence).cloned())
        }
        .boxed()
    }

    fn publish<'a>(
        &'a self,
        stream: &'a str,
        messages: Vec<NewMessage>,
    ) -> BoxFuture<'a, Result<Bytes, BusError>> {
        self.take(stream, messages).boxed()
    }

    fn read<'a>(
        &'a self,
        stream: &'a str,
        first: u64,
    ) -> BoxFuture<'a, Result<Box<dyn Messages>, BusError>> {
        async move {
            self.enter("open").await?;
            let created = self
                .nats
                .streams()
                .get(stream)
                .map(|stream| stream.created)
                .ok_or_else(|| BusError::NoStream(stream.to_owned()))?;
            Ok(Box::new(Reader::new(
                Arc::clone(&self.nats),
                Arc::clone(&self.life),
                stream,
                created,
                first,
            )) as Box<dyn Messages>)
        }
        .boxed()
    }
}
