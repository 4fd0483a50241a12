//! One feed of each partition for all of a process's readers.
//!
//! A service follows the same partition with several read models and inboxes. At the end of a log they all want the same events
//! at the same time: one feed reads them, and the last ones stay in memory to be taken. A reader that is further behind, or
//! stands where these events do not continue, reads by itself until they do. So a rebuild, or a reader of a log that was
//! restored, goes exactly as it would alone.

mod tail;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use ordo_event_log::{Cursor, EventFeed, EventSource, FeedError, Head, RecordedEvent};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use self::tail::Tail;
use crate::{backoff::backoff, feeds::cursor_at};

/// Events that the shared feed is asked for at once.
const PAGE: usize = 500;
/// Pauses between two tries of the shared feed.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A source whose feeds share the reading of `source`.
pub struct SharedSource {
    source: Arc<dyn EventSource>,
    partitions: Mutex<BTreeMap<u32, Arc<Partition>>>,
}

impl SharedSource {
    /// Shares the reading of `source` among all feeds that are opened here.
    pub fn new(source: Arc<dyn EventSource>) -> Self {
        Self {
            source,
            partitions: Mutex::default(),
        }
    }

    fn partition(&self, number: u32) -> Arc<Partition> {
        let mut partitions = lock(&self.partitions);
        let partition = partitions.entry(number).or_default();
        Arc::clone(partition)
    }
}

impl EventSource for SharedSource {
    fn service(&self) -> &str {
        self.source.service()
    }

    fn partitions(&self) -> u32 {
        self.source.partitions()
    }

    fn feed(
        &self,
        partition: u32,
        after: Cursor,
    ) -> BoxFuture<'_, Result<Box<dyn EventFeed>, FeedError>> {
        Box::pin(async move {
            let seat = Seat::take(self.partition(partition), &self.source, partition);
            let mut feed = SharedFeed {
                news: seat.partition.news.subscribe(),
                seat,
                source: Arc::clone(&self.source),
                number: partition,
                cursor: after,
                alone: None,
            };
            if !feed.seat.partition.continues(&after) {
                // Also says at once what only opening a feed does.
                feed.alone = Some(self.source.feed(partition, after).await?);
            }
            Ok(Box::new(feed) as Box<dyn EventFeed>)
        })
    }

    fn head(&self, partition: u32) -> BoxFuture<'_, Result<Head, FeedError>> {
        self.source.head(partition)
    }
}

/// The last events of one partition, and who wants them.
struct Partition {
    tail: Mutex<Tail>,
    /// Changes with the tail.
    news: watch::Sender<()>,
    seats: Mutex<Seats>,
}

impl Default for Partition {
    fn default() -> Self {
        Self {
            tail: Mutex::default(),
            news: watch::channel(()).0,
            seats: Mutex::default(),
        }
    }
}

#[derive(Default)]
struct Seats {
    taken: usize,
    reading: Option<AbortOnDropHandle<()>>,
}

impl Partition {
    fn change(&self, change: impl FnOnce(&mut Tail)) {
        change(&mut lock(&self.tail));
        self.news.send_replace(());
    }

    fn continues(&self, cursor: &Cursor) -> bool {
        lock(&self.tail).after(cursor, 0).is_some()
    }

    /// Waits until the tail continues `cursor`.
    async fn reaches(&self, cursor: &Cursor, news: &mut watch::Receiver<()>) {
        loop {
            news.borrow_and_update();
            if self.continues(cursor) {
                return;
            }
            changed(news).await;
        }
    }

    /// Reads the end of the log into the tail, for as long as there are readers.
    async fn keep_reading(self: Arc<Self>, source: Arc<dyn EventSource>, number: u32) {
        let mut failures = 0;
        loop {
            let error = match self.read(&*source, number, &mut failures).await {
                Ok(never) => match never {},
                Err(error) => error,
            };
            // Each reader finds out by itself what is wrong, and says so.
            self.change(|tail| *tail = Tail::default());
            failures += 1;
            tracing::debug!(
                service = source.service(),
                partition = number,
                failures,
                error = &error as &dyn std::error::Error,
                "readers read by themselves"
            );
            tokio::time::sleep(backoff(failures, FIRST_PAUSE, LONGEST_PAUSE)).await;
        }
    }

    async fn read(
        &self,
        source: &dyn EventSource,
        number: u32,
        failures: &mut u32,
    ) -> Result<std::convert::Infallible, FeedError> {
        let head = source.head(number).await?;
        let end = Cursor {
            // The head may be of a newer epoch than the last event.
            epoch: 0,
            position: head.position,
            hash: head.hash,
        };
        let mut feed = source.feed(number, end).await?;
        self.change(|tail| *tail = Tail::at(end));
        loop {
            let events = feed.next(PAGE).await?;
            let mut follows = false;
            self.change(|tail| follows = tail.add(events));
            if !follows {
                return Err(FeedError::Unavailable {
                    service: source.service().to_owned(),
                    source: "the feed passed over a position".into(),
                });
            }
            *failures = 0;
        }
    }
}

/// A reader's part in a partition. The first one makes the partition be read, the last one to go ends that.
struct Seat {
    partition: Arc<Partition>,
}

impl Seat {
    fn take(partition: Arc<Partition>, source: &Arc<dyn EventSource>, number: u32) -> Self {
        let mut seats = lock(&partition.seats);
        seats.taken += 1;
        if seats.reading.is_none() {
            let reading = Arc::clone(&partition).keep_reading(Arc::clone(source), number);
            seats.reading = Some(AbortOnDropHandle::new(tokio::spawn(reading)));
        }
        drop(seats);
        Self { partition }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = lock(&self.partition.seats);
        seats.taken -= 1;
        if seats.taken == 0 {
            seats.reading = None;
            *lock(&self.partition.tail) = Tail::default();
        }
    }
}

/// One reader's feed.
struct SharedFeed {
    seat: Seat,
    source: Arc<dyn EventSource>,
    number: u32,
    cursor: Cursor,
    /// A feed of its own, while the tail does not continue the cursor.
    alone: Option<Box<dyn EventFeed>>,
    news: watch::Receiver<()>,
}

impl SharedFeed {
    async fn read(&mut self, max: usize) -> Result<Vec<RecordedEvent>, FeedError> {
        loop {
            self.news.borrow_and_update();
            let shared = lock(&self.seat.partition.tail).after(&self.cursor, max);
            if let Some(events) = shared {
                self.alone = None;
                if !events.is_empty() {
                    return Ok(events);
                }
                changed(&mut self.news).await;
                continue;
            }
            let alone = match &mut self.alone {
                Some(alone) => alone,
                None => {
                    let feed = self.source.feed(self.number, self.cursor).await?;
                    self.alone.insert(feed)
                }
            };
            tokio::select! {
                events = alone.next(max) => return events,
                () = self.seat.partition.reaches(&self.cursor, &mut self.news) => {}
            }
        }
    }
}

impl EventFeed for SharedFeed {
    fn next(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<RecordedEvent>, FeedError>> {
        Box::pin(async move {
            let events = self.read(max.max(1)).await?;
            if let Some(last) = events.last() {
                self.cursor = cursor_at(last);
            }
            Ok(events)
        })
    }
}

/// Waits for a change of the tail. Whoever waits has a seat, which holds the sender: it is never gone.
async fn changed(news: &mut watch::Receiver<()>) {
    if news.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
