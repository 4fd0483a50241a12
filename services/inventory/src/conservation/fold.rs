//! Counting one tenant's events.

use std::collections::BTreeMap;

use ordo_event_log::CodecError;
use ordo_proto::inventory::{
    BackorderLeft, BackorderQueued, ReservationAllocated, ReservationAllocation,
    ReservationConsumed, ReservationExpired, ReservationReleased, ReservationRequested,
    ReservationShort, ReservationUnitsLost, StockAdjusted, StockCondition, StockIssued,
    StockReceived, StockReservationReleased, StockReserved, StockReturned,
};

use super::{Count, Counts};
use crate::ids::{Place, ReservationId, SiteId, Sku};

type ByOrder = BTreeMap<(ReservationId, Place), i64>;

ordo_event_log::events! {
    /// Everything that moves, promises or wants units.
    enum Counted {
        Received(StockReceived),
        Adjusted(StockAdjusted),
        Reserved(StockReserved),
        StockReleased(StockReservationReleased),
        Issued(StockIssued),
        Returned(StockReturned),
        Requested(ReservationRequested),
        Allocated(ReservationAllocated),
        Short(ReservationShort),
        Released(ReservationReleased),
        Consumed(ReservationConsumed),
        Expired(ReservationExpired),
        UnitsLost(ReservationUnitsLost),
        Queued(BackorderQueued),
        Left(BackorderLeft),
    }
}

/// Units of one tenant as its events tell them.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    counts: Counts,
    /// Reserved, by what stock says and by what reservations say.
    held: ByOrder,
    open: ByOrder,
    /// Sent, by what stock says and by what reservations say.
    issued: ByOrder,
    consumed: ByOrder,
    /// Waited for, by what queues say and by what reservations say (by line and SKU).
    queued: BTreeMap<(ReservationId, Sku), i64>,
    wanted: BTreeMap<ReservationId, BTreeMap<(String, Sku), i64>>,
    /// The first place where an event broke a rule.
    broken: Option<String>,
}

impl Ledger {
    /// Counts one more event; those that move nothing are passed over.
    pub fn apply(&mut self, type_name: &str, payload: &[u8]) -> Result<(), CodecError> {
        if !Counted::type_names().contains(&type_name) {
            return Ok(());
        }
        match Counted::decode_event(type_name, payload)? {
            Counted::Received(e) => self.change(&e.sku, &e.site_id, e.condition, e.quantity),
            Counted::Returned(e) => self.change(&e.sku, &e.site_id, e.condition, e.quantity),
            Counted::Adjusted(e) => self.change(&e.sku, &e.site_id, e.condition, e.delta),
            Counted::Reserved(e) => self.reserve(&e.sku, &e.site_id, &e.reservation_id, e.quantity),
            Counted::StockReleased(e) => {
                self.reserve(&e.sku, &e.site_id, &e.reservation_id, -e.quantity)
            }
            Counted::Issued(e) => {
                add(
                    &mut self.issued,
                    &e.reservation_id,
                    place(&e.sku, &e.site_id),
                    e.quantity,
                );
                self.reserve(&e.sku, &e.site_id, &e.reservation_id, -e.quantity);
                self.change(
                    &e.sku,
                    &e.site_id,
                    StockCondition::Sellable.into(),
                    -e.quantity,
                );
            }
            Counted::Requested(e) => {
                let lines = e
                    .lines
                    .iter()
                    .map(|line| ((line.line_id.clone(), Sku::from(&line.sku)), line.quantity));
                self.wanted
                    .insert(ReservationId::from(&e.reservation_id), lines.collect());
            }
            Counted::Allocated(e) => {
                self.count_open(&e.reservation_id, &e.allocations, 1);
                for found in &e.allocations {
                    self.want_less(
                        &e.reservation_id,
                        &found.line_id,
                        &found.sku,
                        found.quantity,
                    );
                }
            }
            Counted::Short(e) => {
                let wanted = self
                    .wanted
                    .entry(ReservationId::from(&e.reservation_id))
                    .or_default();
                let unknown = |line: &str| {
                    e.shortages
                        .iter()
                        .any(|s| s.unknown_sku && s.line_id == line)
                };
                wanted.retain(|(line, _), _| e.waiting && !unknown(line));
            }
            Counted::Released(e) => {
                self.count_open(&e.reservation_id, &e.allocations, -1);
                for line in &e.abandoned {
                    self.want_less(&e.reservation_id, &line.line_id, &line.sku, line.quantity);
                }
            }
            Counted::Consumed(e) => {
                self.count_open(&e.reservation_id, &e.allocations, -1);
                for sent in &e.allocations {
                    let place = place(&sent.sku, &sent.site_id);
                    add(&mut self.consumed, &e.reservation_id, place, sent.quantity);
                }
            }
            Counted::Expired(e) => {
                self.count_open(&e.reservation_id, &e.allocations, -1);
                self.wanted.remove(e.reservation_id.as_str());
            }
            Counted::UnitsLost(e) => self.count_open(&e.reservation_id, &e.allocations, -1),
            Counted::Queued(e) => {
                let key = (ReservationId::from(&e.reservation_id), Sku::from(&e.sku));
                self.queued.insert(key, e.quantity);
            }
            Counted::Left(e) => {
                self.queued
                    .remove(&(ReservationId::from(&e.reservation_id), Sku::from(&e.sku)));
            }
        }
        Ok(())
    }

    /// Units by place.
    pub fn counts(&self) -> &BTreeMap<Place, Count> {
        &self.counts
    }

    /// How many things were compared.
    pub fn examined(&self) -> u64 {
        (self.counts.len() + self.open.len() + self.consumed.len() + self.wanted.len()) as u64
    }

    /// The first rule that is broken. To be asked at the end of a command, not within one.
    pub fn difference(&self) -> Option<String> {
        self.broken
            .clone()
            .or_else(|| self.unbalanced())
            .or_else(|| disagreement("reserved", &self.held, &self.open))
            .or_else(|| disagreement("sent", &self.issued, &self.consumed))
            .or_else(|| disagreement("waited for", &self.queued, &self.waited_for()))
    }

    fn unbalanced(&self) -> Option<String> {
        let mut by_place: BTreeMap<&Place, i64> = BTreeMap::new();
        for ((_, place), units) in &self.held {
            *by_place.entry(place).or_default() += units;
        }
        self.counts.iter().find_map(|(place, count)| {
            let there = count.sellable + count.quarantine + count.damaged;
            if count.came != count.left + there {
                return Some(format!(
                    "{place}: {} came, {} left, {there} are there",
                    count.came, count.left
                ));
            }
            let held = by_place.get(place).copied().unwrap_or(0);
            (held != count.reserved).then(|| {
                format!(
                    "{place}: {} are reserved, orders hold {held}",
                    count.reserved
                )
            })
        })
    }

    fn waited_for(&self) -> BTreeMap<(ReservationId, Sku), i64> {
        let mut sums = BTreeMap::new();
        for (id, lines) in &self.wanted {
            for ((_, sku), units) in lines.iter().filter(|(_, units)| **units != 0) {
                *sums.entry((id.clone(), sku.clone())).or_insert(0) += units;
            }
        }
        sums
    }

    fn change(&mut self, sku: &str, site_id: &str, condition: i32, delta: i64) {
        let place = place(sku, site_id);
        let count = self.counts.entry(place.clone()).or_default();
        match StockCondition::try_from(condition).unwrap_or_default() {
            StockCondition::Sellable => count.sellable += delta,
            StockCondition::Quarantine => count.quarantine += delta,
            StockCondition::Damaged => count.damaged += delta,
            StockCondition::Unspecified => {
                self.broken
                    .get_or_insert(format!("{place}: units without a condition moved"));
            }
        }
        if delta > 0 {
            count.came += delta;
        } else {
            count.left -= delta;
        }
        self.look_at(&place);
    }

    fn reserve(&mut self, sku: &str, site_id: &str, reservation_id: &str, delta: i64) {
        let place = place(sku, site_id);
        self.counts.entry(place.clone()).or_default().reserved += delta;
        add(&mut self.held, reservation_id, place.clone(), delta);
        self.look_at(&place);
    }

    fn look_at(&mut self, place: &Place) {
        let count = self.counts.get(place).copied().unwrap_or_default();
        let parts = [
            count.sellable,
            count.quarantine,
            count.damaged,
            count.reserved,
        ];
        if parts.iter().any(|units| *units < 0) || count.reserved > count.sellable {
            self.broken
                .get_or_insert(format!("{place}: impossible counts {count:?}"));
        }
    }

    fn count_open(
        &mut self,
        reservation_id: &str,
        allocations: &[ReservationAllocation],
        sign: i64,
    ) {
        for one in allocations {
            let place = place(&one.sku, &one.site_id);
            add(&mut self.open, reservation_id, place, sign * one.quantity);
        }
    }

    fn want_less(&mut self, reservation_id: &str, line_id: &str, sku: &str, quantity: i64) {
        if let Some(lines) = self.wanted.get_mut(reservation_id)
            && let Some(units) = lines.get_mut(&(line_id.to_owned(), Sku::from(sku)))
        {
            *units -= quantity;
        }
    }
}

fn place(sku: &str, site_id: &str) -> Place {
    Place::new(&Sku::from(sku), &SiteId::from(site_id))
}

fn add(sums: &mut ByOrder, reservation_id: &str, place: Place, delta: i64) {
    let key = (ReservationId::from(reservation_id), place);
    let units = sums.entry(key.clone()).or_default();
    *units += delta;
    if *units == 0 {
        sums.remove(&key);
    }
}

fn disagreement<K: Ord + std::fmt::Debug>(
    what: &str,
    one: &BTreeMap<K, i64>,
    other: &BTreeMap<K, i64>,
) -> Option<String> {
    one.keys().chain(other.keys()).find_map(|key| {
        let (left, right) = (
            one.get(key).copied().unwrap_or(0),
            other.get(key).copied().unwrap_or(0),
        );
        (left != right).then(|| format!("{key:?}: {left} or {right} units are {what}"))
    })
}
