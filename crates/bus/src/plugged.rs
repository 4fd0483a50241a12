//! The seam for a broker that is not reached over the network. The simulation (`tests/sim`) has one that loses, repeats and
//! delays; nothing in production does.

use async_nats::HeaderMap;
use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::watch;

use crate::error::BusError;

pub use crate::{reader::StoredMessage, stream::StreamState};

/// What relay and readers ask of a broker. A request that takes longer than its caller waits is dropped; what the broker
/// does with it then is the broker's affair.
pub trait Broker: Send + Sync + 'static {
    /// Whether there is a connection.
    fn is_connected(&self) -> bool;

    /// Changes whenever the connection comes or goes.
    fn changes(&self) -> watch::Receiver<u64>;

    /// What a stream holds; `None` when there is no such stream.
    fn state<'a>(&'a self, stream: &'a str)
    -> BoxFuture<'a, Result<Option<StreamState>, BusError>>;

    /// Creates a stream, empty; one that is there stays as it is.
    fn create<'a>(&'a self, stream: &'a str) -> BoxFuture<'a, Result<StreamState, BusError>>;

    /// Removes a stream.
    fn delete<'a>(&'a self, stream: &'a str) -> BoxFuture<'a, Result<(), BusError>>;

    /// One message; `None` when it is not there.
    fn message<'a>(
        &'a self,
        stream: &'a str,
        sequence: u64,
    ) -> BoxFuture<'a, Result<Option<StoredMessage>, BusError>>;

    /// Takes messages, all or none, under the conditions that their `Nats-*` headers state. The answer is JetStream's, in
    /// JSON.
    fn publish<'a>(
        &'a self,
        stream: &'a str,
        messages: Vec<NewMessage>,
    ) -> BoxFuture<'a, Result<Bytes, BusError>>;

    /// Gives the messages of a stream from `first` on, or from the oldest that is there.
    fn read<'a>(
        &'a self,
        stream: &'a str,
        first: u64,
    ) -> BoxFuture<'a, Result<Box<dyn Messages>, BusError>>;
}

/// A message to publish.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// Its subject.
    pub subject: String,
    /// Its headers, those for the broker among them.
    pub headers: HeaderMap,
    /// Its payload.
    pub payload: Bytes,
}

/// Messages of a stream, in order.
pub trait Messages: Send {
    /// The next message. May be dropped while it waits.
    fn next(&mut self) -> BoxFuture<'_, Result<StoredMessage, BusError>>;

    /// The next message if it is here already.
    fn ready(&mut self) -> Option<Result<StoredMessage, BusError>>;
}
