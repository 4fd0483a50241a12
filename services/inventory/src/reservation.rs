//! What an order wants from stock and what is reserved for it.
//!
//! A reservation knows what is reserved at sites (open), what was sent, and per line how many units are waited for. An attempt
//! asks for what the order still lacks and replaces what was waited for before; what is reserved stays. Stock moves only as
//! the events here say, so the two always agree.

mod attempt;
mod event;
mod holdings;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use ordo_decider::Decider;
use ordo_event_log::{Aggregate, CodecError, EncodedEvent, Timestamp};
use ordo_proto::inventory::{
    ReservationAllocated, ReservationConsumed, ReservationExpired, ReservationReleased,
    ReservationRequested, ReservationShort, ReservationUnitsLost,
};

pub use self::{
    attempt::{Missing, Standing},
    event::ReservationEvent,
    holdings::{Allocation, Line, Part},
};
use crate::ids::{LineId, ReservationId, SiteId};

/// What is reserved for one order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reservation {
    /// The latest request as it was made; `None` before the first.
    request: Option<ReservationRequested>,
    /// What the latest attempt asked for and did not get yet; kept after its outcome only while it is waited for.
    wanted: Vec<Line>,
    /// Reserved and not yet sent, oldest first.
    open: Vec<Allocation>,
    /// Sent, summed per line, SKU and site.
    consumed: Vec<Allocation>,
    parcels: BTreeSet<String>,
    /// What the latest attempt did not find.
    shortages: Vec<Missing>,
    expires_at: Option<Timestamp>,
}

/// What is asked of a reservation.
#[derive(Clone, Debug, PartialEq)]
pub enum ReservationCommand {
    /// Asks for what the order still lacks. To be followed by `Settle`.
    Request(ReservationRequested),
    /// Records what was found for it.
    Settle {
        /// Units taken from sites.
        allocations: Vec<Allocation>,
        /// Why these sites, for people.
        why: String,
        /// What stays missing; for all-or-nothing what could not be found.
        missing: Vec<Missing>,
    },
    /// Units that were waited for have come.
    Allocate {
        /// Units taken from sites.
        allocations: Vec<Allocation>,
        /// Why these sites, for people.
        why: String,
    },
    /// The order wants fewer. More than there is gives back what there is.
    Release {
        /// Which units; empty: all.
        lines: Vec<Part>,
        /// Where the units are reserved; `None`: lines say units that are waited for, no lines everything, also waiting.
        site_id: Option<SiteId>,
        /// Why, as an upper-case code.
        cause: String,
    },
    /// Units left for the customer.
    Consume {
        /// What they left in; the same parcel again changes nothing.
        parcel_id: String,
        /// Where they left from.
        site_id: SiteId,
        /// Which units.
        lines: Vec<Part>,
    },
    /// The time set by the latest request has come.
    Expire {
        /// The clock's time.
        now: Timestamp,
    },
    /// Reserved units turned out not to be there.
    Lose {
        /// Which units.
        allocations: Vec<Allocation>,
        /// The adjustment's reason.
        cause: String,
    },
}

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReservationError {
    /// Nothing was ever requested under this id.
    #[error("no reservation {reservation_id} was ever requested")]
    NotFound {
        /// As asked for.
        reservation_id: ReservationId,
    },
    /// A later attempt has been made.
    #[error("attempt {attempt} was followed by attempt {latest}")]
    AttemptSuperseded {
        /// Attempt of the command.
        attempt: u32,
        /// Newest attempt.
        latest: u32,
    },
    /// The latest attempt's number again, with another wish.
    #[error("attempt {attempt} was made before with another content")]
    AttemptReused {
        /// Attempt of the command.
        attempt: u32,
    },
    /// A first request without lines, or any with a doubled line or a quantity that is not positive.
    #[error("line `{line_id}` is absent, doubled, or has a quantity that is not positive")]
    LineInvalid {
        /// The line; empty when there is none.
        line_id: String,
    },
    /// More was found than is wanted.
    #[error("{found} units are allocated to line {line_id}, which wants {wanted}")]
    AllocatesTooMany {
        /// The line.
        line_id: LineId,
        /// Units found.
        found: i64,
        /// Units that it wants.
        wanted: i64,
    },
    /// More is to leave than is reserved there.
    #[error(
        "{wanted} units of line {line_id} leave {site_id}, where {reserved} are reserved for it"
    )]
    ConsumesTooMany {
        /// The line.
        line_id: LineId,
        /// Where.
        site_id: SiteId,
        /// Units that leave.
        wanted: i64,
        /// Units reserved there.
        reserved: i64,
    },
}

impl Decider for Reservation {
    type State = Reservation;
    type Command = ReservationCommand;
    type Event = ReservationEvent;
    type Error = ReservationError;

    fn decide(
        state: &Reservation,
        command: ReservationCommand,
    ) -> Result<Vec<ReservationEvent>, ReservationError> {
        match command {
            ReservationCommand::Request(request) => attempt::request(state, request),
            ReservationCommand::Settle {
                allocations,
                why,
                missing,
            } => attempt::settle(state, &allocations, why, &missing),
            ReservationCommand::Allocate { allocations, why } => {
                state.check_allocations(&allocations)?;
                Ok(state.allocated(&allocations, why).into_iter().collect())
            }
            ReservationCommand::Release {
                lines,
                site_id,
                cause,
            } => {
                let lines = holdings::merged(lines);
                let (abandoned, allocations) = match site_id {
                    None if lines.is_empty() => (state.wanted.clone(), state.open.clone()),
                    Some(site_id) if lines.is_empty() => (Vec::new(), state.at(&site_id)),
                    Some(site_id) => (Vec::new(), state.newest(&lines, &site_id)),
                    None => (state.waited_for(&lines), Vec::new()),
                };
                if abandoned.is_empty() && allocations.is_empty() {
                    return Ok(Vec::new());
                }
                Ok(vec![
                    ReservationReleased {
                        reservation_id: state.id(),
                        allocations: allocations.iter().map(Into::into).collect(),
                        abandoned: abandoned.iter().map(Into::into).collect(),
                        cause,
                    }
                    .into(),
                ])
            }
            ReservationCommand::Consume {
                parcel_id,
                site_id,
                lines,
            } => {
                if state.parcels.contains(&parcel_id) {
                    return Ok(Vec::new());
                }
                let allocations = state.take(&holdings::merged(lines), &site_id)?;
                Ok(vec![
                    ReservationConsumed {
                        reservation_id: state.id(),
                        allocations: allocations.iter().map(Into::into).collect(),
                        parcel_id,
                    }
                    .into(),
                ])
            }
            ReservationCommand::Expire { now } => {
                let holds_nothing = state.open.is_empty() && state.wanted.is_empty();
                if holds_nothing || state.expires_at.is_none_or(|due| now < due) {
                    return Ok(Vec::new());
                }
                Ok(vec![
                    ReservationExpired {
                        reservation_id: state.id(),
                        allocations: state.open.iter().map(Into::into).collect(),
                        abandoned: state.wanted.iter().map(Into::into).collect(),
                    }
                    .into(),
                ])
            }
            ReservationCommand::Lose { allocations, cause } => {
                if allocations.is_empty() {
                    return Ok(Vec::new());
                }
                Ok(vec![
                    ReservationUnitsLost {
                        reservation_id: state.id(),
                        allocations: allocations.iter().map(Into::into).collect(),
                        cause,
                    }
                    .into(),
                ])
            }
        }
    }

    fn evolve(mut state: Reservation, event: &ReservationEvent) -> Reservation {
        match event {
            ReservationEvent::Requested(e) => {
                state.shortages.clear();
                state.wanted = e.lines.iter().map(Line::from).collect();
                state.expires_at = e.expires_at.as_ref().map(Into::into);
                state.request = Some(e.clone());
            }
            ReservationEvent::Allocated(ReservationAllocated { allocations, .. }) => {
                for allocation in allocations {
                    state.add_open(Allocation::from(allocation));
                }
            }
            ReservationEvent::Short(ReservationShort {
                shortages, waiting, ..
            }) => {
                let known = |line: &Line| {
                    !shortages
                        .iter()
                        .any(|s| s.unknown_sku && s.line_id == line.line_id.as_str())
                };
                state.wanted.retain(|line| *waiting && known(line));
                state.shortages = shortages.iter().map(Missing::from).collect();
            }
            ReservationEvent::Released(e) => {
                for allocation in &e.allocations {
                    state.remove_open(&Allocation::from(allocation));
                }
                for line in &e.abandoned {
                    let line = Line::from(line);
                    state.want_less(&line.line_id, &line.sku, line.quantity);
                }
            }
            ReservationEvent::Consumed(e) => {
                for allocation in &e.allocations {
                    state.consume(&Allocation::from(allocation));
                }
                state.parcels.insert(e.parcel_id.clone());
            }
            ReservationEvent::Expired(_) => {
                state.open.clear();
                state.wanted.clear();
                state.expires_at = None;
            }
            ReservationEvent::UnitsLost(e) => {
                for allocation in &e.allocations {
                    state.remove_open(&Allocation::from(allocation));
                }
            }
        }
        state
    }
}

impl Aggregate for Reservation {
    const NAME: &'static str = "reservation";

    fn encode(event: &ReservationEvent) -> EncodedEvent {
        event.encode_event()
    }

    fn decode(type_name: &str, payload: &[u8]) -> Result<ReservationEvent, CodecError> {
        ReservationEvent::decode_event(type_name, payload)
    }
}
