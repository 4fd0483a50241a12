//! Carrying other parties' durable consumers over to a stream that starts over.

use async_nats::jetstream::consumer::{Config, DeliverPolicy, Info};
use futures::TryStreamExt as _;

use super::partition::{PartitionRelay, RelayError};
use crate::{connection::Link, error::BusError, headers, stream::StreamState};

/// After so many failures a consumer is given up.
const MOST_TRIES: u32 = 5;

/// A durable consumer that the new stream must get.
pub(super) struct Carried {
    config: Config,
    tries: u32,
}

impl PartitionRelay {
    /// Notes the stream's durable consumers, each to begin behind what it has acknowledged of the history that still
    /// holds; messages that are under way to it come once more. Not being able to list them is no reason to leave a wrong
    /// stream as it is.
    pub(super) async fn note_durables(&mut self, state: &StreamState) -> Result<(), RelayError> {
        let durables = match self.durables().await {
            Ok(durables) => durables,
            Err(error) => {
                tracing::error!(
                    stream = %self.stream.name, %error,
                    "the stream's durable consumers are not known and will be gone"
                );
                return Ok(());
            }
        };
        if durables.is_empty() {
            return Ok(());
        }
        let common = self.common_end(state).await?;
        self.carried = durables
            .into_iter()
            .map(|durable| {
                let after = durable.ack_floor.stream_sequence.min(common);
                let mut config = durable.config;
                config.deliver_policy = DeliverPolicy::ByStartSequence {
                    start_sequence: after + 1,
                };
                Carried { config, tries: 0 }
            })
            .collect();
        Ok(())
    }

    async fn durables(&self) -> Result<Vec<Info>, BusError> {
        let Link::Nats { jetstream, .. } = self.stream.bus.link() else {
            return Ok(Vec::new());
        };
        let stream = jetstream
            .get_stream_no_info(&self.stream.name)
            .await
            .map_err(|error| self.stream.failed("open", error))?;
        stream
            .consumers()
            .try_filter(|consumer| std::future::ready(consumer.config.durable_name.is_some()))
            .try_collect()
            .await
            .map_err(|error| self.stream.failed("list the consumers of", error))
    }

    /// The last position that stream and log have in common. Hashes are chained: where one is equal, all before are.
    async fn common_end(&self, state: &StreamState) -> Result<u64, RelayError> {
        let head = self.log.read_head(self.stream.partition).await?;
        let mut common = (state.first - 1).min(head.position);
        let mut beyond = state.last.min(head.position) + 1;
        let mut probe = beyond - 1;
        while common + 1 < beyond {
            if self.is_common(probe).await? {
                common = probe;
            } else {
                beyond = probe;
            }
            probe = common.midpoint(beyond);
        }
        Ok(common)
    }

    async fn is_common(&self, position: u64) -> Result<bool, RelayError> {
        let copied = self
            .stream
            .message(position)
            .await?
            .and_then(|message| headers::decode(&message.headers, message.payload).ok());
        let recorded = self.event(position).await?;
        Ok(copied
            .is_some_and(|copied| recorded.is_some_and(|recorded| recorded.hash == copied.hash)))
    }

    /// Creates the consumers that were noted. What fails is tried again the next time.
    pub(super) async fn restore_durables(&mut self) {
        let Link::Nats { jetstream, .. } = self.stream.bus.link() else {
            return;
        };
        for mut durable in std::mem::take(&mut self.carried) {
            let name = durable.config.durable_name.clone().unwrap_or_default();
            let created = jetstream
                .create_consumer_on_stream(durable.config.clone(), self.stream.name.as_str())
                .await;
            match created {
                Ok(_) => {
                    tracing::warn!(stream = %self.stream.name, name, "kept a durable consumer");
                }
                Err(error) => {
                    durable.tries += 1;
                    tracing::error!(
                        stream = %self.stream.name, name, tries = durable.tries, %error,
                        "a durable consumer could not be created again"
                    );
                    if durable.tries < MOST_TRIES {
                        self.carried.push(durable);
                    }
                }
            }
        }
    }
}
