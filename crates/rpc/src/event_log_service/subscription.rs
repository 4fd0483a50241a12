//! One subscriber: all partitions merged, each in order, at the subscriber's own pace.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures::Stream;
use ordo_event_log::{EventLog, event_to_proto};
use ordo_proto::{
    log::{SubscribeResponse, subscribe_response::Item},
    types::LogPosition,
};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::Status;

use super::{BATCH, filter::Wanted};
use crate::{
    reason::SHUTTING_DOWN,
    refusal::{Refusal, status},
};

/// Items that wait for the subscriber before reading from the log pauses.
const BUFFER: usize = 64;
/// A progress item at least every so many events looked at.
const PROGRESS_EVERY: u64 = 1_000;
/// The log is looked at this often even when nothing announced an event.
const POLL: Duration = Duration::from_secs(1);

/// Where to begin in a partition.
pub(crate) struct Start {
    pub(crate) partition: u32,
    pub(crate) after: u64,
    /// The partition's epoch now.
    pub(crate) epoch: u64,
}

/// The answer to `Subscribe`. Ends its readers when dropped.
pub struct Subscription {
    items: mpsc::Receiver<SubscribeResponse>,
    /// Why the readers stopped; told after what they read before.
    ended: Arc<Mutex<Option<Status>>>,
    _stop: DropGuard,
    _permit: OwnedSemaphorePermit,
}

impl Subscription {
    pub(crate) fn open(
        log: &EventLog,
        starts: Vec<Start>,
        wanted: Wanted,
        stop: CancellationToken,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        let (sender, items) = mpsc::channel(BUFFER);
        let wanted = Arc::new(wanted);
        let ended = Arc::new(Mutex::new(None));
        for start in starts {
            let reader = Reader {
                log: log.clone(),
                wanted: Arc::clone(&wanted),
                sender: sender.clone(),
                partition: start.partition,
                scanned_to: start.after,
                epoch: start.epoch,
                told: None,
            };
            let stop = stop.clone();
            let why = Arc::clone(&ended);
            tokio::spawn(async move {
                let status = tokio::select! {
                    () = stop.cancelled() => status(Refusal::new(&SHUTTING_DOWN, SHUTTING_DOWN.meaning)),
                    ended = reader.run() => match ended {
                        Ended::SubscriberLeft => return,
                        Ended::Failed(status) => status,
                    },
                };
                why.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get_or_insert(status);
                stop.cancel();
            });
        }
        Self {
            items,
            ended,
            _stop: stop.drop_guard(),
            _permit: permit,
        }
    }
}

impl Stream for Subscription {
    type Item = Result<SubscribeResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.items.poll_recv(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(item)) => Poll::Ready(Some(Ok(item))),
            Poll::Ready(None) => {
                let status = self
                    .ended
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take();
                Poll::Ready(status.map(Err))
            }
        }
    }
}

/// Why a reader stopped.
enum Ended {
    SubscriberLeft,
    Failed(Status),
}

/// Reads one partition for one subscriber.
struct Reader {
    log: EventLog,
    wanted: Arc<Wanted>,
    sender: mpsc::Sender<SubscribeResponse>,
    partition: u32,
    scanned_to: u64,
    epoch: u64,
    /// Last progress item sent.
    told: Option<u64>,
}

impl Reader {
    async fn run(mut self) -> Ended {
        let mut hint = self.log.watch(self.partition);
        loop {
            // Marked before the read: what is committed meanwhile wakes the wait below.
            hint.borrow_and_update();
            let batch = match self.log.read(self.partition, self.scanned_to, BATCH).await {
                Ok(batch) => batch,
                Err(error) => return Ended::Failed(status(error)),
            };
            let at_end = batch.len() < BATCH as usize;
            for event in batch {
                self.scanned_to = event.position;
                self.epoch = event.epoch;
                if self.wanted.admits(&event) {
                    let item = Item::Event(event_to_proto(self.log.service(), &event));
                    if !self.send(item).await {
                        return Ended::SubscriberLeft;
                    }
                }
                if self.scanned_to - self.told.unwrap_or_default() >= PROGRESS_EVERY
                    && !self.tell().await
                {
                    return Ended::SubscriberLeft;
                }
            }
            if !at_end {
                continue;
            }
            if self.told != Some(self.scanned_to) && !self.tell().await {
                return Ended::SubscriberLeft;
            }
            // The hint may be lost or the sender gone: look again after a while whatever happens.
            let waited = tokio::time::timeout(POLL, hint.changed()).await;
            if matches!(waited, Ok(Err(_))) {
                tokio::time::sleep(POLL).await;
            }
        }
    }

    async fn tell(&mut self) -> bool {
        self.told = Some(self.scanned_to);
        self.send(Item::Progress(LogPosition {
            service: self.log.service().to_owned(),
            partition: self.partition,
            position: self.scanned_to,
            epoch: self.epoch,
        }))
        .await
    }

    /// Waits for room. False when the subscriber has left.
    async fn send(&self, item: Item) -> bool {
        let response = SubscribeResponse { item: Some(item) };
        self.sender.send(response).await.is_ok()
    }
}
