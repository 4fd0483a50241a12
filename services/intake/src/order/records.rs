//! The parts of [`Body`](super::Body): lines, stock, payments, parcels, returns.

use ordo_proto::{intake::OrderLine, types::LineQuantity};

/// One line and its counted units.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Line {
    /// As ordered.
    #[prost(message, required, tag = "1")]
    pub line: OrderLine,
    /// Will not be delivered.
    #[prost(int64, tag = "2")]
    pub cancelled: i64,
    /// Asked of inventory and neither reserved nor given up.
    #[prost(int64, tag = "3")]
    pub awaited: i64,
    /// Of the awaited: known to be out of stock.
    #[prost(int64, tag = "4")]
    pub backordered: i64,
    /// Has left.
    #[prost(int64, tag = "5")]
    pub shipped: i64,
    /// Has arrived.
    #[prost(int64, tag = "6")]
    pub delivered: i64,
    /// May come back.
    #[prost(int64, tag = "7")]
    pub return_approved: i64,
    /// Came back.
    #[prost(int64, tag = "8")]
    pub returned: i64,
    /// Money for it went back.
    #[prost(int64, tag = "9")]
    pub refunded: i64,
    /// Inventory does not know its SKU.
    #[prost(bool, tag = "10")]
    pub unknown_sku: bool,
    /// How often the warehouse could not find it.
    #[prost(uint32, tag = "11")]
    pub short_picks: u32,
    /// Units that the warehouse could not find, in all.
    #[prost(int64, tag = "12")]
    pub not_found: i64,
    /// Units of which inventory has booked the loss, in all.
    #[prost(int64, tag = "13")]
    pub lost: i64,
}

/// Reserved units of a line at a site.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SiteStock {
    /// Line.
    #[prost(string, tag = "1")]
    pub line_id: String,
    /// Where.
    #[prost(string, tag = "2")]
    pub site_id: String,
    /// Units, released to the warehouse or not.
    #[prost(int64, tag = "3")]
    pub quantity: i64,
}

/// What a warehouse was asked to send.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Fulfilment {
    /// `<order_id>-F<n>`.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Where.
    #[prost(string, tag = "2")]
    pub site_id: String,
    /// Units that have neither left nor been stopped.
    #[prost(message, repeated, tag = "3")]
    pub open: Vec<LineQuantity>,
    /// Minor units to collect on delivery.
    #[prost(int64, tag = "4")]
    pub collect: i64,
}

/// A parcel.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ParcelEntry {
    /// `<fulfilment_order_id>-P<n>`.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Content.
    #[prost(message, repeated, tag = "2")]
    pub lines: Vec<LineQuantity>,
    /// Told by the warehouse. False while only the carrier has told of it.
    #[prost(bool, tag = "3")]
    pub shipped: bool,
    /// Arrived.
    #[prost(bool, tag = "4")]
    pub delivered: bool,
    /// Carrier's code.
    #[prost(string, tag = "5")]
    pub carrier: String,
    /// Carrier's number.
    #[prost(string, tag = "6")]
    pub tracking_number: String,
}

/// One payment.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PaymentEntry {
    /// The provider's id.
    #[prost(string, tag = "1")]
    pub id: String,
    /// For example `alipay`.
    #[prost(string, tag = "2")]
    pub method: String,
    /// Minor units; 0 while it has only failed.
    #[prost(int64, tag = "3")]
    pub captured: i64,
    /// Minor units.
    #[prost(int64, tag = "4")]
    pub refunded: i64,
}

/// Units that inventory told it had reserved.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ToldUnits {
    /// Version of the reservation's stream.
    #[prost(uint64, tag = "1")]
    pub version: u64,
    /// Epoch of inventory's log.
    #[prost(uint64, tag = "2")]
    pub epoch: u64,
    /// Which and where.
    #[prost(message, required, tag = "3")]
    pub units: SiteStock,
}

/// One refund.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RefundEntry {
    /// Id.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Empty: not for a case.
    #[prost(string, tag = "2")]
    pub case_id: String,
    /// Minor units.
    #[prost(int64, tag = "3")]
    pub amount: i64,
}

/// A cancellation that waits for the warehouse.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Cancellation {
    /// `<order_id>-X<n>`.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Units still to be cancelled.
    #[prost(message, repeated, tag = "2")]
    pub lines: Vec<LineQuantity>,
    /// Why.
    #[prost(string, tag = "3")]
    pub cause: String,
    /// Fulfilment orders whose answer is not in.
    #[prost(string, repeated, tag = "4")]
    pub asked: Vec<String>,
    /// A refusal was recorded.
    #[prost(bool, tag = "5")]
    pub refused: bool,
}

/// Units of a case.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ReturnEntry {
    /// Case.
    #[prost(string, tag = "1")]
    pub case_id: String,
    /// May come back.
    #[prost(message, repeated, tag = "2")]
    pub approved: Vec<LineQuantity>,
    /// Came back.
    #[prost(message, repeated, tag = "3")]
    pub returned: Vec<LineQuantity>,
}

/// Units of a line at each step. `reserved` are in stock for the order and have not left; `released` of them are with the
/// warehouse; `backordered` wait for stock. `shipped` and later only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Quantities {
    pub ordered: i64,
    pub cancelled: i64,
    pub reserved: i64,
    pub backordered: i64,
    pub released: i64,
    pub shipped: i64,
    pub delivered: i64,
    pub return_approved: i64,
    pub returned: i64,
    pub refunded: i64,
}

impl Line {
    /// Units that should reach the customer.
    pub fn wanted(&self) -> i64 {
        self.line.quantity - self.cancelled
    }

    /// Units that should still leave.
    pub fn to_ship(&self) -> i64 {
        (self.wanted() - self.shipped).max(0)
    }

    /// Units that arrived, or came back without having arrived.
    pub fn settled(&self) -> i64 {
        self.delivered.max(self.returned)
    }
}

impl Line {
    /// A line of which nothing has become yet.
    pub fn new(line: OrderLine) -> Self {
        Self {
            line,
            ..Self::default()
        }
    }
}

/// Units of a line in a list.
pub(super) fn count(lines: &[LineQuantity], line_id: &str) -> i64 {
    let of_line = lines.iter().filter(|line| line.line_id == line_id);
    of_line.map(|line| line.quantity).sum()
}

/// Adds units to a list, one entry per line.
pub(super) fn add(lines: &mut Vec<LineQuantity>, line_id: &str, quantity: i64) {
    match lines.iter_mut().find(|line| line.line_id == line_id) {
        Some(line) => line.quantity += quantity,
        None => lines.push(units(line_id, quantity)),
    }
}

/// Takes up to `quantity` units out of a list and says how many were there; emptied entries go.
pub(super) fn take(lines: &mut Vec<LineQuantity>, line_id: &str, quantity: i64) -> i64 {
    let mut taken = 0;
    for line in lines.iter_mut().filter(|line| line.line_id == line_id) {
        let part = line.quantity.min(quantity - taken);
        line.quantity -= part;
        taken += part;
    }
    lines.retain(|line| line.quantity > 0);
    taken
}

/// `quantity` units of a line.
pub(super) fn units(line_id: &str, quantity: i64) -> LineQuantity {
    LineQuantity {
        line_id: line_id.to_owned(),
        quantity,
    }
}
