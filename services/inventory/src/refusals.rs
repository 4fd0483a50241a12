//! What each refusal means to callers.

use ordo_rpc::{Refusal, shared};

use crate::{
    codes::CodeTaken, commands::InventoryError, reservation::ReservationError, stock::StockError,
};

ordo_rpc::reasons! {
    /// Why inventory says no.
    pub const REASONS = {
        /// The catalogue has no such SKU, barcode or channel code.
        UNKNOWN_SKU(NotFound) => "PutSku first; `skus` in the metadata names all that are missing.",
        /// No such site was put.
        UNKNOWN_SITE(NotFound) => "Check the id, or PutSite first; ListSites shows what there is.",
        /// No such product was put.
        UNKNOWN_PRODUCT(NotFound) => "PutProduct first, or leave `product_id` empty.",
        /// The barcode or channel code belongs to another SKU.
        CODE_TAKEN(AlreadyExists) => "Take it from the SKU named by `owner` first, or correct the code.",
        /// Nothing was ever reserved or requested under this id.
        RESERVATION_NOT_FOUND(NotFound) => "Check the order id; Reserve comes first.",
        /// The order has made a later attempt.
        ATTEMPT_SUPERSEDED(FailedPrecondition) => "Ask GetReservation for what stands, or make an attempt with a higher number.",
        /// The same attempt was made before with another wish.
        ATTEMPT_REUSED(AlreadyExists) => "Give another wish a higher attempt number.",
        /// More units are to leave than are reserved for the line at the site.
        NOT_RESERVED(FailedPrecondition) => "Send what is reserved (`reserved` in the metadata), or reserve the rest first.",
        /// The adjustment takes units that are not there or are promised to orders.
        ADJUSTMENT_TAKES_TOO_MANY(FailedPrecondition) => "Take at most `may_take` units; release reservations first, or name the reservation whose units are gone.",
        /// More units would lie at one place than can be counted.
        TOO_MANY_UNITS(FailedPrecondition) => "Check the quantity.",
    };
}

impl From<InventoryError> for Refusal {
    fn from(error: InventoryError) -> Self {
        let message = error.to_string();
        match error {
            InventoryError::Stock(error) => stock(&error, message),
            InventoryError::Reservation(error) => reservation(&error, message),
            InventoryError::CodeTaken(CodeTaken { code, owner }) => Self::new(&CODE_TAKEN, message)
                .with("code", code)
                .with("owner", owner),
            InventoryError::UnknownSkus { skus } => {
                let skus: Vec<&str> = skus.iter().map(crate::ids::Sku::as_str).collect();
                Self::new(&UNKNOWN_SKU, message).with("skus", skus.join(","))
            }
            InventoryError::UnknownSite { site_id } => {
                Self::new(&UNKNOWN_SITE, message).with("site_id", site_id)
            }
            InventoryError::UnknownProduct { product_id } => {
                Self::new(&UNKNOWN_PRODUCT, message).with("product_id", product_id)
            }
        }
    }
}

fn stock(error: &StockError, message: String) -> Refusal {
    match error {
        StockError::Quantity
        | StockError::Level
        | StockError::ConditionMissing
        | StockError::ReasonMissing
        | StockError::ReleaseWithoutLoss => Refusal::new(&shared::INVALID_REQUEST, message),
        StockError::TooMany { place } => {
            Refusal::new(&TOO_MANY_UNITS, message).with("subject", place)
        }
        StockError::TakesTooMany {
            place,
            wanted,
            may_take,
            on_hand,
            reserved,
        } => Refusal::new(&ADJUSTMENT_TAKES_TOO_MANY, message)
            .with("subject", place)
            .with("wanted", wanted)
            .with("may_take", may_take)
            .with("on_hand", on_hand)
            .with("reserved", reserved),
        // Sourcing takes what is there, and reservations give back what they hold: these would be faults of the service.
        StockError::NotAvailable { .. } | StockError::NotReserved { .. } => fault(&message),
    }
}

fn reservation(error: &ReservationError, message: String) -> Refusal {
    match error {
        ReservationError::NotFound { reservation_id } => {
            Refusal::new(&RESERVATION_NOT_FOUND, message).with("reservation_id", reservation_id)
        }
        ReservationError::AttemptSuperseded { attempt, latest } => {
            Refusal::new(&ATTEMPT_SUPERSEDED, message)
                .with("attempt", attempt)
                .with("latest", latest)
        }
        ReservationError::AttemptReused { attempt } => {
            Refusal::new(&ATTEMPT_REUSED, message).with("attempt", attempt)
        }
        ReservationError::LineInvalid { line_id } => {
            Refusal::new(&shared::INVALID_REQUEST, message).with("line_id", line_id)
        }
        ReservationError::ConsumesTooMany {
            line_id,
            site_id,
            wanted,
            reserved,
        } => Refusal::new(&NOT_RESERVED, message)
            .with("line_id", line_id)
            .with("site_id", site_id)
            .with("wanted", wanted)
            .with("reserved", reserved),
        ReservationError::AllocatesTooMany { .. } => fault(&message),
    }
}

fn fault(detail: &str) -> Refusal {
    tracing::error!(detail, "a decision contradicts its own facts");
    Refusal::new(&shared::INTERNAL, shared::INTERNAL.meaning)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_reason_is_documented() {
        let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ERRORS.md");
        let fault = ordo_rpc::check_document(&document, "inventory", REASONS);
        assert_eq!(fault, None);
    }

    #[test]
    fn a_refused_adjustment_tells_programs_how_many_units_may_be_taken() {
        let refusal = Refusal::from(InventoryError::from(StockError::TakesTooMany {
            place: crate::ids::Place::new(&"MUG".into(), &"W1".into()),
            wanted: 5,
            may_take: 2,
            on_hand: 6,
            reserved: 4,
        }));
        assert_eq!(refusal.reason, "ADJUSTMENT_TAKES_TOO_MANY");
        assert_eq!(
            refusal.metadata.get("may_take").map(String::as_str),
            Some("2")
        );
        assert!(refusal.message.contains("2 may be"), "{}", refusal.message);
    }

    #[test]
    fn a_contradiction_is_not_told_to_callers() {
        let refusal = Refusal::from(InventoryError::from(StockError::NotAvailable {
            place: crate::ids::Place::new(&"MUG".into(), &"W1".into()),
            wanted: 5,
            available: 2,
        }));
        assert_eq!(refusal.reason, "INTERNAL");
        assert!(!refusal.message.contains("MUG"));
    }
}
