//! Units that inventory told of before it was restored to an earlier time.
//!
//! Such an inventory is sent every request again, and tells its outcome again, under a higher epoch. Until then nobody knows
//! whether the units are still set aside: others may have got them. What is told a second time is counted once. What turns
//! out not to be there is taken from the order and asked for again; where the warehouse has the units by now, they hold the
//! order until inventory has found them, or a person has.

use ordo_proto::intake::{Allocation, HoldReason, ReservationReleaseRequested, Shortage};

use super::{
    Body, Draft,
    body::{SiteStock, ToldUnits, units},
    command::Told,
    stock::{raise_short, there},
};

/// Cause of losing units that a restored inventory does not have for the order any more.
pub(crate) const FORGOTTEN: &str = "FORGOTTEN";

/// Whether inventory was restored since the order last heard of its reservation.
pub(super) fn is_after_restore(body: &Body, told: Told) -> bool {
    body.reservation_epoch != 0 && told.epoch > body.reservation_epoch
}

/// Whether it was recorded already, or is of a history that a restore has ended.
pub(super) fn is_old(body: &Body, told: Told) -> bool {
    let replaced = told.epoch != 0 && told.epoch < body.reservation_epoch;
    let known = told.version != 0 && told.version <= body.reservation_version;
    replaced || known && !is_after_restore(body, told)
}

/// Notes how far the order has heard. What inventory told from here on before its restore is in doubt.
pub(super) fn hear(body: &mut Body, told: Told) {
    if is_after_restore(body, told) {
        body.doubted = doubted(body, told);
        body.told.retain(|entry| entry.version < told.version);
        body.reservation_version = told.version;
    }
    body.reservation_version = body.reservation_version.max(told.version);
    body.reservation_epoch = body.reservation_epoch.max(told.epoch);
}

/// What is in doubt once the order has heard this.
fn doubted(body: &Body, told: Told) -> Vec<SiteStock> {
    let mut doubted = body.doubted.clone();
    if is_after_restore(body, told) {
        let lost = body
            .told
            .iter()
            .filter(|entry| entry.version >= told.version);
        doubted.extend(lost.map(|entry| entry.units.clone()));
    }
    doubted
}

/// Notes what inventory has reserved.
pub(super) fn note(body: &mut Body, told: Told, allocation: &Allocation) {
    body.told.push(ToldUnits {
        version: told.version,
        epoch: told.epoch,
        units: SiteStock {
            line_id: allocation.line_id.clone(),
            site_id: allocation.site_id.clone(),
            quantity: allocation.quantity,
        },
    });
}

/// Takes up to `quantity` units out of those in doubt and says how many were there.
pub(super) fn take(
    doubted: &mut Vec<SiteStock>,
    line_id: &str,
    site_id: &str,
    quantity: i64,
) -> i64 {
    let mut taken = 0;
    for stock in doubted
        .iter_mut()
        .filter(|stock| stock.line_id == line_id && stock.site_id == site_id)
    {
        let part = stock.quantity.min(quantity - taken);
        stock.quantity -= part;
        taken += part;
    }
    doubted.retain(|stock| stock.quantity > 0);
    taken
}

/// Parts what inventory tells into what the order counts already and what is new.
pub(super) fn part(
    body: &Body,
    told: Told,
    allocations: Vec<Allocation>,
) -> (Vec<Allocation>, Vec<Allocation>) {
    let mut doubted = doubted(body, told);
    let (mut again, mut new) = (Vec::new(), Vec::new());
    for allocation in allocations {
        let (line_id, site_id) = (&allocation.line_id, &allocation.site_id);
        let known = take(&mut doubted, line_id, site_id, allocation.quantity);
        let rest = allocation.quantity - known;
        for (quantity, part) in [(known, &mut again), (rest, &mut new)] {
            if quantity > 0 {
                let allocation = allocation.clone();
                part.push(Allocation {
                    quantity,
                    ..allocation
                });
            }
        }
    }
    (again, new)
}

/// Inventory has reserved these now, maybe elsewhere: units of the same lines that are in doubt are not the order's any more.
pub(super) fn replace(draft: &mut Draft, allocations: &[Allocation]) {
    for allocation in allocations {
        let mut left = allocation.quantity;
        for doubted in of_line(draft.body(), &allocation.line_id) {
            left -= lose(draft, &doubted, left);
        }
    }
}

/// Inventory has not found everything: what is still in doubt is not reserved.
pub(super) fn give_up(draft: &mut Draft) {
    let mut short = Vec::new();
    for doubted in draft.body().doubted.clone() {
        let lost = lose(draft, &doubted, doubted.quantity);
        let body = draft.body();
        let with_warehouse = body.released_at(&doubted.line_id, &doubted.site_id);
        let missing = (unconfirmed(body, &doubted) - lost).min(with_warehouse);
        if let Some(line) = body.line(&doubted.line_id).filter(|_| missing > 0) {
            short.push(Shortage {
                line_id: doubted.line_id,
                sku: line.line.sku.clone(),
                missing,
                unknown_sku: false,
            });
        }
    }
    if !short.is_empty() {
        raise_short(draft, HoldReason::ShortStock, &short);
    }
}

fn of_line(body: &Body, line_id: &str) -> Vec<SiteStock> {
    let of_line = body.doubted.iter().filter(|stock| stock.line_id == line_id);
    of_line.cloned().collect()
}

/// How many of the units in doubt the order still counts, beside those that were told again: others were given back long ago.
fn unconfirmed(body: &Body, doubted: &SiteStock) -> i64 {
    let (line_id, site_id) = (&doubted.line_id, &doubted.site_id);
    let here = |units: &SiteStock| units.line_id == *line_id && units.site_id == *site_id;
    let since = body
        .told
        .iter()
        .filter(|entry| entry.epoch == body.reservation_epoch && here(&entry.units));
    let confirmed: i64 = since.map(|entry| entry.units.quantity).sum();
    let counted = there(body, line_id, site_id) - confirmed;
    doubted.quantity.min(counted.max(0))
}

/// Takes up to `most` of the units from the order, but none that are with the warehouse. How many.
fn lose(draft: &mut Draft, doubted: &SiteStock, most: i64) -> i64 {
    let (line_id, site_id) = (&doubted.line_id, &doubted.site_id);
    let body = draft.body();
    let free = there(body, line_id, site_id) - body.released_at(line_id, site_id);
    let gone = unconfirmed(body, doubted).min(free).min(most).max(0);
    if gone > 0 {
        draft.record(ReservationReleaseRequested {
            lines: vec![units(line_id, gone)],
            cause: FORGOTTEN.to_owned(),
            site_id: site_id.clone(),
        });
    }
    gone
}
