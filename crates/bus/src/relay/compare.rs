//! Comparing the copy with the log, and starting it over where it is wrong.

use std::fmt;

use ordo_crash_point::{CrashPoint, reach};
use ordo_event_log::{RecordedEvent, Timestamp};
use rand::RngExt as _;

use super::partition::{PartitionRelay, RelayError};
use crate::{stream::StreamState, verify::difference};

/// Dropping old messages until a new one fits leaves no more room than the largest message needs; by default the broker
/// takes none above 1 MiB.
const LARGEST_MESSAGE: u64 = 2 << 20;

/// What makes a stream useless: it must be filled anew.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is gone, or there is nothing in it, though it had events: the broker lost its disk, or somebody deleted it.
    Missing,
    /// It has messages that the log has not: the log was restored to an earlier state.
    Ahead { stream: u64, log: u64 },
    /// Messages are missing between its first and its last.
    Hole { missing: u64 },
    /// Its oldest messages are gone, though neither their age nor the stream's size is a reason.
    Dropped { first: u64 },
    /// A message is not the log's event at that position.
    Differs { position: u64, detail: String },
    /// It takes nothing any more.
    Refuses,
}

impl Fault {
    fn label(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Ahead { .. } => "ahead",
            Self::Hole { .. } => "hole",
            Self::Dropped { .. } => "dropped",
            Self::Differs { .. } => "differs",
            Self::Refuses => "refuses",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(f, "the stream has lost everything that it had"),
            Self::Ahead { stream, log } => {
                write!(f, "the stream ends at {stream}, the log at {log}")
            }
            Self::Hole { missing } => write!(f, "{missing} messages are missing in the middle"),
            Self::Dropped { first } => {
                write!(
                    f,
                    "the stream begins at {first}, and no limit is the reason"
                )
            }
            Self::Differs { position, detail } => {
                write!(
                    f,
                    "the message at {position} is not the log's event: {detail}"
                )
            }
            Self::Refuses => write!(
                f,
                "the stream takes nothing any more, as after a disk that was full"
            ),
        }
    }
}

impl PartitionRelay {
    /// Makes sure that there is a stream and that what it holds is a prefix of the log. Returns the stream's end.
    pub(super) async fn settle(&mut self, samples: usize) -> Result<u64, RelayError> {
        let state = match self.stream.adjust().await? {
            Some(state) => match self.fault(&state, samples).await? {
                None => state,
                Some(Fault::Missing) => {
                    self.lost_everything();
                    state
                }
                Some(fault) => self.start_over(&state, &fault).await?,
            },
            None => {
                tracing::info!(stream = %self.stream.name, "creating the stream");
                let state = self.stream.create().await?;
                // Counted once the broker has taken the new one: until then it is tried again and again.
                if self.found > 0 || self.has_relayed() {
                    self.lost_everything();
                }
                state
            }
        };
        self.restore_durables().await;
        self.advanced(state.last);
        Ok(state.last)
    }

    /// Sequence equals position only in a stream that was filled from the first event, without a hole: so the whole
    /// stream goes.
    async fn start_over(
        &mut self,
        state: &StreamState,
        fault: &Fault,
    ) -> Result<StreamState, RelayError> {
        tracing::error!(
            stream = %self.stream.name, %fault,
            "the broker's copy is wrong; deleting the stream and filling it from the log"
        );
        self.note_durables(state).await?;
        self.stream.delete(state.created).await?;
        reach(CrashPoint::RelayStreamDeleted);
        self.note(fault);
        if *fault == Fault::Refuses {
            self.refusals.start_over();
        }
        let state = self.stream.create().await?;
        reach(CrashPoint::RelayStreamCreated);
        Ok(state)
    }

    /// There is a stream again, and nothing in it. Its durable consumers are gone with it: nobody knows them.
    fn lost_everything(&self) {
        tracing::error!(
            stream = %self.stream.name,
            "the broker lost the stream, with the durable consumers of others; filling it from the log"
        );
        self.note(&Fault::Missing);
    }

    fn note(&self, fault: &Fault) {
        metrics::counter!("ordo_relay_rebuilds_total",
            "service" => self.stream.service.clone(),
            "partition" => self.stream.partition.to_string(),
            "reason" => fault.label())
        .increment(1);
        self.status.send_modify(|status| {
            status.rebuilds += 1;
            status.last_fault = Some(fault.to_string());
        });
    }

    /// This relay has seen events in the stream since the partition became this replica's.
    fn has_relayed(&self) -> bool {
        self.status.borrow().relayed.is_some_and(|last| last > 0)
    }

    /// What is wrong with the stream, if anything is. Looks at the whole by its numbers, and at the first, the last and
    /// `samples` other messages.
    async fn fault(
        &self,
        state: &StreamState,
        samples: usize,
    ) -> Result<Option<Fault>, RelayError> {
        // Of several copies the broker takes another one itself.
        if self.refusals.are_too_many() && self.stream.bus.config().replicas == 1 {
            return Ok(Some(Fault::Refuses));
        }
        // Read after the stream's state: events are in the log before they are in the stream.
        let head = self.log.read_head(self.stream.partition).await?;
        if state.last == 0 && self.has_relayed() {
            return Ok(Some(Fault::Missing));
        }
        if state.last > head.position {
            return Ok(Some(Fault::Ahead {
                stream: state.last,
                log: head.position,
            }));
        }
        if state.holes() > 0 {
            return Ok(Some(Fault::Hole {
                missing: state.holes(),
            }));
        }
        if state.first > 1 && !self.dropped_by_limits(state).await? {
            return Ok(Some(Fault::Dropped { first: state.first }));
        }
        for position in positions(state, samples) {
            if let Some(fault) = self.fault_at(state, position).await? {
                return Ok(Some(fault));
            }
        }
        Ok(None)
    }

    async fn fault_at(
        &self,
        state: &StreamState,
        position: u64,
    ) -> Result<Option<Fault>, RelayError> {
        let Some(event) = self.event(position).await? else {
            return Err(RelayError::LogGap(position));
        };
        if let Some(message) = self.stream.message(position).await? {
            return Ok(difference(&self.stream, &message, &event)
                .map(|detail| Fault::Differs { position, detail }));
        }
        let now = self.stream.state().await?;
        let missing = now.is_some_and(|now| lost(position, state, &now));
        Ok(missing.then_some(Fault::Hole { missing: 1 }))
    }

    /// Whether age or size explain that the stream's first messages are gone.
    async fn dropped_by_limits(&self, state: &StreamState) -> Result<bool, RelayError> {
        let limits = self.stream.bus.config().limits;
        let full =
            limits.max_bytes > 0 && state.bytes.saturating_add(LARGEST_MESSAGE) >= limits.max_bytes;
        if full || limits.max_age.is_zero() {
            return Ok(full);
        }
        let Some(newest_dropped) = self.event(state.first - 1).await? else {
            return Err(RelayError::LogGap(state.first - 1));
        };
        // It was published after it was recorded, and dropped when it had been there for `max_age`.
        let age = Timestamp::now().0.saturating_sub(newest_dropped.time.0);
        Ok(i128::from(age) >= limits.max_age.as_micros().cast_signed())
    }

    pub(super) async fn event(&self, position: u64) -> Result<Option<RecordedEvent>, RelayError> {
        let after = position.saturating_sub(1);
        let events = self.log.read(self.stream.partition, after, 1).await?;
        Ok(events.into_iter().find(|event| event.position == position))
    }
}

/// Whether a message that the stream had by its state `then`, and that it does not give, is missing by its state `now`:
/// it may have been dropped by age meanwhile, or the broker may have come back without its tail, or another relay may be
/// starting the stream over.
fn lost(position: u64, then: &StreamState, now: &StreamState) -> bool {
    now.created == then.created && (now.first..=now.last).contains(&position)
}

/// The last position, the first, and some between.
fn positions(state: &StreamState, samples: usize) -> Vec<u64> {
    if state.messages == 0 {
        return Vec::new();
    }
    let mut random = rand::rng();
    let mut positions: Vec<u64> = (0..samples)
        .map(|_| random.random_range(state.first..=state.last))
        .chain([state.first, state.last])
        .collect();
    // From the end, where differences are likeliest.
    positions.sort_unstable_by(|one, other| other.cmp(one));
    positions.dedup();
    positions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holding(created: i128, first: u64, last: u64) -> StreamState {
        StreamState {
            created,
            first,
            last,
            messages: last + 1 - first,
            bytes: 0,
        }
    }

    #[test]
    fn a_message_is_lost_only_while_the_same_stream_should_have_it() {
        let then = holding(1, 1, 100);
        assert!(lost(50, &then, &holding(1, 1, 100)));
        assert!(lost(50, &then, &holding(1, 50, 200)));
        assert!(!lost(50, &then, &holding(1, 51, 100)), "dropped by age");
        assert!(!lost(50, &then, &holding(1, 1, 40)), "the tail is gone");
        assert!(!lost(50, &then, &holding(2, 1, 60)), "another stream");
    }

    #[test]
    fn the_first_and_the_last_message_are_always_looked_at() {
        assert_eq!(positions(&holding(1, 5, 9), 0), [9, 5]);
        assert_eq!(positions(&holding(1, 7, 7), 16), [7]);
        assert!(positions(&holding(1, 1, 0), 16).is_empty());
        let sampled = positions(&holding(1, 5, 1000), 16);
        assert!(sampled.first() == Some(&1000) && sampled.last() == Some(&5));
    }
}
