//! What was bought with an order, what of it is in a case, and what of its money went back.
//!
//! The facts are intake's: they may arrive twice or out of order, and are never refused. The claims are ours: no unit is
//! claimed before it was delivered or by two cases, and never more money is granted than was captured.

mod record;
mod state;
#[cfg(test)]
mod tests;

use ordo_decider::Decider;
use ordo_event_log::{Aggregate, CodecError, EncodedEvent};
use ordo_proto::{
    aftersales::{
        LineValue, PurchaseClaimed, PurchaseRefundFailed, PurchaseRefundGranted, PurchaseUnclaimed,
    },
    types::{LineQuantity, Money},
};

pub use record::{OrderedLine, OrderedPurchase};
pub use state::{PurchaseState, PurchasedLine};

use crate::money::{money, share};

ordo_event_log::events! {
    /// What happens to a purchase.
    pub enum PurchaseEvent {
        Recorded(ordo_proto::aftersales::PurchaseRecorded),
        Sourced(ordo_proto::aftersales::PurchaseSourced),
        Paid(ordo_proto::aftersales::PurchasePaymentRecorded),
        Shipped(ordo_proto::aftersales::PurchaseShipped),
        Delivered(ordo_proto::aftersales::PurchaseDelivered),
        Cancelled(ordo_proto::aftersales::PurchaseCancelled),
        Refunded(ordo_proto::aftersales::PurchaseRefunded),
        Claimed(ordo_proto::aftersales::PurchaseClaimed),
        Unclaimed(ordo_proto::aftersales::PurchaseUnclaimed),
        RefundGranted(ordo_proto::aftersales::PurchaseRefundGranted),
        RefundFailed(ordo_proto::aftersales::PurchaseRefundFailed),
    }
}

/// The stream `purchase`, id = order id.
pub struct Purchase;

/// A fact from intake, or a wish of a case. `fact_id` is the id of intake's event.
#[derive(Clone, Debug, PartialEq)]
pub enum PurchaseCommand {
    /// The order was placed.
    Record(OrderedPurchase),
    /// Missing information was supplied: these lines replace those of the same id.
    Complete {
        lines: Vec<OrderedLine>,
        due: Option<Money>,
    },
    /// A site was asked to serve the order.
    Source {
        fulfilment_order_id: String,
        site_id: String,
    },
    /// Money was captured.
    Pay { payment_id: String, amount: Money },
    /// Units left a site, in a parcel of this fulfilment order.
    Ship {
        fact_id: String,
        fulfilment_order_id: String,
        lines: Vec<LineQuantity>,
    },
    /// Units reached the customer.
    Deliver {
        fact_id: String,
        lines: Vec<LineQuantity>,
    },
    /// Units will not be delivered, and so much is due now.
    Cancel {
        fact_id: String,
        lines: Vec<LineQuantity>,
        due: Option<Money>,
    },
    /// Money went back, for a case or (cancellations) without one.
    RecordRefund { refund_id: String, amount: Money },
    /// A case wants these units.
    Claim {
        case_id: String,
        lines: Vec<LineQuantity>,
    },
    /// A case gives these of its units back.
    Unclaim {
        case_id: String,
        lines: Vec<LineQuantity>,
    },
    /// A case promises money.
    Grant {
        case_id: String,
        refund_id: String,
        amount: Money,
    },
    /// A promise could not be kept.
    FailRefund { refund_id: String },
}

/// Why a case does not get what it wants of the purchase.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PurchaseError {
    /// Intake has not told of such an order (yet).
    #[error("no such order is known here")]
    Unknown,
    /// The order has no such line.
    #[error("the order has no line `{line_id}`")]
    UnknownLine { line_id: String },
    /// More units than were delivered and are in no other case.
    #[error("line `{line_id}` has {claimable} units to claim, not {wanted}")]
    NotClaimable {
        line_id: String,
        wanted: i64,
        claimable: i64,
    },
    /// More units given back than the case holds.
    #[error("the case holds {held} units of line `{line_id}`, not {wanted}")]
    NotHeld {
        line_id: String,
        wanted: i64,
        held: i64,
    },
    /// More money than was captured and is not promised yet.
    #[error(
        "{} is left of what was captured, not {}",
        ordo_iso::amount(.currency, *.left),
        ordo_iso::amount(.currency, *.wanted)
    )]
    AboveCaptured {
        wanted: i64,
        left: i64,
        currency: String,
    },
    /// Amounts of two currencies cannot be compared.
    #[error("the order is in {expected}, not in {actual}")]
    OtherCurrency { expected: String, actual: String },
}

impl Decider for Purchase {
    type State = PurchaseState;
    type Command = PurchaseCommand;
    type Event = PurchaseEvent;
    type Error = PurchaseError;

    fn decide(
        state: &PurchaseState,
        command: PurchaseCommand,
    ) -> Result<Vec<PurchaseEvent>, PurchaseError> {
        match command {
            PurchaseCommand::Record(order) => Ok(record::record(state, order)),
            PurchaseCommand::Complete { lines, due } => Ok(record::complete(state, lines, due)),
            PurchaseCommand::Source {
                fulfilment_order_id,
                site_id,
            } => Ok(record::source(state, fulfilment_order_id, site_id)),
            PurchaseCommand::Pay { payment_id, amount } => {
                Ok(record::pay(state, payment_id, amount))
            }
            PurchaseCommand::Ship {
                fact_id,
                fulfilment_order_id,
                lines,
            } => Ok(record::ship(state, fact_id, &fulfilment_order_id, lines)),
            PurchaseCommand::Deliver { fact_id, lines } => {
                Ok(record::deliver(state, fact_id, lines))
            }
            PurchaseCommand::Cancel {
                fact_id,
                lines,
                due,
            } => Ok(record::cancel(state, fact_id, lines, due)),
            PurchaseCommand::RecordRefund { refund_id, amount } => {
                Ok(record::refunded(state, refund_id, amount))
            }
            PurchaseCommand::Claim { case_id, lines } => claim(state, case_id, &lines),
            PurchaseCommand::Unclaim { case_id, lines } => unclaim(state, case_id, &lines),
            PurchaseCommand::Grant {
                case_id,
                refund_id,
                amount,
            } => grant(state, case_id, refund_id, amount),
            PurchaseCommand::FailRefund { refund_id } => Ok(fail_refund(state, refund_id)),
        }
    }

    fn evolve(state: PurchaseState, event: &PurchaseEvent) -> PurchaseState {
        state.after(event)
    }
}

impl Aggregate for Purchase {
    const NAME: &'static str = "purchase";

    fn encode(event: &PurchaseEvent) -> EncodedEvent {
        event.encode_event()
    }

    fn decode(type_name: &str, payload: &[u8]) -> Result<PurchaseEvent, CodecError> {
        PurchaseEvent::decode_event(type_name, payload)
    }
}

/// One entry per line, in the order of first mention: demand on a line is summed before it is compared.
fn summed(lines: &[LineQuantity]) -> Vec<LineQuantity> {
    let mut sums: Vec<LineQuantity> = Vec::with_capacity(lines.len());
    for line in lines {
        match sums.iter_mut().find(|sum| sum.line_id == line.line_id) {
            Some(sum) => sum.quantity = sum.quantity.saturating_add(line.quantity),
            None => sums.push(line.clone()),
        }
    }
    sums
}

/// Claiming nothing is a claim too: it counts the case, which then is about money alone.
fn claim(
    state: &PurchaseState,
    case_id: String,
    lines: &[LineQuantity],
) -> Result<Vec<PurchaseEvent>, PurchaseError> {
    if !state.is_recorded() {
        return Err(PurchaseError::Unknown);
    }
    let lines = summed(lines);
    let mut values = Vec::with_capacity(lines.len());
    for wanted in &lines {
        let line = state
            .line(&wanted.line_id)
            .ok_or_else(|| PurchaseError::UnknownLine {
                line_id: wanted.line_id.clone(),
            })?;
        let claimable = state.claimable(line);
        if wanted.quantity < 1 || wanted.quantity > claimable {
            return Err(PurchaseError::NotClaimable {
                line_id: wanted.line_id.clone(),
                wanted: wanted.quantity,
                claimable,
            });
        }
        values.push(LineValue {
            line_id: wanted.line_id.clone(),
            quantity: wanted.quantity,
            value: Some(money(state.currency(), state.worth(line, wanted.quantity))),
        });
    }
    Ok(vec![
        PurchaseClaimed {
            case_id,
            lines,
            values,
        }
        .into(),
    ])
}

fn unclaim(
    state: &PurchaseState,
    case_id: String,
    lines: &[LineQuantity],
) -> Result<Vec<PurchaseEvent>, PurchaseError> {
    let lines: Vec<_> = summed(lines)
        .into_iter()
        .filter(|line| line.quantity > 0)
        .collect();
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let mut values = Vec::with_capacity(lines.len());
    for back in &lines {
        let (held, value) = state.claim(&case_id, &back.line_id);
        if back.quantity > held {
            return Err(PurchaseError::NotHeld {
                line_id: back.line_id.clone(),
                wanted: back.quantity,
                held,
            });
        }
        // What stays is rounded down, so that a case keeps no more than its units are worth.
        let kept = share(value, held - back.quantity, held);
        values.push(LineValue {
            line_id: back.line_id.clone(),
            quantity: back.quantity,
            value: Some(money(state.currency(), value - kept)),
        });
    }
    Ok(vec![
        PurchaseUnclaimed {
            case_id,
            lines,
            values,
        }
        .into(),
    ])
}

fn grant(
    state: &PurchaseState,
    case_id: String,
    refund_id: String,
    amount: Money,
) -> Result<Vec<PurchaseEvent>, PurchaseError> {
    if !state.is_recorded() {
        return Err(PurchaseError::Unknown);
    }
    state.same_currency(&amount)?;
    let left = state.money_left();
    if amount.minor_units < 1 || amount.minor_units > left {
        return Err(PurchaseError::AboveCaptured {
            wanted: amount.minor_units,
            left,
            currency: amount.currency_code,
        });
    }
    Ok(vec![
        PurchaseRefundGranted {
            case_id,
            refund_id,
            amount: Some(amount),
        }
        .into(),
    ])
}

/// Only a promise that is neither kept nor given up can fail: a fact that the money moved wins.
fn fail_refund(state: &PurchaseState, refund_id: String) -> Vec<PurchaseEvent> {
    if state.is_pending(&refund_id) {
        vec![PurchaseRefundFailed { refund_id }.into()]
    } else {
        Vec::new()
    }
}
