//! Why aftersales says no, and what the caller can do about it.

use ordo_rpc::Refusal;

use crate::{case::CaseError, desk::DeskError, purchase::PurchaseError};

ordo_rpc::reasons! {
    /// What aftersales answers beside the shared reasons.
    pub const REASONS = {
        /// Aftersales knows no such order.
        ORDER_UNKNOWN(NotFound) => "Check the id. An order placed a moment ago arrives within seconds: ask again.",
        /// The order or the case has no such line.
        LINE_UNKNOWN(NotFound) => "Look at the lines: GetPurchase for an order, GetCase for a case.",
        /// More units are claimed than were delivered and are in no other case.
        UNITS_NOT_CLAIMABLE(FailedPrecondition) => "Claim at most `claimable`; GetPurchase shows what was delivered and what other cases hold. What never arrived is cancelled with intake, or refunded without lines.",
        /// A case would give back units that it does not hold.
        UNITS_NOT_HELD(FailedPrecondition) => "Tell the operator; the case and the purchase disagree.",
        /// More money is asked for than was captured and is not promised yet.
        AMOUNT_ABOVE_CAPTURED(FailedPrecondition) => "Ask for at most `left`; GetPurchase shows what is refundable.",
        /// The amount is in another currency than the order.
        CURRENCY_MISMATCH(FailedPrecondition) => "Give the amount in the order's currency.",
        /// There is no such case.
        CASE_UNKNOWN(NotFound) => "Check the id; ListCases finds the cases of an order or a customer.",
        /// The case exists already.
        CASE_EXISTS(AlreadyExists) => "Look at it with GetCase.",
        /// The request names neither units nor an amount.
        NOTHING_ASKED(InvalidArgument) => "Give `lines`; a refund without return may give an `amount` alone.",
        /// An amount is given, but goods come back: then they say what is refunded.
        AMOUNT_NOT_ALLOWED(InvalidArgument) => "Leave `amount` out, or open a case of CASE_KIND_REFUND_ONLY.",
        /// More is asked for than was paid for the claimed units.
        AMOUNT_ABOVE_WORTH(FailedPrecondition) => "Ask for at most `worth`, or name the lines that the rest is for.",
        /// Nobody knows where the goods should come back to: nothing was shipped from a known site.
        RETURN_SITE_UNKNOWN(FailedPrecondition) => "Give `site_id`.",
        /// The case was approved or rejected before.
        CASE_DECIDED(FailedPrecondition) => "Look at it with GetCase; a rejected request can be opened anew as another case.",
        /// The case is not approved yet.
        CASE_NOT_APPROVED(FailedPrecondition) => "Approve it first with Decide.",
        /// The case is over.
        CASE_OVER(FailedPrecondition) => "Open another case for what is still wanted.",
        /// More units are approved than were asked for.
        UNITS_ABOVE_REQUESTED(FailedPrecondition) => "Approve at most `requested`.",
        /// The approval has no units.
        NOTHING_APPROVED(InvalidArgument) => "Approve at least one unit, or reject the case.",
        /// Something came back, was refunded or was sent in advance already.
        TOO_LATE_TO_WITHDRAW(FailedPrecondition) => "Record what comes back; `last` ends the case with what there is.",
        /// The case gives money only; no goods come back.
        NO_RETURN_EXPECTED(FailedPrecondition) => "Refund it; for goods that come back open a return.",
        /// More units came back than are still expected.
        UNITS_ABOVE_APPROVED(FailedPrecondition) => "Record at most `expected`; what else is in the parcel needs a case of its own.",
        /// The receipt has no units.
        NOTHING_RECEIVED(InvalidArgument) => "Record at least one unit, or set `last` when nothing more will come.",
        /// An exchange gives goods, not money.
        NO_REFUND_IN_EXCHANGE(FailedPrecondition) => "Record the receipt; when a part never comes, `last` turns the exchange into a refund of what came.",
        /// Nothing came back yet, or all of it is promised, or the order has no money left.
        NOTHING_REFUNDABLE(FailedPrecondition) => "Record what came back first; `last` without an amount ends a case that nothing more can be paid for.",
        /// More is to be refunded than what came back is worth.
        AMOUNT_ABOVE_REFUNDABLE(FailedPrecondition) => "Refund at most `refundable`; goodwill beyond it is a case of CASE_KIND_REFUND_ONLY.",
        /// The case never granted that refund.
        REFUND_UNKNOWN(NotFound) => "Look at the case's refunds with GetCase.",
        /// The case has no replacement.
        NO_REPLACEMENT(FailedPrecondition) => "Only an approved exchange has one.",
    };
}

impl From<DeskError> for Refusal {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Purchase(error) => error.into(),
            DeskError::Case(error) => error.into(),
        }
    }
}

impl From<PurchaseError> for Refusal {
    fn from(error: PurchaseError) -> Self {
        let message = error.to_string();
        match error {
            PurchaseError::Unknown => Refusal::new(&ORDER_UNKNOWN, message),
            PurchaseError::UnknownLine { line_id } => {
                Refusal::new(&LINE_UNKNOWN, message).with("line_id", line_id)
            }
            PurchaseError::NotClaimable {
                line_id,
                wanted,
                claimable,
            } => Refusal::new(&UNITS_NOT_CLAIMABLE, message)
                .with("line_id", line_id)
                .with("wanted", wanted)
                .with("claimable", claimable),
            PurchaseError::NotHeld {
                line_id,
                wanted,
                held,
            } => Refusal::new(&UNITS_NOT_HELD, message)
                .with("line_id", line_id)
                .with("wanted", wanted)
                .with("held", held),
            PurchaseError::AboveCaptured { wanted, left, .. } => {
                Refusal::new(&AMOUNT_ABOVE_CAPTURED, message)
                    .with("wanted", wanted)
                    .with("left", left)
            }
            PurchaseError::OtherCurrency { expected, actual } => {
                Refusal::new(&CURRENCY_MISMATCH, message)
                    .with("expected", expected)
                    .with("actual", actual)
            }
        }
    }
}

impl From<CaseError> for Refusal {
    fn from(error: CaseError) -> Self {
        let message = error.to_string();
        match error {
            CaseError::Unknown => Refusal::new(&CASE_UNKNOWN, message),
            CaseError::OpenAlready => Refusal::new(&CASE_EXISTS, message),
            CaseError::NothingAsked => Refusal::new(&NOTHING_ASKED, message),
            CaseError::AmountNotAllowed => Refusal::new(&AMOUNT_NOT_ALLOWED, message),
            CaseError::AmountAboveWorth { asked, worth, .. } => {
                Refusal::new(&AMOUNT_ABOVE_WORTH, message)
                    .with("asked", asked)
                    .with("worth", worth)
            }
            CaseError::NoSite => Refusal::new(&RETURN_SITE_UNKNOWN, message),
            CaseError::DecidedAlready { status } => {
                Refusal::new(&CASE_DECIDED, message).with("status", status)
            }
            CaseError::NotApproved => Refusal::new(&CASE_NOT_APPROVED, message),
            CaseError::Over { outcome } => {
                Refusal::new(&CASE_OVER, message).with("outcome", outcome)
            }
            CaseError::UnknownLine { line_id } => {
                Refusal::new(&LINE_UNKNOWN, message).with("line_id", line_id)
            }
            CaseError::AboveRequested {
                line_id,
                wanted,
                requested,
            } => Refusal::new(&UNITS_ABOVE_REQUESTED, message)
                .with("line_id", line_id)
                .with("wanted", wanted)
                .with("requested", requested),
            CaseError::NothingApproved => Refusal::new(&NOTHING_APPROVED, message),
            CaseError::TooLateToWithdraw => Refusal::new(&TOO_LATE_TO_WITHDRAW, message),
            CaseError::NoReturnExpected => Refusal::new(&NO_RETURN_EXPECTED, message),
            CaseError::AboveApproved {
                line_id,
                wanted,
                expected,
            } => Refusal::new(&UNITS_ABOVE_APPROVED, message)
                .with("line_id", line_id)
                .with("wanted", wanted)
                .with("expected", expected),
            CaseError::NothingReceived => Refusal::new(&NOTHING_RECEIVED, message),
            CaseError::NoRefundInExchange => Refusal::new(&NO_REFUND_IN_EXCHANGE, message),
            CaseError::NothingRefundable => Refusal::new(&NOTHING_REFUNDABLE, message),
            CaseError::AboveRefundable {
                wanted, refundable, ..
            } => Refusal::new(&AMOUNT_ABOVE_REFUNDABLE, message)
                .with("wanted", wanted)
                .with("refundable", refundable),
            CaseError::OtherCurrency { expected, actual } => {
                Refusal::new(&CURRENCY_MISMATCH, message)
                    .with("expected", expected)
                    .with("actual", actual)
            }
            CaseError::UnknownRefund { refund_id } => {
                Refusal::new(&REFUND_UNKNOWN, message).with("refund_id", refund_id)
            }
            CaseError::NoReplacement => Refusal::new(&NO_REPLACEMENT, message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_reasons_for_integrators_is_up_to_date() {
        let path =
            std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/ERRORS.md"));
        assert_eq!(ordo_rpc::check_document(path, "aftersales", REASONS), None);
    }
}
