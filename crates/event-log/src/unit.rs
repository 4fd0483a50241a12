//! What a decision sees: folded states, and the events that it adds.

use std::collections::HashMap;

use crate::{
    aggregate::{Aggregate, EncodedEvent},
    event::TenantId,
    fold::{AnyState, Fold, StreamKey, fold_of, owned},
};

/// A stream is not in memory. Carried out of the decision with `?`; the log loads the stream and decides again.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{key} is not in memory")]
pub struct NotLoaded {
    pub(crate) key: StreamKey,
    pub(crate) fold: &'static Fold,
}

/// Why a decision stopped.
#[derive(Debug, thiserror::Error)]
pub enum Halt<E> {
    /// It needs a stream that is not in memory.
    #[error(transparent)]
    Load(#[from] NotLoaded),
    /// It refuses the command; its events are dropped.
    #[error("refused")]
    Refuse(E),
}

impl<E> Halt<E> {
    /// Changes the refusal's type.
    pub fn map<O>(self, f: impl FnOnce(E) -> O) -> Halt<O> {
        match self {
            Self::Load(load) => Halt::Load(load),
            Self::Refuse(refusal) => Halt::Refuse(f(refusal)),
        }
    }
}

/// A folded stream.
#[derive(Clone)]
pub(crate) struct Folded {
    pub version: u64,
    /// Version of the stream's newest snapshot, 0 for none.
    pub snapshot: u64,
    pub state: AnyState,
    pub fold: &'static Fold,
}

impl Folded {
    /// A stream without events.
    pub fn empty(fold: &'static Fold) -> Self {
        Self {
            version: 0,
            snapshot: 0,
            state: (fold.initial)(),
            fold,
        }
    }
}

/// Streams in memory beneath those that a batch has touched.
pub(crate) trait Streams {
    fn get(&self, key: &StreamKey) -> Option<Folded>;
}

/// An event that is decided and not yet stored.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub key: StreamKey,
    pub version: u64,
    pub event: EncodedEvent,
}

/// The streams of a batch as its earlier commands leave them.
#[derive(Default)]
pub(crate) struct Workspace {
    pub streams: HashMap<StreamKey, Folded>,
}

/// One command's view of its tenant's streams in one partition: committed states and what the commands before it in the
/// same commit decided.
pub struct Unit<'a> {
    tenant: &'a TenantId,
    beneath: &'a dyn Streams,
    workspace: &'a mut Workspace,
    /// What the streams were before this command touched them.
    before: Vec<(StreamKey, Folded)>,
    pending: Vec<Pending>,
}

impl<'a> Unit<'a> {
    pub(crate) fn new(
        tenant: &'a TenantId,
        beneath: &'a dyn Streams,
        workspace: &'a mut Workspace,
    ) -> Self {
        Self {
            tenant,
            beneath,
            workspace,
            before: Vec::new(),
            pending: Vec::new(),
        }
    }

    /// Whose streams these are.
    pub fn tenant(&self) -> &TenantId {
        self.tenant
    }

    /// The state of a stream; `Default` for one without events.
    pub fn state<A: Aggregate>(&mut self, id: &str) -> Result<&A::State, NotLoaded> {
        let key = StreamKey::new::<A>(self.tenant, id);
        self.look_up::<A>(&key)?;
        self.state_of::<A>(key)
    }

    /// The version of a stream: its number of events.
    pub fn version<A: Aggregate>(&mut self, id: &str) -> Result<u64, NotLoaded> {
        self.look_up::<A>(&StreamKey::new::<A>(self.tenant, id))
    }

    /// Lets `A` decide `command`; its events are recorded and seen by everything that follows. The state after them.
    pub fn decide<A: Aggregate>(
        &mut self,
        id: &str,
        command: A::Command,
    ) -> Result<&A::State, Halt<A::Error>> {
        let events = A::decide(self.state::<A>(id)?, command).map_err(Halt::Refuse)?;
        Ok(self.emit::<A>(id, events)?)
    }

    /// Records `events`. The state after them.
    pub fn emit<A: Aggregate>(
        &mut self,
        id: &str,
        events: Vec<A::Event>,
    ) -> Result<&A::State, NotLoaded> {
        let key = StreamKey::new::<A>(self.tenant, id);
        self.look_up::<A>(&key)?;
        if let Some(folded) = self.workspace.streams.get_mut(&key)
            && !events.is_empty()
        {
            if !self.before.iter().any(|(touched, _)| *touched == key) {
                self.before.push((key.clone(), folded.clone()));
            }
            // The placeholder lets a state that nobody else holds be changed in place. Should `evolve` panic, the command's
            // changes are undone with all others.
            let mut state = owned::<A>(std::mem::replace(
                &mut folded.state,
                std::sync::Arc::new(()),
            ));
            for event in &events {
                folded.version += 1;
                self.pending.push(Pending {
                    key: key.clone(),
                    version: folded.version,
                    event: A::encode(event),
                });
                state = A::evolve(state, event);
            }
            folded.state = std::sync::Arc::new(state);
        }
        self.state_of::<A>(key)
    }

    /// Makes sure that the stream is in the workspace. Its version.
    fn look_up<A: Aggregate>(&mut self, key: &StreamKey) -> Result<u64, NotLoaded> {
        if let Some(folded) = self.workspace.streams.get(key) {
            return Ok(folded.version);
        }
        let folded = self
            .beneath
            .get(key)
            .filter(|folded| folded.state.is::<A::State>())
            .ok_or_else(|| not_loaded::<A>(key.clone()))?;
        let version = folded.version;
        self.workspace.streams.insert(key.clone(), folded);
        Ok(version)
    }

    fn state_of<A: Aggregate>(&self, key: StreamKey) -> Result<&A::State, NotLoaded> {
        self.workspace
            .streams
            .get(&key)
            .and_then(|folded| folded.state.downcast_ref::<A::State>())
            .ok_or_else(|| not_loaded::<A>(key))
    }

    /// The command's events so far.
    pub(crate) fn pending(&self) -> &[Pending] {
        &self.pending
    }

    /// The command's events; they stay in the workspace.
    pub(crate) fn keep(self) -> Vec<Pending> {
        self.pending
    }

    /// Undoes what the command did in the workspace.
    pub(crate) fn undo(self) {
        for (key, folded) in self.before {
            self.workspace.streams.insert(key, folded);
        }
    }
}

fn not_loaded<A: Aggregate>(key: StreamKey) -> NotLoaded {
    NotLoaded {
        key,
        fold: fold_of::<A>(),
    }
}
