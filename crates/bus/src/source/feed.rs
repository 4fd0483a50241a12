//! A feed that takes events from the broker while it can, and from the owner whenever it cannot.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use ordo_event_log::{EventFeed, FeedError, RecordedEvent};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::tip::{Step, Tip};
use crate::{
    error::BusError,
    headers,
    owner::OwnerLog,
    reader::{StoredMessage, StreamReader},
    stream::PartitionStream,
};

/// A broker that has been silent for so long makes us ask the owner.
const SILENCE: Duration = Duration::from_secs(1);
/// How often the owner is asked while there is no broker to say that there is something.
const OWNER_POLL: Duration = Duration::from_millis(200);
/// How long a broker that gave wrong events is left alone: time for the relay to put it right.
const DISTRUST: Duration = Duration::from_secs(5);
/// Pauses between tries to open the stream.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Most events that wait here.
const BUFFER: usize = 500;

pub(super) struct JetStreamFeed {
    stream: PartitionStream,
    owner: Arc<dyn OwnerLog>,
    /// The last event in `ready`, or given out.
    tip: Tip,
    /// Checked and not yet given out.
    ready: VecDeque<RecordedEvent>,
    /// Came from the broker, but others belong before it.
    ahead: Option<RecordedEvent>,
    reader: Option<StreamReader>,
    /// When to try again to open the stream.
    open_at: Instant,
    pause: Duration,
    /// When to ask the owner.
    ask_at: Instant,
    /// When to compare with the owner though it has nothing new.
    agree_at: Instant,
    connection: watch::Receiver<u64>,
}

/// What waiting came to.
enum Woken {
    Message(Result<StoredMessage, BusError>),
    ConnectionChanged,
    TimeToOpen,
    TimeToAsk,
}

impl JetStreamFeed {
    pub(super) fn new(stream: PartitionStream, owner: Arc<dyn OwnerLog>, tip: Tip) -> Self {
        let now = Instant::now();
        Self {
            connection: stream.bus.changes(),
            stream,
            owner,
            tip,
            ready: VecDeque::new(),
            ahead: None,
            reader: None,
            open_at: now,
            pause: FIRST_PAUSE,
            ask_at: now + OWNER_POLL,
            agree_at: now + SILENCE,
        }
    }

    /// Waits until something is in `ready`. Whatever is received is kept before the next wait, so that dropping this
    /// loses nothing.
    async fn fill(&mut self) -> Result<(), FeedError> {
        while self.ready.is_empty() {
            if self.ahead.is_some() {
                self.close_gap().await?;
                continue;
            }
            match self.wait().await {
                Woken::Message(Ok(message)) => {
                    self.take(message);
                    self.take_what_is_here();
                }
                Woken::Message(Err(error)) => self.lose(&error),
                Woken::ConnectionChanged => self.connection_changed(),
                Woken::TimeToOpen => self.open().await,
                Woken::TimeToAsk => self.ask().await?,
            }
        }
        Ok(())
    }

    async fn wait(&mut self) -> Woken {
        let may_open = self.reader.is_none() && self.stream.bus.check().is_ok();
        let message = async {
            match &mut self.reader {
                Some(reader) => reader.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            message = message => Woken::Message(message),
            Ok(()) = self.connection.changed() => Woken::ConnectionChanged,
            () = sleep_until(self.ask_at) => Woken::TimeToAsk,
            () = sleep_until(self.open_at), if may_open => Woken::TimeToOpen,
        }
    }

    /// Takes a message: the next event, one that must wait for others, or a reason to distrust the broker.
    fn take(&mut self, message: StoredMessage) {
        self.ask_at = Instant::now() + SILENCE;
        let event = match headers::decode(&message.headers, message.payload) {
            Ok(event) if event.position == message.sequence => event,
            Ok(event) => {
                return self.distrust(&format!(
                    "sequence {} holds position {}",
                    message.sequence, event.position
                ));
            }
            Err(error) => return self.distrust(&error.to_string()),
        };
        match self.tip.step(&event) {
            Step::Next => self.accept(event),
            Step::Known => {}
            Step::Gap => self.ahead = Some(event),
            Step::Foreign(detail) => self.distrust(&detail),
        }
    }

    /// More messages, as far as they are here already.
    fn take_what_is_here(&mut self) {
        while self.ahead.is_none() && self.ready.len() < BUFFER {
            match self.reader.as_mut().and_then(StreamReader::ready) {
                Some(Ok(message)) => self.take(message),
                Some(Err(error)) => return self.lose(&error),
                None => return,
            }
        }
    }

    fn accept(&mut self, event: RecordedEvent) {
        self.tip.advance(&event);
        self.ready.push_back(event);
        self.pause = FIRST_PAUSE;
    }

    /// Reads the events before `ahead` from the owner, one chunk at a time.
    async fn close_gap(&mut self) -> Result<(), FeedError> {
        let Some(position) = self.ahead.as_ref().map(|event| event.position) else {
            return Ok(());
        };
        if position > self.tip.position() + 1 {
            let missing = position - self.tip.position() - 1;
            if self.ready.is_empty() {
                tracing::debug!(
                    service = self.tip.service(),
                    partition = self.tip.partition(),
                    after = self.tip.position(),
                    missing,
                    "reading what the broker no longer has from the owner"
                );
            }
            let limit = missing.min(BUFFER as u64) as u32;
            if self.read_owner(limit).await? == 0 {
                // The broker has what the owner has not: it is wrong, or the owner was restored to an earlier state.
                self.ahead = None;
                self.distrust("it is ahead of its owner");
            }
            return Ok(());
        }
        if let Some(event) = self.ahead.take() {
            match self.tip.step(&event) {
                Step::Next => self.accept(event),
                Step::Known | Step::Gap => {}
                Step::Foreign(detail) => self.distrust(&detail),
            }
        }
        Ok(())
    }

    /// Adds the owner's next events to `ready`. Returns how many.
    async fn read_owner(&mut self, limit: u32) -> Result<usize, FeedError> {
        let events = self
            .owner
            .read(self.tip.partition(), self.tip.position(), limit)
            .await?;
        self.tip.follow(&events)?;
        let count = events.len();
        self.ready.extend(events);
        Ok(count)
    }

    /// The broker has said nothing for a while: is there something all the same?
    async fn ask(&mut self) -> Result<(), FeedError> {
        let connected = self.reader.is_some();
        let pause = if connected { SILENCE } else { OWNER_POLL };
        self.ask_at = Instant::now() + pause;
        match self.read_owner(BUFFER as u32).await {
            Ok(0) => match self.agree().await {
                Err(FeedError::Unavailable { .. }) if connected => Ok(()),
                agreed => agreed,
            },
            Ok(count) => {
                if connected {
                    // A consumer that missed this is stuck, or the relay is late; a new one costs little.
                    self.reader = None;
                    self.retry_later();
                }
                if count == BUFFER {
                    self.ask_at = Instant::now();
                } else {
                    self.ask_at = Instant::now() + OWNER_POLL;
                }
                Ok(())
            }
            Err(FeedError::Unavailable { .. }) if connected => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn agree(&mut self) -> Result<(), FeedError> {
        if Instant::now() >= self.agree_at {
            self.tip.agree(&*self.owner).await?;
            self.agree_at = Instant::now() + SILENCE;
        }
        Ok(())
    }

    /// Opens the stream after the tip, unless the copy has not come so far.
    async fn open(&mut self) {
        match self.opened().await {
            Ok(Some(reader)) => {
                self.reader = Some(reader);
                self.ask_at = Instant::now() + SILENCE;
            }
            Ok(None) => self.retry_later(),
            Err(error) => self.lose(&error),
        }
    }

    async fn opened(&mut self) -> Result<Option<StreamReader>, BusError> {
        let Some(state) = self.stream.state().await? else {
            return Ok(None);
        };
        if state.last < self.tip.position() {
            return Ok(None);
        }
        if let Some(detail) = stale(&self.stream, &*self.owner, state.last).await? {
            self.distrust(&detail);
            return Ok(None);
        }
        let reader = StreamReader::open(&self.stream, self.tip.position() + 1).await?;
        Ok(Some(reader))
    }

    fn connection_changed(&mut self) {
        // Consumers do not survive a restart of the broker; theirs is a silence of 15 seconds.
        self.reader = None;
        self.pause = FIRST_PAUSE;
        self.open_at = Instant::now();
        self.ask_at = Instant::now();
    }

    fn lose(&mut self, error: &BusError) {
        tracing::debug!(stream = %self.stream.name, error = %error, "the broker gives no events");
        self.reader = None;
        self.retry_later();
        self.ask_at = self.ask_at.min(Instant::now() + OWNER_POLL);
    }

    fn retry_later(&mut self) {
        self.open_at = self.open_at.max(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// The broker's events are not the owner's: the owner is right.
    fn distrust(&mut self, detail: &str) {
        tracing::warn!(
            stream = %self.stream.name, position = self.tip.position() + 1, detail,
            "the broker's copy is wrong; reading the owner's log"
        );
        metrics::counter!("ordo_feed_distrusted_total",
            "service" => self.stream.service.clone(),
            "partition" => self.stream.partition.to_string())
        .increment(1);
        self.reader = None;
        self.open_at = Instant::now() + DISTRUST;
        self.ask_at = Instant::now();
    }
}

/// Why the copy is not this owner's, judged by its last message: hashes are chained, so that one stands for all. An
/// owner that is away is no reason.
async fn stale(
    stream: &PartitionStream,
    owner: &dyn OwnerLog,
    last: u64,
) -> Result<Option<String>, BusError> {
    if last == 0 {
        return Ok(None);
    }
    let Some(message) = stream.message(last).await? else {
        return Ok(None);
    };
    let copied = match headers::decode(&message.headers, message.payload) {
        Ok(event) => event.hash,
        Err(error) => return Ok(Some(error.to_string())),
    };
    let asked = owner.read(stream.partition, last - 1, 1);
    Ok(match tokio::time::timeout(SILENCE, asked).await {
        Ok(Ok(events)) => match events.first() {
            Some(event) if event.hash == copied => None,
            Some(event) => Some(format!(
                "its event {last} has the hash {copied}, the owner's {}",
                event.hash
            )),
            None => Some(format!("it ends at {last}, after its owner")),
        },
        Ok(Err(_)) | Err(_) => None,
    })
}

impl EventFeed for JetStreamFeed {
    fn next(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<RecordedEvent>, FeedError>> {
        Box::pin(async move {
            self.fill().await?;
            let count = self.ready.len().min(max.max(1));
            Ok(self.ready.drain(..count).collect())
        })
    }
}
