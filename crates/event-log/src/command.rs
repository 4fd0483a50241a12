//! What goes in and what comes out.

use ordo_proto::log::EventMetadata;

use crate::{
    aggregate::Aggregate,
    event::TenantId,
    fold::{Fold, StreamKey, fold_of},
};

/// Everything about a command but its decision.
#[derive(Clone, Debug)]
pub struct Command {
    /// Whose streams it reads and writes.
    pub tenant: TenantId,
    /// Where all its streams live.
    pub partition: u32,
    /// Unique per tenant; `None`: a repetition is a new command. 1 to [`MAX_COMMAND_ID`](crate::MAX_COMMAND_ID) bytes.
    pub command_id: Option<String>,
    /// Hash of the command's content: tells a repetition from another command under the same id.
    pub fingerprint: [u8; 32],
    /// Stored with every event. Its `command_id` is set from [`command_id`](Command::command_id).
    pub metadata: EventMetadata,
    pub(crate) prefetch: Vec<Prefetch>,
}

impl Command {
    /// A command without id, metadata or prefetched streams.
    pub fn new(tenant: TenantId, partition: u32) -> Self {
        Self {
            tenant,
            partition,
            command_id: None,
            fingerprint: [0; 32],
            metadata: EventMetadata::default(),
            prefetch: Vec::new(),
        }
    }

    /// Makes the command idempotent.
    pub fn id(mut self, command_id: impl Into<String>) -> Self {
        self.command_id = Some(command_id.into());
        self
    }

    /// Hash of the content. Only looked at for a command with an id.
    pub fn fingerprint(mut self, fingerprint: [u8; 32]) -> Self {
        self.fingerprint = fingerprint;
        self
    }

    /// Who, why, and what it follows from.
    pub fn metadata(mut self, metadata: EventMetadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Loads a stream before the decision runs, together with all others of the same commit. A stream that is read
    /// without this is loaded too, but one query later.
    pub fn prefetch<A: Aggregate>(mut self, id: &str) -> Self {
        self.prefetch.push(Prefetch {
            key: StreamKey::new::<A>(&self.tenant, id),
            fold: fold_of::<A>(),
            new: false,
        });
        self
    }

    /// Says that a stream is new, because its id was made a moment ago. The decision then sees it empty without a query.
    ///
    /// Only speed depends on it: what the decision saw is confirmed by the version of the first event that it records there,
    /// or else by a query. Should the stream have events, they are loaded and the decision runs again.
    pub fn new_stream<A: Aggregate>(mut self, id: &str) -> Self {
        self.prefetch.push(Prefetch {
            key: StreamKey::new::<A>(&self.tenant, id),
            fold: fold_of::<A>(),
            new: true,
        });
        self
    }
}

/// A stream that a command will look at.
#[derive(Clone, Debug)]
pub(crate) struct Prefetch {
    pub key: StreamKey,
    pub fold: &'static Fold,
    /// It is said to have no events.
    pub new: bool,
}

/// A command's effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt<T> {
    /// Partition of its events.
    pub partition: u32,
    /// Position of its last event; for a command without events, of the last event before its decision.
    pub position: u64,
    /// Epoch of the partition at that position.
    pub epoch: u64,
    /// The command was executed before: this is its first answer.
    pub duplicate: bool,
    /// What the decision answered.
    pub answer: T,
}
