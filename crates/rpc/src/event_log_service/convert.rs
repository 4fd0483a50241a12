//! Between the ends of logs and their form on the wire.

use ordo_event_log::{EventHash, Head};
use ordo_proto::log::PartitionHead;

pub(crate) fn head_to_proto(partition: u32, head: Head) -> PartitionHead {
    PartitionHead {
        partition,
        epoch: head.epoch,
        position: head.position,
        hash: head.hash.0.to_vec().into(),
    }
}

/// `None` when the hash is not 32 bytes.
pub(crate) fn head_from_proto(head: &PartitionHead) -> Option<Head> {
    Some(Head {
        epoch: head.epoch,
        position: head.position,
        hash: EventHash(head.hash.as_ref().try_into().ok()?),
    })
}
