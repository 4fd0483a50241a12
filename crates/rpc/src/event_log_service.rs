//! `ordo.log.v1.EventLog`: the service's own log over gRPC.

mod convert;
mod filter;
mod subscription;

pub(crate) use convert::head_from_proto;

use std::sync::Arc;

use ordo_event_log::{EventLog, RecordedEvent, event_to_proto};
use ordo_proto::log::{
    GetHeadsRequest, GetHeadsResponse, PartitionHead, ReadRequest, ReadResponse, SubscribeRequest,
    event_log_server::{self, EventLogServer},
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use self::{
    convert::head_to_proto,
    filter::Wanted,
    subscription::{Start, Subscription},
};
use crate::{
    identity::identity,
    reason::{LOG_DIVERGED, OVERLOADED},
    refusal::{Refusal, status},
    remote::MAX_MESSAGE,
    violations::Violations,
};

/// Events that one `Read` looks at before it answers, whatever the filter drops.
const SCAN_LIMIT: u64 = 10_000;
/// Events taken from the log at a time.
const BATCH: u32 = 500;
/// Bytes of payload after which `Read` answers with what it has.
const READ_BYTES: usize = MAX_MESSAGE / 4;

/// Serves a log. Callers with a tenant see that tenant's events; service, administrator and operator tokens without one
/// see all.
#[derive(Clone)]
pub struct EventLogService {
    log: EventLog,
    shutdown: CancellationToken,
    subscriptions: Arc<Semaphore>,
}

impl EventLogService {
    /// Serves `log`. When `shutdown` fires, subscriptions end with `SHUTTING_DOWN`, so that they do not hold up the drain.
    pub fn new(log: EventLog, shutdown: CancellationToken) -> Self {
        Self {
            log,
            shutdown,
            subscriptions: Arc::new(Semaphore::new(512)),
        }
    }

    /// At most `count` subscriptions at once; one more is answered with `OVERLOADED`. Default 512.
    #[must_use]
    pub fn max_subscriptions(mut self, count: usize) -> Self {
        self.subscriptions = Arc::new(Semaphore::new(count));
        self
    }

    /// As a tonic service.
    pub fn into_server(self) -> EventLogServer<Self> {
        EventLogServer::new(self).max_encoding_message_size(MAX_MESSAGE)
    }

    fn name(&self) -> &str {
        self.log.service()
    }

    async fn head(&self, partition: u32) -> Result<PartitionHead, Status> {
        let head = self.log.read_head(partition).await.map_err(status)?;
        Ok(head_to_proto(partition, head))
    }
}

#[tonic::async_trait]
impl event_log_server::EventLog for EventLogService {
    async fn get_heads(
        &self,
        _: Request<GetHeadsRequest>,
    ) -> Result<Response<GetHeadsResponse>, Status> {
        let mut heads = Vec::new();
        for partition in 0..self.log.partitions() {
            heads.push(self.head(partition).await?);
        }
        Ok(Response::new(GetHeadsResponse {
            service: self.name().to_owned(),
            heads,
        }))
    }

    async fn read(&self, request: Request<ReadRequest>) -> Result<Response<ReadResponse>, Status> {
        let tenant = identity(&request)?.tenant.clone();
        let request = request.into_inner();
        let mut violations = Violations::new();
        violations.require(request.limit <= 1000, "limit", "must be at most 1000");
        let wanted = Wanted::new(tenant, request.filter, &mut violations);
        violations.finish()?;
        let limit = match request.limit {
            0 => 100,
            limit => limit as usize,
        };
        let head = self.head(request.partition).await?;
        if request.after > head.position {
            let message = format!(
                "partition {} ends at position {}",
                request.partition, head.position
            );
            return Err(status(
                Refusal::new(&LOG_DIVERGED, message).with("position", request.after),
            ));
        }
        let mut events = Vec::new();
        let mut bytes = 0;
        let mut scanned_to = request.after;
        'scan: while scanned_to - request.after < SCAN_LIMIT {
            let batch = self
                .log
                .read(request.partition, scanned_to, BATCH)
                .await
                .map_err(status)?;
            if batch.is_empty() {
                break;
            }
            for event in batch {
                scanned_to = event.position;
                if !wanted.admits(&event) {
                    continue;
                }
                bytes += event.payload.len();
                events.push(event_to_proto(self.name(), &event));
                if events.len() >= limit || bytes >= READ_BYTES {
                    break 'scan;
                }
            }
        }
        Ok(Response::new(ReadResponse {
            events,
            scanned_to,
            head: Some(head),
        }))
    }

    type SubscribeStream = Subscription;

    async fn subscribe(
        &self,
        request: Request<SubscribeRequest>,
    ) -> Result<Response<Subscription>, Status> {
        let tenant = identity(&request)?.tenant.clone();
        let request = request.into_inner();
        let mut violations = Violations::new();
        for (index, place) in request.after.iter().enumerate() {
            let field = format!("after[{index}]");
            violations.require(
                place.service.is_empty() || place.service == self.name(),
                format!("{field}.service"),
                format!("this is the log of {}", self.name()),
            );
            violations.require(
                place.partition < self.log.partitions(),
                format!("{field}.partition"),
                "there is no such partition",
            );
        }
        for (index, partition) in request.partitions.iter().enumerate() {
            violations.require(
                *partition < self.log.partitions(),
                format!("partitions[{index}]"),
                "there is no such partition",
            );
        }
        let wanted = Wanted::new(tenant, request.filter, &mut violations);
        violations.finish()?;
        let permit = Arc::clone(&self.subscriptions)
            .try_acquire_owned()
            .map_err(|_| status(Refusal::new(&OVERLOADED, "too many subscriptions are open")))?;
        let mut starts = Vec::new();
        let chosen = |partition: &u32| {
            request.partitions.is_empty() || request.partitions.contains(partition)
        };
        for partition in (0..self.log.partitions()).filter(chosen) {
            let named = request
                .after
                .iter()
                .rfind(|place| place.partition == partition);
            starts.push(self.start(partition, named, request.from_now).await?);
        }
        let subscription = Subscription::open(
            &self.log,
            starts,
            wanted,
            self.shutdown.child_token(),
            permit,
        );
        Ok(Response::new(subscription))
    }
}

impl EventLogService {
    /// Where a subscription begins in a partition. Refuses a place that the log's history does not have.
    async fn start(
        &self,
        partition: u32,
        named: Option<&ordo_proto::types::LogPosition>,
        from_now: bool,
    ) -> Result<Start, Status> {
        let head = self.log.read_head(partition).await.map_err(status)?;
        let after = match named {
            Some(place) => place.position,
            None if from_now => head.position,
            None => 0,
        };
        if let Some(place) = named {
            let known: Option<RecordedEvent> = match place.position.checked_sub(1) {
                None => None,
                Some(before) => self
                    .log
                    .read(partition, before, 1)
                    .await
                    .map_err(status)?
                    .into_iter()
                    .next(),
            };
            let continues = place.position == 0
                || known.is_some_and(|event| place.epoch == 0 || event.epoch == place.epoch);
            if !continues {
                let message = format!(
                    "partition {partition} does not continue position {}",
                    place.position
                );
                return Err(status(
                    Refusal::new(&LOG_DIVERGED, message)
                        .with("partition", partition)
                        .with("position", place.position),
                ));
            }
        }
        Ok(Start {
            partition,
            after,
            epoch: head.epoch,
        })
    }
}
