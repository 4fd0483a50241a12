//! From a request to a command, and from a receipt to an answer.

use ordo_event_log::{Command, MAX_COMMAND_ID, Receipt};
use ordo_proto::{
    log::EventMetadata,
    types::{self, CommandHeader, ConsistencyToken, LogPosition},
};
use prost::{Message, Name};
use sha2::{Digest as _, Sha256};
use tonic::{Request, Status};

use crate::{
    identity::{identity, tenant},
    trace::{CallContext, traceparent_or},
    violations::Violations,
};

/// Longest `header.reason`, in characters.
const MAX_REASON: usize = 500;

/// The command that `request` asks for, in `partition` of the caller's tenant: with its id, the caller as actor, the trace
/// and what it follows from. The decision, the fingerprint ([`fingerprint`]) and streams to prefetch are the handler's.
pub fn command<T>(
    request: &Request<T>,
    header: Option<&CommandHeader>,
    partition: u32,
) -> Result<Command, Status> {
    let tenant = tenant(request)?;
    let (command_id, reason) =
        header.map_or(("", ""), |header| (&header.command_id, &header.reason));
    let mut violations = Violations::new();
    violations.require(
        command_id.len() <= MAX_COMMAND_ID,
        "header.command_id",
        "must be at most 200 bytes",
    );
    violations.require(
        reason.chars().count() <= MAX_REASON,
        "header.reason",
        "must be at most 500 characters",
    );
    violations.finish()?;
    let command = Command::new(tenant, partition).metadata(metadata(request, reason)?);
    Ok(match command_id {
        "" => command,
        id => command.id(id),
    })
}

fn metadata<T>(request: &Request<T>, reason: &str) -> Result<EventMetadata, Status> {
    let mut metadata = EventMetadata {
        actor: Some(identity(request)?.actor()),
        reason: reason.to_owned(),
        ..EventMetadata::default()
    };
    if let Some(context) = request.extensions().get::<CallContext>() {
        metadata.causation_id.clone_from(&context.causation_id);
        metadata.correlation_id.clone_from(&context.correlation_id);
        metadata.traceparent = traceparent_or(&context.traceparent);
    }
    Ok(metadata)
}

/// Tells a repetition of a command from another command under the same id: SHA-256 of [`content`]. A message that holds
/// personal data must not be hashed like this; `Vault::fingerprint` keys the hash.
pub fn fingerprint<T: Message + Name>(message: &T) -> [u8; 32] {
    Sha256::digest(content(message)).into()
}

/// A message's type, so that two methods never take each other's command for a repetition, and its bytes, which are the same
/// for equal messages.
pub fn content<T: Message + Name>(message: &T) -> Vec<u8> {
    let named = prost_types::Any {
        type_url: T::type_url(),
        value: message.encode_to_vec(),
    };
    named.encode_to_vec()
}

/// The receipt of a command in `service`'s log, as answered to the caller.
pub fn receipt<T>(service: &str, receipt: &Receipt<T>) -> types::Receipt {
    types::Receipt {
        token: Some(ConsistencyToken {
            positions: vec![LogPosition {
                service: service.to_owned(),
                partition: receipt.partition,
                position: receipt.position,
                epoch: receipt.epoch,
            }],
        }),
        duplicate: receipt.duplicate,
    }
}

#[cfg(test)]
mod tests {
    use ordo_proto::{
        fulfilment::{PackRequest, StartPickingRequest},
        types::CommandHeader,
    };

    use super::*;

    #[test]
    fn equal_bytes_of_two_methods_are_two_commands() {
        let header = Some(CommandHeader {
            command_id: "c-1".to_owned(),
            reason: String::new(),
        });
        let pack = PackRequest {
            header: header.clone(),
            fulfilment_order_id: "o-F1".to_owned(),
            ..PackRequest::default()
        };
        let start = StartPickingRequest {
            header,
            fulfilment_order_id: "o-F1".to_owned(),
            ..StartPickingRequest::default()
        };
        assert_eq!(pack.encode_to_vec(), start.encode_to_vec());
        assert_ne!(fingerprint(&pack), fingerprint(&start));
        assert_eq!(fingerprint(&pack), fingerprint(&pack.clone()));
    }
}
