//! What the reactor's tables hold, as values.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use ordo_event_log::RecordedEvent;
use ordo_proto::log::EventMetadata;
use ordo_sql::{Row, SqlError, Value, params};

use super::body;
use crate::{cursors::Place, reaction::TimerChange};

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    pub seq: i64,
    pub entity: String,
    pub tenant: String,
    pub what: What,
    pub attempts: u32,
    pub failures: u32,
    /// 0 until a try has failed.
    pub since: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// An event as it was read from its log.
    Event {
        place: Place,
        event: Arc<RecordedEvent>,
    },
    /// An event as the inbox holds it.
    StoredEvent {
        place: Place,
        position: u64,
        event_id: String,
        type_name: String,
        body: Vec<u8>,
    },
    Timer {
        key: String,
        due: i64,
        payload: Vec<u8>,
        cause: Vec<u8>,
    },
}

impl What {
    /// The event's id or the timer's key.
    pub fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Event { event, .. } => event.event_id.to_string().into(),
            Self::StoredEvent { event_id, .. } => event_id.into(),
            Self::Timer { key, .. } => key.into(),
        }
    }

    /// The event's full type name; empty for a timer.
    pub fn type_name(&self) -> &str {
        match self {
            Self::Event { event, .. } => &event.type_name,
            Self::StoredEvent { type_name, .. } => type_name,
            Self::Timer { .. } => "",
        }
    }
}

/// An entity for which nothing is done until somebody asks for it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parked {
    pub entity: String,
    pub tenant: String,
    pub name: String,
    pub type_name: String,
    pub attempts: u32,
    pub error: String,
    pub parked_at: i64,
    /// Filled when read.
    pub waiting: u64,
}

/// A timer whose time has come.
#[derive(Clone, Debug)]
pub(super) struct DueTimer {
    pub entity: String,
    pub key: String,
    pub tenant: String,
    pub due: i64,
    pub payload: Vec<u8>,
    pub cause: Vec<u8>,
}

/// Something to do that the inbox does not hold yet.
pub(super) struct Unstored {
    pub item: Item,
    /// Whether it waits to be begun until the inbox holds it.
    pub held: bool,
}

/// Changes that are committed together. All of them may be made again without harm, because the answer to a commit may be
/// lost.
#[derive(Default)]
pub(super) struct Changes {
    pub checkpoints: Vec<(Place, ordo_event_log::Cursor)>,
    /// What was read behind the stored checkpoints and is not done, by `seq`. What is done before it was ever stored never is.
    pub inserts: BTreeMap<i64, Unstored>,
    pub done: Vec<i64>,
    pub attempts: Vec<Attempt>,
    pub timers: Vec<(TimerOwner, TimerChange)>,
    pub fired: Vec<DueTimer>,
    pub parked: Vec<Parked>,
    /// Whether something failed that the inbox does not hold yet.
    pub failed: bool,
}

pub(super) struct Attempt {
    pub seq: i64,
    pub attempts: u32,
    pub failures: u32,
    pub since: i64,
}

#[derive(Clone)]
pub(super) struct TimerOwner {
    pub entity: String,
    pub tenant: String,
    pub cause: EventMetadata,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.checkpoints.is_empty()
            && self.inserts.is_empty()
            && self.done.is_empty()
            && !self.is_urgent()
    }

    /// Whether somebody waits for them.
    pub fn is_urgent(&self) -> bool {
        self.holds()
            || self.failed
            || !(self.attempts.is_empty()
                && self.timers.is_empty()
                && self.fired.is_empty()
                && self.parked.is_empty())
    }

    /// Whether something is held. Then the last one is: nothing that comes after it is begun before it.
    pub fn holds(&self) -> bool {
        let last = self.inserts.last_key_value();
        last.is_some_and(|(_, unstored)| unstored.held)
    }

    /// Adds something to do.
    pub fn insert(&mut self, item: Item, held: bool) {
        self.inserts.insert(item.seq, Unstored { item, held });
    }

    /// Notes that `seq` is done. Gives whether the inbox holds it.
    pub fn finish(&mut self, seq: i64) -> bool {
        let stored = self.inserts.remove(&seq).is_none();
        if stored {
            self.done.push(seq);
        }
        stored
    }

    /// Notes how often `item` was tried.
    pub fn note_attempts(&mut self, item: &Item) {
        match self.inserts.get_mut(&item.seq) {
            Some(unstored) => {
                unstored.item = item.clone();
                self.failed = true;
            }
            None => self.attempts.push(Attempt {
                seq: item.seq,
                attempts: item.attempts,
                failures: item.failures,
                since: item.since,
            }),
        }
    }
}

pub(super) const INBOX_COLUMNS: &[&str] = &[
    "seq",
    "entity",
    "tenant",
    "kind",
    "service",
    "partition",
    "position",
    "name",
    "type",
    "body",
    "due",
    "cause",
    "attempts",
    "failures",
    "since",
];

/// Values of [`INBOX_COLUMNS`].
pub(super) fn inbox_row(item: &Item) -> Vec<Value> {
    let (kind, service, partition, position, body, due, cause) = match &item.what {
        What::Event { place, event } => (
            0_i64,
            &*place.0,
            place.1,
            event.position,
            body::encode(&place.0, event),
            0,
            Vec::new(),
        ),
        What::StoredEvent {
            place,
            position,
            body,
            ..
        } => (
            0,
            &*place.0,
            place.1,
            *position,
            body.clone(),
            0,
            Vec::new(),
        ),
        What::Timer {
            due,
            payload,
            cause,
            ..
        } => (1, "", 0, 0, payload.clone(), *due, cause.clone()),
    };
    params![
        item.seq,
        &item.entity,
        &item.tenant,
        kind,
        service,
        partition,
        position,
        &*item.what.name(),
        item.what.type_name(),
        body,
        due,
        cause,
        item.attempts,
        item.failures,
        item.since
    ]
    .into()
}

/// What a row with [`INBOX_COLUMNS`] says.
pub(super) fn item(row: &Row) -> Result<Item, SqlError> {
    let what = if row.i64("kind")? == 0 {
        What::StoredEvent {
            place: (row.text("service")?.into(), row.u32("partition")?),
            position: row.u64("position")?,
            event_id: row.text("name")?,
            type_name: row.text("type")?,
            body: row.bytes("body")?,
        }
    } else {
        What::Timer {
            key: row.text("name")?,
            due: row.i64("due")?,
            payload: row.bytes("body")?,
            cause: row.bytes("cause")?,
        }
    };
    Ok(Item {
        seq: row.i64("seq")?,
        entity: row.text("entity")?,
        tenant: row.text("tenant")?,
        what,
        attempts: row.u32("attempts")?,
        failures: row.u32("failures")?,
        since: row.i64("since")?,
    })
}
