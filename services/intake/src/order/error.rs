//! Why an order refuses a command.

use super::Phase;

/// A refusal, with what the caller can do about it in [`OrderError::way_out`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum OrderError {
    #[error("there is no such order")]
    NoSuchOrder,
    #[error("the order exists already")]
    AlreadyPlaced,
    #[error("the order is {phase:?} and takes no changes")]
    Ended { phase: Phase },
    #[error("the order has no line `{line_id}`")]
    UnknownLine { line_id: String },
    #[error("the order has no hold `{hold_id}`")]
    UnknownHold { hold_id: String },
    #[error("hold `{hold_id}` is released when its cause is gone, not by hand")]
    HoldHasLiveCause {
        hold_id: String,
        way_out: &'static str,
    },
    #[error("everything that could be concerned has been shipped")]
    AlreadyShipped,
    #[error("only {cancellable} units of line `{line_id}` can be cancelled")]
    CancelsTooMuch { line_id: String, cancellable: i64 },
    #[error("goods of the order are released to the warehouse")]
    ReleasedToWarehouse,
    #[error("{what} can no longer be changed")]
    NotEditable { what: String, way_out: &'static str },
    #[error("the personal data were changed by somebody else in the meantime")]
    PersonalDataChanged,
    #[error("payment `{payment_id}` is recorded with another amount")]
    PaymentChanged { payment_id: String },
    #[error("the order is in {expected}, not in {given}")]
    CurrencyMismatch { expected: String, given: String },
    #[error("the order's sums are beyond what can be stored")]
    AmountTooLarge,
    #[error("refund `{refund_id}` is recorded with another amount")]
    RefundChanged { refund_id: String },
    #[error("only {} is paid and not yet refunded", ordo_iso::amount(.currency, *.refundable))]
    RefundExceedsPaid { refundable: i64, currency: String },
    #[error("line `{line_id}` has fewer units than would be refunded")]
    RefundsTooManyUnits { line_id: String },
    #[error("nothing of the order has been shipped")]
    NothingShipped,
    #[error("not everything is delivered")]
    NotDelivered,
    #[error("the order is held")]
    Held,
    #[error(
        "parcel `{parcel_id}` holds more of line `{line_id}` than the warehouse was asked to send"
    )]
    ShipsTooMuch { parcel_id: String, line_id: String },
    #[error("the order has no fulfilment order `{fulfilment_order_id}`")]
    UnknownFulfilmentOrder { fulfilment_order_id: String },
    #[error("no parcel `{parcel_id}` of the order has left")]
    UnknownParcel { parcel_id: String },
    #[error("the amount must be more than zero")]
    AmountNotPositive,
    #[error("more of line `{line_id}` comes back than was shipped")]
    ReturnsTooMuch { line_id: String },
    #[error("the order is not a replacement that waits for a return")]
    NotAwaitingReturn,
    /// The order is the replacement of an exchange and ends with its case only.
    #[error("the order replaces what is returned in case {case_id}, and ends with it only")]
    ReplacementOfCase {
        /// The case.
        case_id: String,
    },
}

impl OrderError {
    /// What the caller can do instead; empty when the message says it all.
    pub fn way_out(&self) -> &'static str {
        match self {
            Self::HoldHasLiveCause { way_out, .. } | Self::NotEditable { way_out, .. } => way_out,
            Self::AlreadyShipped => {
                "ask the carrier to intercept the parcel, or open a return case once it is delivered"
            }
            Self::ReleasedToWarehouse => "cancel the order: the warehouse is then asked to stop",
            Self::Ended {
                phase: Phase::Completed,
            } => "open a case with aftersales",
            Self::PersonalDataChanged => "read the order again and repeat the change",
            Self::RefundExceedsPaid { .. } => "refund at most what is paid and not yet refunded",
            Self::NotDelivered => "confirm delivery first",
            Self::ReplacementOfCase { .. } => {
                "withdraw the case, or end it with what came back (`last`): the customer is then paid back"
            }
            Self::Held => "release the holds first",
            Self::NothingShipped => "wait until a parcel has left",
            Self::NoSuchOrder
            | Self::AlreadyPlaced
            | Self::Ended { .. }
            | Self::UnknownLine { .. }
            | Self::UnknownHold { .. }
            | Self::CancelsTooMuch { .. }
            | Self::PaymentChanged { .. }
            | Self::CurrencyMismatch { .. }
            | Self::AmountTooLarge
            | Self::RefundChanged { .. }
            | Self::RefundsTooManyUnits { .. }
            | Self::ShipsTooMuch { .. }
            | Self::UnknownFulfilmentOrder { .. }
            | Self::UnknownParcel { .. }
            | Self::AmountNotPositive
            | Self::ReturnsTooMuch { .. }
            | Self::NotAwaitingReturn => "",
        }
    }
}
