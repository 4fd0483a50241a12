//! Reserving, releasing, sending and expiring, over all lines and sites at once.

use ordo_event_log::{Halt, Timestamp};
use ordo_proto::inventory::ReservationRequested;

use super::{
    InventoryError, Streams,
    facts::source,
    settle::{queue, record, serve_if_easier, units_came, waits},
};
use crate::{
    ids::{ReservationId, SiteId},
    reservation::{
        Allocation, Missing, Part, Reservation, ReservationCommand, ReservationError, Standing,
    },
};

/// What stands reserved for an order after an attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Everything reserved and not yet sent.
    pub allocations: Vec<Allocation>,
    /// What the attempt did not find.
    pub shortages: Vec<Missing>,
    /// Something is waited for.
    pub waiting: bool,
}

/// Reserves what the order lacks. The latest attempt once more changes nothing and gets what stands now.
pub fn reserve(
    streams: &mut impl Streams,
    request: ReservationRequested,
) -> Result<Outcome, Halt<InventoryError>> {
    let id = ReservationId::from(&request.reservation_id);
    let reservation = streams.state::<Reservation>(id.as_str())?;
    let standing = reservation
        .standing(&request)
        .map_err(|error| Halt::Refuse(error.into()))?;
    if standing == Standing::New {
        let before = waits(streams, &id)?;
        record(streams, &id, ReservationCommand::Request(request))?;
        let plan = source(streams, &id, None)?;
        let outcome = ReservationCommand::Settle {
            allocations: plan.allocations,
            why: plan.why,
            missing: plan.missing,
        };
        record(streams, &id, outcome)?;
        queue(streams, &id, &before)?;
    }
    let reservation = streams.state::<Reservation>(id.as_str())?;
    Ok(Outcome {
        allocations: reservation.open().to_vec(),
        shortages: reservation.shortages(),
        waiting: !reservation.wanted().is_empty(),
    })
}

/// Gives units back and stops waiting; see [`ReservationCommand::Release`]. What was given back.
pub fn release(
    streams: &mut impl Streams,
    id: &ReservationId,
    lines: Vec<Part>,
    site_id: Option<SiteId>,
    cause: String,
) -> Result<Vec<Allocation>, Halt<InventoryError>> {
    requested(streams, id)?;
    let before = waits(streams, id)?;
    let open = streams.state::<Reservation>(id.as_str())?.open().to_vec();
    let freed = record(
        streams,
        id,
        ReservationCommand::Release {
            lines,
            site_id,
            cause,
        },
    )?;
    let still = streams.state::<Reservation>(id.as_str())?.open();
    let gone = difference(&open, still);
    queue(streams, id, &before)?;
    units_came(streams, &freed)?;
    serve_if_easier(streams, id, &before)?;
    Ok(gone)
}

/// Units left in a parcel. The same parcel again changes nothing.
pub fn consume(
    streams: &mut impl Streams,
    id: &ReservationId,
    parcel_id: String,
    site_id: SiteId,
    lines: Vec<Part>,
) -> Result<(), Halt<InventoryError>> {
    requested(streams, id)?;
    let before = waits(streams, id)?;
    record(
        streams,
        id,
        ReservationCommand::Consume {
            parcel_id,
            site_id,
            lines,
        },
    )?;
    serve_if_easier(streams, id, &before)
}

/// Gives everything back when the time set by the latest attempt has come; changes nothing before, and nothing when there is
/// no such time any more.
pub fn expire(
    streams: &mut impl Streams,
    id: &ReservationId,
    now: Timestamp,
) -> Result<(), Halt<InventoryError>> {
    let before = waits(streams, id)?;
    let freed = record(streams, id, ReservationCommand::Expire { now })?;
    queue(streams, id, &before)?;
    units_came(streams, &freed)
}

fn requested(streams: &mut impl Streams, id: &ReservationId) -> Result<(), Halt<InventoryError>> {
    if streams
        .state::<Reservation>(id.as_str())?
        .request()
        .is_none()
    {
        let reservation_id = id.clone();
        return Err(Halt::Refuse(
            ReservationError::NotFound { reservation_id }.into(),
        ));
    }
    Ok(())
}

/// Units of `before` that are not in `after`, which is a part of it.
fn difference(before: &[Allocation], after: &[Allocation]) -> Vec<Allocation> {
    let mut rest: Vec<Allocation> = after.to_vec();
    let mut gone = Vec::new();
    for one in before {
        let mut quantity = one.quantity;
        for other in &mut rest {
            if other.line_id == one.line_id && other.sku == one.sku && other.site_id == one.site_id
            {
                let same = other.quantity.min(quantity);
                other.quantity -= same;
                quantity -= same;
            }
        }
        if quantity > 0 {
            gone.push(Allocation {
                quantity,
                ..one.clone()
            });
        }
    }
    gone
}
