//! Another service's log over gRPC.

mod feed;
mod source;

pub use source::RemoteSource;

use std::sync::OnceLock;

use futures::future::BoxFuture;
use ordo_bus::OwnerLog;
use ordo_event_log::{FeedError, Head, RecordedEvent, event_from_proto};
use ordo_proto::log::{GetHeadsRequest, PartitionHead, ReadRequest};
use tonic::{Code, Status};

use crate::{
    call::Call, event_log_service::head_from_proto, reason::LOG_DIVERGED, remote::Remote,
    verdict::reason,
};

/// Partitions that are assumed as long as the owner has not told how many it has. The owner may not have been reached yet
/// when this service starts; a feed of a partition that turns out not to exist stays silent.
pub const ASSUMED_PARTITIONS: u32 = 32;

/// The log of another service, read from its owner.
#[derive(Debug)]
pub struct RemoteLog {
    service: String,
    remote: Remote,
    partitions: OnceLock<u32>,
}

impl RemoteLog {
    /// The log of `service`, which `remote` must know the address of. Asks nothing yet.
    pub fn new(remote: Remote, service: &str) -> Self {
        Self {
            service: service.to_owned(),
            remote,
            partitions: OnceLock::new(),
        }
    }

    /// The number of partitions; asks the owner unless it is known.
    pub async fn learn_partitions(&self) -> Result<u32, FeedError> {
        match self.partitions.get() {
            Some(count) => Ok(*count),
            None => self.heads().await.map(|_| self.partitions()),
        }
    }

    pub(crate) fn remote(&self) -> &Remote {
        &self.remote
    }

    async fn heads(&self) -> Result<Vec<PartitionHead>, FeedError> {
        let call = Call::system();
        let asked = async {
            self.remote
                .event_log(&self.service, &call)?
                .get_heads(GetHeadsRequest {})
                .await
        };
        let heads = asked
            .await
            .map_err(|status| self.unavailable(status))?
            .into_inner()
            .heads;
        let count = u32::try_from(heads.len()).unwrap_or(u32::MAX);
        if self.partitions.set(count).is_ok() && count > ASSUMED_PARTITIONS {
            // A reader that started before the owner was reached follows the assumed ones only.
            tracing::warn!(
                service = self.service,
                count,
                "the log has more partitions than are assumed; a service that started without it must be restarted"
            );
        }
        Ok(heads)
    }

    async fn read_after(
        &self,
        partition: u32,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, FeedError> {
        if self
            .partitions
            .get()
            .is_some_and(|count| partition >= *count)
        {
            return Ok(Vec::new());
        }
        let call = Call::system();
        let request = ReadRequest {
            partition,
            after,
            limit: limit.clamp(1, 1000),
            filter: None,
        };
        let asked = async {
            self.remote
                .event_log(&self.service, &call)?
                .read(request)
                .await
        };
        let answer = asked
            .await
            .map_err(|status| self.fault(partition, after, 0, status))?;
        let events = answer.into_inner().events.into_iter().map(event_from_proto);
        events
            .collect::<Result<_, _>>()
            .map_err(|error| self.unavailable(error))
    }

    async fn present_head(&self, partition: u32) -> Result<Head, FeedError> {
        let heads = self.heads().await?;
        let Some(head) = heads.iter().find(|head| head.partition == partition) else {
            return Ok(Head::default());
        };
        head_from_proto(head).ok_or_else(|| self.unavailable("the owner's head has no valid hash"))
    }

    /// What a failed call says about the feed.
    pub(crate) fn fault(
        &self,
        partition: u32,
        position: u64,
        epoch: u64,
        status: Status,
    ) -> FeedError {
        if status.code() == Code::DataLoss && reason(&status).as_deref() == Some(LOG_DIVERGED.name)
        {
            return FeedError::Diverged {
                service: self.service.clone(),
                partition,
                position,
                epoch,
                detail: status.message().to_owned(),
            };
        }
        self.unavailable(status)
    }

    pub(crate) fn unavailable(
        &self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> FeedError {
        FeedError::Unavailable {
            service: self.service.clone(),
            source: source.into(),
        }
    }
}

impl OwnerLog for RemoteLog {
    fn service(&self) -> &str {
        &self.service
    }

    /// What the owner told, or [`ASSUMED_PARTITIONS`].
    fn partitions(&self) -> u32 {
        self.partitions.get().copied().unwrap_or(ASSUMED_PARTITIONS)
    }

    fn read(
        &self,
        partition: u32,
        after: u64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<RecordedEvent>, FeedError>> {
        Box::pin(self.read_after(partition, after, limit))
    }

    fn head(&self, partition: u32) -> BoxFuture<'_, Result<Head, FeedError>> {
        Box::pin(self.present_head(partition))
    }
}
