//! The aggregate that is appended to, and commands for it.

use bytes::Bytes;
use ordo_decider::Decider;
use ordo_event_log::{Aggregate, CodecError, Command, EncodedEvent, TenantId};
use ordo_proto::{log::EventMetadata, types::Actor};

/// Full name of the events' type.
pub(crate) const TYPE_NAME: &str = "ordo.bench.v1.Noted";
/// Everything here belongs to this tenant.
pub(crate) const TENANT: &str = "bench";

/// Counts its notes. One command, one event; the decision itself costs next to nothing, so that the log is what is measured.
#[derive(Debug)]
pub(crate) struct Notebook;

impl Decider for Notebook {
    type State = u64;
    type Command = Bytes;
    type Event = Bytes;
    type Error = std::convert::Infallible;

    fn decide(_: &u64, note: Bytes) -> Result<Vec<Bytes>, Self::Error> {
        Ok(vec![note])
    }

    fn evolve(notes: u64, _: &Bytes) -> u64 {
        notes + 1
    }
}

impl Aggregate for Notebook {
    const NAME: &'static str = "notebook";

    fn encode(note: &Bytes) -> EncodedEvent {
        EncodedEvent {
            type_name: TYPE_NAME,
            payload: note.clone(),
        }
    }

    fn decode(type_name: &str, payload: &[u8]) -> Result<Bytes, CodecError> {
        if type_name == TYPE_NAME {
            Ok(Bytes::copy_from_slice(payload))
        } else {
            Err(CodecError::UnknownType(type_name.to_owned()))
        }
    }

    fn snapshot(notes: &u64) -> Option<Vec<u8>> {
        Some(notes.to_be_bytes().to_vec())
    }

    fn restore(snapshot: &[u8]) -> Result<u64, CodecError> {
        snapshot
            .try_into()
            .map(u64::from_be_bytes)
            .map_err(|_| CodecError::UnknownType("notebook snapshot".to_owned()))
    }
}

/// The tenant.
pub(crate) fn tenant() -> TenantId {
    // The name is a valid one; the log would refuse any other.
    TenantId::new(TENANT).unwrap_or_else(|| unreachable!("{TENANT} is a tenant's name"))
}

/// Bytes that do not compress to nothing: half of them random.
pub(crate) fn note(bytes: usize) -> Bytes {
    (0..bytes)
        .map(|index| {
            if index.is_multiple_of(2) {
                b'x'
            } else {
                rand::random()
            }
        })
        .collect()
}

/// Metadata as a service writes it.
pub(crate) fn metadata() -> EventMetadata {
    EventMetadata {
        actor: Some(Actor {
            kind: 1,
            id: "till-17".to_owned(),
        }),
        correlation_id: uuid::Uuid::now_v7().to_string(),
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned(),
        ..EventMetadata::default()
    }
}

/// A command with an id of its own and a fingerprint: all that the log checks is there to be checked.
pub(crate) fn command(tenant: &TenantId, partition: u32) -> Command {
    Command::new(tenant.clone(), partition)
        .id(format!("note:{}", uuid::Uuid::now_v7().simple()))
        .fingerprint([7; 32])
        .metadata(metadata())
}
