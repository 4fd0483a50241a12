//! Asking inventory for stock, recording what it says, and handing reserved stock to the warehouse.

use ordo_proto::{
    intake::{
        Allocation, Demand, FulfilmentLine, FulfilmentRequested, Hold, HoldReason, PaymentTerms,
        ReservationReleaseRequested, ReservationRequested, ShortStockPolicy, Shortage,
        StockReserved, StockShort,
    },
    types::LineQuantity,
};

use super::{
    Body, Draft, Line, OrderError, Phase, amounts,
    body::{add, units},
    cancel,
    command::{RecordReservation, RecordShortage, RecordTakenBack},
    doubt::{self, FORGOTTEN},
    hold::{Raised, is_live, raise},
    short_pick::{self, SHORT_PICK},
    tally::Tally,
};

/// Cause of giving back what is not wanted (any more).
pub(super) const SURPLUS: &str = "SURPLUS";
/// Cause of losing units whose reservation expired: inventory has taken them back itself.
pub(crate) const EXPIRED: &str = "EXPIRED";
/// Cause of losing units that inventory was told to release by somebody else: a person, or this order itself before intake was
/// restored to a time when it had not asked for that yet.
pub(crate) const RELEASED_ELSEWHERE: &str = "RELEASED_ELSEWHERE";
/// Cause of cancelling what is out of stock.
const SHORT_STOCK: &str = "SHORT_STOCK";

/// How the order's units are asked for, by its short-stock policy and what the customer has decided.
struct Terms {
    all_or_nothing: bool,
    wait_for_stock: bool,
}

fn terms(body: &Body) -> Terms {
    let (all_or_nothing, wait_for_stock) = match body.short_stock_policy() {
        _ if body.waits_by_choice => (!body.split_allowed(), true),
        ShortStockPolicy::ShipAvailable => (!body.split_allowed(), true),
        ShortStockPolicy::Wait | ShortStockPolicy::Unspecified => (true, true),
        ShortStockPolicy::Ask | ShortStockPolicy::Cancel => (false, false),
    };
    Terms {
        all_or_nothing,
        wait_for_stock,
    }
}

/// Whether inventory learns of the released units from somebody else, and must not be asked to release them again.
pub fn told_by_others(release: &ReservationReleaseRequested) -> bool {
    [SHORT_PICK, EXPIRED, RELEASED_ELSEWHERE, FORGOTTEN].contains(&release.cause.as_str())
}

/// Whether what is there may go before the rest is.
pub(super) fn parts_may_go(body: &Body) -> bool {
    body.split_allowed()
        && (body.waits_by_choice || body.short_stock_policy() == ShortStockPolicy::ShipAvailable)
}

/// Reserved units of a line that are not with the warehouse yet.
pub(super) fn releasable(body: &Body, line: &Line) -> i64 {
    body.reserved(&line.line.line_id) - body.released(&line.line.line_id)
}

/// Whether a person, data or money comes first. A replacement has goods set aside while its return is under way, and units
/// that the warehouse could not find are sourced again while the order is held for them.
fn keeps_from_asking(body: &Body, hold: &Hold) -> bool {
    match hold.reason() {
        HoldReason::AwaitingReturn => false,
        HoldReason::ShortPick => !short_pick::is_sourced_again(body, hold),
        _ => true,
    }
}

/// Asks inventory for what is wanted and not reserved, when that differs from what was asked for. A request replaces
/// the one before. A held order asks for nothing more, but for less when less is wanted.
pub(super) fn ask(draft: &mut Draft) {
    let body = draft.body();
    let held = body.holds.iter().any(|hold| keeps_from_asking(body, hold));
    let tally = Tally::of(body);
    let wanted = |line: &Line| {
        let unreserved = tally.unreserved(line);
        if held {
            unreserved.min(line.awaited)
        } else {
            unreserved
        }
    };
    if body.lines.iter().all(|line| wanted(line) == line.awaited) {
        return;
    }
    let demand: Vec<_> = body
        .lines
        .iter()
        .filter(|line| wanted(line) > 0 && !line.line.sku.is_empty())
        .map(|line| Demand {
            line_id: line.line.line_id.clone(),
            sku: line.line.sku.clone(),
            quantity: wanted(line),
        })
        .collect();
    if demand.is_empty() {
        let awaited = body.lines.iter().filter(|line| line.awaited > 0);
        let lines = awaited
            .map(|line| units(&line.line.line_id, line.awaited))
            .collect();
        draft.record(ReservationReleaseRequested {
            lines,
            cause: SURPLUS.to_owned(),
            site_id: String::new(),
        });
        return;
    }
    request(draft, demand);
}

fn request(draft: &mut Draft, demand: Vec<Demand>) {
    let body = draft.body();
    let terms = terms(body);
    draft.record(ReservationRequested {
        attempt: body.attempt + 1,
        demand,
        all_or_nothing: terms.all_or_nothing,
        wait_for_stock: terms.wait_for_stock,
        region: body.region.clone(),
        site_id: body.site_id.clone(),
        split_allowed: body.split_allowed(),
    });
}

/// Hands reserved units to the warehouses, one fulfilment order per site. An order that should come in one piece waits
/// until all of it is reserved.
pub(super) fn release(draft: &mut Draft) {
    let body = draft.body();
    let tally = Tally::of(body);
    let complete = body.lines.iter().all(|line| tally.unreserved(line) == 0);
    if !complete && !parts_may_go(body) {
        return;
    }
    let mut sites: Vec<(String, Vec<FulfilmentLine>)> = Vec::new();
    for stock in &body.stock {
        let quantity = stock.quantity - tally.released_at(&stock.line_id, &stock.site_id);
        let Some(line) = body.line(&stock.line_id).filter(|_| quantity > 0) else {
            continue;
        };
        let line = FulfilmentLine {
            line_id: stock.line_id.clone(),
            sku: line.line.sku.clone(),
            title: line.line.title.clone(),
            quantity,
        };
        match sites.iter_mut().find(|(site, _)| *site == stock.site_id) {
            Some((_, lines)) => lines.push(line),
            None => sites.push((stock.site_id.clone(), vec![line])),
        }
    }
    let last = sites.len();
    for (index, (site_id, lines)) in sites.into_iter().enumerate() {
        let closes = complete && index + 1 == last;
        let body = draft.body();
        let requested = FulfilmentRequested {
            fulfilment_order_id: format!("{}-F{}", body.order_id, body.fulfilments.len() + 1),
            order_id: body.order_id.clone(),
            site_id,
            collect_on_delivery: collect(body, &lines, closes),
            lines,
            channel: body.channel.clone(),
            channel_order_number: body.channel_order_number.clone(),
            delivery_method: body.delivery_method,
            contact: body.contact.clone(),
            address: body.address.clone(),
            region: body.region.clone(),
            wishes: body.wishes.clone(),
        };
        draft.record(requested);
    }
}

/// What the carrier collects for these lines. Each fulfilment order collects its goods; the one that closes the order
/// collects whatever is left, so that the parts add up to what is due and unpaid.
fn collect(
    body: &Body,
    lines: &[FulfilmentLine],
    closes: bool,
) -> Option<ordo_proto::types::Money> {
    if body.payment_terms() != PaymentTerms::CashOnDelivery {
        return None;
    }
    let assigned: i64 = body
        .fulfilments
        .iter()
        .map(|fulfilment| fulfilment.collect)
        .sum();
    let deposit = if body.fulfilments.is_empty() {
        body.paid()
    } else {
        body.deposit
    };
    let left = body.due() - body.paid().max(deposit + assigned);
    let goods: i64 = lines
        .iter()
        .map(|line| amounts::goods_value(body, &line.line_id, line.quantity))
        .sum();
    let amount = if closes { left } else { goods.min(left) };
    (amount > 0).then(|| body.money(amount))
}

/// Inventory reserved units. Units beyond what is wanted by now go back at once.
pub(super) fn record_reservation(
    draft: &mut Draft,
    it: RecordReservation,
) -> Result<(), OrderError> {
    let body = draft.body();
    if draft.phase().ended() || doubt::is_old(body, it.told) {
        return Ok(());
    }
    let known = |allocation: &Allocation| {
        allocation.quantity > 0 && body.line(&allocation.line_id).is_some()
    };
    let allocations: Vec<_> = it.allocations.into_iter().filter(known).collect();
    let (again, allocations) = doubt::part(body, it.told, allocations);
    if again.is_empty() && allocations.is_empty() {
        return Ok(());
    }
    draft.record(StockReserved {
        allocations: allocations.clone(),
        attempt: it.attempt,
        reservation_version: it.told.version,
        reservation_epoch: it.told.epoch,
        again,
    });
    doubt::replace(draft, &allocations);
    Ok(())
}

/// Inventory is short: the order's policy says what follows. An answer to a request that was replaced is out of date, and tells
/// only that inventory was restored.
pub(super) fn record_shortage(draft: &mut Draft, it: RecordShortage) -> Result<(), OrderError> {
    let body = draft.body();
    if draft.phase().ended() || doubt::is_old(body, it.told) {
        return Ok(());
    }
    let answers = it.attempt == body.attempt;
    let wanted = |shortage: &Shortage| {
        let line = body.line(&shortage.line_id);
        answers && shortage.missing > 0 && line.is_some_and(|line| line.awaited > 0)
    };
    let shortages: Vec<_> = it.shortages.into_iter().filter(wanted).collect();
    let in_doubt = doubt::is_after_restore(body, it.told) || answers && !body.doubted.is_empty();
    if shortages.is_empty() && !in_doubt {
        return Ok(());
    }
    draft.record(StockShort {
        shortages: shortages.clone(),
        waiting: it.waiting,
        attempt: it.attempt,
        reservation_version: it.told.version,
        reservation_epoch: it.told.epoch,
    });
    if answers {
        doubt::give_up(draft);
    }
    let (unknown, short): (Vec<_>, Vec<_>) = shortages
        .into_iter()
        .partition(|shortage| shortage.unknown_sku);
    if !unknown.is_empty() {
        raise_unknown(draft, &unknown);
    }
    if short.is_empty() {
        return Ok(());
    }
    let decided = draft.body().waits_by_choice;
    match draft.body().short_stock_policy() {
        ShortStockPolicy::Cancel if !decided => cancel_short(draft, &short),
        ShortStockPolicy::Ask if !decided => {
            raise_short(draft, HoldReason::CustomerDecision, &short);
            Ok(())
        }
        _ => {
            let body = draft.body();
            let something_goes = parts_may_go(body)
                && body.lines.iter().any(|line| {
                    releasable(body, line) > 0
                        || line.shipped > 0
                        || body.released(&line.line.line_id) > 0
                });
            if !(something_goes && it.waiting) {
                raise_short(draft, HoldReason::ShortStock, &short);
            }
            Ok(())
        }
    }
}

pub(super) fn raise_short(draft: &mut Draft, reason: HoldReason, shortages: &[Shortage]) {
    if is_live(draft, reason) {
        return;
    }
    let detail = shortages
        .iter()
        .map(|shortage| format!("{} x{}", shortage.sku, shortage.missing))
        .collect::<Vec<_>>();
    let lines = shortages
        .iter()
        .map(|shortage| shortage.line_id.clone())
        .collect();
    let detail = format!("out of stock: {}", detail.join(", "));
    raise(draft, Raised::new(reason, detail).lines(lines));
}

fn raise_unknown(draft: &mut Draft, unknown: &[Shortage]) {
    if is_live(draft, HoldReason::UnmappedSku) {
        return;
    }
    let (fields, line_ids) = super::checks::unmapped(draft.body()).into_iter().unzip();
    let skus: Vec<_> = unknown
        .iter()
        .map(|shortage| shortage.sku.as_str())
        .collect();
    let detail = format!("the catalogue has no {}", skus.join(", "));
    let raised = Raised::new(HoldReason::UnmappedSku, detail);
    raise(draft, raised.fields(fields).lines(line_ids));
}

fn cancel_short(draft: &mut Draft, shortages: &[Shortage]) -> Result<(), OrderError> {
    let mut lines = Vec::new();
    for shortage in shortages {
        if let Some(line) = draft.body().line(&shortage.line_id) {
            let missing = shortage.missing.min(draft.body().unreserved(line));
            if missing > 0 {
                add(&mut lines, &shortage.line_id, missing);
            }
        }
    }
    cancel::cancel_units(draft, lines, SHORT_STOCK, "out of stock")
}

/// The reservation ran out.
pub(super) fn record_expired(draft: &mut Draft, it: RecordTakenBack) -> Result<(), OrderError> {
    take_back(draft, it, EXPIRED);
    Ok(())
}

/// Inventory released units that this order had not given up. Should they be with the warehouse, its stopping is told later.
pub(super) fn record_released_elsewhere(
    draft: &mut Draft,
    it: RecordTakenBack,
) -> Result<(), OrderError> {
    let body = draft.body();
    let with_warehouse = it.allocations.iter().any(|allocation| {
        let released = body.released_at(&allocation.line_id, &allocation.site_id);
        let there = there(body, &allocation.line_id, &allocation.site_id);
        released > 0 && there - released < allocation.quantity
    });
    if draft.phase() == Phase::Open && with_warehouse {
        return Err(OrderError::ReleasedToWarehouse);
    }
    take_back(draft, it, RELEASED_ELSEWHERE);
    Ok(())
}

/// Units of the line that are reserved at the site, with the warehouse or not.
pub(super) fn there(body: &Body, line_id: &str, site_id: &str) -> i64 {
    let here = body
        .stock
        .iter()
        .filter(|stock| stock.line_id == line_id && stock.site_id == site_id);
    here.map(|stock| stock.quantity).sum()
}

/// Inventory took units back: they are asked for again.
fn take_back(draft: &mut Draft, it: RecordTakenBack, cause: &str) {
    if draft.phase() != Phase::Open {
        return;
    }
    let awaited = |line: &LineQuantity| {
        let known = draft.body().line(&line.line_id);
        known.is_some_and(|known| known.awaited > 0 && line.quantity > 0)
    };
    let abandoned: Vec<_> = it.abandoned.into_iter().filter(awaited).collect();
    if !abandoned.is_empty() {
        draft.record(ReservationReleaseRequested {
            lines: abandoned,
            cause: cause.to_owned(),
            site_id: String::new(),
        });
    }
    for allocation in it.allocations {
        let body = draft.body();
        let (line_id, site_id) = (&allocation.line_id, &allocation.site_id);
        let free = there(body, line_id, site_id) - body.released_at(line_id, site_id);
        let gone = allocation.quantity.min(free);
        if gone > 0 {
            draft.record(ReservationReleaseRequested {
                lines: vec![units(&allocation.line_id, gone)],
                cause: cause.to_owned(),
                site_id: allocation.site_id,
            });
        }
    }
}
