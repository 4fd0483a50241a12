//! How a decider's events are stored.

use bytes::Bytes;
use ordo_decider::Decider;

/// A decider whose events live in streams of the log.
pub trait Aggregate:
    Decider<State: Clone + Send + Sync + 'static, Event: Send + Sync + 'static> + 'static
{
    /// Kind of stream, for example `order`.
    const NAME: &'static str;

    /// Raised when `evolve` or the snapshot's form changes: older snapshots are then ignored.
    const FOLD_VERSION: u32 = 1;

    /// The event as protobuf bytes under its full type name.
    fn encode(event: &Self::Event) -> EncodedEvent;

    /// The event that the bytes hold; retired shapes are lifted to the present one.
    fn decode(type_name: &str, payload: &[u8]) -> Result<Self::Event, CodecError>;

    /// Bytes from which [`restore`](Aggregate::restore) makes the state again. `None`: this aggregate's streams are short
    /// and always folded from their first event.
    fn snapshot(_state: &Self::State) -> Option<Vec<u8>> {
        None
    }

    /// The state that [`snapshot`](Aggregate::snapshot) wrote with the same [`FOLD_VERSION`](Aggregate::FOLD_VERSION).
    fn restore(_snapshot: &[u8]) -> Result<Self::State, CodecError> {
        Err(CodecError::UnknownType(format!("{} snapshot", Self::NAME)))
    }
}

/// Bytes to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedEvent {
    /// Full protobuf name.
    pub type_name: &'static str,
    /// Protobuf bytes.
    pub payload: Bytes,
}

/// Stored bytes that this version of the code cannot read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CodecError {
    /// Written by a newer version, or foreign.
    #[error("unknown event type `{0}`")]
    UnknownType(String),
    /// Damaged.
    #[error("the bytes are not a valid `{type_name}`")]
    Decode {
        /// Expected message.
        type_name: String,
        /// What the decoder says.
        source: prost::DecodeError,
    },
}

/// Declares an aggregate's events as an enum over their protobuf messages, with the codec: `encode_event` is exhaustive,
/// `decode_event` refuses foreign types.
///
/// ```
/// ordo_event_log::events! {
///     /// What happens to a site.
///     pub enum SiteEvent {
///         Put(ordo_proto::inventory::SitePut),
///     }
/// }
/// let event = SiteEvent::from(ordo_proto::inventory::SitePut::default());
/// let encoded = event.encode_event();
/// assert_eq!(encoded.type_name, "ordo.inventory.v1.SitePut");
/// assert_eq!(SiteEvent::decode_event(encoded.type_name, &encoded.payload).unwrap(), event);
/// ```
#[macro_export]
macro_rules! events {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$doc:meta])* $variant:ident($message:ty)),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        $vis enum $name {
            $($(#[$doc])* #[allow(missing_docs)] $variant($message)),+
        }

        impl $name {
            /// Full type names of all variants.
            pub fn type_names() -> &'static [&'static str] {
                static NAMES: std::sync::LazyLock<Vec<&'static str>> = std::sync::LazyLock::new(|| {
                    vec![$(&*String::leak($crate::__private::full_name::<$message>())),+]
                });
                &NAMES
            }

            /// The event as bytes under its full type name.
            pub fn encode_event(&self) -> $crate::EncodedEvent {
                match self {
                    $(Self::$variant(message) => $crate::__private::encode(message)),+
                }
            }

            /// The event that `payload` holds.
            pub fn decode_event(type_name: &str, payload: &[u8]) -> Result<Self, $crate::CodecError> {
                $(if $crate::__private::is::<$message>(type_name) {
                    return $crate::__private::decode::<$message>(payload).map(Self::$variant);
                })+
                Err($crate::CodecError::UnknownType(type_name.to_owned()))
            }
        }

        $(impl From<$message> for $name {
            fn from(message: $message) -> Self {
                Self::$variant(message)
            }
        })+
    };
}

/// For [`events!`] only.
#[doc(hidden)]
pub mod __private {
    use std::{any::TypeId, cell::RefCell, collections::HashMap};

    use super::{CodecError, EncodedEvent};

    pub fn full_name<M: prost::Name>() -> String {
        M::full_name()
    }

    pub fn is<M: prost::Name>(type_name: &str) -> bool {
        type_name
            .strip_prefix(M::PACKAGE)
            .and_then(|rest| rest.strip_prefix('.'))
            .is_some_and(|rest| rest == M::NAME)
    }

    /// The name as a static string, made once per type and thread.
    fn static_name<M: prost::Name + 'static>() -> &'static str {
        thread_local! {
            static NAMES: RefCell<HashMap<TypeId, &'static str>> = RefCell::default();
        }
        NAMES.with_borrow_mut(|names| {
            *names
                .entry(TypeId::of::<M>())
                .or_insert_with(|| &*String::leak(M::full_name()))
        })
    }

    pub fn encode<M: prost::Message + prost::Name + 'static>(message: &M) -> EncodedEvent {
        EncodedEvent {
            type_name: static_name::<M>(),
            payload: message.encode_to_vec().into(),
        }
    }

    pub fn decode<M: prost::Message + prost::Name + Default>(
        payload: &[u8],
    ) -> Result<M, CodecError> {
        M::decode(payload).map_err(|source| CodecError::Decode {
            type_name: M::full_name(),
            source,
        })
    }
}
