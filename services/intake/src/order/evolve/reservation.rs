//! Stock that is asked for, reserved, short or given back.

use std::collections::HashMap;

use ordo_proto::{
    intake::{ReservationReleaseRequested, ReservationRequested, StockReserved, StockShort},
    types::LineQuantity,
};

use crate::order::{Body, body::SiteStock, command::Told, doubt};

/// A request replaces what was still awaited.
pub(super) fn requested(body: &mut Body, requested: &ReservationRequested) {
    body.attempt = requested.attempt;
    for line in &mut body.lines {
        line.awaited = 0;
        line.backordered = 0;
    }
    for demand in &requested.demand {
        if let Some(line) = body.line_mut(&demand.line_id) {
            line.awaited += demand.quantity;
        }
    }
}

pub(super) fn reserved(body: &mut Body, reserved: &StockReserved) {
    let told = Told {
        epoch: reserved.reservation_epoch,
        version: reserved.reservation_version,
    };
    doubt::hear(body, told);
    for allocation in reserved.again.iter().chain(&reserved.allocations) {
        doubt::note(body, told, allocation);
    }
    for again in &reserved.again {
        let (line_id, site_id) = (&again.line_id, &again.site_id);
        doubt::take(&mut body.doubted, line_id, site_id, again.quantity);
    }
    let mut places: HashMap<(String, String), usize> = HashMap::new();
    for (index, stock) in body.stock.iter().enumerate() {
        places.insert((stock.line_id.clone(), stock.site_id.clone()), index);
    }
    for allocation in &reserved.allocations {
        if let Some(line) = body.line_mut(&allocation.line_id) {
            line.awaited = (line.awaited - allocation.quantity).max(0);
            line.backordered = line.backordered.min(line.awaited);
        }
        let place = (allocation.line_id.clone(), allocation.site_id.clone());
        let index = *places.entry(place).or_insert(body.stock.len());
        if index == body.stock.len() {
            body.stock.push(SiteStock {
                line_id: allocation.line_id.clone(),
                site_id: allocation.site_id.clone(),
                quantity: 0,
            });
        }
        body.stock[index].quantity += allocation.quantity;
    }
}

/// Inventory waits for what it knows and lacks; what it does not know, or was not to wait for, is no longer awaited.
pub(super) fn short(body: &mut Body, short: &StockShort) {
    let told = Told {
        epoch: short.reservation_epoch,
        version: short.reservation_version,
    };
    doubt::hear(body, told);
    if !short.waiting && short.attempt == body.attempt {
        for line in &mut body.lines {
            line.awaited = 0;
            line.backordered = 0;
        }
    }
    for shortage in &short.shortages {
        if let Some(line) = body.line_mut(&shortage.line_id) {
            if shortage.unknown_sku {
                line.unknown_sku = true;
                line.awaited = 0;
                line.backordered = 0;
            } else if short.waiting {
                line.backordered = shortage.missing.min(line.awaited);
            }
        }
    }
}

pub(super) fn released(body: &mut Body, release: &ReservationReleaseRequested) {
    if release.lines.is_empty() {
        body.stock.clear();
        for line in &mut body.lines {
            line.awaited = 0;
            line.backordered = 0;
        }
        return;
    }
    for LineQuantity { line_id, quantity } in &release.lines {
        if release.site_id.is_empty() {
            if let Some(line) = body.line_mut(line_id) {
                line.awaited = (line.awaited - quantity).max(0);
                line.backordered = line.backordered.min(line.awaited);
            }
        } else {
            take_stock(body, line_id, &release.site_id, *quantity);
            if release.cause == doubt::FORGOTTEN {
                doubt::take(&mut body.doubted, line_id, &release.site_id, *quantity);
            }
        }
    }
}

pub(super) fn take_stock(body: &mut Body, line_id: &str, site_id: &str, quantity: i64) {
    let of_line = body
        .stock
        .iter_mut()
        .filter(|stock| stock.line_id == line_id);
    for stock in of_line.filter(|stock| stock.site_id == site_id) {
        stock.quantity = (stock.quantity - quantity).max(0);
    }
    body.stock.retain(|stock| stock.quantity > 0);
}
