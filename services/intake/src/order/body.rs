//! What an order remembers to decide by.
//!
//! Stored as a protobuf message of its own (snapshots and read models), so the fields carry tags; it is never published.

use ordo_proto::{
    intake::{
        Amounts, Charge, DeliveryMethod, Hold, HoldReason, OrderPlaced, PaymentTerms,
        ShortStockPolicy, Wishes,
    },
    types::{Money, Region, Sealed},
};

pub use super::records::{
    Cancellation, Fulfilment, Line, ParcelEntry, PaymentEntry, Quantities, RefundEntry,
    ReturnEntry, SiteStock, ToldUnits,
};
pub(super) use super::records::{add, count, take, units};

/// An order's content, whatever its phase.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Body {
    /// Own id.
    #[prost(string, tag = "1")]
    pub order_id: String,
    /// Channel it came from.
    #[prost(string, tag = "2")]
    pub channel: String,
    /// The channel's number.
    #[prost(string, tag = "3")]
    pub channel_order_number: String,
    /// Own customer id; may be empty.
    #[prost(string, tag = "4")]
    pub customer_id: String,
    /// Whose key seals the personal data.
    #[prost(string, tag = "5")]
    pub data_subject: String,
    /// Of all amounts; empty while none is known.
    #[prost(string, tag = "6")]
    pub currency: String,
    /// What was ordered and what became of it.
    #[prost(message, repeated, tag = "7")]
    pub lines: Vec<Line>,
    /// Freight and the like.
    #[prost(message, repeated, tag = "8")]
    pub charges: Vec<Charge>,
    /// Order discount as agreed, before cancellations shrink it.
    #[prost(int64, tag = "9")]
    pub agreed_discount: i64,
    /// Tax as agreed, before cancellations shrink it.
    #[prost(int64, tag = "10")]
    pub agreed_tax: i64,
    /// Present sums.
    #[prost(message, optional, tag = "11")]
    pub amounts: Option<Amounts>,
    /// What the channel said was due.
    #[prost(message, optional, tag = "12")]
    pub stated_due: Option<Money>,
    /// When the money comes.
    #[prost(enumeration = "PaymentTerms", tag = "13")]
    pub payment_terms: i32,
    /// How the goods reach the customer.
    #[prost(enumeration = "DeliveryMethod", tag = "14")]
    pub delivery_method: i32,
    /// What to do when stock is short.
    #[prost(enumeration = "ShortStockPolicy", tag = "15")]
    pub short_stock_policy: i32,
    /// Sealed contact.
    #[prost(message, optional, tag = "16")]
    pub contact: Option<Sealed>,
    /// Sealed address.
    #[prost(message, optional, tag = "17")]
    pub address: Option<Sealed>,
    /// Address without the person.
    #[prost(message, optional, tag = "18")]
    pub region: Option<Region>,
    /// Other wishes.
    #[prost(message, optional, tag = "19")]
    pub wishes: Option<Wishes>,
    /// Site that must serve it; may be empty.
    #[prost(string, tag = "20")]
    pub site_id: String,
    /// Case that it replaces goods for; may be empty.
    #[prost(string, tag = "21")]
    pub replacement_for_case: String,
    /// Counts changes of the sealed data.
    #[prost(uint32, tag = "22")]
    pub personal_revision: u32,
    /// Live holds, oldest first.
    #[prost(message, repeated, tag = "23")]
    pub holds: Vec<Hold>,
    /// How often each reason has held it, by `HoldReason` number.
    #[prost(uint32, repeated, tag = "24")]
    pub holds_so_far: Vec<u32>,
    /// Payments, in the order of capture.
    #[prost(message, repeated, tag = "25")]
    pub payments: Vec<PaymentEntry>,
    /// Refunds made.
    #[prost(message, repeated, tag = "26")]
    pub refunds: Vec<RefundEntry>,
    /// Number of the last request to inventory; 0: none yet.
    #[prost(uint32, tag = "27")]
    pub attempt: u32,
    /// Last version of inventory's reservation stream that was recorded.
    #[prost(uint64, tag = "28")]
    pub reservation_version: u64,
    /// Units that are reserved and have not left, by line and site.
    #[prost(message, repeated, tag = "29")]
    pub stock: Vec<SiteStock>,
    /// Fulfilment orders, in the order of their numbers.
    #[prost(message, repeated, tag = "30")]
    pub fulfilments: Vec<Fulfilment>,
    /// Parcels that left or arrived.
    #[prost(message, repeated, tag = "31")]
    pub parcels: Vec<ParcelEntry>,
    /// Cancellations that wait for the warehouse.
    #[prost(message, repeated, tag = "32")]
    pub cancellations: Vec<Cancellation>,
    /// How many cancellations ever waited for the warehouse.
    #[prost(uint32, tag = "33")]
    pub cancellations_so_far: u32,
    /// Returns by case.
    #[prost(message, repeated, tag = "34")]
    pub returns: Vec<ReturnEntry>,
    /// The customer was asked about short stock and wants the rest later.
    #[prost(bool, tag = "35")]
    pub waits_by_choice: bool,
    /// Cash on delivery: what was paid before anything was released.
    #[prost(int64, tag = "36")]
    pub deposit: i64,
    /// Epoch of inventory's log that told `reservation_version`; 0: not known.
    #[prost(uint64, tag = "37")]
    pub reservation_epoch: u64,
    /// Everything that inventory told it had reserved, whatever became of it.
    #[prost(message, repeated, tag = "38")]
    pub told: Vec<ToldUnits>,
    /// Units of these that an inventory which was restored has not told of again.
    #[prost(message, repeated, tag = "39")]
    pub doubted: Vec<SiteStock>,
}

impl Body {
    /// The order after its first event.
    pub fn from_placed(placed: &OrderPlaced) -> Self {
        let amounts = placed.amounts.clone().unwrap_or_default();
        let minor = |money: &Option<Money>| money.as_ref().map_or(0, |money| money.minor_units);
        Self {
            order_id: placed.order_id.clone(),
            channel: placed.channel.clone(),
            channel_order_number: placed.channel_order_number.clone(),
            customer_id: placed.customer_id.clone(),
            data_subject: placed.data_subject.clone(),
            currency: amounts
                .due
                .as_ref()
                .map(|due| due.currency_code.clone())
                .unwrap_or_default(),
            lines: placed.lines.iter().cloned().map(Line::new).collect(),
            charges: placed.charges.clone(),
            agreed_discount: minor(&amounts.discount),
            agreed_tax: minor(&amounts.tax),
            amounts: Some(amounts),
            stated_due: placed.stated_due.clone(),
            payment_terms: placed.payment_terms,
            delivery_method: placed.delivery_method,
            short_stock_policy: placed.short_stock_policy,
            contact: placed.contact.clone(),
            address: placed.address.clone(),
            region: placed.region.clone(),
            wishes: placed.wishes.clone(),
            site_id: placed.site_id.clone(),
            replacement_for_case: placed.replacement_for_case.clone(),
            ..Self::default()
        }
    }

    /// The line of that id.
    pub fn line(&self, line_id: &str) -> Option<&Line> {
        self.index_of(line_id).map(|index| &self.lines[index])
    }

    pub(super) fn line_mut(&mut self, line_id: &str) -> Option<&mut Line> {
        self.index_of(line_id).map(|index| &mut self.lines[index])
    }

    /// Ids are `1`, `2`, … in the order of the lines, unless lines were added later under other ids.
    fn index_of(&self, line_id: &str) -> Option<usize> {
        let is_at = |index: &usize| {
            let line = self.lines.get(*index);
            line.is_some_and(|line| line.line.line_id == line_id)
        };
        let guess = line_id
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_sub(1));
        guess
            .filter(is_at)
            .or_else(|| (0..self.lines.len()).find(is_at))
    }

    /// The fulfilment order of that id.
    pub fn fulfilment(&self, id: &str) -> Option<&Fulfilment> {
        self.fulfilments
            .iter()
            .find(|fulfilment| fulfilment.id == id)
    }

    /// Units of a line that are reserved and have not left.
    pub fn reserved(&self, line_id: &str) -> i64 {
        let of_line = self.stock.iter().filter(|stock| stock.line_id == line_id);
        of_line.map(|stock| stock.quantity).sum()
    }

    /// Units of a line that are with the warehouse.
    pub fn released(&self, line_id: &str) -> i64 {
        self.fulfilments
            .iter()
            .map(|fulfilment| count(&fulfilment.open, line_id))
            .sum()
    }

    /// Units of a line that are with the warehouse of one site.
    pub fn released_at(&self, line_id: &str, site_id: &str) -> i64 {
        self.fulfilments
            .iter()
            .filter(|fulfilment| fulfilment.site_id == site_id)
            .map(|fulfilment| count(&fulfilment.open, line_id))
            .sum()
    }

    /// Units of a line that should leave and are not reserved.
    pub fn unreserved(&self, line: &Line) -> i64 {
        (line.to_ship() - self.reserved(&line.line.line_id)).max(0)
    }

    /// Units of a line in cancellations that wait for the warehouse.
    pub fn cancelling(&self, line_id: &str) -> i64 {
        self.cancellations
            .iter()
            .map(|cancellation| count(&cancellation.lines, line_id))
            .sum()
    }

    /// All counts of a line.
    pub fn quantities(&self, line: &Line) -> Quantities {
        Quantities {
            ordered: line.line.quantity,
            cancelled: line.cancelled,
            reserved: self.reserved(&line.line.line_id),
            backordered: line.backordered,
            released: self.released(&line.line.line_id),
            shipped: line.shipped,
            delivered: line.delivered,
            return_approved: line.return_approved,
            returned: line.returned,
            refunded: line.refunded,
        }
    }

    /// Minor units due.
    pub fn due(&self) -> i64 {
        let due = self
            .amounts
            .as_ref()
            .and_then(|amounts| amounts.due.as_ref());
        due.map_or(0, |due| due.minor_units)
    }

    /// Minor units that came in.
    pub fn captured(&self) -> i64 {
        self.payments.iter().map(|payment| payment.captured).sum()
    }

    /// Minor units that went back.
    pub fn refunded(&self) -> i64 {
        self.payments.iter().map(|payment| payment.refunded).sum()
    }

    /// Minor units that came in and did not go back.
    pub fn paid(&self) -> i64 {
        self.captured() - self.refunded()
    }

    /// Minor units of the order's currency as people write them.
    pub fn shown(&self, minor_units: i64) -> String {
        ordo_iso::amount(&self.currency, minor_units)
    }

    /// Nothing should leave any more.
    pub fn nothing_to_ship(&self) -> bool {
        self.lines.iter().all(|line| line.to_ship() == 0)
    }

    /// Everything wanted has arrived (or came back), and something was wanted.
    pub fn all_settled(&self) -> bool {
        self.lines.iter().any(|line| line.wanted() > 0)
            && self
                .lines
                .iter()
                .all(|line| line.settled() >= line.wanted())
    }

    /// The live hold of that id.
    pub fn hold(&self, hold_id: &str) -> Option<&Hold> {
        self.holds.iter().find(|hold| hold.hold_id == hold_id)
    }

    /// Live holds of one reason.
    pub fn holds_for(&self, reason: HoldReason) -> impl Iterator<Item = &Hold> {
        self.holds
            .iter()
            .filter(move |hold| hold.reason() == reason)
    }

    /// How often that reason has held the order.
    pub fn times_held(&self, reason: HoldReason) -> u32 {
        let index = usize::try_from(i32::from(reason)).unwrap_or_default();
        self.holds_so_far.get(index).copied().unwrap_or_default()
    }

    /// The customer may get several parcels.
    pub fn split_allowed(&self) -> bool {
        self.wishes
            .as_ref()
            .is_none_or(|wishes| wishes.split_allowed)
    }

    /// An amount in the order's currency.
    pub fn money(&self, minor_units: i64) -> Money {
        Money {
            currency_code: self.currency.clone(),
            minor_units,
        }
    }
}
