//! What every decision ends in: holds whose cause is gone are released, an order without holds opens, stock that is
//! wanted is asked for, stock that is not is given back, and reserved stock goes to the warehouse.

use std::collections::HashMap;

use ordo_proto::intake::{
    Hold, HoldReason, OrderOpened, PaymentTerms, ReservationReleaseRequested,
};

use super::{
    Body, Draft, Phase,
    body::units,
    checks,
    hold::{Raised, lift, raise},
    stock,
    tally::Tally,
};

/// Brings the order as far as it can go now.
pub(super) fn settle(draft: &mut Draft) {
    if draft.phase().ended() {
        return;
    }
    free_holds(draft);
    if draft.phase() == Phase::Received && only_awaits_return(draft.body()) {
        draft.record(OrderOpened {});
    }
    if draft.phase() == Phase::Open {
        give_back_surplus(draft);
        stock::ask(draft);
        if draft.body().holds.is_empty() {
            stock::release(draft);
        }
    }
}

/// No hold keeps the order from having goods set aside: a replacement does so while the return is on its way, and only their
/// release waits for it.
pub(super) fn only_awaits_return(body: &Body) -> bool {
    body.holds
        .iter()
        .all(|hold| hold.reason() == HoldReason::AwaitingReturn)
}

/// Releases the holds whose cause is gone.
fn free_holds(draft: &mut Draft) {
    for hold in draft.body().holds.clone() {
        let body = draft.body();
        if hold.reason() == HoldReason::Incomplete {
            refresh_incomplete(draft, &hold);
        } else if cause_is_gone(body, &hold) {
            lift(draft, &hold.hold_id, hold.reason(), "");
        }
    }
}

/// The hold names exactly what is missing: when something was supplied, a new one names the rest.
fn refresh_incomplete(draft: &mut Draft, hold: &Hold) {
    let personal = hold
        .fields
        .iter()
        .filter(|field| checks::is_personal(field));
    let mut fields: Vec<_> = personal.cloned().collect();
    fields.extend(checks::missing_beside_personal(draft.body()));
    replace_incomplete(draft, hold, fields);
}

/// Replaces an INCOMPLETE hold by one that names `fields`, or by none.
pub(super) fn replace_incomplete(draft: &mut Draft, hold: &Hold, fields: Vec<String>) {
    if fields == hold.fields {
        return;
    }
    lift(draft, &hold.hold_id, HoldReason::Incomplete, "");
    raise_incomplete(draft, fields);
}

/// Holds the order as INCOMPLETE when anything is missing.
pub(super) fn raise_incomplete(draft: &mut Draft, fields: Vec<String>) {
    if !fields.is_empty() {
        let detail = format!("missing: {}", fields.join(", "));
        raise(
            draft,
            Raised::new(HoldReason::Incomplete, detail).fields(fields),
        );
    }
}

fn cause_is_gone(body: &Body, hold: &Hold) -> bool {
    let none_unreserved = || {
        hold.line_ids
            .iter()
            .filter_map(|line_id| body.line(line_id))
            .all(|line| body.unreserved(line) == 0)
    };
    let none_doubted = || {
        body.doubted
            .iter()
            .all(|stock| !hold.line_ids.contains(&stock.line_id))
    };
    let paid_for = || body.payment_terms() != PaymentTerms::Prepaid || body.paid() >= body.due();
    match hold.reason() {
        HoldReason::Unpaid | HoldReason::PaymentFailed => paid_for(),
        HoldReason::AmountMismatch if hold.fields == [super::payment::OVERPAID_FIELD] => {
            body.paid() <= body.due()
        }
        HoldReason::AmountMismatch => checks::disagreement(body).is_none(),
        HoldReason::UnmappedSku => checks::unmapped(body).is_empty(),
        HoldReason::ShortStock if !none_doubted() => false,
        HoldReason::ShortStock if stock::parts_may_go(body) => {
            none_unreserved()
                || body
                    .lines
                    .iter()
                    .any(|line| stock::releasable(body, line) > 0)
        }
        HoldReason::ShortStock | HoldReason::ShortPick | HoldReason::CustomerDecision => {
            none_unreserved()
        }
        // Replaced by `refresh_incomplete`; the others need a person or a case.
        HoldReason::Incomplete
        | HoldReason::Review
        | HoldReason::AwaitingReturn
        | HoldReason::Unspecified => false,
    }
}

/// Reserved units beyond what should leave go back to inventory, site by site.
fn give_back_surplus(draft: &mut Draft) {
    let body = draft.body();
    let tally = Tally::of(body);
    let mut surplus: HashMap<&str, i64> = HashMap::new();
    for line in &body.lines {
        let line_id = line.line.line_id.as_str();
        let beyond = tally.reserved(line_id) - line.to_ship();
        if beyond > 0 {
            surplus.insert(line_id, beyond);
        }
    }
    let mut releases: Vec<ReservationReleaseRequested> = Vec::new();
    for stock in body.stock.iter().rev() {
        let Some(beyond) = surplus.get_mut(stock.line_id.as_str()) else {
            continue;
        };
        let free = stock.quantity - tally.released_at(&stock.line_id, &stock.site_id);
        let back = free.min(*beyond);
        if back <= 0 {
            continue;
        }
        *beyond -= back;
        let of_site = releases
            .iter_mut()
            .find(|release| release.site_id == stock.site_id);
        match of_site {
            Some(release) => release.lines.push(units(&stock.line_id, back)),
            None => releases.push(ReservationReleaseRequested {
                lines: vec![units(&stock.line_id, back)],
                cause: stock::SURPLUS.to_owned(),
                site_id: stock.site_id.clone(),
            }),
        }
    }
    for release in releases {
        draft.record(release);
    }
}
