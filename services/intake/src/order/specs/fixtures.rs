//! An order of three units (2 x A at 10.00, 1 x B at 5.00, freight 3.00, paid 28.00) and short ways to speak about it.

use ordo_decider::Decider;
use ordo_proto::{
    intake::{
        Allocation, Charge, DeliveryMethod, HoldReason, PaymentTerms, ShortStockPolicy, Shortage,
        Wishes,
    },
    types::{Address, Contact, LineQuantity, Money, Region, Sealed},
};
use prost_types::Timestamp;

use crate::order::*;

pub fn at() -> Timestamp {
    Timestamp {
        seconds: 1_700_000_000,
        nanos: 0,
    }
}

pub fn command(intent: Intent) -> Command {
    Command { at: at(), intent }
}

pub fn cny(minor_units: i64) -> Money {
    Money {
        currency_code: "CNY".into(),
        minor_units,
    }
}

pub fn units(line_id: &str, quantity: i64) -> LineQuantity {
    LineQuantity {
        line_id: line_id.into(),
        quantity,
    }
}

pub fn line(sku: &str, quantity: i64, unit_price: i64) -> NewLine {
    NewLine {
        channel_sku: format!("c-{sku}"),
        sku: sku.into(),
        title: format!("Article {sku}"),
        quantity,
        unit_price: Some(unit_price),
        ..NewLine::default()
    }
}

pub fn paid(payment_id: &str, amount: i64) -> Payment {
    Payment {
        payment_id: payment_id.into(),
        method: "alipay".into(),
        amount: cny(amount),
        paid_at: Some(at()),
        failure: String::new(),
    }
}

pub fn failed(payment_id: &str, amount: i64) -> Payment {
    Payment {
        failure: "card declined".into(),
        ..paid(payment_id, amount)
    }
}

pub fn sealed(text: &str) -> Sealed {
    Sealed {
        key_id: "shop/c1".into(),
        nonce: Default::default(),
        ciphertext: text.to_owned().into(),
    }
}

pub fn contact() -> Contact {
    Contact {
        name: "张伟".into(),
        phone: "13800138000".into(),
        email: String::new(),
    }
}

pub fn address() -> Address {
    Address {
        country_code: "CN".into(),
        province: "浙江省".into(),
        city: "杭州市".into(),
        district: "西湖区".into(),
        street: "文三路 1 号".into(),
        postcode: "310000".into(),
    }
}

pub fn region() -> Region {
    Region {
        country_code: "CN".into(),
        province: "浙江省".into(),
        city: "杭州市".into(),
    }
}

pub fn personal() -> Personal {
    Personal {
        contact: Some(sealed("contact")),
        address: Some(sealed("address")),
        region: Some(region()),
        known: Known::of(Some(&contact()), Some(&address())),
    }
}

pub fn place() -> Place {
    Place {
        order_id: "o1".into(),
        channel: "taobao".into(),
        channel_order_number: "T-1".into(),
        customer_id: "c1".into(),
        data_subject: "c1".into(),
        currency: "CNY".into(),
        lines: vec![line("A", 2, 1_000), line("B", 1, 500)],
        charges: vec![Charge {
            code: "FREIGHT".into(),
            title: "Freight".into(),
            amount: Some(cny(300)),
        }],
        payment_terms: PaymentTerms::Prepaid,
        delivery_method: DeliveryMethod::Ship,
        personal: personal(),
        wishes: Wishes {
            split_allowed: true,
            ..Wishes::default()
        },
        short_stock_policy: ShortStockPolicy::Wait,
        ordered_at: Some(at()),
        payments: vec![paid("p1", 2_800)],
        ..Place::default()
    }
}

pub fn with_policy(short_stock_policy: ShortStockPolicy) -> Place {
    Place {
        short_stock_policy,
        ..place()
    }
}

/// The events of deciding one intent after another.
#[track_caller]
pub fn history(place: Place, intents: impl IntoIterator<Item = Intent>) -> Vec<OrderEvent> {
    let mut state = Order::Unplaced;
    let mut events = Vec::new();
    for intent in std::iter::once(Intent::Place(Box::new(place))).chain(intents) {
        let text = format!("{intent:?}");
        let more = Order::decide(&state, command(intent));
        let more = more.unwrap_or_else(|error| panic!("{text} is refused: {error}"));
        state = more.iter().fold(state, Order::evolve);
        events.extend(more);
    }
    events
}

pub fn allocation(line_id: &str, sku: &str, site_id: &str, quantity: i64) -> Allocation {
    Allocation {
        line_id: line_id.into(),
        sku: sku.into(),
        site_id: site_id.into(),
        quantity,
    }
}

pub fn reserved(attempt: u32, version: u64, allocations: Vec<Allocation>) -> Intent {
    Intent::RecordReservation(RecordReservation {
        attempt,
        told: Told { epoch: 1, version },
        allocations,
    })
}

/// Everything of the order at one site.
pub fn all_reserved() -> Intent {
    reserved(
        1,
        2,
        vec![allocation("1", "A", "HZ", 2), allocation("2", "B", "HZ", 1)],
    )
}

pub fn shortage(line_id: &str, sku: &str, missing: i64) -> Shortage {
    Shortage {
        line_id: line_id.into(),
        sku: sku.into(),
        missing,
        unknown_sku: false,
    }
}

pub fn short(attempt: u32, version: u64, waiting: bool, shortages: Vec<Shortage>) -> Intent {
    Intent::RecordShortage(RecordShortage {
        attempt,
        told: Told { epoch: 1, version },
        shortages,
        waiting,
    })
}

pub fn cancel(lines: Vec<LineQuantity>) -> Intent {
    Intent::Cancel(Cancel {
        lines,
        cause: "CUSTOMER".into(),
        detail: String::new(),
        by_case: false,
    })
}

pub fn shipped(parcel: u32, lines: Vec<LineQuantity>) -> Intent {
    Intent::RecordShipment(RecordShipment {
        fulfilment_order_id: "o1-F1".into(),
        parcel_id: format!("o1-F1-P{parcel}"),
        lines,
        carrier: "sf".into(),
        tracking_number: format!("SF{parcel}"),
    })
}

pub fn delivered(parcel: u32, lines: Vec<LineQuantity>) -> Intent {
    Intent::RecordDelivery(RecordDelivery {
        parcel_id: format!("o1-F1-P{parcel}"),
        fulfilment_order_id: "o1-F1".into(),
        lines,
    })
}

pub fn everything() -> Vec<LineQuantity> {
    vec![units("1", 2), units("2", 1)]
}

pub fn stopped(lines: Vec<LineQuantity>) -> Intent {
    Intent::RecordFulfilmentStopped(RecordFulfilmentStopped {
        fulfilment_order_id: "o1-F1".into(),
        lines,
        cause: "CUSTOMER".into(),
    })
}

pub fn refund(refund_id: &str, amount: i64, lines: Vec<LineQuantity>) -> Intent {
    Intent::RefundPayment(RefundPayment {
        refund_id: refund_id.into(),
        case_id: "o1-C1".into(),
        amount: cny(amount),
        lines,
    })
}

/// Short names of the events.
pub fn names(events: &[OrderEvent]) -> Vec<String> {
    let name = |event: &OrderEvent| {
        event
            .encode_event()
            .type_name
            .rsplit('.')
            .next()
            .unwrap()
            .to_owned()
    };
    events.iter().map(name).collect()
}

pub fn body(order: &Order) -> &Body {
    order.placed().expect("the order is placed").1
}

pub fn phase(order: &Order) -> Phase {
    order.placed().expect("the order is placed").0
}

/// The live holds: reason and fields.
pub fn holds(order: &Order) -> Vec<(HoldReason, Vec<String>)> {
    let holds = body(order).holds.iter();
    holds
        .map(|hold| (hold.reason(), hold.fields.clone()))
        .collect()
}

pub fn state(events: &[OrderEvent]) -> Order {
    Order::fold(events)
}
