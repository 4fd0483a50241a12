//! Who waits for units of a SKU, first come, first served.
//!
//! When units become available while somebody waits, the queue is *due*: it is served from its front, piece by piece. While
//! it is due, newcomers get only what is left over after everybody who waits, so that nobody is overtaken in the moment
//! between a delivery and its distribution. A reservation that cannot be served (it wants all or nothing, and something is
//! still missing) keeps its place and is passed over, so that nobody is blocked by it.

mod snapshot;
#[cfg(test)]
mod tests;

use std::convert::Infallible;

use ordo_decider::Decider;
use ordo_event_log::{Aggregate, CodecError, EncodedEvent};
use ordo_proto::inventory::{BackorderDue, BackorderLeft, BackorderQueued, BackorderServed};
use rpds::{HashTrieMapSync, RedBlackTreeMapSync};

use crate::ids::{ReservationId, SiteId, Sku};

ordo_event_log::events! {
    /// Movement in a queue.
    pub enum BackorderEvent {
        Queued(BackorderQueued),
        Left(BackorderLeft),
        Due(BackorderDue),
        Served(BackorderServed),
    }
}

/// The queue of one SKU. Copies share their nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Backorder {
    queue: RedBlackTreeMapSync<u64, Waiter>,
    places: HashTrieMapSync<ReservationId, u64>,
    /// Places given out so far.
    given: u64,
    /// Sum of all waiters' units.
    waiting: i64,
    /// Next place to look at, while the queue is due.
    due: Option<u64>,
}

/// Somebody who waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiter {
    /// Who.
    pub reservation_id: ReservationId,
    /// Units waited for.
    pub quantity: i64,
    /// Only units there will do.
    pub site_id: Option<SiteId>,
}

impl Backorder {
    /// True while units are being distributed.
    pub fn is_due(&self) -> bool {
        self.due.is_some()
    }

    /// The first waiter that is still to be looked at, behind place `through`, and its place. `None` when nothing is due or
    /// the end is reached.
    pub fn next_after(&self, through: u64) -> Option<(u64, &Waiter)> {
        let from = self.due?.max(through.saturating_add(1));
        self.queue
            .range(from..)
            .next()
            .map(|(place, waiter)| (*place, waiter))
    }

    /// All who wait, in order.
    pub fn waiters(&self) -> impl Iterator<Item = &Waiter> {
        self.queue.values()
    }

    /// Who is to be looked at next, in order.
    pub fn due_waiters(&self) -> impl Iterator<Item = &Waiter> {
        self.due
            .map(|from| self.queue.range(from..).map(|(_, waiter)| waiter))
            .into_iter()
            .flatten()
    }

    /// Units that everybody waits for.
    pub fn waiting(&self) -> i64 {
        self.waiting
    }

    /// Units that are not for `reservation_id` now, because others who wait come first: everybody for a newcomer; for
    /// somebody in the queue those before it that have not been looked at yet. 0 when nothing is due.
    pub fn owed_before(&self, reservation_id: &ReservationId) -> i64 {
        let Some(from) = self.due else { return 0 };
        match self.places.get(reservation_id) {
            None => self.waiting,
            Some(place) if *place <= from => 0,
            Some(place) => self
                .queue
                .range(from..*place)
                .map(|(_, waiter)| waiter.quantity)
                .sum(),
        }
    }

    fn leave(&mut self, reservation_id: &str) {
        if let Some(place) = self.places.get(reservation_id).copied() {
            self.places.remove_mut(reservation_id);
            if let Some(waiter) = self.queue.get(&place) {
                self.waiting = self.waiting.saturating_sub(waiter.quantity);
            }
            self.queue.remove_mut(&place);
        }
        if self.queue.is_empty() {
            self.due = None;
        }
    }

    fn enter(&mut self, waiter: Waiter) {
        let known = self.places.get(&waiter.reservation_id).copied();
        let place = known.unwrap_or_else(|| {
            self.given += 1;
            self.given
        });
        let before = self.queue.get(&place).map_or(0, |waiter| waiter.quantity);
        self.waiting = self
            .waiting
            .saturating_sub(before)
            .saturating_add(waiter.quantity);
        self.places.insert_mut(waiter.reservation_id.clone(), place);
        self.queue.insert_mut(place, waiter);
    }
}

/// What is asked of a queue. The SKU is written into the events.
#[derive(Clone, Debug, PartialEq)]
pub struct BackorderCommand {
    /// Whose queue.
    pub sku: Sku,
    /// What.
    pub change: BackorderChange,
}

/// What is to happen.
#[derive(Clone, Debug, PartialEq)]
pub enum BackorderChange {
    /// From now on the reservation waits for this many; 0 leaves the queue.
    Wait {
        /// Who.
        reservation_id: ReservationId,
        /// Units, 0 or more.
        quantity: i64,
        /// Only units there will do.
        site_id: Option<SiteId>,
    },
    /// Units have become available.
    UnitsCame,
    /// The queue was served through this place; `done` when nothing is left to distribute or nobody is left to serve.
    Served {
        /// Last place looked at.
        through: u64,
        /// Nothing is due any more.
        done: bool,
    },
}

impl Decider for Backorder {
    type State = Backorder;
    type Command = BackorderCommand;
    type Event = BackorderEvent;
    type Error = Infallible;

    fn decide(
        state: &Backorder,
        command: BackorderCommand,
    ) -> Result<Vec<BackorderEvent>, Infallible> {
        let sku = String::from(&command.sku);
        let event = match command.change {
            BackorderChange::Wait {
                reservation_id,
                quantity,
                site_id,
            } => {
                let present = state
                    .places
                    .get(&reservation_id)
                    .and_then(|place| state.queue.get(place));
                let wanted = (quantity > 0).then(|| Waiter {
                    reservation_id: reservation_id.clone(),
                    quantity,
                    site_id,
                });
                if present == wanted.as_ref() {
                    return Ok(Vec::new());
                }
                let reservation_id = String::from(&reservation_id);
                match wanted {
                    Some(waiter) => BackorderQueued {
                        sku,
                        reservation_id,
                        quantity,
                        site_id: waiter
                            .site_id
                            .as_ref()
                            .map(String::from)
                            .unwrap_or_default(),
                    }
                    .into(),
                    None => BackorderLeft {
                        sku,
                        reservation_id,
                    }
                    .into(),
                }
            }
            BackorderChange::UnitsCame => {
                if state.queue.is_empty() || state.due == Some(1) {
                    return Ok(Vec::new());
                }
                BackorderDue { sku }.into()
            }
            BackorderChange::Served { through, done } => {
                if state.due.is_none() {
                    return Ok(Vec::new());
                }
                BackorderServed { sku, through, done }.into()
            }
        };
        Ok(vec![event])
    }

    fn evolve(mut state: Backorder, event: &BackorderEvent) -> Backorder {
        match event {
            BackorderEvent::Queued(e) => state.enter(Waiter {
                reservation_id: ReservationId::from(&e.reservation_id),
                quantity: e.quantity,
                site_id: Some(&e.site_id)
                    .filter(|site| !site.is_empty())
                    .map(SiteId::from),
            }),
            BackorderEvent::Left(e) => state.leave(&e.reservation_id),
            BackorderEvent::Due(_) => state.due = Some(1),
            BackorderEvent::Served(e) => state.due = (!e.done).then(|| e.through.saturating_add(1)),
        }
        state
    }
}

impl Aggregate for Backorder {
    const NAME: &'static str = "backorder";

    fn encode(event: &BackorderEvent) -> EncodedEvent {
        event.encode_event()
    }

    fn decode(type_name: &str, payload: &[u8]) -> Result<BackorderEvent, CodecError> {
        BackorderEvent::decode_event(type_name, payload)
    }

    fn snapshot(state: &Backorder) -> Option<Vec<u8>> {
        Some(snapshot::write(state))
    }

    fn restore(bytes: &[u8]) -> Result<Backorder, CodecError> {
        snapshot::read(bytes)
    }
}
