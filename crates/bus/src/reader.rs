//! Reading a partition's stream in order.

use async_nats::{
    HeaderMap,
    jetstream::{
        consumer::{
            DeliverPolicy,
            pull::{Ordered, OrderedConfig},
        },
        context::Context,
    },
};
use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _};

use crate::{connection::Link, error::BusError, plugged::Messages, stream::PartitionStream};

/// Messages asked for at a time, and so the most that wait here.
const PREFETCH: i64 = 500;

/// A message as the broker stores it.
#[derive(Clone, Debug)]
pub struct StoredMessage {
    /// Its place in the stream, from 1.
    pub sequence: u64,
    /// Its subject.
    pub subject: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its payload.
    pub payload: Bytes,
}

/// The stream's messages from a sequence on. The broker's side of it goes away by itself when nobody asks any more.
pub(crate) struct StreamReader {
    stream: PartitionStream,
    messages: Given,
}

/// Who gives the messages.
enum Given {
    JetStream(Box<Ordered>),
    Plugged(Box<dyn Messages>),
}

impl StreamReader {
    /// Opens the stream at `first`. The broker begins at its oldest message when it has none so old.
    pub(crate) async fn open(stream: &PartitionStream, first: u64) -> Result<Self, BusError> {
        stream.bus.check()?;
        let context: &Context = match stream.bus.link() {
            Link::Nats { jetstream, .. } => jetstream,
            Link::Plugged(broker) => {
                return Ok(Self {
                    messages: Given::Plugged(broker.read(&stream.name, first.max(1)).await?),
                    stream: stream.clone(),
                });
            }
        };
        let open = async {
            let consumer = context
                .create_consumer_on_stream(
                    OrderedConfig {
                        deliver_policy: DeliverPolicy::ByStartSequence {
                            start_sequence: first.max(1),
                        },
                        max_batch: PREFETCH,
                        // With a name of ours the request's subject says which stream it is about, and so can be allowed.
                        name: Some(format!("feed-{:016x}", rand::random::<u64>())),
                        ..OrderedConfig::default()
                    },
                    stream.name.as_str(),
                )
                .await
                .map_err(|error| stream.failed("open", error))?;
            consumer
                .messages()
                .await
                .map_err(|error| stream.failed("open", error))
        };
        match tokio::time::timeout(stream.bus.config().request_timeout, open).await {
            Ok(messages) => Ok(Self {
                messages: Given::JetStream(Box::new(messages?)),
                stream: stream.clone(),
            }),
            Err(elapsed) => Err(stream.failed("open", elapsed)),
        }
    }

    /// The next message. May be dropped while it waits.
    pub(crate) async fn next(&mut self) -> Result<StoredMessage, BusError> {
        let messages = match &mut self.messages {
            Given::JetStream(messages) => messages,
            Given::Plugged(messages) => return messages.next().await,
        };
        match messages.next().await {
            Some(Ok(message)) => self.stored(message),
            Some(Err(error)) => Err(self.stream.failed("go on giving", error)),
            None => Err(BusError::NoStream(self.stream.name.clone())),
        }
    }

    /// The next message if it is here already.
    pub(crate) fn ready(&mut self) -> Option<Result<StoredMessage, BusError>> {
        let messages = match &mut self.messages {
            Given::JetStream(messages) => messages,
            Given::Plugged(messages) => return messages.ready(),
        };
        let next = messages.next().now_or_never()?;
        Some(match next {
            Some(Ok(message)) => self.stored(message),
            Some(Err(error)) => Err(self.stream.failed("go on giving", error)),
            None => Err(BusError::NoStream(self.stream.name.clone())),
        })
    }

    fn stored(&self, message: async_nats::jetstream::Message) -> Result<StoredMessage, BusError> {
        let sequence = message
            .info()
            .map_err(|error| BusError::request("number a message")(error))?
            .stream_sequence;
        let message = message.message;
        Ok(StoredMessage {
            sequence,
            subject: message.subject.to_string(),
            headers: message.headers.unwrap_or_default(),
            payload: message.payload,
        })
    }
}
