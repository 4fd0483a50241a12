//! Reads several logs at once: a task for each partition reads ahead, a bounded way.

use std::{
    collections::{BTreeMap, VecDeque},
    future::poll_fn,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use ordo_event_log::{Cursor, EventFeed, EventSource, FeedError, RecordedEvent};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    backoff::backoff,
    cursors::{Cursors, Place},
};

/// Batches that wait per partition. More only costs memory.
const AHEAD: usize = 2;

/// A log that no longer continues what was read from it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{detail}")]
pub(crate) struct Diverged {
    pub place: Place,
    pub detail: String,
}

/// Ordered events of several partitions.
pub(crate) struct Feeds {
    feeds: Vec<Feed>,
    /// Where the next round begins, so that no partition starves the others.
    first: usize,
}

struct Feed {
    place: Place,
    /// Last event taken from it.
    taken: Cursor,
    waiting: VecDeque<RecordedEvent>,
    arriving: mpsc::Receiver<Result<Vec<RecordedEvent>, Diverged>>,
    _reader: AbortOnDropHandle<()>,
}

/// Why partitions cannot be read at the moment.
#[derive(Clone, Default)]
pub(crate) struct Troubles(Arc<Mutex<BTreeMap<Place, String>>>);

impl Troubles {
    fn set(&self, place: &Place, trouble: Option<String>) {
        let mut troubles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match trouble {
            Some(trouble) => troubles.insert(place.clone(), trouble),
            None => troubles.remove(place),
        };
    }

    /// One of them.
    pub fn first(&self) -> Option<String> {
        let troubles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        troubles.values().next().cloned()
    }
}

/// Events to be applied together.
#[derive(Default)]
pub(crate) struct Batch {
    /// In order per partition.
    pub events: Vec<RecordedEvent>,
    /// The partition that each event is from.
    pub places: Vec<Place>,
}

impl Feeds {
    /// Begins to read every partition of `sources` after where `from` is, `batch` events at a time.
    pub fn open(
        sources: &[Arc<dyn EventSource>],
        from: &Cursors,
        batch: usize,
        troubles: &Troubles,
    ) -> Self {
        let mut feeds = Vec::new();
        for source in sources {
            let service: Arc<str> = source.service().into();
            // There from the beginning, so that its first increase is seen.
            metrics::counter!("ordo_reader_unknown_types_total", "service" => service.to_string())
                .increment(0);
            for partition in 0..source.partitions() {
                let place = (service.clone(), partition);
                let taken = from.get(&place);
                let (sender, arriving) = mpsc::channel(AHEAD);
                let reader = Reader {
                    source: source.clone(),
                    place: place.clone(),
                    cursor: taken,
                    batch,
                    sender,
                    troubles: troubles.clone(),
                };
                feeds.push(Feed {
                    place,
                    taken,
                    waiting: VecDeque::new(),
                    arriving,
                    _reader: AbortOnDropHandle::new(tokio::spawn(reader.run())),
                });
            }
        }
        Self { feeds, first: 0 }
    }

    /// The partitions that are read.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.feeds.iter().map(|feed| &feed.place)
    }

    /// Waits until there are events, then takes up to `max` of those that are there. With `until`, none after that is taken.
    /// Nothing is lost when the future is dropped.
    pub async fn take(&mut self, max: usize, until: Option<&Cursors>) -> Result<Batch, Diverged> {
        poll_fn(|context| self.poll_take(context, max, until)).await
    }

    fn poll_take(
        &mut self,
        context: &mut Context<'_>,
        max: usize,
        until: Option<&Cursors>,
    ) -> Poll<Result<Batch, Diverged>> {
        let mut batch = Batch::default();
        let count = self.feeds.len();
        for offset in 0..count {
            let room = max.saturating_sub(batch.events.len());
            if room == 0 {
                break;
            }
            let index = (self.first + offset) % count;
            if let Some(feed) = self.feeds.get_mut(index) {
                let until = until.map(|until| until.get(&feed.place).position);
                feed.poll_take(context, room, until, &mut batch)?;
            }
        }
        if batch.events.is_empty() {
            return Poll::Pending;
        }
        self.first = (self.first + 1) % count.max(1);
        Poll::Ready(Ok(batch))
    }
}

impl Feed {
    fn poll_take(
        &mut self,
        context: &mut Context<'_>,
        room: usize,
        until: Option<u64>,
        batch: &mut Batch,
    ) -> Result<(), Diverged> {
        let mut taken = 0;
        while taken < room && until.is_none_or(|until| self.taken.position < until) {
            if self.waiting.is_empty() {
                match self.arriving.poll_recv(context) {
                    Poll::Ready(Some(Ok(events))) => self.waiting.extend(events),
                    // What was taken before the divergence is given out first.
                    Poll::Ready(Some(Err(diverged))) if taken == 0 => return Err(diverged),
                    Poll::Ready(Some(Err(diverged))) => {
                        tracing::debug!(%diverged, "told again at the next reading");
                        let (sender, arriving) = mpsc::channel(1);
                        // The channel is new and has room for one.
                        let _ = sender.try_send(Err(diverged));
                        self.arriving = arriving;
                        break;
                    }
                    Poll::Ready(None) | Poll::Pending => break,
                }
            }
            let Some(event) = self.waiting.pop_front() else {
                continue;
            };
            self.taken = cursor_at(&event);
            batch.places.push(self.place.clone());
            batch.events.push(event);
            taken += 1;
        }
        Ok(())
    }
}

/// Where a reader is that has read `event`.
pub(crate) fn cursor_at(event: &RecordedEvent) -> Cursor {
    Cursor {
        epoch: event.epoch,
        position: event.position,
        hash: event.hash,
    }
}

/// Reads one partition, for ever.
struct Reader {
    source: Arc<dyn EventSource>,
    place: Place,
    cursor: Cursor,
    batch: usize,
    sender: mpsc::Sender<Result<Vec<RecordedEvent>, Diverged>>,
    troubles: Troubles,
}

impl Drop for Reader {
    /// Whoever reads the partition from now on, perhaps another replica, has troubles of its own.
    fn drop(&mut self) {
        self.troubles.set(&self.place, None);
    }
}

impl Reader {
    async fn run(mut self) {
        let mut failures = 0;
        loop {
            let before = self.cursor.position;
            match self.read().await {
                Ok(()) => return,
                Err(FeedError::Diverged {
                    detail,
                    service,
                    partition,
                    position,
                    epoch,
                }) => {
                    let detail = format!(
                        "partition {partition} of {service} no longer continues position {position} (epoch {epoch}): {detail}"
                    );
                    let place = self.place.clone();
                    let _ = self.sender.send(Err(Diverged { place, detail })).await;
                    return;
                }
                Err(error) => {
                    failures = if self.cursor.position > before {
                        1
                    } else {
                        failures + 1
                    };
                    let text = describe(&error);
                    if failures == 1 || failures % 60 == 0 {
                        let (service, partition) = (&*self.place.0, self.place.1);
                        tracing::warn!(
                            service,
                            partition,
                            failures,
                            error = text,
                            "a log cannot be read"
                        );
                    }
                    self.troubles.set(&self.place, Some(text));
                    tokio::time::sleep(backoff(
                        failures,
                        Duration::from_millis(100),
                        Duration::from_secs(5),
                    ))
                    .await;
                }
            }
        }
    }

    /// Reads until nobody wants the events any more, or something is wrong.
    async fn read(&mut self) -> Result<(), FeedError> {
        let source = self.source.clone();
        let mut feed: Box<dyn EventFeed> = source.feed(self.place.1, self.cursor).await?;
        self.troubles.set(&self.place, None);
        loop {
            let mut events = tokio::select! {
                events = feed.next(self.batch) => events?,
                () = self.sender.closed() => return Ok(()),
            };
            let unknown = self.cut_before_unknown(&mut events);
            self.check(&events)?;
            if let Some(last) = events.last() {
                self.cursor = cursor_at(last);
                if self.sender.send(Ok(events)).await.is_err() {
                    return Ok(());
                }
            }
            if let Some(unknown) = unknown {
                return Err(unknown);
            }
        }
    }

    /// Keeps the events before the first one of a type that only a newer version knows. Nobody here could say what it means,
    /// and passing it over would lose it for good: reading stops before it until this process is replaced by a newer one.
    fn cut_before_unknown(&self, events: &mut Vec<RecordedEvent>) -> Option<FeedError> {
        let is_unknown =
            |event: &RecordedEvent| ordo_proto::known::is_from_a_newer_version(&event.type_name);
        let at = events.iter().position(is_unknown)?;
        let rest = events.split_off(at);
        let event = rest.first()?;
        let service = self.place.0.to_string();
        metrics::counter!("ordo_reader_unknown_types_total", "service" => service.clone())
            .increment(1);
        Some(FeedError::Unavailable {
            service,
            source: format!(
                "position {} is a `{}`, which only a newer version than {} knows; upgrade this process",
                event.position,
                event.type_name,
                env!("CARGO_PKG_VERSION")
            )
            .into(),
        })
    }

    /// A feed that skips or repeats is read again from the cursor: nothing out of order gets any further.
    fn check(&self, events: &[RecordedEvent]) -> Result<(), FeedError> {
        let mut expected = self.cursor.position;
        for event in events {
            expected += 1;
            if event.position != expected || event.partition != self.place.1 {
                return Err(FeedError::Unavailable {
                    service: self.place.0.to_string(),
                    source: format!(
                        "the feed gave position {} instead of {expected}",
                        event.position
                    )
                    .into(),
                });
            }
        }
        Ok(())
    }
}

/// An error with everything that it was caused by.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
#[path = "feeds_tests.rs"]
mod tests;
