//! What the purchase's decisions read.

use std::collections::{BTreeMap, BTreeSet};

use ordo_proto::{
    aftersales::{LineValue, PurchaseLine, PurchaseRecorded},
    types::{LineQuantity, Money},
};

use super::{PurchaseError, PurchaseEvent};
use crate::money::share;

/// A purchase as far as its facts are known. Facts of an order that was not recorded yet are kept and count once it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PurchaseState {
    /// What the order said of itself, without its lines; absent until it was recorded.
    header: Option<PurchaseRecorded>,
    currency: String,
    due: i64,
    /// Set by a cancellation: it is newer than what the order said when it was placed.
    due_after_cancellation: Option<i64>,
    lines: Vec<PurchasedLine>,
    payments: BTreeMap<String, i64>,
    refunds: BTreeMap<String, Refund>,
    cases: BTreeMap<String, Claim>,
    sources: BTreeMap<String, String>,
    shipped_from: String,
    facts: BTreeSet<String>,
}

/// A line and how far its units are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PurchasedLine {
    /// The order's id for it.
    pub line_id: String,
    /// Our code of the goods.
    pub sku: String,
    /// For people.
    pub title: String,
    /// Units ordered.
    pub quantity: i64,
    /// Units that will not come.
    pub cancelled: i64,
    /// Units that left a site.
    pub shipped: i64,
    /// Units that reached the customer.
    pub delivered: i64,
    /// The line's own total in minor units: its weight in the order.
    pub total: i64,
    /// Its share of the amount due in minor units, for the units not cancelled.
    pub paid: i64,
}

impl PurchasedLine {
    /// Units that are still wanted.
    pub fn remaining(&self) -> i64 {
        (self.quantity - self.cancelled).max(0)
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Refund {
    amount: i64,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Granted,
    Settled,
    Failed,
}

/// Units and their worth by line.
type Claim = BTreeMap<String, (i64, i64)>;

impl PurchaseState {
    /// Whether intake has told of the order.
    pub fn is_recorded(&self) -> bool {
        self.header.is_some()
    }

    pub(super) fn header(&self) -> Option<&PurchaseRecorded> {
        self.header.as_ref()
    }

    /// Own id of the customer; may be empty.
    pub fn customer_id(&self) -> &str {
        self.header
            .as_ref()
            .map_or("", |header| &header.customer_id)
    }

    /// ISO 4217 code; empty until the first amount is known.
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// Lines in the order's order.
    pub fn lines(&self) -> &[PurchasedLine] {
        &self.lines
    }

    /// The line of that id.
    pub fn line(&self, line_id: &str) -> Option<&PurchasedLine> {
        self.lines.iter().find(|line| line.line_id == line_id)
    }

    /// Site that goods come back to when nobody says otherwise: the last that shipped, else the one that had to serve the
    /// order. Empty when neither is known.
    pub fn return_site(&self) -> &str {
        if self.shipped_from.is_empty() {
            self.header.as_ref().map_or("", |header| &header.site_id)
        } else {
            &self.shipped_from
        }
    }

    /// Minor units captured.
    pub fn captured(&self) -> i64 {
        self.payments.values().sum()
    }

    /// Minor units promised and not failed, with those that moved already and those refunded outside any case.
    pub fn granted(&self) -> i64 {
        let live = self
            .refunds
            .values()
            .filter(|refund| refund.phase != Phase::Failed);
        live.map(|refund| refund.amount).sum()
    }

    /// Minor units that moved back.
    pub fn refunded(&self) -> i64 {
        let settled = self
            .refunds
            .values()
            .filter(|refund| refund.phase == Phase::Settled);
        settled.map(|refund| refund.amount).sum()
    }

    /// Minor units that can still be promised.
    pub fn money_left(&self) -> i64 {
        (self.captured() - self.granted()).max(0)
    }

    /// Whether what is due was captured, so that no more money is to be expected.
    pub fn is_fully_paid(&self) -> bool {
        self.captured() >= self.due
    }

    /// Units of the line in any case.
    pub fn claimed(&self, line_id: &str) -> i64 {
        self.claims_on(line_id).map(|(quantity, _)| quantity).sum()
    }

    /// Units that a new case may claim.
    pub fn claimable(&self, line: &PurchasedLine) -> i64 {
        (line.delivered.min(line.remaining()) - self.claimed(&line.line_id)).max(0)
    }

    /// What was paid for the next `quantity` units that are claimed, in minor units. Whoever claims the last unit gets all
    /// that is left, so the claims on a line add up to what was paid for it.
    pub fn worth(&self, line: &PurchasedLine, quantity: i64) -> i64 {
        let (units, value) = self
            .claims_on(&line.line_id)
            .fold((0, 0), |(units, value), claim| {
                (units + claim.0, value + claim.1)
            });
        share(
            (line.paid - value).max(0),
            quantity,
            line.remaining() - units,
        )
    }

    /// Units of the line that the case holds, and what was paid for them.
    pub fn claim(&self, case_id: &str, line_id: &str) -> (i64, i64) {
        let claim = self.cases.get(case_id).and_then(|lines| lines.get(line_id));
        claim.copied().unwrap_or_default()
    }

    /// How many cases there were.
    pub fn cases(&self) -> u32 {
        u32::try_from(self.cases.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn is_pending(&self, refund_id: &str) -> bool {
        self.refunds
            .get(refund_id)
            .is_some_and(|refund| refund.phase == Phase::Granted)
    }

    pub(super) fn is_settled(&self, refund_id: &str) -> bool {
        self.refunds
            .get(refund_id)
            .is_some_and(|refund| refund.phase == Phase::Settled)
    }

    pub(super) fn has_payment(&self, payment_id: &str) -> bool {
        self.payments.contains_key(payment_id)
    }

    pub(super) fn knows(&self, fact_id: &str) -> bool {
        self.facts.contains(fact_id)
    }

    pub(super) fn source(&self, fulfilment_order_id: &str) -> Option<&str> {
        self.sources.get(fulfilment_order_id).map(String::as_str)
    }

    pub(super) fn due(&self) -> i64 {
        self.due
    }

    pub(super) fn due_after_cancellation(&self) -> Option<i64> {
        self.due_after_cancellation
    }

    /// Fails when `amount` is in another currency than the purchase.
    pub fn same_currency(&self, amount: &Money) -> Result<(), PurchaseError> {
        if self.currency.is_empty() || self.currency == amount.currency_code {
            return Ok(());
        }
        Err(PurchaseError::OtherCurrency {
            expected: self.currency.clone(),
            actual: amount.currency_code.clone(),
        })
    }

    fn claims_on(&self, line_id: &str) -> impl Iterator<Item = (i64, i64)> {
        self.cases
            .values()
            .filter_map(move |lines| lines.get(line_id).copied())
    }

    pub(super) fn after(mut self, event: &PurchaseEvent) -> Self {
        match event {
            PurchaseEvent::Recorded(recorded) => {
                self.header = Some(PurchaseRecorded {
                    lines: Vec::new(),
                    ..recorded.clone()
                });
                self.due = self.minor_units(recorded.due.as_ref());
                self.put_lines(&recorded.lines);
            }
            PurchaseEvent::Sourced(sourced) => {
                self.sources
                    .insert(sourced.fulfilment_order_id.clone(), sourced.site_id.clone());
            }
            PurchaseEvent::Paid(paid) => {
                let amount = self.minor_units(paid.amount.as_ref());
                self.payments.insert(paid.payment_id.clone(), amount);
            }
            PurchaseEvent::Shipped(shipped) => {
                self.facts.insert(shipped.fact_id.clone());
                if !shipped.site_id.is_empty() {
                    self.shipped_from.clone_from(&shipped.site_id);
                }
                self.count(&shipped.lines, |line| &mut line.shipped);
            }
            PurchaseEvent::Delivered(delivered) => {
                self.facts.insert(delivered.fact_id.clone());
                self.count(&delivered.lines, |line| &mut line.delivered);
            }
            PurchaseEvent::Cancelled(cancelled) => {
                self.facts.insert(cancelled.fact_id.clone());
                self.count(&cancelled.lines, |line| &mut line.cancelled);
                if let Some(due) = &cancelled.due {
                    self.due = self.minor_units(Some(due));
                    self.due_after_cancellation = Some(self.due);
                }
                self.put_lines(&cancelled.lines_now);
            }
            PurchaseEvent::Refunded(refunded) => {
                let amount = self.minor_units(refunded.amount.as_ref());
                self.put_refund(&refunded.refund_id, amount, Phase::Settled);
            }
            PurchaseEvent::Claimed(claimed) => {
                let case = self.cases.entry(claimed.case_id.clone()).or_default();
                for value in &claimed.values {
                    let held = case.entry(value.line_id.clone()).or_default();
                    held.0 += value.quantity;
                    held.1 += worth_of(value);
                }
            }
            PurchaseEvent::Unclaimed(unclaimed) => {
                let case = self.cases.entry(unclaimed.case_id.clone()).or_default();
                for value in &unclaimed.values {
                    let held = case.entry(value.line_id.clone()).or_default();
                    held.0 -= value.quantity;
                    held.1 -= worth_of(value);
                }
            }
            PurchaseEvent::RefundGranted(granted) => {
                let amount = self.minor_units(granted.amount.as_ref());
                self.put_refund(&granted.refund_id, amount, Phase::Granted);
            }
            PurchaseEvent::RefundFailed(failed) => {
                if let Some(refund) = self.refunds.get_mut(&failed.refund_id) {
                    refund.phase = Phase::Failed;
                }
            }
        }
        self
    }

    /// The amount; the first one known names the purchase's currency.
    fn minor_units(&mut self, amount: Option<&Money>) -> i64 {
        let Some(amount) = amount else { return 0 };
        if self.currency.is_empty() {
            self.currency.clone_from(&amount.currency_code);
        }
        amount.minor_units
    }

    fn put_lines(&mut self, lines: &[PurchaseLine]) {
        for new in lines {
            let line = self.entry(&new.line_id);
            line.sku.clone_from(&new.sku);
            line.title.clone_from(&new.title);
            line.quantity = new.quantity;
            line.paid = new.paid.as_ref().map_or(0, |paid| paid.minor_units);
            line.total = new.total.as_ref().map_or(0, |total| total.minor_units);
        }
    }

    fn count(&mut self, lines: &[LineQuantity], counter: impl Fn(&mut PurchasedLine) -> &mut i64) {
        for counted in lines {
            *counter(self.entry(&counted.line_id)) += counted.quantity;
        }
    }

    fn entry(&mut self, line_id: &str) -> &mut PurchasedLine {
        let index = match self.lines.iter().position(|line| line.line_id == line_id) {
            Some(index) => index,
            None => {
                self.lines.push(PurchasedLine {
                    line_id: line_id.to_owned(),
                    ..PurchasedLine::default()
                });
                self.lines.len() - 1
            }
        };
        &mut self.lines[index]
    }

    fn put_refund(&mut self, refund_id: &str, amount: i64, phase: Phase) {
        self.refunds
            .insert(refund_id.to_owned(), Refund { amount, phase });
    }
}

fn worth_of(value: &LineValue) -> i64 {
    value.value.as_ref().map_or(0, |value| value.minor_units)
}
