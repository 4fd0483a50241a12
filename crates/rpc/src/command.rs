//! From a request to a command, and from a receipt to an answer.

use ordo_event_log::{Command, MAX_COMMAND_ID, Receipt};
use ordo_proto::{
    log::EventMetadata,
    types::{self, CommandHeader, ConsistencyToken, LogPosition},
};
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

/// Tells a repetition of a command from another command under the same id: SHA-256 of the message's bytes, which are the
/// same for equal messages. A message that holds personal data must not be hashed like this; `Vault::fingerprint` keys
/// the hash.
pub fn fingerprint(message: &impl prost::Message) -> [u8; 32] {
    Sha256::digest(message.encode_to_vec()).into()
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
