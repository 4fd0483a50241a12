//! Carrying other parties' durable consumers over to a stream that starts over.

use async_nats::jetstream::consumer::{Config, DeliverPolicy};
use futures::TryStreamExt as _;

use super::partition::{PartitionRelay, RelayError};
use crate::{error::BusError, headers, stream::StreamState};

/// A durable consumer and how far it is.
pub(super) struct Durable {
    config: Config,
    /// Everything up to here is acknowledged.
    acknowledged: u64,
}

impl PartitionRelay {
    /// The stream's durable consumers. Not being able to list them is no reason to leave a wrong stream as it is.
    pub(super) async fn durables(&self) -> Vec<Durable> {
        match self.list_durables().await {
            Ok(durables) => durables,
            Err(error) => {
                tracing::error!(
                    stream = %self.stream.name, %error,
                    "the stream's durable consumers are not known and will be gone"
                );
                Vec::new()
            }
        }
    }

    async fn list_durables(&self) -> Result<Vec<Durable>, BusError> {
        let stream = self
            .stream
            .bus
            .jetstream()
            .get_stream_no_info(&self.stream.name)
            .await
            .map_err(|error| self.stream.failed("open", error))?;
        stream
            .consumers()
            .try_filter_map(|consumer| {
                let durable = consumer.config.durable_name.is_some().then_some(Durable {
                    acknowledged: consumer.ack_floor.stream_sequence,
                    config: consumer.config,
                });
                std::future::ready(Ok(durable))
            })
            .try_collect()
            .await
            .map_err(|error| self.stream.failed("list the consumers of", error))
    }

    /// The last position that stream and log have in common. Hashes are chained: where one is equal, all before are.
    pub(super) async fn common_end(&self, state: &StreamState) -> Result<u64, RelayError> {
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

    /// Creates the consumers again, each behind what it has acknowledged of the history that still holds. Messages that
    /// were under way to it come once more.
    pub(super) async fn restore_durables(&self, durables: Vec<Durable>, common: u64) {
        for Durable {
            mut config,
            acknowledged,
        } in durables
        {
            let name = config.durable_name.clone().unwrap_or_default();
            let after = acknowledged.min(common);
            config.deliver_policy = DeliverPolicy::ByStartSequence {
                start_sequence: after + 1,
            };
            let created = self
                .stream
                .bus
                .jetstream()
                .create_consumer_on_stream(config, self.stream.name.as_str())
                .await;
            match created {
                Ok(_) => {
                    tracing::warn!(stream = %self.stream.name, name, after, "kept a durable consumer");
                }
                Err(error) => tracing::error!(
                    stream = %self.stream.name, name, %error,
                    "a durable consumer is gone; create it again"
                ),
            }
        }
    }
}
