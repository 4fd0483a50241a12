//! Why a command on a fulfilment order is refused.

/// Each variant is one reason that callers can act on; `grpc::refusals` gives them their codes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FulfilmentOrderError {
    /// No such fulfilment order.
    #[error("there is no such fulfilment order")]
    NotFound,
    /// The id is taken by another instruction.
    #[error("a fulfilment order of this id exists with other content")]
    AlreadyOpened,
    /// The instruction cannot be carried out by anybody.
    #[error("the instruction is faulty: {detail}")]
    FaultyInstruction {
        /// What is wrong with it.
        detail: String,
    },
    /// Somebody else picks it.
    #[error("{worker} is picking it")]
    BeingPicked {
        /// Who has it.
        worker: String,
    },
    /// It was stopped.
    #[error("the fulfilment order was cancelled: put the goods back")]
    Cancelled,
    /// Its parcels have left.
    #[error("everything has left in {}", .parcel_ids.join(", "))]
    AlreadyDispatched {
        /// What left.
        parcel_ids: Vec<String>,
    },
    /// It was closed because nothing of it could be found.
    #[error("the fulfilment order is closed: none of its units could be found")]
    NothingFound,
    /// No such line.
    #[error("there is no line `{line_id}`")]
    UnknownLine {
        /// As given.
        line_id: String,
    },
    /// A count below what the field allows.
    #[error("line `{line_id}`: a quantity must not be negative, and a report must count something")]
    BadQuantity {
        /// The line.
        line_id: String,
    },
    /// More than is wanted.
    #[error(
        "line `{line_id}`: {reported} units reported, but only {wanted} are still to be picked"
    )]
    TooManyPicked {
        /// The line.
        line_id: String,
        /// Picked and missing units together.
        reported: i64,
        /// Units still to be picked.
        wanted: i64,
    },
    /// The scanned code is not the line's item.
    #[error("`{barcode}` is not {sku}{}", whose(.belongs_to))]
    WrongItem {
        /// The line.
        line_id: String,
        /// What the line wants.
        sku: String,
        /// As scanned.
        barcode: String,
        /// SKUs that the code does belong to.
        belongs_to: Vec<String>,
    },
    /// Missing units need a reason: stock is corrected by it.
    #[error("line `{line_id}`: say why the units are missing")]
    ShortReasonMissing {
        /// The line.
        line_id: String,
    },
    /// More checked than there is to check.
    #[error("line `{line_id}`: {reported} units reported, but only {picked} wait for the check")]
    TooManyChecked {
        /// The line.
        line_id: String,
        /// Passed and failed units together.
        reported: i64,
        /// Picked, unpacked and unchecked units.
        picked: i64,
    },
    /// A failed unit needs a reason.
    #[error("line `{line_id}`: say why the units failed the check")]
    CheckReasonMissing {
        /// The line.
        line_id: String,
    },
    /// No unit waits for a check.
    #[error("nothing waits for a check")]
    NothingToCheck,
    /// The policy wants a check first.
    #[error("line `{line_id}`: {unchecked} units must be checked before they are packed")]
    NotChecked {
        /// The line.
        line_id: String,
        /// How many of the units to pack have not passed a check.
        unchecked: i64,
    },
    /// More packed than there is to pack.
    #[error(
        "line `{line_id}`: {wanted} units to pack, but only {picked} are picked and not packed"
    )]
    TooManyPacked {
        /// The line.
        line_id: String,
        /// Units to pack.
        wanted: i64,
        /// Picked units that are in no parcel.
        picked: i64,
    },
    /// A parcel without contents among several.
    #[error("a parcel has no contents")]
    EmptyParcel,
    /// No unit waits to be packed.
    #[error("nothing waits to be packed")]
    NothingToPack,
    /// No such parcel.
    #[error("there is no parcel `{parcel_id}`")]
    UnknownParcel {
        /// As given.
        parcel_id: String,
    },
    /// Nobody is named who takes the parcels.
    #[error("say which carrier took the parcels; its number may come later")]
    CarrierMissing,
    /// No packed parcel waits.
    #[error("no packed parcel waits to leave")]
    NothingToDispatch,
}

fn whose(skus: &[String]) -> String {
    if skus.is_empty() {
        String::new()
    } else {
        format!(", it is {}", skus.join(" or "))
    }
}
