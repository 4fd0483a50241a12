//! What the case's decisions read.

use std::fmt;

use ordo_proto::{
    aftersales::{CaseKind, CaseLine, CaseOpened, LineValue},
    types::{LineQuantity, Money},
};

use super::CaseEvent;
use crate::money::{money, share};

/// Where a case is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum CaseState {
    /// No such case.
    #[default]
    Unopened,
    /// Somebody has to decide.
    Requested(Request),
    /// Goods and money are moving.
    Approved(Approved),
    /// Refused; the end.
    Rejected(Request),
    /// The end.
    Closed {
        /// As it was when it closed.
        last: Approved,
        /// `REFUNDED`, `REPLACED` or `WITHDRAWN`.
        outcome: String,
    },
}

/// The status that people see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Waits for a decision.
    Requested,
    /// Waits for goods or money.
    Approved,
    /// Refused.
    Rejected,
    /// Everything that will come back is back.
    Received,
    /// Over.
    Closed,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Received => "received",
            Self::Closed => "closed",
        })
    }
}

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// Id of the case.
    pub case_id: String,
    /// The order it is about.
    pub order_id: String,
    /// What sort of case.
    pub kind: CaseKind,
    /// Claimed units.
    pub lines: Vec<CaseLine>,
    /// What was paid for them.
    pub values: Vec<LineValue>,
    /// Refund only: how much is asked for, in minor units.
    pub amount: Option<i64>,
    /// Of all amounts.
    pub currency: String,
    /// The replacement does not wait for the return.
    pub ship_in_advance: bool,
    /// Where the goods come back to.
    pub site_id: String,
}

/// An approved case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Approved {
    /// What was asked for.
    pub request: Request,
    /// What was approved of it, and what came back.
    pub lines: Vec<ApprovedLine>,
    /// Nothing more will come back.
    pub return_over: bool,
    /// Promises, oldest first.
    pub refunds: Vec<Refund>,
    /// The other goods of an exchange.
    pub replacement: Replacement,
}

/// An approved line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApprovedLine {
    /// The order's id for it.
    pub line_id: String,
    /// Our code.
    pub sku: String,
    /// Units approved.
    pub approved: i64,
    /// What was paid for them, in minor units.
    pub value: i64,
    /// Units back, fit to be sold again.
    pub resellable: i64,
    /// Units back, not fit.
    pub not_resellable: i64,
}

impl ApprovedLine {
    /// Units back in either condition.
    pub fn received(&self) -> i64 {
        self.resellable + self.not_resellable
    }

    /// Units still on their way.
    pub fn expected(&self) -> i64 {
        (self.approved - self.received()).max(0)
    }
}

/// A promise of money.
#[derive(Clone, Debug, PartialEq)]
pub struct Refund {
    /// `<case_id>-R<n>`.
    pub refund_id: String,
    /// Minor units.
    pub amount: i64,
    /// The units it is for; each unit is named by one refund that did not fail.
    pub lines: Vec<LineQuantity>,
    /// Nothing more was to be promised after it.
    pub last: bool,
    /// Whether it was kept.
    pub phase: RefundPhase,
}

/// Whether a promise was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundPhase {
    /// Not known yet.
    Pending,
    /// The money moved.
    Settled,
    /// It did not; the amount can be promised again.
    Failed,
}

/// The other goods of an exchange.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Replacement {
    /// Not an exchange.
    #[default]
    None,
    /// Not yet an order.
    Requested {
        /// It waits for the return.
        await_return: bool,
    },
    /// Placed.
    Ordered {
        /// The replacement's order.
        order_id: String,
        /// It waits for the return.
        await_return: bool,
    },
    /// Given up; a later order for it is to be cancelled.
    Withdrawn,
}

impl CaseState {
    /// The status that people see; `None` when there is no case.
    pub fn status(&self) -> Option<Status> {
        match self {
            Self::Unopened => None,
            Self::Requested(_) => Some(Status::Requested),
            Self::Approved(approved) if approved.expects_goods() && approved.is_all_back() => {
                Some(Status::Received)
            }
            Self::Approved(_) => Some(Status::Approved),
            Self::Rejected(_) => Some(Status::Rejected),
            Self::Closed { .. } => Some(Status::Closed),
        }
    }

    /// What was asked for; `None` when there is no case.
    pub fn request(&self) -> Option<&Request> {
        match self {
            Self::Unopened => None,
            Self::Requested(request) | Self::Rejected(request) => Some(request),
            Self::Approved(approved) | Self::Closed { last: approved, .. } => {
                Some(&approved.request)
            }
        }
    }

    /// The approved case, closed or not.
    pub fn approved(&self) -> Option<&Approved> {
        match self {
            Self::Unopened | Self::Requested(_) | Self::Rejected(_) => None,
            Self::Approved(approved) | Self::Closed { last: approved, .. } => Some(approved),
        }
    }

    /// Total: an event that does not fit the phase changes nothing.
    pub(super) fn after(self, event: &CaseEvent) -> Self {
        match (self, event) {
            (Self::Unopened, CaseEvent::Opened(opened)) => Self::Requested(Request::from(opened)),
            (Self::Requested(request), CaseEvent::Approved(approved)) => {
                Self::Approved(Approved::new(request, &approved.values))
            }
            (Self::Requested(request), CaseEvent::Rejected(_)) => Self::Rejected(request),
            (Self::Requested(request), CaseEvent::Closed(closed)) => Self::Closed {
                last: Approved::new(request, &[]),
                outcome: closed.outcome.clone(),
            },
            (Self::Approved(last), CaseEvent::Closed(closed)) => Self::Closed {
                last,
                outcome: closed.outcome.clone(),
            },
            (Self::Approved(approved), event) => Self::Approved(approved.after(event)),
            // The replacement of a withdrawn exchange may be placed after the case closed.
            (Self::Closed { last, outcome }, event) => Self::Closed {
                last: last.after(event),
                outcome,
            },
            (state @ (Self::Unopened | Self::Requested(_) | Self::Rejected(_)), _) => state,
        }
    }
}

impl Request {
    /// What was paid for the claimed units, in minor units.
    pub fn worth(&self) -> i64 {
        self.values.iter().map(minor_units).sum()
    }
}

impl From<&CaseOpened> for Request {
    fn from(opened: &CaseOpened) -> Self {
        let amounts = opened
            .values
            .iter()
            .filter_map(|value| value.value.as_ref());
        let currency = opened.requested_amount.iter().chain(amounts).next();
        Self {
            case_id: opened.case_id.clone(),
            order_id: opened.order_id.clone(),
            kind: opened.kind(),
            lines: opened.lines.clone(),
            values: opened.values.clone(),
            amount: opened
                .requested_amount
                .as_ref()
                .map(|amount| amount.minor_units),
            currency: currency
                .map(|amount| amount.currency_code.clone())
                .unwrap_or_default(),
            ship_in_advance: opened.ship_in_advance,
            site_id: opened.site_id.clone(),
        }
    }
}

impl Approved {
    fn new(request: Request, values: &[LineValue]) -> Self {
        let lines = values.iter().map(|value| ApprovedLine {
            line_id: value.line_id.clone(),
            sku: request
                .lines
                .iter()
                .find(|line| line.line_id == value.line_id)
                .map(|line| line.sku.clone())
                .unwrap_or_default(),
            approved: value.quantity,
            value: minor_units(value),
            ..ApprovedLine::default()
        });
        Self {
            lines: lines.collect(),
            request,
            ..Self::default()
        }
    }

    /// Whether the goods come back.
    pub fn expects_goods(&self) -> bool {
        self.request.kind != CaseKind::RefundOnly
    }

    /// Whether money goes back: not for an exchange, unless its replacement was given up.
    pub fn gives_money(&self) -> bool {
        self.request.kind != CaseKind::Exchange || self.replacement == Replacement::Withdrawn
    }

    /// Whether everything that will come back is back.
    pub fn is_all_back(&self) -> bool {
        self.return_over || self.lines.iter().all(|line| line.expected() == 0)
    }

    /// Units back so far.
    pub fn received(&self) -> i64 {
        self.lines.iter().map(ApprovedLine::received).sum()
    }

    /// Minor units that may be refunded in all: what was paid for the units that came back; without a return, what was
    /// asked for, but no more than the approved units are worth.
    pub fn ceiling(&self) -> i64 {
        if !self.gives_money() {
            return 0;
        }
        if self.expects_goods() {
            let back = self.lines.iter();
            return back
                .map(|line| share(line.value, line.received(), line.approved))
                .sum();
        }
        let worth: i64 = self.lines.iter().map(|line| line.value).sum();
        match self.request.amount {
            Some(amount) if self.lines.is_empty() => amount,
            Some(amount) => amount.min(worth),
            None => worth,
        }
    }

    /// Minor units promised and not failed.
    pub fn granted(&self) -> i64 {
        let live = self
            .refunds
            .iter()
            .filter(|refund| refund.phase != RefundPhase::Failed);
        live.map(|refund| refund.amount).sum()
    }

    /// Minor units that moved.
    pub fn settled(&self) -> i64 {
        let settled = self
            .refunds
            .iter()
            .filter(|refund| refund.phase == RefundPhase::Settled);
        settled.map(|refund| refund.amount).sum()
    }

    /// Minor units that may still be promised.
    pub fn refundable(&self) -> i64 {
        if self.is_money_over() {
            return 0;
        }
        (self.ceiling() - self.granted()).max(0)
    }

    /// The same with its currency.
    pub fn refundable_money(&self) -> Money {
        money(&self.request.currency, self.refundable())
    }

    /// Units of the line that money can be promised for and that no promise names yet.
    pub fn units_to_refund(&self, line: &ApprovedLine) -> i64 {
        let units = if self.expects_goods() {
            line.received()
        } else {
            line.approved
        };
        let live = self
            .refunds
            .iter()
            .filter(|refund| refund.phase != RefundPhase::Failed);
        let named = live
            .flat_map(|refund| &refund.lines)
            .filter(|named| named.line_id == line.line_id);
        (units - named.map(|named| named.quantity).sum::<i64>()).max(0)
    }

    /// Whether nothing is promised that has not moved.
    pub fn is_settled(&self) -> bool {
        self.refunds
            .iter()
            .all(|refund| refund.phase != RefundPhase::Pending)
    }

    /// Whether somebody said that this is all the money there will be.
    fn is_money_over(&self) -> bool {
        self.refunds
            .iter()
            .any(|refund| refund.last && refund.phase != RefundPhase::Failed)
    }

    fn after(mut self, event: &CaseEvent) -> Self {
        match event {
            CaseEvent::ReturnReceived(received) => {
                self.return_over |= received.last;
                for back in &received.lines {
                    if let Some(line) = self
                        .lines
                        .iter_mut()
                        .find(|line| line.line_id == back.line_id)
                    {
                        line.resellable += back.resellable;
                        line.not_resellable += back.not_resellable;
                    }
                }
            }
            CaseEvent::RefundGranted(granted) => self.refunds.push(Refund {
                refund_id: granted.refund_id.clone(),
                amount: granted
                    .amount
                    .as_ref()
                    .map_or(0, |amount| amount.minor_units),
                lines: granted.lines.clone(),
                last: granted.last,
                phase: RefundPhase::Pending,
            }),
            CaseEvent::RefundSettled(settled) => {
                self.set_phase(&settled.refund_id, RefundPhase::Settled)
            }
            CaseEvent::RefundFailed(failed) => {
                self.set_phase(&failed.refund_id, RefundPhase::Failed)
            }
            CaseEvent::ReplacementRequested(requested) => {
                self.replacement = Replacement::Requested {
                    await_return: requested.await_return,
                };
            }
            CaseEvent::ReplacementOrdered(ordered) => {
                if let Replacement::Requested { await_return } = self.replacement {
                    self.replacement = Replacement::Ordered {
                        order_id: ordered.replacement_order_id.clone(),
                        await_return,
                    };
                }
            }
            CaseEvent::ReplacementFreed(_) => {
                if let Replacement::Ordered { await_return, .. } = &mut self.replacement {
                    *await_return = false;
                }
            }
            CaseEvent::ReplacementWithdrawn(_) => self.replacement = Replacement::Withdrawn,
            CaseEvent::Opened(_)
            | CaseEvent::Approved(_)
            | CaseEvent::Rejected(_)
            | CaseEvent::ReturnParcelRecorded(_)
            | CaseEvent::Closed(_) => {}
        }
        self
    }

    fn set_phase(&mut self, refund_id: &str, phase: RefundPhase) {
        if let Some(refund) = self
            .refunds
            .iter_mut()
            .find(|refund| refund.refund_id == refund_id)
        {
            refund.phase = phase;
        }
    }
}

fn minor_units(value: &LineValue) -> i64 {
    value.value.as_ref().map_or(0, |value| value.minor_units)
}
