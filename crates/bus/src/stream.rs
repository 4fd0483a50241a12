//! A partition's stream on the broker: settings, state, and starting it over.

use std::time::Duration;

use async_nats::jetstream::{
    ErrorCode,
    context::{Context, GetStreamErrorKind},
    stream::{
        Compression, Config, DiscardPolicy, Info, LastRawMessageErrorKind, RetentionPolicy,
        StorageType,
    },
};

use crate::{
    connection::{Bus, Link},
    error::BusError,
    names,
    reader::StoredMessage,
};

/// Where a partition is kept on the broker.
#[derive(Clone)]
pub(crate) struct PartitionStream {
    pub(crate) bus: Bus,
    pub(crate) service: String,
    pub(crate) partition: u32,
    pub(crate) name: String,
}

/// What the stream holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamState {
    /// When it was created, in nanoseconds since 1970: tells a stream from one of the same name before it.
    pub created: i128,
    /// Sequence of the oldest message; one above `last` when there is none.
    pub first: u64,
    /// Sequence of the newest message ever; 0 for a new stream.
    pub last: u64,
    /// How many messages there are.
    pub messages: u64,
    /// Their bytes, before compression.
    pub bytes: u64,
}

impl StreamState {
    /// How many messages between the first and the last are missing.
    pub(crate) fn holes(&self) -> u64 {
        (self.last + 1)
            .saturating_sub(self.first)
            .saturating_sub(self.messages)
    }
}

impl From<&Info> for StreamState {
    fn from(info: &Info) -> Self {
        Self {
            created: info.created.unix_timestamp_nanos(),
            // A new stream says 0.
            first: info.state.first_sequence.max(1),
            last: info.state.last_sequence,
            messages: info.state.messages,
            bytes: info.state.bytes,
        }
    }
}

impl PartitionStream {
    pub(crate) fn new(bus: &Bus, service: &str, partition: u32) -> Self {
        Self {
            name: bus.stream_name(service, partition),
            bus: bus.clone(),
            service: service.to_owned(),
            partition,
        }
    }

    /// What it holds, or `None` when there is no such stream.
    pub(crate) async fn state(&self) -> Result<Option<StreamState>, BusError> {
        match self.bus.link() {
            Link::Plugged(broker) => broker.state(&self.name).await,
            Link::Nats { jetstream, .. } => {
                Ok(self.info(jetstream).await?.as_ref().map(StreamState::from))
            }
        }
    }

    async fn info(&self, jetstream: &Context) -> Result<Option<Info>, BusError> {
        self.bus.check()?;
        match jetstream.get_stream(&self.name).await {
            Ok(stream) => Ok(Some(stream.cached_info().clone())),
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(refusal)
                    if refusal.error_code() == ErrorCode::STREAM_NOT_FOUND =>
                {
                    Ok(None)
                }
                _ => Err(self.failed("describe", error)),
            },
        }
    }

    /// The state of the stream, whose settings are brought to what they should be; `None` when there is no such stream.
    pub(crate) async fn adjust(&self) -> Result<Option<StreamState>, BusError> {
        let jetstream = match self.bus.link() {
            Link::Nats { jetstream, .. } => jetstream,
            Link::Plugged(broker) => return broker.state(&self.name).await,
        };
        let Some(info) = self.info(jetstream).await? else {
            return Ok(None);
        };
        let wanted = self.config();
        if same_settings(&info.config, &wanted) {
            return Ok(Some(StreamState::from(&info)));
        }
        tracing::info!(stream = %self.name, "changing the stream's settings");
        let updated = jetstream
            .update_stream(wanted)
            .await
            .map_err(|error| self.failed("change", error))?;
        Ok(Some(StreamState::from(&updated)))
    }

    /// Creates the stream, empty.
    pub(crate) async fn create(&self) -> Result<StreamState, BusError> {
        let jetstream = match self.bus.link() {
            Link::Nats { jetstream, .. } => jetstream,
            Link::Plugged(broker) => return broker.create(&self.name).await,
        };
        let created = jetstream
            .create_stream(self.config())
            .await
            .map_err(|error| self.failed("create", error))?;
        Ok(StreamState::from(created.cached_info()))
    }

    /// Removes the stream that was created at `created`. Does nothing when it is gone or another has its name by now.
    pub(crate) async fn delete(&self, created: i128) -> Result<(), BusError> {
        if self.state().await?.is_none_or(|now| now.created != created) {
            return Ok(());
        }
        let jetstream = match self.bus.link() {
            Link::Nats { jetstream, .. } => jetstream,
            Link::Plugged(broker) => return broker.delete(&self.name).await,
        };
        match jetstream.delete_stream(&self.name).await {
            Ok(_) => Ok(()),
            Err(error) => match self.state().await? {
                None => Ok(()),
                Some(_) => Err(self.failed("delete", error)),
            },
        }
    }

    /// The message at `position`, from the stream's leader.
    pub(crate) async fn message(&self, position: u64) -> Result<Option<StoredMessage>, BusError> {
        let jetstream = match self.bus.link() {
            Link::Nats { jetstream, .. } => jetstream,
            Link::Plugged(broker) => return broker.message(&self.name, position).await,
        };
        let stream = jetstream
            .get_stream_no_info(&self.name)
            .await
            .map_err(|error| self.failed("open", error))?;
        match stream.get_raw_message(position).await {
            Ok(message) => Ok(Some(StoredMessage {
                sequence: message.sequence,
                subject: message.subject.to_string(),
                headers: message.headers,
                payload: message.payload,
            })),
            Err(error) => match error.kind() {
                LastRawMessageErrorKind::NoMessageFound => Ok(None),
                LastRawMessageErrorKind::JetStream(refusal)
                    if refusal.error_code() == ErrorCode::NO_MESSAGE_FOUND =>
                {
                    Ok(None)
                }
                _ => Err(self.failed("give a message of", error)),
            },
        }
    }

    pub(crate) fn failed(
        &self,
        verb: &str,
        error: impl std::error::Error + Send + Sync + 'static,
    ) -> BusError {
        BusError::request(format!("{verb} the stream {}", self.name))(Box::new(error))
    }

    /// Sequences are given by the broker, from 1; so the stream must be filled from the log's first event, and nothing
    /// may be taken out of it but at its old end. Filling a new stream from a later event would need `first_sequence` set
    /// to that position.
    fn config(&self) -> Config {
        let settings = self.bus.config();
        Config {
            name: self.name.clone(),
            description: Some(format!(
                "Copy of partition {} of the log of {}: sequence = position",
                self.partition, self.service
            )),
            subjects: vec![names::partition_subjects(
                &settings.prefix,
                &self.service,
                self.partition,
            )],
            storage: StorageType::File,
            retention: RetentionPolicy::Limits,
            discard: DiscardPolicy::Old,
            max_bytes: i64::try_from(settings.limits.max_bytes).unwrap_or(i64::MAX),
            max_age: settings.limits.max_age,
            max_messages: -1,
            max_messages_per_subject: -1,
            max_consumers: -1,
            num_replicas: settings.replicas,
            deny_delete: true,
            deny_purge: true,
            allow_direct: true,
            allow_atomic_publish: true,
            compression: Some(Compression::S2),
            ..Config::default()
        }
    }
}

fn same_settings(now: &Config, wanted: &Config) -> bool {
    let settings = |config: &Config| {
        (
            (
                config.subjects.clone(),
                config.retention,
                config.discard,
                config.storage,
            ),
            (
                config.max_bytes,
                config.max_age.max(Duration::ZERO),
                config.num_replicas,
            ),
            (config.deny_delete, config.deny_purge),
            (config.allow_direct, config.allow_atomic_publish),
            config.compression.clone(),
            config.description.clone(),
        )
    };
    settings(now) == settings(wanted)
}
