//! An attempt: what is asked for, and what was found for it.

use std::collections::{BTreeMap, BTreeSet};

use ordo_proto::inventory::{
    ReservationAllocated, ReservationRequested, ReservationShort, ReservationShortage,
};

use super::{Allocation, Reservation, ReservationError, ReservationEvent};
use crate::{
    ids::{LineId, Sku},
    stock::MAX_UNITS,
};

/// What a request is to the attempts before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A new attempt.
    New,
    /// The latest attempt once more.
    Repeated,
}

/// Units of one line that could not be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Which line.
    pub line_id: LineId,
    /// What.
    pub sku: Sku,
    /// How many.
    pub quantity: i64,
    /// Nobody knows the SKU.
    pub unknown_sku: bool,
}

impl From<&Missing> for ReservationShortage {
    fn from(missing: &Missing) -> Self {
        Self {
            line_id: String::from(&missing.line_id),
            sku: String::from(&missing.sku),
            missing: missing.quantity,
            unknown_sku: missing.unknown_sku,
        }
    }
}

impl From<&ReservationShortage> for Missing {
    fn from(message: &ReservationShortage) -> Self {
        Self {
            line_id: LineId::from(&message.line_id),
            sku: Sku::from(&message.sku),
            quantity: message.missing,
            unknown_sku: message.unknown_sku,
        }
    }
}

impl Reservation {
    /// What the latest attempt did not find, less what has come since.
    pub fn shortages(&self) -> Vec<Missing> {
        let waits = !self.wanted.is_empty();
        let still = |missing: &Missing| {
            let wanted = self
                .wanted
                .iter()
                .find(|line| line.line_id == missing.line_id);
            let quantity = match wanted {
                Some(line) => missing.quantity.min(line.quantity),
                None if waits && !missing.unknown_sku => 0,
                None => missing.quantity,
            };
            (quantity > 0).then(|| Missing {
                quantity,
                ..missing.clone()
            })
        };
        self.shortages.iter().filter_map(still).collect()
    }

    /// Whether `request` is new; refused when its number was used for something else or left behind.
    pub fn standing(&self, request: &ReservationRequested) -> Result<Standing, ReservationError> {
        let (attempt, latest) = (request.attempt, self.attempt());
        if attempt > latest {
            Ok(Standing::New)
        } else if attempt < latest {
            Err(ReservationError::AttemptSuperseded { attempt, latest })
        } else if self.request.as_ref() == Some(request) {
            Ok(Standing::Repeated)
        } else {
            Err(ReservationError::AttemptReused { attempt })
        }
    }

    pub(super) fn check_allocations(
        &self,
        allocations: &[Allocation],
    ) -> Result<(), ReservationError> {
        let mut found: BTreeMap<(&LineId, &Sku), i64> = BTreeMap::new();
        for allocation in allocations {
            let units = found
                .entry((&allocation.line_id, &allocation.sku))
                .or_default();
            *units = units.saturating_add(allocation.quantity);
        }
        for ((line_id, sku), found) in found {
            let line = self
                .wanted
                .iter()
                .find(|line| line.line_id == *line_id && line.sku == *sku);
            let wanted = line.map_or(0, |line| line.quantity);
            if found > wanted {
                return Err(ReservationError::AllocatesTooMany {
                    line_id: line_id.clone(),
                    found,
                    wanted,
                });
            }
        }
        Ok(())
    }

    pub(super) fn allocated(
        &self,
        allocations: &[Allocation],
        why: String,
    ) -> Option<ReservationEvent> {
        (!allocations.is_empty()).then(|| {
            ReservationAllocated {
                reservation_id: self.id(),
                attempt: self.attempt(),
                allocations: allocations.iter().map(Into::into).collect(),
                why,
            }
            .into()
        })
    }
}

pub(super) fn request(
    state: &Reservation,
    request: ReservationRequested,
) -> Result<Vec<ReservationEvent>, ReservationError> {
    if state.standing(&request)? == Standing::Repeated {
        return Ok(Vec::new());
    }
    let mut seen = BTreeSet::new();
    let invalid = (request.lines.iter())
        .find(|line| {
            !(1..=MAX_UNITS).contains(&line.quantity) || !seen.insert(line.line_id.as_str())
        })
        .map(|line| line.line_id.clone())
        .or_else(|| (request.lines.is_empty() && state.request.is_none()).then(String::new));
    match invalid {
        Some(line_id) => Err(ReservationError::LineInvalid { line_id }),
        None => Ok(vec![request.into()]),
    }
}

pub(super) fn settle(
    state: &Reservation,
    allocations: &[Allocation],
    why: String,
    missing: &[Missing],
) -> Result<Vec<ReservationEvent>, ReservationError> {
    state.check_allocations(allocations)?;
    let mut events: Vec<ReservationEvent> = state.allocated(allocations, why).into_iter().collect();
    if !missing.is_empty() {
        let request = state.request.as_ref();
        let wants_to_wait = request.is_some_and(|request| request.wait_for_stock);
        let all_or_nothing = request.is_some_and(|request| request.all_or_nothing);
        // Waiting for all is in vain while a part is unknown; there is nothing to wait for when every missing part is.
        let unknown = |missing: &Missing| missing.unknown_sku;
        let in_vain = if all_or_nothing {
            missing.iter().any(unknown)
        } else {
            missing.iter().all(unknown)
        };
        events.push(
            ReservationShort {
                reservation_id: state.id(),
                attempt: state.attempt(),
                shortages: missing.iter().map(Into::into).collect(),
                waiting: wants_to_wait && !in_vain,
            }
            .into(),
        );
    }
    Ok(events)
}
