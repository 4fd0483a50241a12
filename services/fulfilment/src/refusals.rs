//! What each refusal means to callers.

use ordo_rpc::Refusal;

use crate::{
    commands::CommandError, fulfilment_order::FulfilmentOrderError as Refused, parcel::ParcelError,
};

ordo_rpc::reasons! {
    /// Why fulfilment says no.
    pub const REASONS = {
        /// No fulfilment order of this id was opened.
        FULFILMENT_ORDER_NOT_FOUND(NotFound) => "Check the id; ListWork shows the work there is.",
        /// The fulfilment order was released but has not arrived here yet.
        FULFILMENT_ORDER_NOT_OPENED_YET(Unavailable) => "Send the same call again; it is opened within moments of its release.",
        /// A fulfilment order of this id exists with other content.
        FULFILMENT_ORDER_EXISTS(AlreadyExists) => "Give other content another id.",
        /// The instruction cannot be carried out: no site, no lines, a line without SKU or units.
        FAULTY_INSTRUCTION(InvalidArgument) => "Correct the order in intake.",
        /// Another worker picks it.
        BEING_PICKED(FailedPrecondition) => "Leave it to them, or set `take_over`.",
        /// The fulfilment order was cancelled.
        FULFILMENT_ORDER_CANCELLED(FailedPrecondition) => "Put the goods back.",
        /// Everything has left already.
        ALREADY_DISPATCHED(FailedPrecondition) => "Have the carrier intercept the parcel, or open a return in aftersales once it has arrived.",
        /// The fulfilment order is closed because none of its units could be found.
        NOTHING_FOUND(FailedPrecondition) => "Nothing to do here; the order is sourced again or waits for a decision in intake.",
        /// The fulfilment order has no such line.
        UNKNOWN_LINE(NotFound) => "GetFulfilmentOrder lists the lines.",
        /// A quantity is negative, or a report counts nothing.
        BAD_QUANTITY(InvalidArgument) => "Report at least one unit.",
        /// More units are reported than are still to be picked.
        TOO_MANY_PICKED(FailedPrecondition) => "Put back what is too much; the metadata says how many are wanted.",
        /// The scanned code belongs to another item.
        WRONG_ITEM(FailedPrecondition) => "Put it back and scan the right one; without a barcode the pick is recorded unchecked.",
        /// Units are missing and the reason is not said.
        SHORT_REASON_MISSING(InvalidArgument) => "Give `reason`: stock is corrected by it.",
        /// More units are reported than wait for the check.
        TOO_MANY_CHECKED(FailedPrecondition) => "Count again; the metadata says how many wait.",
        /// Units failed the check and the reason is not said.
        CHECK_REASON_MISSING(InvalidArgument) => "Give `reason`.",
        /// No picked unit waits for a check.
        NOTHING_TO_CHECK(FailedPrecondition) => "Record the picks first.",
        /// This shop wants goods checked before they are packed.
        NOT_CHECKED(FailedPrecondition) => "RecordCheck first.",
        /// More units are to be packed than are picked and not packed.
        TOO_MANY_PACKED(FailedPrecondition) => "Count again; the metadata says how many wait.",
        /// One of several parcels has no contents.
        EMPTY_PARCEL(InvalidArgument) => "Give each parcel its lines.",
        /// No picked unit waits to be packed.
        NOTHING_TO_PACK(FailedPrecondition) => "Record the picks first.",
        /// There is no such parcel, or it has not left yet.
        PARCEL_NOT_FOUND(NotFound) => "Check the id or number; GetFulfilmentOrder lists the parcels.",
        /// The goods are sent, and no carrier is named.
        CARRIER_MISSING(InvalidArgument) => "Give `carrier`; a number that is not known yet is given to AssignTracking later.",
        /// No packed parcel waits to leave.
        NOTHING_TO_DISPATCH(FailedPrecondition) => "Pack first.",
        /// More different scans than one parcel can have.
        TOO_MANY_SCANS(FailedPrecondition) => "Look at the carrier's interface: it repeats itself with changed times.",
    };
}

impl From<CommandError> for Refusal {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::FulfilmentOrder {
                fulfilment_order_id,
                error,
            } => fulfilment_order(&error)
                .with("fulfilment_order_id", &fulfilment_order_id)
                .with("subject", &fulfilment_order_id),
            CommandError::Parcel { parcel_id, error } => {
                let reason = match error {
                    ParcelError::NotFound => &PARCEL_NOT_FOUND,
                    ParcelError::TooManyScans => &TOO_MANY_SCANS,
                };
                Refusal::new(reason, error.to_string())
                    .with("parcel_id", &parcel_id)
                    .with("subject", &parcel_id)
            }
        }
    }
}

fn fulfilment_order(error: &Refused) -> Refusal {
    let reason = match error {
        Refused::NotFound => &FULFILMENT_ORDER_NOT_FOUND,
        Refused::AlreadyOpened => &FULFILMENT_ORDER_EXISTS,
        Refused::FaultyInstruction { .. } => &FAULTY_INSTRUCTION,
        Refused::BeingPicked { .. } => &BEING_PICKED,
        Refused::Cancelled => &FULFILMENT_ORDER_CANCELLED,
        Refused::AlreadyDispatched { .. } => &ALREADY_DISPATCHED,
        Refused::NothingFound => &NOTHING_FOUND,
        Refused::UnknownLine { .. } => &UNKNOWN_LINE,
        Refused::BadQuantity { .. } => &BAD_QUANTITY,
        Refused::TooManyPicked { .. } => &TOO_MANY_PICKED,
        Refused::WrongItem { .. } => &WRONG_ITEM,
        Refused::ShortReasonMissing { .. } => &SHORT_REASON_MISSING,
        Refused::TooManyChecked { .. } => &TOO_MANY_CHECKED,
        Refused::CheckReasonMissing { .. } => &CHECK_REASON_MISSING,
        Refused::NothingToCheck => &NOTHING_TO_CHECK,
        Refused::NotChecked { .. } => &NOT_CHECKED,
        Refused::TooManyPacked { .. } => &TOO_MANY_PACKED,
        Refused::EmptyParcel => &EMPTY_PARCEL,
        Refused::NothingToPack => &NOTHING_TO_PACK,
        Refused::UnknownParcel { .. } => &PARCEL_NOT_FOUND,
        Refused::CarrierMissing => &CARRIER_MISSING,
        Refused::NothingToDispatch => &NOTHING_TO_DISPATCH,
    };
    with_facts(Refusal::new(reason, error.to_string()), error)
}

/// The ids and counts that a program needs to react.
fn with_facts(refusal: Refusal, error: &Refused) -> Refusal {
    match error {
        Refused::BeingPicked { worker } => refusal.with("worker", worker),
        Refused::AlreadyDispatched { parcel_ids } => {
            refusal.with("parcel_ids", parcel_ids.join(","))
        }
        Refused::UnknownLine { line_id }
        | Refused::BadQuantity { line_id }
        | Refused::ShortReasonMissing { line_id }
        | Refused::CheckReasonMissing { line_id } => refusal.with("line_id", line_id),
        Refused::TooManyPicked {
            line_id, wanted, ..
        } => refusal.with("line_id", line_id).with("wanted", wanted),
        Refused::WrongItem {
            line_id,
            sku,
            belongs_to,
            ..
        } => refusal
            .with("line_id", line_id)
            .with("sku", sku)
            .with("belongs_to", belongs_to.join(",")),
        Refused::TooManyChecked {
            line_id, picked, ..
        }
        | Refused::TooManyPacked {
            line_id, picked, ..
        } => refusal.with("line_id", line_id).with("waiting", picked),
        Refused::NotChecked { line_id, unchecked } => refusal
            .with("line_id", line_id)
            .with("unchecked", unchecked),
        Refused::UnknownParcel { parcel_id } => refusal.with("parcel_id", parcel_id),
        Refused::NotFound
        | Refused::AlreadyOpened
        | Refused::FaultyInstruction { .. }
        | Refused::Cancelled
        | Refused::NothingFound
        | Refused::NothingToCheck
        | Refused::EmptyParcel
        | Refused::NothingToPack
        | Refused::CarrierMissing
        | Refused::NothingToDispatch => refusal,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::Path;

    #[test]
    fn every_reason_stands_in_the_document() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ERRORS.md");
        assert_eq!(
            ordo_rpc::check_document(&path, "fulfilment", super::REASONS),
            None
        );
    }
}
