//! Units of a reservation: wanted, open at sites, sent.

use std::collections::BTreeMap;

use ordo_proto::inventory::{ReservationAllocation, ReservationLine, ReservationRequested};

use super::{Reservation, ReservationError};
use crate::ids::{LineId, Place, SiteId, Sku};

/// Units of a line of the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which line.
    pub line_id: LineId,
    /// What.
    pub sku: Sku,
    /// How many.
    pub quantity: i64,
}

/// Units of one line at one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// Whom for.
    pub line_id: LineId,
    /// What.
    pub sku: Sku,
    /// Where.
    pub site_id: SiteId,
    /// How many.
    pub quantity: i64,
}

impl Allocation {
    /// Where the units lie.
    pub fn place(&self) -> Place {
        Place::new(&self.sku, &self.site_id)
    }

    fn is_like(&self, other: &Allocation) -> bool {
        self.line_id == other.line_id && self.sku == other.sku && self.site_id == other.site_id
    }
}

impl From<&ReservationAllocation> for Allocation {
    fn from(message: &ReservationAllocation) -> Self {
        Self {
            line_id: LineId::from(&message.line_id),
            sku: Sku::from(&message.sku),
            site_id: SiteId::from(&message.site_id),
            quantity: message.quantity,
        }
    }
}

impl From<&Allocation> for ReservationAllocation {
    fn from(allocation: &Allocation) -> Self {
        Self {
            line_id: String::from(&allocation.line_id),
            sku: String::from(&allocation.sku),
            site_id: String::from(&allocation.site_id),
            quantity: allocation.quantity,
        }
    }
}

/// Some units of a line, whatever the line's SKU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which line.
    pub line_id: LineId,
    /// How many.
    pub quantity: i64,
}

impl From<&Line> for ReservationLine {
    fn from(line: &Line) -> Self {
        Self {
            line_id: String::from(&line.line_id),
            sku: String::from(&line.sku),
            quantity: line.quantity,
        }
    }
}

impl From<&ReservationLine> for Line {
    fn from(message: &ReservationLine) -> Self {
        Self {
            line_id: LineId::from(&message.line_id),
            sku: Sku::from(&message.sku),
            quantity: message.quantity,
        }
    }
}

impl Reservation {
    /// The latest request; `None` when there never was one.
    pub fn request(&self) -> Option<&ReservationRequested> {
        self.request.as_ref()
    }

    /// Number of the latest attempt; 0 before the first.
    pub fn attempt(&self) -> u32 {
        self.request.as_ref().map_or(0, |request| request.attempt)
    }

    /// Reserved and not yet sent, oldest first.
    pub fn open(&self) -> &[Allocation] {
        &self.open
    }

    /// Sent, summed per line, SKU and site.
    pub fn consumed(&self) -> &[Allocation] {
        &self.consumed
    }

    /// What the latest attempt asked for and did not get: before its outcome, what is to be found; afterwards, what is waited
    /// for.
    pub fn wanted(&self) -> &[Line] {
        &self.wanted
    }

    /// Units wanted, by SKU.
    pub fn wanted_by_sku(&self) -> BTreeMap<Sku, i64> {
        let mut wanted = BTreeMap::new();
        for line in &self.wanted {
            let units: &mut i64 = wanted.entry(line.sku.clone()).or_default();
            *units = units.saturating_add(line.quantity);
        }
        wanted
    }

    /// Only the sites that serve the order already may serve what it waits for: it may not be split, and units are reserved.
    pub fn is_bound_to_sites(&self) -> bool {
        let one_parcel = |request: &ReservationRequested| !request.split_allowed;
        !self.open.is_empty() && self.request.as_ref().is_some_and(one_parcel)
    }

    /// Units of the line reserved at the site.
    pub fn open_at(&self, line_id: &LineId, site_id: &SiteId) -> i64 {
        self.open
            .iter()
            .filter(|open| open.line_id == *line_id && open.site_id == *site_id)
            .map(|open| open.quantity)
            .sum()
    }

    pub(super) fn id(&self) -> String {
        self.request
            .as_ref()
            .map(|request| request.reservation_id.clone())
            .unwrap_or_default()
    }

    /// What is reserved at `site_id`.
    pub(super) fn at(&self, site_id: &SiteId) -> Vec<Allocation> {
        let there = |open: &&Allocation| open.site_id == *site_id;
        self.open.iter().filter(there).cloned().collect()
    }

    /// Which units these parts are at `site_id`: the newest, as far as there are any.
    pub fn newest(&self, parts: &[Part], site_id: &SiteId) -> Vec<Allocation> {
        let mut found = Vec::new();
        for part in parts {
            let mut left = part.quantity;
            for open in self
                .open
                .iter()
                .rev()
                .filter(|open| open.line_id == part.line_id && open.site_id == *site_id)
            {
                let quantity = open.quantity.min(left);
                if quantity > 0 {
                    found.push(Allocation {
                        quantity,
                        ..open.clone()
                    });
                    left -= quantity;
                }
            }
        }
        found
    }

    /// Which units that are waited for these parts are, as far as there are any.
    pub(super) fn waited_for(&self, parts: &[Part]) -> Vec<Line> {
        let waited = |part: &Part| {
            let line = self
                .wanted
                .iter()
                .find(|line| line.line_id == part.line_id)?;
            let quantity = line.quantity.min(part.quantity);
            (quantity > 0).then(|| Line {
                quantity,
                ..line.clone()
            })
        };
        parts.iter().filter_map(waited).collect()
    }

    /// The open units at `site_id` that these parts are.
    pub(super) fn take(
        &self,
        parts: &[Part],
        site_id: &SiteId,
    ) -> Result<Vec<Allocation>, ReservationError> {
        let mut taken = Vec::new();
        for part in parts {
            let reserved = self.open_at(&part.line_id, site_id);
            if part.quantity > reserved {
                return Err(ReservationError::ConsumesTooMany {
                    line_id: part.line_id.clone(),
                    site_id: site_id.clone(),
                    wanted: part.quantity,
                    reserved,
                });
            }
            let mut left = part.quantity;
            for open in self
                .open
                .iter()
                .filter(|o| o.line_id == part.line_id && o.site_id == *site_id)
            {
                let quantity = open.quantity.min(left);
                if quantity > 0 {
                    taken.push(Allocation {
                        quantity,
                        ..open.clone()
                    });
                    left -= quantity;
                }
            }
        }
        Ok(taken)
    }

    pub(super) fn add_open(&mut self, new: Allocation) {
        self.want_less(&new.line_id, &new.sku, new.quantity);
        self.open.push(new);
    }

    pub(super) fn want_less(&mut self, line_id: &LineId, sku: &Sku, quantity: i64) {
        for line in &mut self.wanted {
            if line.line_id == *line_id && line.sku == *sku {
                line.quantity = line.quantity.saturating_sub(quantity);
            }
        }
        self.wanted.retain(|line| line.quantity > 0);
    }

    pub(super) fn remove_open(&mut self, gone: &Allocation) {
        let mut left = gone.quantity;
        for open in self.open.iter_mut().rev() {
            if open.is_like(gone) {
                let quantity = open.quantity.min(left);
                open.quantity -= quantity;
                left -= quantity;
            }
        }
        self.open.retain(|open| open.quantity > 0);
    }

    pub(super) fn consume(&mut self, gone: &Allocation) {
        self.remove_open(gone);
        match self.consumed.iter_mut().find(|sent| sent.is_like(gone)) {
            Some(sent) => sent.quantity = sent.quantity.saturating_add(gone.quantity),
            None => self.consumed.push(gone.clone()),
        }
    }
}

/// One part per line.
pub(super) fn merged(parts: Vec<Part>) -> Vec<Part> {
    let mut merged: Vec<Part> = Vec::new();
    for part in parts {
        match merged.iter_mut().find(|one| one.line_id == part.line_id) {
            Some(one) => one.quantity = one.quantity.saturating_add(part.quantity),
            None => merged.push(part),
        }
    }
    merged
}
