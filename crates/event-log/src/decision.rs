//! Deciding a batch in memory: command after command, each seeing what the ones before it decided.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use bytes::Bytes;

use crate::{
    aggregate::CodecError,
    cache::Memory,
    config::EventLogConfig,
    error::StoreError,
    event::TenantId,
    fold::StreamKey,
    job::{Queued, Step},
    limits::{check_events, check_stream_id},
    store::LoadFault,
    unit::{NotLoaded, Pending, Unit, Workspace},
};

/// Streams that one command may wait for one after another. More is a decision that never ends.
const LOADS_PER_COMMAND: u32 = 1000;

/// What a command of the batch came to; it holds once the batch is committed.
pub(crate) enum Outcome {
    /// Its events end at this place within the batch.
    Decided {
        events: usize,
        ends_at: usize,
        answer: Bytes,
    },
    Refused,
    /// The same command as an earlier one of the batch, by its index.
    Repeats(usize),
    Reused,
    Invalid(String),
    Codec(CodecError),
    Damaged(Arc<StoreError>),
}

/// A batch as far as it is decided.
#[derive(Default)]
pub(crate) struct Decisions {
    pub workspace: Workspace,
    /// Of the commands at the front of the queue, in their order.
    pub outcomes: Vec<Outcome>,
    pub events: Vec<Pending>,
    /// Streams of the workspace that nobody has looked for in the database.
    pub taken_for_new: HashSet<StreamKey>,
    /// Streams that cannot be folded.
    pub faults: HashMap<StreamKey, LoadFault>,
    ids: HashMap<(TenantId, String), (usize, [u8; 32])>,
    bytes: usize,
    /// How often the next command waited for a stream.
    loads: u32,
}

impl Decisions {
    /// Decides on from where it stopped. The streams that are needed to go on; none when the batch is complete.
    ///
    /// When a command needs a stream, those behind it are tried as well, without effect, only to learn what they need: so
    /// that one query loads it all.
    pub fn go_on(
        &mut self,
        jobs: &mut [Queued],
        memory: &Memory,
        limits: &EventLogConfig,
    ) -> Vec<NotLoaded> {
        let mut needed: Vec<NotLoaded> = Vec::new();
        for queued in &mut jobs[self.outcomes.len()..] {
            if needed.is_empty() {
                if self.is_full(limits) {
                    break;
                }
                match self.decide(queued, memory) {
                    Ok(outcome) => {
                        self.outcomes.push(outcome);
                        self.loads = 0;
                    }
                    Err(stream) => needed.push(stream),
                }
            } else {
                let tenant = queued.job.command().tenant.clone();
                let mut unit = Unit::new(&tenant, memory, &mut self.workspace);
                let step = queued.job.decide(&mut unit);
                unit.undo();
                if let Step::Load(stream) = step {
                    needed.push(stream);
                }
            }
        }
        if !needed.is_empty() {
            self.loads += 1;
        }
        let mut asked = HashSet::new();
        needed.retain(|stream| {
            check_stream_id(&stream.key.id).is_ok()
                && !self.faults.contains_key(&stream.key)
                && asked.insert(stream.key.clone())
        });
        needed
    }

    fn is_full(&self, limits: &EventLogConfig) -> bool {
        self.events.len() >= limits.batch_events || self.bytes >= limits.batch_bytes
    }

    fn decide(&mut self, queued: &mut Queued, memory: &Memory) -> Result<Outcome, NotLoaded> {
        let index = self.outcomes.len();
        let command = queued.job.command();
        let tenant = command.tenant.clone();
        let id = command.command_id.clone().map(|id| (tenant.clone(), id));
        let fingerprint = command.fingerprint;
        if let Some(&(first, seen)) = id.as_ref().and_then(|id| self.ids.get(id)) {
            return Ok(if seen == fingerprint {
                Outcome::Repeats(first)
            } else {
                Outcome::Reused
            });
        }
        let mut unit = Unit::new(&tenant, memory, &mut self.workspace);
        let step = queued.job.decide(&mut unit);
        let answer = match step {
            Step::Answered(answer) => answer,
            Step::Refused | Step::Panicked => {
                unit.undo();
                return Ok(Outcome::Refused);
            }
            Step::Load(stream) => {
                unit.undo();
                return match self.why_not(&stream) {
                    Some(outcome) => Ok(outcome),
                    None => Err(stream),
                };
            }
        };
        if let Err(detail) = check_events(unit.pending()) {
            unit.undo();
            return Ok(Outcome::Invalid(detail));
        }
        let mut pending = unit.keep();
        if let Some(id) = id {
            self.ids.insert(id, (index, fingerprint));
        }
        self.bytes += pending
            .iter()
            .map(|event| event.event.payload.len())
            .sum::<usize>();
        let events = pending.len();
        self.events.append(&mut pending);
        Ok(Outcome::Decided {
            events,
            ends_at: self.events.len(),
            answer,
        })
    }

    /// Why a stream will never be loaded.
    fn why_not(&self, stream: &NotLoaded) -> Option<Outcome> {
        if let Err(detail) = check_stream_id(&stream.key.id) {
            return Some(Outcome::Invalid(detail));
        }
        match self.faults.get(&stream.key) {
            Some(LoadFault::Codec(error)) => return Some(Outcome::Codec(error.clone())),
            Some(LoadFault::Elsewhere(partition)) => {
                let detail = format!("{} lives in partition {partition}", stream.key);
                return Some(Outcome::Invalid(detail));
            }
            Some(LoadFault::Damaged(error)) => return Some(Outcome::Damaged(error.clone())),
            None => {}
        }
        (self.loads >= LOADS_PER_COMMAND).then(|| {
            Outcome::Invalid(format!(
                "the decision still asks for streams after {LOADS_PER_COMMAND} were loaded, now for {}",
                stream.key
            ))
        })
    }
}
