//! Makes stock and queues follow a reservation's events, in the same decision.

use std::collections::{BTreeMap, BTreeSet};

use ordo_decider::Decider as _;
use ordo_event_log::{Halt, NotLoaded};
use ordo_proto::inventory::ReservationAllocation;

use super::{InventoryError, Streams, facts::source};
use crate::{
    backorder::{Backorder, BackorderChange, BackorderCommand},
    ids::{Place, ReservationId, SiteId, Sku},
    reservation::{Allocation, Reservation, ReservationCommand, ReservationEvent},
    stock::{Stock, StockChange, StockCommand},
};

/// Cause of the stock that an expired reservation gives back.
const EXPIRED: &str = "EXPIRED";

/// Lets the reservation decide `command`, and moves stock as its events say. The SKUs of which units became available.
pub(super) fn record(
    streams: &mut impl Streams,
    id: &ReservationId,
    command: ReservationCommand,
) -> Result<BTreeSet<Sku>, Halt<InventoryError>> {
    let events = Reservation::decide(streams.state::<Reservation>(id.as_str())?, command)
        .map_err(|error| Halt::Refuse(error.into()))?;
    let mut freed = BTreeSet::new();
    for event in &events {
        match event {
            ReservationEvent::Allocated(e) => {
                each_place(streams, &e.allocations, |quantity| StockChange::Reserve {
                    reservation_id: id.clone(),
                    quantity,
                })?;
            }
            ReservationEvent::Released(e) => {
                freed.extend(give_back(streams, id, &e.allocations, &e.cause)?);
            }
            ReservationEvent::Expired(e) => {
                freed.extend(give_back(streams, id, &e.allocations, EXPIRED)?);
            }
            ReservationEvent::Consumed(e) => {
                each_place(streams, &e.allocations, |quantity| StockChange::Issue {
                    reservation_id: id.clone(),
                    quantity,
                    parcel_id: e.parcel_id.clone(),
                })?;
            }
            // The adjustment that found them gone releases them.
            ReservationEvent::UnitsLost(_) => {}
            ReservationEvent::Requested(_) | ReservationEvent::Short(_) => {}
        }
    }
    streams.emit::<Reservation>(id.as_str(), events)?;
    Ok(freed)
}

fn give_back(
    streams: &mut impl Streams,
    id: &ReservationId,
    allocations: &[ReservationAllocation],
    cause: &str,
) -> Result<BTreeSet<Sku>, Halt<InventoryError>> {
    each_place(streams, allocations, |quantity| StockChange::Release {
        reservation_id: id.clone(),
        quantity,
        cause: cause.to_owned(),
    })
}

/// One movement per place, however many lines it serves. The SKUs moved.
fn each_place(
    streams: &mut impl Streams,
    allocations: &[ReservationAllocation],
    change: impl Fn(i64) -> StockChange,
) -> Result<BTreeSet<Sku>, Halt<InventoryError>> {
    let mut places: BTreeMap<Place, i64> = BTreeMap::new();
    for allocation in allocations {
        let units = places
            .entry(Allocation::from(allocation).place())
            .or_default();
        *units = units.saturating_add(allocation.quantity);
    }
    let mut moved = BTreeSet::new();
    for (place, quantity) in places {
        moved.insert(place.sku.clone());
        move_stock(streams, place, change(quantity))?;
    }
    Ok(moved)
}

/// One movement.
pub(super) fn move_stock(
    streams: &mut impl Streams,
    place: Place,
    change: StockChange,
) -> Result<(), Halt<InventoryError>> {
    let id = place.stream_id();
    streams
        .decide::<Stock>(&id, StockCommand { place, change })
        .map_err(|halt| halt.map(InventoryError::from))
}

/// What a reservation waited for before something happened to it.
pub(super) struct Waits {
    units: BTreeMap<Sku, i64>,
    bound: bool,
}

/// What a reservation waits for, to tell afterwards which queues it entered or left, and whether it became easier to serve.
pub(super) fn waits(streams: &mut impl Streams, id: &ReservationId) -> Result<Waits, NotLoaded> {
    let reservation = streams.state::<Reservation>(id.as_str())?;
    Ok(Waits {
        units: reservation.wanted_by_sku(),
        bound: reservation.is_bound_to_sites(),
    })
}

/// Puts the reservation into the queues of what it waits for now, and out of those it was in `before`.
pub(super) fn queue(
    streams: &mut impl Streams,
    id: &ReservationId,
    before: &Waits,
) -> Result<(), Halt<InventoryError>> {
    let reservation = streams.state::<Reservation>(id.as_str())?;
    let now = reservation.wanted_by_sku();
    let site_id = reservation
        .request()
        .map(|request| request.site_id.as_str())
        .filter(|site| !site.is_empty())
        .map(SiteId::from);
    let skus: BTreeSet<&Sku> = before.units.keys().chain(now.keys()).collect();
    for sku in skus {
        let change = BackorderChange::Wait {
            reservation_id: id.clone(),
            quantity: now.get(sku).copied().unwrap_or(0),
            site_id: site_id.clone(),
        };
        decide_queue(streams, sku, change)?;
    }
    Ok(())
}

/// Serves a reservation that waits for less than `before`, or is no longer bound to sites that served it: what is there
/// already may be enough now, and no movement will come to say so. Units owed to others who wait before it stay theirs; where
/// a queue is being served, its turn comes.
pub(super) fn serve_if_easier(
    streams: &mut impl Streams,
    id: &ReservationId,
    before: &Waits,
) -> Result<(), Halt<InventoryError>> {
    let now = waits(streams, id)?;
    let fewer = |(sku, units): (&Sku, &i64)| now.units.get(sku).unwrap_or(&0) < units;
    let easier = before.units.iter().any(fewer) || (before.bound && !now.bound);
    if now.units.is_empty() || !easier {
        return Ok(());
    }
    serve(streams, id, None).map(drop)
}

/// Reserves what is there of what the reservation waits for; see [`source`]. How many allocations.
pub(super) fn serve(
    streams: &mut impl Streams,
    id: &ReservationId,
    served: Option<&Sku>,
) -> Result<usize, Halt<InventoryError>> {
    let plan = source(streams, id, served)?;
    let found = plan.allocations.len();
    if found > 0 {
        let before = waits(streams, id)?;
        let allocate = ReservationCommand::Allocate {
            allocations: plan.allocations,
            why: plan.why,
        };
        record(streams, id, allocate)?;
        queue(streams, id, &before)?;
    }
    Ok(found)
}

/// Tells those who wait that units of these SKUs became available.
pub(super) fn units_came<'a>(
    streams: &mut impl Streams,
    skus: impl IntoIterator<Item = &'a Sku>,
) -> Result<(), Halt<InventoryError>> {
    for sku in skus {
        decide_queue(streams, sku, BackorderChange::UnitsCame)?;
    }
    Ok(())
}

pub(super) fn decide_queue(
    streams: &mut impl Streams,
    sku: &Sku,
    change: BackorderChange,
) -> Result<(), Halt<InventoryError>> {
    let command = BackorderCommand {
        sku: sku.clone(),
        change,
    };
    streams
        .decide::<Backorder>(sku.as_str(), command)
        .map_err(|halt| halt.map(InventoryError::from))
}
