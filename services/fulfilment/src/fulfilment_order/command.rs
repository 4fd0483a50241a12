//! What may be asked.

use ordo_proto::{
    fulfilment::{FulfilmentOrderOpened, ShortPickReason},
    types::{Region, Sealed},
};

/// A wish concerning one fulfilment order.
#[derive(Clone, Debug, PartialEq)]
pub enum FulfilmentOrderCommand {
    /// Intake released goods to this warehouse. The same instruction again changes nothing.
    Open(Box<FulfilmentOrderOpened>),
    /// Somebody begins to pick. The same worker again changes nothing.
    StartPicking {
        /// Who.
        worker: String,
        /// From whoever has it.
        take_over: bool,
    },
    /// Units of a line were taken from the shelf, or are not there. Starts picking when nobody has.
    RecordPick(Pick),
    /// Picked units were looked at.
    RecordCheck {
        /// Empty: every picked unit passed.
        lines: Vec<CheckedLine>,
    },
    /// Units were put in parcels.
    Pack {
        /// Whether unchecked units may be packed.
        check: CheckPolicy,
        /// Empty: one parcel with everything that may be packed.
        parcels: Vec<ParcelContents>,
    },
    /// Parcels left the building. Asks no carrier.
    Dispatch {
        /// Empty: every packed parcel.
        parcel_ids: Vec<String>,
        /// Empty when not known yet.
        carrier: String,
        /// Empty when not known yet.
        tracking_number: String,
    },
    /// The recipient of what has not left yet changes.
    ChangeAddress(NewRecipient),
    /// Nothing more is to leave. Stopping what is stopped already changes nothing.
    Cancel {
        /// Upper-case code.
        cause: String,
    },
}

/// One report from the shelf.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pick {
    /// Who picks, if nobody has started.
    pub worker: String,
    /// Line of the fulfilment order.
    pub line_id: String,
    /// Units taken.
    pub quantity: i64,
    /// What was scanned.
    pub scan: Option<Scan>,
    /// Units that are not there.
    pub missing: i64,
    /// Why they are not there; needed with `missing`.
    pub reason: ShortPickReason,
}

/// A scanned code and what the catalogue knows about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scan {
    /// As scanned.
    pub barcode: String,
    /// SKUs that carry this barcode.
    pub skus: Vec<String>,
}

impl Scan {
    /// Whether the code means `sku`: it is the SKU's own code or one of its barcodes.
    pub fn means(&self, sku: &str) -> bool {
        self.barcode == sku || self.skus.iter().any(|known| known == sku)
    }
}

/// What a check of one line found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckedLine {
    /// Line of the fulfilment order.
    pub line_id: String,
    /// Good units.
    pub passed: i64,
    /// Units that must be picked again.
    pub failed: i64,
    /// Why; needed with `failed`.
    pub reason: String,
}

/// Whether a check comes before packing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CheckPolicy {
    /// Unchecked units may be packed; the parcel then says that its check was skipped.
    #[default]
    Optional,
    /// Only checked units may be packed.
    Required,
}

/// What goes in one parcel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParcelContents {
    /// Line and units. May be empty when this is the only parcel: everything that may be packed.
    pub lines: Vec<(String, i64)>,
    /// 0: not weighed.
    pub weight_grams: i64,
    /// Kind of carton; may be empty.
    pub carton: String,
}

/// Absent parts stay as they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewRecipient {
    /// Sealed contact.
    pub contact: Option<Sealed>,
    /// Sealed address.
    pub address: Option<Sealed>,
    /// The address's public part.
    pub region: Option<Region>,
}
