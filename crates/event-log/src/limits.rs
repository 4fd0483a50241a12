//! What can be stored: the same on both databases, and nothing that a broker could not carry.

use prost::Message as _;

use crate::{command::Command, unit::Pending};

/// Most bytes of a command id.
pub const MAX_COMMAND_ID: usize = 200;
/// Most bytes of a stream's id.
pub const MAX_STREAM_ID: usize = 200;
/// Most events of one command.
pub const MAX_EVENTS_PER_COMMAND: usize = 10_000;
/// Most bytes of one event's payload: half of what a broker takes by default, headers being extra.
pub const MAX_PAYLOAD: usize = 512 << 10;
/// Most bytes of all payloads of one command.
pub const MAX_BYTES_PER_COMMAND: usize = 16 << 20;
/// Most bytes of an event's encoded metadata: it travels in a message's headers.
pub const MAX_METADATA: usize = 8 << 10;

/// Whether a command can be queued for one of `partitions`.
pub(crate) fn check_command(command: &Command, partitions: u32) -> Result<(), String> {
    if command.partition >= partitions {
        let partition = command.partition;
        return Err(format!(
            "partition {partition} of {partitions}, counted from 0"
        ));
    }
    if let Some(id) = &command.command_id
        && (id.is_empty() || id.len() > MAX_COMMAND_ID || id.contains('\0'))
    {
        return Err(format!(
            "a command id has 1 to {MAX_COMMAND_ID} bytes, none of them zero; this one is {id:?}"
        ));
    }
    let size = command.metadata.encoded_len();
    if size > MAX_METADATA {
        return Err(format!("metadata of {size} bytes; at most {MAX_METADATA}"));
    }
    Ok(())
}

/// Whether a stream may have this id: 1 to [`MAX_STREAM_ID`] bytes, and not the zero byte, which Postgres cannot store.
pub(crate) fn check_stream_id(id: &str) -> Result<(), String> {
    if id.is_empty() || id.len() > MAX_STREAM_ID || id.contains('\0') {
        return Err(format!(
            "a stream id has 1 to {MAX_STREAM_ID} bytes, none of them zero; this one is {id:?}"
        ));
    }
    Ok(())
}

/// Whether a command's events can be stored.
pub(crate) fn check_events(events: &[Pending]) -> Result<(), String> {
    if events.len() > MAX_EVENTS_PER_COMMAND {
        return Err(format!(
            "{} events; at most {MAX_EVENTS_PER_COMMAND}",
            events.len()
        ));
    }
    let mut bytes = 0;
    for pending in events {
        let size = pending.event.payload.len();
        bytes += size;
        if size > MAX_PAYLOAD {
            let name = pending.event.type_name;
            return Err(format!("a {name} of {size} bytes; at most {MAX_PAYLOAD}"));
        }
    }
    if bytes > MAX_BYTES_PER_COMMAND {
        return Err(format!(
            "events of {bytes} bytes; at most {MAX_BYTES_PER_COMMAND}"
        ));
    }
    Ok(())
}
