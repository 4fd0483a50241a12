//! The after-sales desk: one command over a purchase and one of its cases, decided together and recorded together.
//!
//! The purchase says what may be claimed and paid, the case says what is asked and what came back. Both live in the
//! order's partition, so what is decided here is one append: no case holds units that the purchase gives to another, and no
//! promise of money is made twice.

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use ordo_decider::Decider;
use ordo_proto::{
    aftersales::{CaseKind, CaseLine, LineValue},
    types::{LineQuantity, Money},
};

use crate::{
    case::{
        ApprovedLine, Case, CaseCommand, CaseError, CaseEvent, CaseState, Grant, OpenCase, Purse,
        Receipt,
    },
    money::money,
    purchase::{Purchase, PurchaseCommand, PurchaseError, PurchaseEvent, PurchaseState},
};

/// What somebody wants of the desk.
#[derive(Clone, Debug, PartialEq)]
pub enum DeskCommand {
    /// A customer wants something of an order.
    Open(Opening),
    /// The request is granted: for these units, or (empty) for all.
    Approve { lines: Vec<LineQuantity> },
    /// The request is refused.
    Reject { reason: String },
    /// The customer takes it back.
    Withdraw,
    /// The goods are on their way back.
    RecordReturnParcel {
        carrier: String,
        tracking_number: String,
    },
    /// Goods came back; `purse` is filled in here.
    Receive(Receipt),
    /// Money is promised. `last`: and nothing more will be.
    Refund { amount: Option<Money>, last: bool },
    /// The money moved.
    SettleRefund { refund_id: String, amount: Money },
    /// The money could not be moved.
    FailRefund { refund_id: String, failure: String },
    /// The replacement was placed.
    RecordReplacement { replacement_order_id: String },
}

/// A request as the customer makes it. The lines' SKUs are the purchase's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Opening {
    pub case_id: String,
    pub order_id: String,
    pub kind: CaseKind,
    pub lines: Vec<CaseLine>,
    pub amount: Option<Money>,
    pub ship_in_advance: bool,
    /// Empty: the site that shipped.
    pub site_id: String,
    /// Approve all of it at once.
    pub approve: bool,
}

/// Why the desk refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeskError {
    /// The order does not allow it.
    #[error(transparent)]
    Purchase(#[from] PurchaseError),
    /// The case does not allow it.
    #[error(transparent)]
    Case(#[from] CaseError),
}

/// What is recorded, and how things stand then.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// For the stream of the purchase.
    pub purchase_events: Vec<PurchaseEvent>,
    /// For the stream of the case.
    pub case_events: Vec<CaseEvent>,
    /// The purchase after its events.
    pub purchase: PurchaseState,
    /// The case after its events.
    pub case: CaseState,
}

/// Decides `command` on a purchase and one of its cases.
pub fn decide(
    purchase: &PurchaseState,
    case: &CaseState,
    command: DeskCommand,
) -> Result<Decision, DeskError> {
    let mut decision = Decision {
        purchase: purchase.clone(),
        case: case.clone(),
        ..Decision::default()
    };
    match command {
        DeskCommand::Open(opening) => decision.open(opening)?,
        DeskCommand::Approve { lines } => decision.approve(&lines)?,
        DeskCommand::Reject { reason } => {
            decision.on_case(CaseCommand::Reject { reason })?;
            decision.give_back_all()?;
        }
        DeskCommand::Withdraw => {
            decision.on_case(CaseCommand::Withdraw)?;
            decision.give_back_all()?;
        }
        DeskCommand::RecordReturnParcel {
            carrier,
            tracking_number,
        } => decision.on_case(CaseCommand::RecordReturnParcel {
            carrier,
            tracking_number,
        })?,
        DeskCommand::Receive(receipt) => decision.receive(receipt)?,
        DeskCommand::Refund { amount, last } => {
            let purse = decision.purse();
            decision.on_case(CaseCommand::Grant(Grant {
                amount,
                last,
                purse,
            }))?;
            decision.promise()?;
        }
        DeskCommand::SettleRefund { refund_id, amount } => {
            let purse = decision.purse();
            decision.on_case(CaseCommand::SettleRefund {
                refund_id,
                amount,
                purse,
            })?;
        }
        DeskCommand::FailRefund { refund_id, failure } => {
            decision.on_case(CaseCommand::FailRefund {
                refund_id: refund_id.clone(),
                failure,
            })?;
            if !decision.case_events.is_empty() {
                decision.on_purchase(PurchaseCommand::FailRefund { refund_id })?;
            }
        }
        DeskCommand::RecordReplacement {
            replacement_order_id,
        } => decision.on_case(CaseCommand::RecordReplacement {
            replacement_order_id,
        })?,
    }
    Ok(decision)
}

impl Decision {
    fn on_purchase(&mut self, command: PurchaseCommand) -> Result<(), PurchaseError> {
        for event in Purchase::decide(&self.purchase, command)? {
            self.purchase = Purchase::evolve(std::mem::take(&mut self.purchase), &event);
            self.purchase_events.push(event);
        }
        Ok(())
    }

    fn on_case(&mut self, command: CaseCommand) -> Result<(), CaseError> {
        for event in Case::decide(&self.case, command)? {
            self.case = Case::evolve(std::mem::take(&mut self.case), &event);
            self.case_events.push(event);
        }
        Ok(())
    }

    fn purse(&self) -> Purse {
        Purse {
            left: self.purchase.money_left(),
            complete: self.purchase.is_fully_paid(),
        }
    }

    fn open(&mut self, opening: Opening) -> Result<(), DeskError> {
        let Opening {
            case_id,
            order_id,
            kind,
            mut lines,
            amount,
            ship_in_advance,
            mut site_id,
            approve,
        } = opening;
        if self.case != CaseState::Unopened {
            return Err(CaseError::OpenAlready.into());
        }
        self.on_purchase(PurchaseCommand::Claim {
            case_id: case_id.clone(),
            lines: lines.iter().map(units).collect(),
        })?;
        if let Some(amount) = &amount {
            self.purchase.same_currency(amount)?;
            let left = self.purchase.money_left();
            if amount.minor_units > left {
                return Err(PurchaseError::AboveCaptured {
                    wanted: amount.minor_units,
                    left,
                    currency: amount.currency_code.clone(),
                }
                .into());
            }
        }
        for line in &mut lines {
            if let Some(bought) = self.purchase.line(&line.line_id) {
                line.sku.clone_from(&bought.sku);
            }
        }
        if site_id.is_empty() {
            self.purchase.return_site().clone_into(&mut site_id);
        }
        let values = self.held(&case_id, &lines);
        self.on_case(CaseCommand::Open(OpenCase {
            case_id,
            order_id,
            customer_id: self.purchase.customer_id().to_owned(),
            kind,
            lines,
            values,
            amount,
            ship_in_advance,
            site_id,
        }))?;
        if approve {
            self.approve(&[])?;
        }
        Ok(())
    }

    /// What is not approved goes back to the purchase first: the case then holds what the approved units are worth.
    fn approve(&mut self, approved: &[LineQuantity]) -> Result<(), DeskError> {
        let Some(request) = self.case.request().cloned() else {
            return Err(CaseError::Unknown.into());
        };
        let mut given_back = Vec::new();
        if !approved.is_empty() {
            // Said by the case, which knows what was asked for, before anything is given back.
            let wanted = approved.iter().map(|line| LineValue {
                line_id: line.line_id.clone(),
                quantity: line.quantity,
                value: None,
            });
            Case::decide(
                &self.case,
                CaseCommand::Approve {
                    values: wanted.collect(),
                },
            )?;
            for line in &request.lines {
                let kept = approved.iter().filter(|kept| kept.line_id == line.line_id);
                given_back.push(LineQuantity {
                    line_id: line.line_id.clone(),
                    quantity: line.quantity - kept.map(|kept| kept.quantity).sum::<i64>(),
                });
            }
        }
        // A case that was decided before holds other units than it asked for: let the case say so.
        if matches!(self.case, CaseState::Requested(_)) {
            self.on_purchase(PurchaseCommand::Unclaim {
                case_id: request.case_id.clone(),
                lines: given_back,
            })?;
        }
        let values = self.held(&request.case_id, &request.lines);
        self.on_case(CaseCommand::Approve { values })?;
        Ok(())
    }

    /// Units that will not come can be claimed anew, except those of an exchange that was sent in advance: the customer
    /// has both, and a later return of them must not pay.
    fn receive(&mut self, receipt: Receipt) -> Result<(), DeskError> {
        let purse = self.purse();
        let last = receipt.last;
        self.on_case(CaseCommand::Receive(Receipt { purse, ..receipt }))?;
        self.promise()?;
        if let Some(approved) = self.case.approved().filter(|_| last) {
            let missing = approved.lines.iter().map(|line| LineQuantity {
                line_id: line.line_id.clone(),
                quantity: line.expected(),
            });
            let missing: Vec<_> = missing.collect();
            if approved.gives_money() {
                let case_id = approved.request.case_id.clone();
                self.on_purchase(PurchaseCommand::Unclaim {
                    case_id,
                    lines: missing,
                })?;
            }
        }
        Ok(())
    }

    /// Records what the case promised just now with the purchase, which has the last word on money.
    fn promise(&mut self) -> Result<(), PurchaseError> {
        let promised = self.case_events.iter().filter_map(|event| match event {
            CaseEvent::RefundGranted(granted) => Some(PurchaseCommand::Grant {
                case_id: granted.case_id.clone(),
                refund_id: granted.refund_id.clone(),
                amount: granted.amount.clone().unwrap_or_default(),
            }),
            _ => None,
        });
        for promise in promised.collect::<Vec<_>>() {
            self.on_purchase(promise)?;
        }
        Ok(())
    }

    fn give_back_all(&mut self) -> Result<(), PurchaseError> {
        let Some(request) = self.case.request() else {
            return Ok(());
        };
        let lines = request.lines.iter().map(|line| {
            let (quantity, _) = self.purchase.claim(&request.case_id, &line.line_id);
            LineQuantity {
                line_id: line.line_id.clone(),
                quantity,
            }
        });
        let lines = lines.collect();
        let case_id = request.case_id.clone();
        self.on_purchase(PurchaseCommand::Unclaim { case_id, lines })
    }

    /// What the purchase gives to the case of these lines.
    fn held(&self, case_id: &str, lines: &[CaseLine]) -> Vec<LineValue> {
        let mut held: Vec<LineValue> = Vec::with_capacity(lines.len());
        for line in lines {
            let (quantity, value) = self.purchase.claim(case_id, &line.line_id);
            if quantity > 0 && held.iter().all(|known| known.line_id != line.line_id) {
                held.push(LineValue {
                    line_id: line.line_id.clone(),
                    quantity,
                    value: Some(money(self.purchase.currency(), value)),
                });
            }
        }
        held
    }
}

/// Checks that hold for every purchase and its cases, whatever happened; shared by the tests and `verify`.
pub mod invariants {
    use super::{ApprovedLine, CaseState, PurchaseState};

    /// Why the purchase cannot be right; `None` when it can.
    pub fn of_purchase(purchase: &PurchaseState) -> Option<String> {
        for line in purchase.lines() {
            let claimed = purchase.claimed(&line.line_id);
            if claimed > line.delivered {
                return Some(format!(
                    "line {}: {claimed} units claimed, {} delivered",
                    line.line_id, line.delivered
                ));
            }
        }
        let (granted, captured) = (purchase.granted(), purchase.captured());
        (granted > captured)
            .then(|| format!("{granted} minor units granted or refunded, {captured} captured"))
    }

    /// Why the case cannot be right; `None` when it can.
    pub fn of_case(case: &CaseState) -> Option<String> {
        let approved = case.approved()?;
        let excess = |line: &&ApprovedLine| line.received() > line.approved;
        if let Some(line) = approved.lines.iter().find(excess) {
            return Some(format!(
                "line {}: {} units received, {} approved",
                line.line_id,
                line.received(),
                line.approved
            ));
        }
        let (granted, ceiling) = (approved.granted(), approved.ceiling());
        (granted > ceiling)
            .then(|| format!("{granted} minor units granted, the ceiling is {ceiling}"))
    }
}

fn units(line: &CaseLine) -> LineQuantity {
    LineQuantity {
        line_id: line.line_id.clone(),
        quantity: line.quantity,
    }
}
