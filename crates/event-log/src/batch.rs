//! From decisions to what is written.

use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;
use prost::Message as _;
use uuid::Uuid;

use crate::{
    decision::{Decisions, Outcome},
    event::{Head, RecordedEvent, Timestamp},
    fold::StreamKey,
    hash::hash_event,
    job::Queued,
    store::{CommandRecord, Commit, Snapshot, Tip},
    unit::{Folded, Pending, Workspace},
};

/// A decided batch, ready to be committed.
pub(crate) struct Batch {
    /// Of the commands at the front of the queue.
    pub outcomes: Vec<Outcome>,
    pub commit: Commit,
    /// Streams with new events, as they are after the commit.
    pub changed: Vec<(StreamKey, Folded)>,
    /// All streams that any decision saw.
    pub looked_at: Vec<StreamKey>,
}

impl Batch {
    /// Whether an outcome may change when a state does.
    pub fn depends_on_states(&self) -> bool {
        self.outcomes
            .iter()
            .any(|outcome| matches!(outcome, Outcome::Decided { .. } | Outcome::Refused))
    }
}

/// Numbers, times and chains the events that were decided after `tip`.
pub(crate) fn build(
    partition: u32,
    tip: &Tip,
    jobs: &[Queued],
    decisions: Decisions,
    snapshot_every: u64,
) -> Batch {
    let Decisions {
        mut workspace,
        outcomes,
        events: pending,
        ..
    } = decisions;
    // The clock may go back; the log's time does not.
    let time = Timestamp::now().max(tip.time);
    let mut chain = Chain {
        partition,
        head: tip.head,
        time,
        events: Vec::with_capacity(pending.len()),
        metadata: Vec::with_capacity(pending.len()),
    };
    let mut changed_keys = HashSet::new();
    let mut commands = Vec::new();
    let mut pending = pending.into_iter();
    for (queued, outcome) in jobs.iter().zip(&outcomes) {
        let Outcome::Decided {
            events,
            ends_at,
            answer,
        } = outcome
        else {
            continue;
        };
        let command = queued.job.command();
        let encoded: Bytes = command.metadata.encode_to_vec().into();
        for event in pending.by_ref().take(*events) {
            changed_keys.insert(event.key.clone());
            chain.add(event, &command.metadata, &encoded);
        }
        if let Some(command_id) = &command.command_id {
            let place = tip.place(partition, *ends_at);
            commands.push(CommandRecord {
                tenant: command.tenant.clone(),
                command_id: command_id.clone(),
                fingerprint: command.fingerprint,
                partition,
                epoch: place.epoch,
                position: place.position,
                events: *events as u64,
                time,
                answer: answer.clone(),
            });
        }
    }
    // In one order in all partitions, so that two that use the same ids cannot wait for each other.
    commands.sort_by(|a, b| (&a.tenant, &a.command_id).cmp(&(&b.tenant, &b.command_id)));
    let (changed, snapshots) = changed_streams(changed_keys, &mut workspace, snapshot_every);
    let to = Tip {
        head: chain.head,
        time: if chain.events.is_empty() {
            tip.time
        } else {
            time
        },
    };
    Batch {
        outcomes,
        commit: Commit {
            partition,
            from: *tip,
            to,
            events: chain.events,
            metadata: chain.metadata,
            commands,
            snapshots,
        },
        changed,
        looked_at: workspace.streams.into_keys().collect(),
    }
}

/// The streams that the batch changed, and snapshots of those that are due.
fn changed_streams(
    keys: HashSet<StreamKey>,
    workspace: &mut Workspace,
    snapshot_every: u64,
) -> (Vec<(StreamKey, Folded)>, Vec<Snapshot>) {
    let mut changed = Vec::with_capacity(keys.len());
    let mut snapshots = Vec::new();
    for key in keys {
        let Some(folded) = workspace.streams.get_mut(&key) else {
            continue;
        };
        if folded.version - folded.snapshot >= snapshot_every
            && let Some(state) = (folded.fold.snapshot)(&folded.state)
        {
            folded.snapshot = folded.version;
            snapshots.push(Snapshot {
                key: key.clone(),
                fold_version: folded.fold.version,
                version: folded.version,
                state,
            });
        }
        changed.push((key, folded.clone()));
    }
    (changed, snapshots)
}

/// Events in their order, each chained to the one before it.
struct Chain {
    partition: u32,
    head: Head,
    time: Timestamp,
    events: Vec<RecordedEvent>,
    metadata: Vec<Bytes>,
}

impl Chain {
    fn add(
        &mut self,
        pending: Pending,
        metadata: &ordo_proto::log::EventMetadata,
        encoded: &Bytes,
    ) {
        let mut event = RecordedEvent {
            partition: self.partition,
            position: self.head.position + 1,
            epoch: self.head.epoch,
            stream: pending.key.stream(),
            tenant: pending.key.tenant,
            stream_version: pending.version,
            event_id: Uuid::now_v7(),
            type_name: Arc::from(pending.event.type_name),
            time: self.time,
            payload: pending.event.payload,
            metadata: metadata.clone(),
            hash: Default::default(),
        };
        event.hash = hash_event(&self.head.hash, &event);
        self.head.position = event.position;
        self.head.hash = event.hash;
        self.events.push(event);
        self.metadata.push(encoded.clone());
    }
}
