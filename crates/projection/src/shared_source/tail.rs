//! The last events of a partition in memory.

use std::collections::VecDeque;

use ordo_event_log::{Cursor, EventHash, RecordedEvent};

use crate::feeds::cursor_at;

/// Most events that stay.
const EVENTS: usize = 4096;
/// Most bytes of payload that stay.
const BYTES: usize = 4 << 20;

/// Contiguous events after a known place; nothing at first.
#[derive(Default)]
pub(super) struct Tail {
    /// Before the first of `events`.
    base: Option<Cursor>,
    events: VecDeque<RecordedEvent>,
    bytes: usize,
}

impl Tail {
    /// Begins after `base`.
    pub fn at(base: Cursor) -> Self {
        Self {
            base: Some(base),
            ..Self::default()
        }
    }

    /// Up to `max` events after `cursor`; `None` when these events do not continue what was read up to there.
    pub fn after(&self, cursor: &Cursor, max: usize) -> Option<Vec<RecordedEvent>> {
        let base = self.base?;
        let skip = usize::try_from(cursor.position.checked_sub(base.position)?).ok()?;
        let known = match skip.checked_sub(1) {
            None => base,
            Some(index) => cursor_at(self.events.get(index)?),
        };
        is_same(&known, cursor).then(|| self.events.range(skip..).take(max).cloned().collect())
    }

    /// Adds events. Whether they follow the ones before them.
    pub fn add(&mut self, events: Vec<RecordedEvent>) -> bool {
        for event in events {
            let last = self.events.back().map(|event| event.position);
            let end = last.or(self.base.map(|base| base.position));
            if end.is_none_or(|end| event.position != end + 1) {
                return false;
            }
            self.bytes += event.payload.len();
            self.events.push_back(event);
        }
        while self.events.len() > EVENTS || self.bytes > BYTES {
            let Some(oldest) = self.events.pop_front() else {
                break;
            };
            self.bytes -= oldest.payload.len();
            self.base = Some(cursor_at(&oldest));
        }
        true
    }
}

/// Whether two readers at this position have read the same, as far as either can tell.
fn is_same(a: &Cursor, b: &Cursor) -> bool {
    let unknown = EventHash::default();
    let epochs = a.epoch == b.epoch || a.epoch == 0 || b.epoch == 0;
    let hashes = a.hash == b.hash || a.hash == unknown || b.hash == unknown;
    epochs && hashes
}
