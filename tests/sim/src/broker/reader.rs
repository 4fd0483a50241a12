//! What a consumer gets: the stream's messages, as far as nothing goes wrong on the way.

use std::{collections::VecDeque, sync::Arc};

use futures::{FutureExt as _, future::BoxFuture};
use ordo_bus::{
    BusError,
    plugged::{Messages, StoredMessage},
};
use tokio::sync::watch;

use super::{Nats, failed};
use crate::world::Life;

pub(super) struct Reader {
    nats: Arc<Nats>,
    life: Arc<Life>,
    stream: String,
    /// Which stream of that name.
    created: i128,
    /// Sequence that comes next.
    next: u64,
    /// On their way.
    under_way: VecDeque<StoredMessage>,
    /// Sends nothing any more, without saying so.
    stuck: bool,
    news: watch::Receiver<u64>,
    connections: watch::Receiver<u64>,
}

impl Reader {
    pub fn new(nats: Arc<Nats>, life: Arc<Life>, stream: &str, created: i128, first: u64) -> Self {
        Self {
            news: nats.news.subscribe(),
            connections: nats.connections.subscribe(),
            nats,
            life,
            stream: stream.to_owned(),
            created,
            next: first,
            under_way: VecDeque::new(),
            stuck: false,
        }
    }

    /// The next message if there is one.
    fn take(&mut self) -> Option<Result<StoredMessage, BusError>> {
        if self.stuck || !self.life.is_alive() {
            return None;
        }
        // A consumer does not outlive the broker's connection.
        if self.connections.has_changed().unwrap_or(true) {
            self.stuck = true;
            return None;
        }
        if let Some(message) = self.under_way.pop_front() {
            return Some(Ok(message));
        }
        let (world, weather) = (&self.nats.world, &self.nats.world.weather);
        let mut messages = {
            let streams = self.nats.streams();
            let stream = match streams.get(&self.stream) {
                Some(stream) if stream.created == self.created => stream,
                _ => return Some(Err(failed("go on giving"))),
            };
            let found: Vec<_> = stream.messages.range(self.next..).take(2).collect();
            found
                .into_iter()
                .map(|(_, message)| message.clone())
                .collect::<VecDeque<_>>()
        };
        let message = messages.pop_front()?;
        if world.hits(weather.reader_stuck) {
            world.fault(
                "reader.stuck",
                format_args!("{} {}", self.stream, self.life.name),
            );
            self.stuck = true;
            return None;
        }
        self.next = message.sequence + 1;
        if world.hits(weather.message_lost) {
            world.fault(
                "message.lost",
                format_args!("{} {}", self.stream, message.sequence),
            );
            return self.take();
        }
        if world.hits(weather.message_twice) {
            world.fault(
                "message.twice",
                format_args!("{} {}", self.stream, message.sequence),
            );
            self.under_way.push_back(message.clone());
        }
        if let Some(later) = messages.pop_front()
            && world.hits(weather.message_early)
        {
            world.fault(
                "message.early",
                format_args!("{} {}", self.stream, later.sequence),
            );
            self.next = later.sequence + 1;
            self.under_way.push_front(message);
            return Some(Ok(later));
        }
        Some(Ok(message))
    }
}

impl Messages for Reader {
    fn next(&mut self) -> BoxFuture<'_, Result<StoredMessage, BusError>> {
        async move {
            loop {
                self.news.borrow_and_update();
                if let Some(message) = self.take() {
                    return message;
                }
                if self.stuck || self.news.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        }
        .boxed()
    }

    fn ready(&mut self) -> Option<Result<StoredMessage, BusError>> {
        self.take()
    }
}
