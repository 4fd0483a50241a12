//! A return, an exchange or a refund without return, from the request to its end.
//!
//! `requested → approved → received → closed`, or `requested → rejected`. Money follows goods: a return is worth what was
//! paid for the units that came back, whatever their condition. A case closes by itself once nothing is owed in either
//! direction.

mod decide;
mod ending;
mod exchange;
mod state;
#[cfg(test)]
mod tests;

use ordo_decider::Decider;
use ordo_event_log::{Aggregate, CodecError, EncodedEvent};
use ordo_proto::{
    aftersales::{CaseKind, CaseLine, LineValue, ReceiptLine},
    types::Money,
};

pub use state::{
    Approved, ApprovedLine, CaseState, Refund, RefundPhase, Replacement, Request, Status,
};

ordo_event_log::events! {
    /// What happens to a case.
    pub enum CaseEvent {
        Opened(ordo_proto::aftersales::CaseOpened),
        Approved(ordo_proto::aftersales::CaseApproved),
        Rejected(ordo_proto::aftersales::CaseRejected),
        ReturnParcelRecorded(ordo_proto::aftersales::ReturnParcelRecorded),
        ReturnReceived(ordo_proto::aftersales::ReturnReceived),
        RefundGranted(ordo_proto::aftersales::RefundGranted),
        RefundSettled(ordo_proto::aftersales::RefundSettled),
        RefundFailed(ordo_proto::aftersales::RefundFailed),
        ReplacementRequested(ordo_proto::aftersales::ReplacementRequested),
        ReplacementOrdered(ordo_proto::aftersales::ReplacementOrdered),
        ReplacementFreed(ordo_proto::aftersales::ReplacementFreed),
        ReplacementWithdrawn(ordo_proto::aftersales::ReplacementWithdrawn),
        Closed(ordo_proto::aftersales::CaseClosed),
    }
}

/// The stream `case`, id `<order_id>-C<n>`.
pub struct Case;

/// What is wanted of a case.
#[derive(Clone, Debug, PartialEq)]
pub enum CaseCommand {
    /// A customer wants something of an order.
    Open(OpenCase),
    /// The request is granted for these units, which are worth so much.
    Approve { values: Vec<LineValue> },
    /// The request is refused; the customer reads why.
    Reject { reason: String },
    /// The customer takes it back.
    Withdraw,
    /// The goods are on their way back.
    RecordReturnParcel {
        carrier: String,
        tracking_number: String,
    },
    /// Goods came back and were inspected.
    Receive(Receipt),
    /// Money is promised.
    Grant(Grant),
    /// The money moved.
    SettleRefund {
        refund_id: String,
        amount: Money,
        /// What the purchase can still pay.
        purse: Purse,
    },
    /// The money could not be moved.
    FailRefund { refund_id: String, failure: String },
    /// The replacement was placed as an order of its own.
    RecordReplacement { replacement_order_id: String },
}

/// A request with what the purchase says of the claimed units.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OpenCase {
    pub case_id: String,
    pub order_id: String,
    pub customer_id: String,
    pub kind: CaseKind,
    /// May be empty for a refund without return of `amount`.
    pub lines: Vec<CaseLine>,
    /// What was paid for the claimed units.
    pub values: Vec<LineValue>,
    /// Refund only: how much is asked for.
    pub amount: Option<Money>,
    pub ship_in_advance: bool,
    pub site_id: String,
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Receipt {
    /// Empty: everything approved and not yet received, resellable; with `last`: nothing.
    pub lines: Vec<ReceiptLine>,
    /// Empty: the case's site.
    pub site_id: String,
    /// Nothing more will come.
    pub last: bool,
    /// What the purchase can still pay.
    pub purse: Purse,
    /// The shop's rule: what came back with a return is refunded at once.
    pub refund: bool,
}

/// A promise of money.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grant {
    /// Absent: everything refundable.
    pub amount: Option<Money>,
    /// Nothing more will be promised after it.
    pub last: bool,
    /// What the purchase can still pay.
    pub purse: Purse,
}

/// What the purchase can still pay back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purse {
    /// Minor units captured and not promised.
    pub left: i64,
    /// Whether all that is due was captured: what is left is then all there will ever be.
    pub complete: bool,
}

/// Why a case refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaseError {
    /// No such case.
    #[error("there is no such case")]
    Unknown,
    /// The id is taken.
    #[error("the case is open already")]
    OpenAlready,
    /// Neither units nor money.
    #[error("a case needs lines, or an amount when nothing comes back")]
    NothingAsked,
    /// Only a refund without return asks for an amount.
    #[error("an amount can be asked for only when nothing comes back")]
    AmountNotAllowed,
    /// More is asked for than was paid for the claimed units.
    #[error(
        "{} is asked for, the claimed units are worth {}",
        ordo_iso::amount(.currency, *.asked),
        ordo_iso::amount(.currency, *.worth)
    )]
    AmountAboveWorth {
        asked: i64,
        worth: i64,
        currency: String,
    },
    /// Goods must come back to somewhere.
    #[error("no site is known that the goods can come back to")]
    NoSite,
    /// It was decided before.
    #[error("the case is {status} already")]
    DecidedAlready { status: Status },
    /// Not before it is approved.
    #[error("the case is not approved yet")]
    NotApproved,
    /// It is over.
    #[error("the case is over ({outcome})")]
    Over { outcome: String },
    /// The case has no such line.
    #[error("the case has no line `{line_id}`")]
    UnknownLine { line_id: String },
    /// More units approved than were asked for.
    #[error("{requested} units of line `{line_id}` are requested, not {wanted}")]
    AboveRequested {
        line_id: String,
        wanted: i64,
        requested: i64,
    },
    /// Approving nothing is rejecting.
    #[error("an approval needs at least one unit")]
    NothingApproved,
    /// Goods or money have moved already.
    #[error("something came back, was refunded or was sent in advance already")]
    TooLateToWithdraw,
    /// A refund without return expects no goods.
    #[error("nothing comes back in a refund without return")]
    NoReturnExpected,
    /// More units came than were approved.
    #[error("{expected} more units of line `{line_id}` are expected, not {wanted}")]
    AboveApproved {
        line_id: String,
        wanted: i64,
        expected: i64,
    },
    /// The receipt has no units.
    #[error("a receipt needs at least one unit")]
    NothingReceived,
    /// An exchange gives goods, not money.
    #[error("an exchange gives goods, not money")]
    NoRefundInExchange,
    /// Nothing came back yet, or all of it is promised.
    #[error("nothing is refundable at the moment")]
    NothingRefundable,
    /// More than what came back is worth.
    #[error(
        "{} is refundable, not {}",
        ordo_iso::amount(.currency, *.refundable),
        ordo_iso::amount(.currency, *.wanted)
    )]
    AboveRefundable {
        wanted: i64,
        refundable: i64,
        currency: String,
    },
    /// Amounts of two currencies cannot be compared.
    #[error("the case is in {expected}, not in {actual}")]
    OtherCurrency { expected: String, actual: String },
    /// The case never granted it.
    #[error("the case has no refund `{refund_id}`")]
    UnknownRefund { refund_id: String },
    /// No replacement was asked for.
    #[error("the case has no replacement")]
    NoReplacement,
}

impl Decider for Case {
    type State = CaseState;
    type Command = CaseCommand;
    type Event = CaseEvent;
    type Error = CaseError;

    fn decide(state: &CaseState, command: CaseCommand) -> Result<Vec<CaseEvent>, CaseError> {
        match command {
            CaseCommand::Open(open) => decide::open(state, open),
            CaseCommand::Approve { values } => decide::approve(state, values),
            CaseCommand::Reject { reason } => decide::reject(state, reason),
            CaseCommand::Withdraw => decide::withdraw(state),
            CaseCommand::RecordReturnParcel {
                carrier,
                tracking_number,
            } => decide::return_parcel(state, carrier, tracking_number),
            CaseCommand::Receive(receipt) => decide::receive(state, receipt),
            CaseCommand::Grant(grant) => decide::grant(state, &grant),
            CaseCommand::SettleRefund {
                refund_id,
                amount,
                purse,
            } => decide::settle(state, refund_id, amount, purse),
            CaseCommand::FailRefund { refund_id, failure } => {
                decide::fail(state, refund_id, failure)
            }
            CaseCommand::RecordReplacement {
                replacement_order_id,
            } => exchange::replacement(state, replacement_order_id),
        }
    }

    fn evolve(state: CaseState, event: &CaseEvent) -> CaseState {
        state.after(event)
    }
}

impl Aggregate for Case {
    const NAME: &'static str = "case";

    fn encode(event: &CaseEvent) -> EncodedEvent {
        event.encode_event()
    }

    fn decode(type_name: &str, payload: &[u8]) -> Result<CaseEvent, CodecError> {
        CaseEvent::decode_event(type_name, payload)
    }
}
