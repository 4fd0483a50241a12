//! Folding a stream without knowing its type.

use std::{any::Any, fmt, sync::Arc};

use ordo_decider::Decider;

use crate::{
    aggregate::{Aggregate, CodecError},
    event::{StreamId, TenantId},
};

/// A folded state of any aggregate.
pub(crate) type AnyState = Arc<dyn Any + Send + Sync>;

/// A stream of a tenant, as the caches know it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct StreamKey {
    pub tenant: TenantId,
    pub aggregate: &'static str,
    pub id: Arc<str>,
}

impl StreamKey {
    pub fn new<A: Aggregate>(tenant: &TenantId, id: &str) -> Self {
        Self {
            tenant: tenant.clone(),
            aggregate: A::NAME,
            id: id.into(),
        }
    }

    pub fn stream(&self) -> StreamId {
        StreamId::new(self.aggregate, &self.id)
    }
}

impl fmt::Display for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} of {}", self.aggregate, self.id, self.tenant)
    }
}

/// An aggregate's functions over [`AnyState`].
pub(crate) struct Fold {
    pub version: u32,
    /// The state of an empty stream.
    pub initial: fn() -> AnyState,
    /// The state after one more stored event.
    pub apply: fn(AnyState, &str, &[u8]) -> Result<AnyState, CodecError>,
    pub restore: fn(&[u8]) -> Result<AnyState, CodecError>,
    pub snapshot: fn(&AnyState) -> Option<Vec<u8>>,
}

impl fmt::Debug for Fold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fold")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

struct FoldOf<A>(std::marker::PhantomData<A>);

impl<A: Aggregate> FoldOf<A> {
    const FOLD: Fold = Fold {
        version: A::FOLD_VERSION,
        initial: || Arc::new(A::State::default()),
        apply: |state, type_name, payload| {
            let event = A::decode(type_name, payload)?;
            Ok(Arc::new(<A as Decider>::evolve(owned::<A>(state), &event)))
        },
        restore: |snapshot| Ok(Arc::new(A::restore(snapshot)?)),
        snapshot: |state| state.downcast_ref::<A::State>().and_then(A::snapshot),
    };
}

/// The functions of `A`.
pub(crate) fn fold_of<A: Aggregate>() -> &'static Fold {
    &FoldOf::<A>::FOLD
}

/// Takes the state out, or copies it when somebody else holds it too.
///
/// A state of another type cannot occur: a cached state's type is checked where it is looked up, and every other state
/// was made by the same [`Fold`]. It would be read as an empty stream, and the append would be refused by its version.
pub(crate) fn owned<A: Aggregate>(state: AnyState) -> A::State {
    state
        .downcast::<A::State>()
        .map(Arc::unwrap_or_clone)
        .unwrap_or_default()
}
