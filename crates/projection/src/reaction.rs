//! What a process manager's author writes.

use std::error::Error;

use futures::future::BoxFuture;
use ordo_event_log::{RecordedEvent, TenantId, Timestamp};
use ordo_proto::{
    log::EventMetadata,
    types::{Actor, ActorKind},
};

use crate::trace;

/// Turns events into commands.
///
/// Everything for one entity happens in order, one thing at a time; entities do not wait for each other. A reaction may
/// run more than once for the same event (after a crash, a retry, a replay), so every command it sends carries a
/// [`command_id`](ReactionContext::command_id) and every due time is reckoned from the event's time, not from the clock.
pub trait Reaction: Send + Sync + 'static {
    /// Names the reaction within its service: `a-z 0-9 _`, at most 30 characters. For example `reserve_stock`.
    fn name(&self) -> &'static str;

    /// What the event is about, usually `<tenant>/<order id>`; `None` when the event is not for this reaction.
    fn entity(&self, event: &RecordedEvent) -> Option<String>;

    /// Services that the commands go to, other than its own. When one of them was restored from a backup, every event is
    /// handled again. Name a service only if all its commands carry ids made with
    /// [`command_id`](ReactionContext::command_id).
    fn commands(&self) -> &'static [&'static str] {
        &[]
    }

    /// Does what follows from the event. Timers that it schedules or cancels are stored together with its success.
    fn react<'a>(
        &'a self,
        event: &'a RecordedEvent,
        context: &'a mut ReactionContext,
    ) -> BoxFuture<'a, Result<(), ReactionError>>;

    /// Does what follows from a timer that has come due.
    fn on_timer<'a>(
        &'a self,
        timer: &'a Timer,
        _context: &'a mut ReactionContext,
    ) -> BoxFuture<'a, Result<(), ReactionError>> {
        let key = timer.key.clone();
        Box::pin(async move {
            Err(ReactionError::Park(format!(
                "nothing handles the timer `{key}`"
            )))
        })
    }
}

/// Why a reaction did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ReactionError {
    /// Somebody is away or busy: tried again every few seconds, for a day.
    #[error("the other side is away")]
    Retry(#[source] Box<dyn Error + Send + Sync>),
    /// Failed in a way that trying again may mend: tried again a few times, ever more slowly, then parked.
    #[error("the reaction failed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
    /// Only a human can help: the entity is parked at once.
    #[error("{0}")]
    Park(String),
}

impl ReactionError {
    /// Somebody is away or busy.
    pub fn retry(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Retry(error.into())
    }

    /// Failed in a way that trying again may mend.
    pub fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(error.into())
    }

    /// Only a human can help.
    pub fn park(reason: impl Into<String>) -> Self {
        Self::Park(reason.into())
    }
}

/// Something that was to happen at a certain time.
#[derive(Clone, Debug, PartialEq)]
pub struct Timer {
    /// Entity it belongs to; it takes its turn among the entity's events.
    pub entity: String,
    /// Whose it is.
    pub tenant: TenantId,
    /// Names it within the entity.
    pub key: String,
    /// When it was due; it fires at that time or later.
    pub due: Timestamp,
    /// What the reaction stored with it.
    pub payload: Vec<u8>,
    /// Metadata of the commands that it causes; `causation_id` is the event whose reaction scheduled it.
    pub cause: EventMetadata,
}

/// A change to the durable timers of an entity.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TimerChange {
    Schedule {
        key: String,
        due: Timestamp,
        payload: Vec<u8>,
    },
    Cancel {
        key: String,
    },
}

/// What a reaction knows about the try under way, and what it leaves behind.
#[derive(Debug)]
pub struct ReactionContext {
    service: String,
    reaction: &'static str,
    tenant: TenantId,
    attempt: u32,
    /// Identifies the cause within the reaction: an event id, or a timer's identity.
    identity: String,
    metadata: EventMetadata,
    pub(crate) timers: Vec<TimerChange>,
}

impl ReactionContext {
    /// The context of a try to react to `event`. Public for specifications of reactions.
    pub fn for_event(
        service: &str,
        reaction: &'static str,
        event: &RecordedEvent,
        attempt: u32,
    ) -> Self {
        let event_id = event.event_id.to_string();
        let correlation_id = if event.metadata.correlation_id.is_empty() {
            event_id.clone()
        } else {
            event.metadata.correlation_id.clone()
        };
        Self {
            service: service.to_owned(),
            reaction,
            tenant: event.tenant.clone(),
            attempt,
            identity: event_id.clone(),
            metadata: EventMetadata {
                causation_id: event_id,
                correlation_id,
                traceparent: event.metadata.traceparent.clone(),
                ..Default::default()
            },
            timers: Vec::new(),
        }
    }

    /// The context of a try to react to `timer`. Public for specifications of reactions.
    pub fn for_timer(service: &str, reaction: &'static str, timer: &Timer, attempt: u32) -> Self {
        Self {
            service: service.to_owned(),
            reaction,
            tenant: timer.tenant.clone(),
            attempt,
            identity: timer_identity(timer),
            metadata: timer.cause.clone(),
            timers: Vec::new(),
        }
    }

    /// The id of the command that `label` names: the same in every try, different for every label, reaction and cause.
    pub fn command_id(&self, label: &str) -> String {
        format!("{}:{}:{label}", self.reaction, self.identity)
    }

    /// What goes along with the commands: the service as actor, this event as cause, the correlation of the command that
    /// began it all, and the present trace.
    pub fn metadata(&self) -> EventMetadata {
        let mut metadata = self.metadata.clone();
        metadata.actor = Some(Actor {
            kind: ActorKind::Service.into(),
            id: self.service.clone(),
        });
        if let Some(traceparent) = trace::current_traceparent() {
            metadata.traceparent = traceparent;
        }
        metadata
    }

    /// Whose event or timer it is.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Which try this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Has [`on_timer`](Reaction::on_timer) called at `due` or later, also after a restart. `key` (up to 200 bytes) names the
    /// timer within the entity: one with the same key is replaced.
    pub fn schedule(&mut self, key: &str, due: Timestamp, payload: Vec<u8>) {
        self.timers.push(TimerChange::Schedule {
            key: key.to_owned(),
            due,
            payload,
        });
    }

    /// Forgets the entity's timer `key`, if it has one. One that has come due already and waits for its turn still fires.
    pub fn cancel_timer(&mut self, key: &str) {
        self.timers.push(TimerChange::Cancel {
            key: key.to_owned(),
        });
    }

    /// Timers that were scheduled in this try: key, due time and payload. For specifications of reactions.
    pub fn scheduled(&self) -> impl Iterator<Item = (&str, Timestamp, &[u8])> {
        self.timers.iter().filter_map(|change| match change {
            TimerChange::Schedule { key, due, payload } => {
                Some((key.as_str(), *due, payload.as_slice()))
            }
            TimerChange::Cancel { .. } => None,
        })
    }

    pub(crate) fn cause(&self) -> &EventMetadata {
        &self.metadata
    }
}

/// The same for a timer scheduled again by the same event, another for one with another due time. Short enough for a
/// command id whatever the entity and key are.
fn timer_identity(timer: &Timer) -> String {
    use sha2::Digest as _;
    let mut hash = sha2::Sha256::new();
    for part in [
        timer.entity.as_bytes(),
        timer.key.as_bytes(),
        &timer.due.0.to_be_bytes(),
    ] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let hex: String = digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("timer-{hex}")
}
