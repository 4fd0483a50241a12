//! What sourcing needs to know, gathered from the streams.

use std::collections::{BTreeMap, BTreeSet};

use ordo_event_log::NotLoaded;

use super::Streams;
use crate::{
    backorder::Backorder,
    ids::{Place, ReservationId, SiteId, Sku},
    reservation::{Line, Reservation},
    sites::{ALL, Sites},
    sku::SkuItem,
    sourcing::{Candidate, Demand, Plan, Wish, plan},
    stock::Stock,
};

/// The sites of the tenant. Copies are cheap.
pub(super) fn sites(streams: &mut impl Streams) -> Result<Sites, NotLoaded> {
    streams.state::<Sites>(ALL).cloned()
}

/// True when somebody has put the SKU into the catalogue.
pub(super) fn is_known(streams: &mut impl Streams, sku: &Sku) -> Result<bool, NotLoaded> {
    Ok(streams.state::<SkuItem>(sku.as_str())?.record().is_some())
}

/// Where the units that the reservation wants come from. Units owed to others who wait before it are not taken; of the SKU
/// whose queue is being served, in order, none are owed to others.
pub(super) fn source(
    streams: &mut impl Streams,
    id: &ReservationId,
    served: Option<&Sku>,
) -> Result<Plan, NotLoaded> {
    let reservation = streams.state::<Reservation>(id.as_str())?.clone();
    let wish = wish(&reservation);
    let demand: Vec<Demand> = reservation.wanted().iter().map(demand).collect();
    let skus: BTreeSet<&Sku> = demand.iter().map(|line| &line.sku).collect();
    let sites = sites(streams)?;

    let mut unknown = BTreeSet::new();
    let mut candidates: BTreeMap<SiteId, Candidate> = BTreeMap::new();
    for sku in skus {
        // What cannot be in the catalogue is not looked for: it may not even be the id of a stream.
        if !Sku::is_well_formed(sku.as_str()) {
            unknown.insert(sku.clone());
            continue;
        }
        let item = streams.state::<SkuItem>(sku.as_str())?.clone();
        if item.record().is_none() {
            unknown.insert(sku.clone());
            continue;
        }
        let owed = match served {
            Some(served) if served == sku => 0,
            _ => streams.state::<Backorder>(sku.as_str())?.owed_before(id),
        };
        for site_id in item.stocked_at() {
            let named = wish.site_id.as_ref().map(|named| named == site_id);
            let Some(site) = sites
                .get(site_id)
                .filter(|site| named.unwrap_or(site.serves_orders))
            else {
                continue;
            };
            let available = streams
                .state::<Stock>(&Place::new(sku, site_id).stream_id())?
                .available();
            candidates
                .entry(site_id.clone())
                .or_insert_with(|| Candidate {
                    site_id: site_id.clone(),
                    region: site.region.clone(),
                    priority: site.priority,
                    free: BTreeMap::new(),
                })
                .free
                .insert(sku.clone(), available.saturating_sub(owed).max(0));
        }
    }
    Ok(plan(
        &demand,
        candidates.into_values().collect(),
        &wish,
        &unknown,
    ))
}

/// Units of the SKU that could be reserved anywhere at the moment.
pub(super) fn available_anywhere(streams: &mut impl Streams, sku: &Sku) -> Result<i64, NotLoaded> {
    let item = streams.state::<SkuItem>(sku.as_str())?.clone();
    let mut available = 0_i64;
    for site_id in item.stocked_at() {
        let stock = streams.state::<Stock>(&Place::new(sku, site_id).stream_id())?;
        available = available.saturating_add(stock.available());
    }
    Ok(available)
}

fn wish(reservation: &Reservation) -> Wish {
    let Some(request) = reservation.request() else {
        return Wish::default();
    };
    let serving = reservation.open().iter().map(|open| open.site_id.clone());
    Wish {
        region: request.region.clone().unwrap_or_default(),
        site_id: Some(&request.site_id)
            .filter(|site| !site.is_empty())
            .map(SiteId::from),
        split_allowed: request.split_allowed,
        all_or_nothing: request.all_or_nothing,
        serving: serving.collect(),
    }
}

fn demand(line: &Line) -> Demand {
    Demand {
        line_id: line.line_id.clone(),
        sku: line.sku.clone(),
        quantity: line.quantity,
    }
}
