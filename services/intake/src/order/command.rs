//! What an order can be asked, and told.

use std::sync::Arc;

use ordo_proto::{
    intake::{
        Allocation, Charge, DeliveryMethod, PaymentTerms, ShortStockPolicy, Shortage, Wishes,
    },
    types::{Address, Contact, LineQuantity, Money, Region, Sealed},
};
use prost_types::Timestamp;

use super::review::ReviewRules;

/// A wish or a reported fact, with the time at which it is decided.
#[derive(Clone, Debug)]
pub struct Command {
    /// The clock's time.
    pub at: Timestamp,
    /// What is wanted or was reported.
    pub intent: Intent,
}

/// Everything an order reacts to. `Record…` are facts of other services: told again, they change nothing.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Intent {
    Place(Box<Place>),
    CompleteInformation(Box<CompleteInformation>),
    AmendAddress(Box<AmendAddress>),
    RecordPayment(Payment),
    RefundPayment(RefundPayment),
    Cancel(Cancel),
    Reject(Reject),
    Hold(Hold),
    ReleaseHold(ReleaseHold),
    /// The return that a replacement waited for is in.
    ReleaseReplacement,
    ConfirmDelivery(ConfirmDelivery),
    Complete(Complete),
    RecordReservation(RecordReservation),
    RecordShortage(RecordShortage),
    RecordReservationExpired(RecordTakenBack),
    /// Of inventory.
    RecordReleasedElsewhere(RecordTakenBack),
    RecordShortPick(RecordShortPick),
    RecordStockLoss(RecordStockLoss),
    RecordFulfilmentStopped(RecordFulfilmentStopped),
    RecordCancellationRefused(RecordCancellationRefused),
    RecordShipment(RecordShipment),
    RecordDelivery(RecordDelivery),
    RecordTrackingNumber(RecordTrackingNumber),
    RecordReturnApproved(ReturnedLines),
    RecordReturned(ReturnedLines),
    /// Approved units that will not come back.
    RecordReturnAbandoned(ReturnedLines),
}

/// A new order. Amounts are checked for form and size by the caller; what is missing leads to holds.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// Own id.
    pub order_id: String,
    /// Channel it came from.
    pub channel: String,
    /// The channel's number.
    pub channel_order_number: String,
    /// Own customer id; empty when unknown.
    pub customer_id: String,
    /// Whose key sealed the personal data.
    pub data_subject: String,
    /// The one currency of all amounts; empty when no amount was given.
    pub currency: String,
    /// What is bought.
    pub lines: Vec<NewLine>,
    /// Freight and the like.
    pub charges: Vec<Charge>,
    /// Discount over the whole order, minor units, zero or positive.
    pub discount: i64,
    /// Minor units.
    pub tax: i64,
    /// What the channel says is due, minor units.
    pub stated_due: Option<i64>,
    /// When the money comes.
    pub payment_terms: PaymentTerms,
    /// How the goods reach the customer.
    pub delivery_method: DeliveryMethod,
    /// Recipient, sealed, and what is known of them.
    pub personal: Personal,
    /// Other wishes.
    pub wishes: Wishes,
    /// Never unspecified.
    pub short_stock_policy: ShortStockPolicy,
    /// By the channel's clock.
    pub ordered_at: Option<Timestamp>,
    /// Site that must serve it; may be empty.
    pub site_id: String,
    /// Case that it replaces goods for; may be empty.
    pub replacement_for_case: String,
    /// Payments made or failed already.
    pub payments: Vec<Payment>,
    /// Why a person should look at it; empty: nobody asked.
    pub review_request: String,
    /// Hold until the return is in.
    pub await_return: bool,
    /// Which orders need a person.
    pub rules: Arc<ReviewRules>,
}

/// A line as the channel gave it. Missing values are left out, not guessed.
#[derive(Clone, Debug, Default)]
pub struct NewLine {
    /// The channel's code.
    pub channel_sku: String,
    /// Our SKU; empty while unmapped.
    pub sku: String,
    /// For people.
    pub title: String,
    /// 0: not given.
    pub quantity: i64,
    /// Minor units.
    pub unit_price: Option<i64>,
    /// Over the whole line, minor units, zero or positive.
    pub discount: i64,
    /// Given away on purpose.
    pub no_charge: bool,
}

/// Sealed personal data and what was known of it before sealing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Personal {
    /// Sealed `Contact`.
    pub contact: Option<Sealed>,
    /// Sealed `Address`.
    pub address: Option<Sealed>,
    /// The address without the person.
    pub region: Option<Region>,
    /// Which parts are there.
    pub known: Known,
}

/// Which parts of the recipient's data are there; never the data themselves.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Known {
    pub name: bool,
    pub phone: bool,
    /// Upper case; empty when missing.
    pub country_code: String,
    pub province: bool,
    pub city: bool,
    pub street: bool,
}

impl Known {
    /// Looks at the data before they are sealed.
    pub fn of(contact: Option<&Contact>, address: Option<&Address>) -> Self {
        let given = |text: Option<&str>| text.is_some_and(|text| !text.trim().is_empty());
        Self {
            name: given(contact.map(|c| c.name.as_str())),
            phone: given(contact.map(|c| c.phone.as_str())),
            country_code: address
                .map(|a| a.country_code.trim().to_owned())
                .unwrap_or_default(),
            province: given(address.map(|a| a.province.as_str())),
            city: given(address.map(|a| a.city.as_str())),
            street: given(address.map(|a| a.street.as_str())),
        }
    }
}

/// A payment that was made or failed.
#[derive(Clone, Debug, Default)]
pub struct Payment {
    /// The provider's id.
    pub payment_id: String,
    /// For example `alipay`.
    pub method: String,
    /// More than zero.
    pub amount: Money,
    /// By the provider's clock.
    pub paid_at: Option<Timestamp>,
    /// Not empty: it failed, and why.
    pub failure: String,
}

/// Missing or corrected information.
#[derive(Clone, Debug, Default)]
pub struct CompleteInformation {
    /// The recipient after merging with what was there; `None` when neither it nor the delivery method is concerned.
    pub personal: Option<PersonalChange>,
    /// Supplied per line.
    pub lines: Vec<CompletedLine>,
    /// Currency of the supplied prices; empty without prices.
    pub currency: String,
    /// `Unspecified` leaves it.
    pub delivery_method: DeliveryMethod,
    /// `Unspecified` leaves it.
    pub payment_terms: PaymentTerms,
}

/// New personal data, and the state of the old that it was merged with.
#[derive(Clone, Debug, Default)]
pub struct PersonalChange {
    /// [`Body::personal_revision`](super::Body::personal_revision) that the caller merged with.
    pub based_on: u32,
    /// New values; an absent part is unchanged, `known` is about the merged whole.
    pub personal: Personal,
}

/// What is supplied for one line.
#[derive(Clone, Debug, Default)]
pub struct CompletedLine {
    /// An existing line, or a new one for an order that came without lines.
    pub line_id: String,
    /// Empty leaves it.
    pub sku: String,
    /// 0 leaves it.
    pub quantity: i64,
    /// Minor units.
    pub unit_price: Option<i64>,
    /// Confirms that nothing is charged.
    pub no_charge: bool,
    /// Of a new line.
    pub title: String,
}

/// Another recipient or address.
#[derive(Clone, Debug, Default)]
pub struct AmendAddress {
    /// See [`PersonalChange`].
    pub change: PersonalChange,
}

/// Money back to the customer.
#[derive(Clone, Debug, Default)]
pub struct RefundPayment {
    /// Chosen by the caller; told again with the same amount it changes nothing.
    pub refund_id: String,
    /// Empty: not for a case.
    pub case_id: String,
    /// More than zero.
    pub amount: Money,
    /// Units that the money is for; may be empty.
    pub lines: Vec<LineQuantity>,
}

/// Units are not wanted any more.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    /// Empty: everything not yet shipped.
    pub lines: Vec<LineQuantity>,
    /// For example `CUSTOMER`.
    pub cause: String,
    /// For people.
    pub detail: String,
    /// Asked for by the case that the order is the replacement of.
    pub by_case: bool,
}

/// The shop refuses the order.
#[derive(Clone, Debug, Default)]
pub struct Reject {
    /// For people.
    pub detail: String,
}

/// A person must look at it.
#[derive(Clone, Debug, Default)]
pub struct Hold {
    /// For people.
    pub detail: String,
}

/// A person looked at it.
#[derive(Clone, Debug, Default)]
pub struct ReleaseHold {
    /// Which hold.
    pub hold_id: String,
    /// For people.
    pub note: String,
}

/// A person says that everything shipped has arrived.
#[derive(Clone, Debug, Default)]
pub struct ConfirmDelivery {
    /// Accepted by the customer.
    pub accepted: bool,
}

/// The time after delivery is over.
#[derive(Clone, Debug, Default)]
pub struct Complete {
    /// For example `TIME_AFTER_DELIVERY`.
    pub cause: String,
}

/// Where inventory told something of a reservation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Of inventory's log; higher after it was restored.
    pub epoch: u64,
    /// Version of the reservation's stream.
    pub version: u64,
}

/// Inventory reserved units.
#[derive(Clone, Debug, Default)]
pub struct RecordReservation {
    /// Request that is answered.
    pub attempt: u32,
    /// Where inventory told it.
    pub told: Told,
    /// What was reserved.
    pub allocations: Vec<Allocation>,
}

/// Inventory could not reserve units.
#[derive(Clone, Debug, Default)]
pub struct RecordShortage {
    /// Request that is answered.
    pub attempt: u32,
    /// Where inventory told it.
    pub told: Told,
    /// What is missing.
    pub shortages: Vec<Shortage>,
    /// Inventory keeps trying.
    pub waiting: bool,
}

/// Inventory took units back that the order had not given up.
#[derive(Clone, Debug, Default)]
pub struct RecordTakenBack {
    /// What is no longer reserved.
    pub allocations: Vec<Allocation>,
    /// What is no longer waited for.
    pub abandoned: Vec<LineQuantity>,
}

/// Inventory booked the loss of reserved units.
#[derive(Clone, Debug, Default)]
pub struct RecordStockLoss {
    /// Version of inventory's stream.
    pub reservation_version: u64,
    /// What is no longer reserved.
    pub allocations: Vec<Allocation>,
    /// The adjustment's reason.
    pub cause: String,
}

/// Reserved units were not found.
#[derive(Clone, Debug, Default)]
pub struct RecordShortPick {
    /// Where they should have been picked.
    pub fulfilment_order_id: String,
    /// Line of the order.
    pub line_id: String,
    /// Units, at least 1.
    pub missing: i64,
}

/// The warehouse stopped a fulfilment order.
#[derive(Clone, Debug, Default)]
pub struct RecordFulfilmentStopped {
    /// Which.
    pub fulfilment_order_id: String,
    /// Units that will not leave.
    pub lines: Vec<LineQuantity>,
    /// Why.
    pub cause: String,
}

/// The warehouse could not stop a fulfilment order.
#[derive(Clone, Debug, Default)]
pub struct RecordCancellationRefused {
    /// Which cancellation.
    pub cancellation_id: String,
    /// Which fulfilment order.
    pub fulfilment_order_id: String,
    /// For people.
    pub detail: String,
}

/// A parcel left.
#[derive(Clone, Debug, Default)]
pub struct RecordShipment {
    /// Fulfilment order that it belongs to.
    pub fulfilment_order_id: String,
    /// Recognised by it when told again.
    pub parcel_id: String,
    /// Content.
    pub lines: Vec<LineQuantity>,
    /// Carrier's code.
    pub carrier: String,
    /// Carrier's number.
    pub tracking_number: String,
}

/// A parcel that had left got its number, or another one.
#[derive(Clone, Debug, Default)]
pub struct RecordTrackingNumber {
    /// Which parcel.
    pub parcel_id: String,
    /// Fulfilment order that it belongs to.
    pub fulfilment_order_id: String,
    /// Carrier's code.
    pub carrier: String,
    /// Carrier's number.
    pub tracking_number: String,
}

/// A parcel arrived.
#[derive(Clone, Debug, Default)]
pub struct RecordDelivery {
    /// Recognised by it when told again.
    pub parcel_id: String,
    /// Fulfilment order that it belongs to.
    pub fulfilment_order_id: String,
    /// Content.
    pub lines: Vec<LineQuantity>,
}

/// Units of a case that may come back, or came back.
#[derive(Clone, Debug, Default)]
pub struct ReturnedLines {
    /// Recognised by it when told again.
    pub case_id: String,
    /// Units.
    pub lines: Vec<LineQuantity>,
}
