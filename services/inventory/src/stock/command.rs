//! What may be asked of stock, and why it is refused.

use ordo_proto::{inventory::StockCondition, types::Money};

use super::MAX_UNITS;
use crate::ids::{Place, ReservationId};

/// A movement that is asked for, at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct StockCommand {
    /// Where. Names the stream and is written into the events.
    pub place: Place,
    /// What.
    pub change: StockChange,
}

/// What is to happen. Quantities are whole units, at least 1.
#[derive(Clone, Debug, PartialEq)]
pub enum StockChange {
    /// Units come in from a supplier, a transfer, a finding.
    Receive {
        /// How many.
        quantity: i64,
        /// What state they are in.
        condition: StockCondition,
        /// Batch, where the goods have one.
        lot: String,
        /// Delivery note, purchase order.
        cause_id: String,
        /// What one unit cost.
        unit_cost: Option<Money>,
    },
    /// The book is corrected.
    Adjust {
        /// Signed, not 0.
        delta: i64,
        /// Which units.
        condition: StockCondition,
        /// Upper-case code.
        reason: String,
        /// Count, incident, fulfilment order.
        cause_id: String,
        /// Reserved units of this reservation that are among those that are gone (short pick).
        release: Option<(ReservationId, i64)>,
    },
    /// Available units are promised to an order.
    Reserve {
        /// Whom for.
        reservation_id: ReservationId,
        /// How many.
        quantity: i64,
    },
    /// Promised units become available again.
    Release {
        /// Who gives them back.
        reservation_id: ReservationId,
        /// How many.
        quantity: i64,
        /// Why, as an upper-case code.
        cause: String,
    },
    /// Promised units leave the building.
    Issue {
        /// Whose they were.
        reservation_id: ReservationId,
        /// How many.
        quantity: i64,
        /// What they left in.
        parcel_id: String,
    },
    /// Units come back from a customer.
    Return {
        /// How many.
        quantity: i64,
        /// What state they are in.
        condition: StockCondition,
        /// The after-sales case.
        case_id: String,
    },
    /// Sets what is kept back and when to warn.
    SetLevels {
        /// Kept back from selling; 0 or more.
        safety: i64,
        /// Warn at or below; 0 never warns.
        low_stock_level: i64,
    },
}

/// Why a movement is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StockError {
    /// A quantity is 0, negative (where it may not be) or beyond [`MAX_UNITS`].
    #[error("a quantity must be between 1 and {MAX_UNITS}")]
    Quantity,
    /// Levels are 0 to [`MAX_UNITS`].
    #[error("a level must be between 0 and {MAX_UNITS}")]
    Level,
    /// Units are always in some condition.
    #[error("the condition of the units is not said")]
    ConditionMissing,
    /// An adjustment without a reason.
    #[error("an adjustment needs a reason")]
    ReasonMissing,
    /// More reserved units are said to be gone than the adjustment takes away from the sellable ones.
    #[error("reserved units are only given up together with at least as many lost sellable units")]
    ReleaseWithoutLoss,
    /// The place would hold more than [`MAX_UNITS`].
    #[error("more than {MAX_UNITS} units would lie at {place}")]
    TooMany {
        /// Where.
        place: Place,
    },
    /// Fewer units are available than were to be promised.
    #[error("{wanted} units of {place} are wanted and {available} are available")]
    NotAvailable {
        /// Where.
        place: Place,
        /// Units asked for.
        wanted: i64,
        /// Units that could be had.
        available: i64,
    },
    /// Fewer units are reserved for this reservation than it gives back or sends.
    #[error(
        "{wanted} units of {place} are given back or sent by {reservation_id}, which holds {reserved}"
    )]
    NotReserved {
        /// Where.
        place: Place,
        /// Who.
        reservation_id: ReservationId,
        /// Units asked for.
        wanted: i64,
        /// Units it holds.
        reserved: i64,
    },
    /// An adjustment takes units that are not there or are promised to orders.
    #[error(
        "{wanted} units are taken from {place} and {may_take} may be: {reserved} of {on_hand} are reserved"
    )]
    TakesTooMany {
        /// Where.
        place: Place,
        /// Units asked for.
        wanted: i64,
        /// Units that an adjustment may take.
        may_take: i64,
        /// Units in that condition.
        on_hand: i64,
        /// Of these, promised to orders.
        reserved: i64,
    },
}
