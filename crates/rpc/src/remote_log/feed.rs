//! One partition of another service's log, as its owner streams it.

use std::sync::Arc;

use futures::{FutureExt as _, future::BoxFuture};
use ordo_bus::OwnerLog as _;
use ordo_event_log::{Cursor, EventFeed, FeedError, RecordedEvent, event_from_proto, hash_event};
use ordo_proto::{
    log::{
        SubscribeRequest, SubscribeResponse, event_log_client::EventLogClient,
        subscribe_response::Item,
    },
    types::LogPosition,
};
use tonic::{Status, Streaming};

use super::RemoteLog;
use crate::{call::Call, remote::MAX_MESSAGE};

/// A subscription to one partition that checks that nothing is missing.
pub(crate) struct RemoteFeed {
    log: Arc<RemoteLog>,
    partition: u32,
    at: Cursor,
    items: Streaming<SubscribeResponse>,
}

impl RemoteFeed {
    /// Subscribes after `after`, provided that the owner's log continues it.
    pub(crate) async fn open(
        log: &Arc<RemoteLog>,
        partition: u32,
        after: Cursor,
    ) -> Result<Self, FeedError> {
        if after.position > 0 {
            let known = log.read(partition, after.position - 1, 1).await?;
            let same = known
                .first()
                .is_some_and(|event| event.position == after.position && event.hash == after.hash);
            if !same {
                return Err(diverged(
                    log,
                    partition,
                    after,
                    "the owner has another event there",
                ));
            }
        }
        let request = SubscribeRequest {
            after: vec![LogPosition {
                service: log.service().to_owned(),
                partition,
                position: after.position,
                epoch: 0,
            }],
            filter: None,
            from_now: false,
            partitions: vec![partition],
        };
        let call = Call::system();
        let subscribed = async {
            let channel = log.remote().stream_channel(log.service(), &call)?;
            let mut client = EventLogClient::new(channel).max_decoding_message_size(MAX_MESSAGE);
            client.subscribe(request).await
        };
        let items = subscribed
            .await
            .map_err(|status| log.fault(partition, after.position, after.epoch, status))?
            .into_inner();
        Ok(Self {
            log: Arc::clone(log),
            partition,
            at: after,
            items,
        })
    }

    async fn some(&mut self, max: usize) -> Result<Vec<RecordedEvent>, FeedError> {
        let mut events = Vec::new();
        while events.is_empty() {
            let item = self.items.message().await;
            events.extend(self.take(item)?);
        }
        // Whatever has arrived already comes along.
        while events.len() < max {
            let Some(item) = self.items.message().now_or_never() else {
                break;
            };
            match self.take(item) {
                Ok(event) => events.extend(event),
                // What was read is good; the error comes back with the next call, from the ended stream.
                Err(_) => break,
            }
        }
        Ok(events)
    }

    fn take(
        &mut self,
        item: Result<Option<SubscribeResponse>, Status>,
    ) -> Result<Option<RecordedEvent>, FeedError> {
        let item = item
            .map_err(|status| {
                self.log
                    .fault(self.partition, self.at.position, self.at.epoch, status)
            })?
            .ok_or_else(|| self.log.unavailable("the owner ended the subscription"))?;
        let Some(Item::Event(event)) = item.item else {
            return Ok(None);
        };
        let event = event_from_proto(event).map_err(|error| self.log.unavailable(error))?;
        let continues = event.position == self.at.position + 1
            && hash_event(&self.at.hash, &event) == event.hash;
        if !continues {
            return Err(diverged(
                &self.log,
                self.partition,
                self.at,
                "the next event does not follow",
            ));
        }
        self.at = Cursor {
            epoch: event.epoch,
            position: event.position,
            hash: event.hash,
        };
        Ok(Some(event))
    }
}

impl EventFeed for RemoteFeed {
    fn next(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<RecordedEvent>, FeedError>> {
        Box::pin(self.some(max))
    }
}

fn diverged(log: &RemoteLog, partition: u32, at: Cursor, detail: &str) -> FeedError {
    FeedError::Diverged {
        service: log.service().to_owned(),
        partition,
        position: at.position,
        epoch: at.epoch,
        detail: detail.to_owned(),
    }
}
