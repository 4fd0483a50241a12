//! Why intake says no, and what the caller can do about it.

use ordo_rpc::Refusal;

use crate::order::OrderError;

ordo_rpc::reasons! {
    /// What intake answers beside the shared reasons.
    pub const REASONS = {
        /// There is no such order.
        ORDER_UNKNOWN(NotFound) => "Check the id; ListOrders finds an order by channel number, phone or tracking number.",
        /// The channel order was taken before with other content; `order_id` names the order.
        CHANNEL_ORDER_CHANGED(AlreadyExists) => "Amend the order in `order_id` (CompleteInformation, AmendAddress, CancelOrder), or cancel it and send the new one under another number.",
        /// The order was placed already.
        ORDER_EXISTS(AlreadyExists) => "Look at it with GetOrder.",
        /// The order is completed, cancelled or rejected.
        ORDER_ENDED(FailedPrecondition) => "For goods that were delivered open a case with aftersales; otherwise place a new order.",
        /// The order has no such line.
        LINE_UNKNOWN(NotFound) => "GetOrder lists the lines.",
        /// The order has no such hold.
        HOLD_UNKNOWN(NotFound) => "GetOrder lists the live holds.",
        /// The hold is released when its cause is gone, not by hand.
        HOLD_HAS_LIVE_CAUSE(FailedPrecondition) => "Remove the cause; `hint` says how.",
        /// The goods have left.
        ALREADY_SHIPPED(FailedPrecondition) => "Ask the carrier to intercept the parcel, or open a return case once it is delivered.",
        /// More units are to be cancelled than have not left and are not being cancelled already.
        UNITS_NOT_CANCELLABLE(FailedPrecondition) => "Cancel at most `cancellable` units.",
        /// Goods are with the warehouse.
        RELEASED_TO_WAREHOUSE(FailedPrecondition) => "Cancel the order: the warehouse is then asked to stop.",
        /// It can no longer be changed.
        NOT_EDITABLE(FailedPrecondition) => "Cancel the lines and place a new order for what is wanted instead.",
        /// Somebody else changed the recipient in the meantime.
        PERSONAL_DATA_CHANGED(Aborted) => "Read the order again and repeat the change.",
        /// The payment is recorded with another amount.
        PAYMENT_CHANGED(AlreadyExists) => "Use the provider's own id for each payment.",
        /// The amount is in another currency than the order.
        ORDER_CURRENCY_MISMATCH(FailedPrecondition) => "Give the amount in the order's currency.",
        /// An amount that must be more than zero is not.
        AMOUNT_NOT_POSITIVE(InvalidArgument) => "Give an amount of at least one minor unit.",
        /// The order's sums are beyond what can be stored.
        AMOUNT_TOO_LARGE(InvalidArgument) => "Check quantities and prices; amounts go up to 10^15 minor units.",
        /// The refund is recorded with another amount.
        REFUND_CHANGED(AlreadyExists) => "Use a new refund id for another refund.",
        /// More is to be refunded than was paid and not refunded yet.
        REFUND_ABOVE_PAID(FailedPrecondition) => "Refund at most `refundable` minor units.",
        /// More units are to be refunded than were ordered.
        REFUND_ABOVE_UNITS(FailedPrecondition) => "Name each refunded unit once.",
        /// Nothing of the order has left.
        NOTHING_SHIPPED(FailedPrecondition) => "Wait until a parcel has left.",
        /// Not everything wanted is delivered.
        NOT_DELIVERED(FailedPrecondition) => "Confirm delivery first.",
        /// The order is held.
        ORDER_HELD(FailedPrecondition) => "Release its holds first.",
        /// A parcel holds more than the warehouse was asked to send.
        SHIPMENT_ABOVE_RELEASED(FailedPrecondition) => "Compare the parcel with the fulfilment order.",
        /// The order has no such fulfilment order.
        FULFILMENT_ORDER_UNKNOWN(NotFound) => "GetTimeline tells the fulfilment orders of an order.",
        /// No such parcel of the order has left.
        PARCEL_UNKNOWN(NotFound) => "GetOrder lists the parcels.",
        /// More units come back than were shipped.
        RETURN_ABOVE_SHIPPED(FailedPrecondition) => "Compare the return with what was shipped.",
        /// The order is the replacement of an exchange; `case_id` names its case.
        REPLACEMENT_OF_CASE(FailedPrecondition) => "Withdraw the case, or end it with what came back; the customer is then paid back.",
        /// The order is not a replacement that waits for a return.
        NOT_AWAITING_RETURN(FailedPrecondition) => "Check the order id; `replacement_for_case` of the order names its case.",
        /// Only services may set the field.
        SERVICE_FIELD(PermissionDenied) => "Leave out `replacement_for_case` and `await_return`.",
        /// The key ids belong to another tenant.
        KEY_OF_OTHER_TENANT(PermissionDenied) => "Ask for keys of the tenant that the call names.",
    };
}

impl From<OrderError> for Refusal {
    fn from(error: OrderError) -> Self {
        let text = error.to_string();
        match error {
            OrderError::NoSuchOrder => Self::new(&ORDER_UNKNOWN, text),
            OrderError::AlreadyPlaced => Self::new(&ORDER_EXISTS, text),
            OrderError::Ended { phase } => {
                Self::new(&ORDER_ENDED, text).with("phase", format!("{phase:?}").to_uppercase())
            }
            OrderError::UnknownLine { line_id } => {
                Self::new(&LINE_UNKNOWN, text).with("line_id", line_id)
            }
            OrderError::UnknownHold { hold_id } => {
                Self::new(&HOLD_UNKNOWN, text).with("hold_id", hold_id)
            }
            OrderError::HoldHasLiveCause { hold_id, way_out } => {
                Self::new(&HOLD_HAS_LIVE_CAUSE, text)
                    .with("hold_id", hold_id)
                    .with("hint", way_out)
            }
            OrderError::AlreadyShipped => Self::new(&ALREADY_SHIPPED, text),
            OrderError::CancelsTooMuch {
                line_id,
                cancellable,
            } => Self::new(&UNITS_NOT_CANCELLABLE, text)
                .with("line_id", line_id)
                .with("cancellable", cancellable),
            OrderError::ReleasedToWarehouse => Self::new(&RELEASED_TO_WAREHOUSE, text),
            OrderError::NotEditable { what, .. } => {
                Self::new(&NOT_EDITABLE, text).with("what", what)
            }
            OrderError::PersonalDataChanged => Self::new(&PERSONAL_DATA_CHANGED, text),
            OrderError::PaymentChanged { payment_id } => {
                Self::new(&PAYMENT_CHANGED, text).with("payment_id", payment_id)
            }
            OrderError::CurrencyMismatch { expected, given } => {
                Self::new(&ORDER_CURRENCY_MISMATCH, text)
                    .with("expected", expected)
                    .with("given", given)
            }
            OrderError::AmountNotPositive => Self::new(&AMOUNT_NOT_POSITIVE, text),
            OrderError::AmountTooLarge => Self::new(&AMOUNT_TOO_LARGE, text),
            OrderError::RefundChanged { refund_id } => {
                Self::new(&REFUND_CHANGED, text).with("refund_id", refund_id)
            }
            OrderError::RefundExceedsPaid { refundable, .. } => {
                Self::new(&REFUND_ABOVE_PAID, text).with("refundable", refundable)
            }
            OrderError::RefundsTooManyUnits { line_id } => {
                Self::new(&REFUND_ABOVE_UNITS, text).with("line_id", line_id)
            }
            OrderError::NothingShipped => Self::new(&NOTHING_SHIPPED, text),
            OrderError::NotDelivered => Self::new(&NOT_DELIVERED, text),
            OrderError::Held => Self::new(&ORDER_HELD, text),
            OrderError::ShipsTooMuch { parcel_id, line_id } => {
                Self::new(&SHIPMENT_ABOVE_RELEASED, text)
                    .with("parcel_id", parcel_id)
                    .with("line_id", line_id)
            }
            OrderError::UnknownFulfilmentOrder {
                fulfilment_order_id,
            } => Self::new(&FULFILMENT_ORDER_UNKNOWN, text)
                .with("fulfilment_order_id", fulfilment_order_id),
            OrderError::UnknownParcel { parcel_id } => {
                Self::new(&PARCEL_UNKNOWN, text).with("parcel_id", parcel_id)
            }
            OrderError::ReturnsTooMuch { line_id } => {
                Self::new(&RETURN_ABOVE_SHIPPED, text).with("line_id", line_id)
            }
            OrderError::ReplacementOfCase { ref case_id } => {
                Self::new(&REPLACEMENT_OF_CASE, text).with("case_id", case_id.as_str())
            }
            OrderError::NotAwaitingReturn => Self::new(&NOT_AWAITING_RETURN, text),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn docs_errors_lists_every_reason_of_intake() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ERRORS.md");
        assert_eq!(
            ordo_rpc::check_document(&path, "intake", super::REASONS),
            None
        );
    }
}
