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

use crate::{error::BusError, stream::PartitionStream};

/// Messages asked for at a time, and so the most that wait here.
const PREFETCH: i64 = 500;

/// A message as the broker stores it.
pub(crate) struct StoredMessage {
    pub(crate) sequence: u64,
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Bytes,
}

/// The stream's messages from a sequence on. The broker's side of it goes away by itself when nobody asks any more.
pub(crate) struct StreamReader {
    stream: PartitionStream,
    messages: Ordered,
}

impl StreamReader {
    /// Opens the stream at `first`. The broker begins at its oldest message when it has none so old.
    pub(crate) async fn open(stream: &PartitionStream, first: u64) -> Result<Self, BusError> {
        stream.bus.check()?;
        let context: &Context = stream.bus.jetstream();
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
                messages: messages?,
                stream: stream.clone(),
            }),
            Err(elapsed) => Err(stream.failed("open", elapsed)),
        }
    }

    /// The next message. May be dropped while it waits.
    pub(crate) async fn next(&mut self) -> Result<StoredMessage, BusError> {
        match self.messages.next().await {
            Some(Ok(message)) => self.stored(message),
            Some(Err(error)) => Err(self.stream.failed("go on giving", error)),
            None => Err(BusError::NoStream(self.stream.name.clone())),
        }
    }

    /// The next message if it is here already.
    pub(crate) fn ready(&mut self) -> Option<Result<StoredMessage, BusError>> {
        let next = self.messages.next().now_or_never()?;
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
