//! How intake's facts become the purchase's. None is ever refused: what is known already changes nothing.

use ordo_proto::{
    aftersales::{
        PurchaseCancelled, PurchaseDelivered, PurchaseLine, PurchasePaymentRecorded,
        PurchaseRecorded, PurchaseRefunded, PurchaseShipped, PurchaseSourced,
    },
    types::{LineQuantity, Money},
};

use super::{PurchaseEvent, PurchaseState, PurchasedLine};
use crate::money::{allocate, money};

/// An order as intake tells of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OrderedPurchase {
    /// Id of the order, and of the purchase.
    pub order_id: String,
    /// Own id of the customer; may be empty.
    pub customer_id: String,
    /// Where it came from.
    pub channel: String,
    /// The channel's own number.
    pub channel_order_number: String,
    /// What was ordered.
    pub lines: Vec<OrderedLine>,
    /// What is due in all.
    pub due: Money,
    /// Site that must serve it; may be empty.
    pub site_id: String,
}

/// One line as ordered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OrderedLine {
    /// The order's id for it.
    pub line_id: String,
    /// Our code; empty while unmapped.
    pub sku: String,
    /// For people.
    pub title: String,
    /// Units.
    pub quantity: i64,
    /// The line's total after its own discount, before tax and the order's sums, in minor units.
    pub total: i64,
}

/// Recorded once: a second order under the same id is the same one, told twice.
pub(super) fn record(state: &PurchaseState, order: OrderedPurchase) -> Vec<PurchaseEvent> {
    if state.is_recorded() {
        return Vec::new();
    }
    let due = money(
        &order.due.currency_code,
        state
            .due_after_cancellation()
            .unwrap_or(order.due.minor_units),
    );
    let lines = order
        .lines
        .into_iter()
        .map(|line| merged(state, line))
        .collect();
    vec![
        PurchaseRecorded {
            order_id: order.order_id,
            customer_id: order.customer_id,
            channel: order.channel,
            channel_order_number: order.channel_order_number,
            lines: valued(lines, &due),
            due: Some(due),
            site_id: order.site_id,
        }
        .into(),
    ]
}

/// The newly known lines and amount due; the shares of all lines are worked out anew.
pub(super) fn complete(
    state: &PurchaseState,
    completed: Vec<OrderedLine>,
    due: Option<Money>,
) -> Vec<PurchaseEvent> {
    let Some(header) = state.header() else {
        return Vec::new();
    };
    let due = due.unwrap_or_else(|| money(state.currency(), state.due()));
    let mut lines = state.lines().to_vec();
    for line in completed {
        let line = merged(state, line);
        match lines.iter_mut().find(|known| known.line_id == line.line_id) {
            Some(known) => *known = line,
            None => lines.push(line),
        }
    }
    let lines = valued(lines, &due);
    if due.minor_units == state.due() && lines == shown(state.lines(), &due) {
        return Vec::new();
    }
    vec![
        PurchaseRecorded {
            lines,
            due: Some(due),
            ..header.clone()
        }
        .into(),
    ]
}

pub(super) fn source(
    state: &PurchaseState,
    fulfilment_order_id: String,
    site_id: String,
) -> Vec<PurchaseEvent> {
    if state.source(&fulfilment_order_id) == Some(site_id.as_str()) {
        return Vec::new();
    }
    vec![
        PurchaseSourced {
            fulfilment_order_id,
            site_id,
        }
        .into(),
    ]
}

pub(super) fn pay(state: &PurchaseState, payment_id: String, amount: Money) -> Vec<PurchaseEvent> {
    // Money of another currency settles nothing of this purchase; intake holds such an order.
    if state.has_payment(&payment_id) || state.same_currency(&amount).is_err() {
        return Vec::new();
    }
    vec![
        PurchasePaymentRecorded {
            payment_id,
            amount: Some(amount),
        }
        .into(),
    ]
}

pub(super) fn ship(
    state: &PurchaseState,
    fact_id: String,
    fulfilment_order_id: &str,
    lines: Vec<LineQuantity>,
) -> Vec<PurchaseEvent> {
    if state.knows(&fact_id) {
        return Vec::new();
    }
    vec![
        PurchaseShipped {
            lines,
            site_id: state
                .source(fulfilment_order_id)
                .unwrap_or_default()
                .to_owned(),
            fact_id,
        }
        .into(),
    ]
}

pub(super) fn deliver(
    state: &PurchaseState,
    fact_id: String,
    lines: Vec<LineQuantity>,
) -> Vec<PurchaseEvent> {
    if state.knows(&fact_id) {
        return Vec::new();
    }
    vec![PurchaseDelivered { lines, fact_id }.into()]
}

pub(super) fn cancel(
    state: &PurchaseState,
    fact_id: String,
    cancelled: Vec<LineQuantity>,
    due: Option<Money>,
) -> Vec<PurchaseEvent> {
    if state.knows(&fact_id) {
        return Vec::new();
    }
    let mut lines_now = Vec::new();
    if state.is_recorded() {
        let mut lines = state.lines().to_vec();
        for line in &mut lines {
            let units = cancelled.iter().filter(|c| c.line_id == line.line_id);
            line.cancelled += units.map(|c| c.quantity).sum::<i64>();
        }
        let due = due
            .clone()
            .unwrap_or_else(|| money(state.currency(), state.due()));
        lines_now = valued(lines, &due);
    }
    vec![
        PurchaseCancelled {
            lines: cancelled,
            fact_id,
            due,
            lines_now,
        }
        .into(),
    ]
}

pub(super) fn refunded(
    state: &PurchaseState,
    refund_id: String,
    amount: Money,
) -> Vec<PurchaseEvent> {
    if state.is_settled(&refund_id) {
        return Vec::new();
    }
    vec![
        PurchaseRefunded {
            refund_id,
            amount: Some(amount),
        }
        .into(),
    ]
}

/// The line as told, with what is known of its units.
fn merged(state: &PurchaseState, line: OrderedLine) -> PurchasedLine {
    let known = state.line(&line.line_id).cloned().unwrap_or_default();
    PurchasedLine {
        line_id: line.line_id,
        sku: line.sku,
        title: line.title,
        quantity: line.quantity,
        total: line.total,
        ..known
    }
}

/// Each line with its share of `due`, by the total of its remaining units. When everything left is free of charge, the
/// charges that remain due (freight) go by units.
fn valued(mut lines: Vec<PurchasedLine>, due: &Money) -> Vec<PurchaseLine> {
    let mut weights: Vec<i64> = lines
        .iter()
        .map(|line| crate::money::share(line.total, line.remaining(), line.quantity))
        .collect();
    if weights.iter().all(|weight| *weight <= 0) {
        weights = lines.iter().map(PurchasedLine::remaining).collect();
    }
    for (line, paid) in lines.iter_mut().zip(allocate(due.minor_units, &weights)) {
        line.paid = paid;
    }
    shown(&lines, due)
}

fn shown(lines: &[PurchasedLine], due: &Money) -> Vec<PurchaseLine> {
    let amount = |minor_units| Some(money(&due.currency_code, minor_units));
    let shown = lines.iter().map(|line| PurchaseLine {
        line_id: line.line_id.clone(),
        sku: line.sku.clone(),
        title: line.title.clone(),
        quantity: line.quantity,
        paid: amount(line.paid),
        total: amount(line.total),
    });
    shown.collect()
}
