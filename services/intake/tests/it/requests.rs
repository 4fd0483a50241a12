//! Requests: an order of 2 x A at 10.00 and 1 x B at 5.00, freight 3.00, paid with 28.00.

use ordo_proto::{
    intake::{Charge, DeliveryMethod, Payment, PaymentTerms, PlaceOrderLine, PlaceOrderRequest},
    types::{Address, CommandHeader, Contact, LineQuantity, Money},
};
use prost_types::Timestamp;

pub fn cny(minor_units: i64) -> Option<Money> {
    Some(Money {
        currency_code: "CNY".into(),
        minor_units,
    })
}

pub fn header(command_id: &str) -> Option<CommandHeader> {
    Some(CommandHeader {
        command_id: command_id.into(),
        reason: "because".into(),
    })
}

pub fn units(line_id: &str, quantity: i64) -> LineQuantity {
    LineQuantity {
        line_id: line_id.into(),
        quantity,
    }
}

pub fn everything() -> Vec<LineQuantity> {
    vec![units("1", 2), units("2", 1)]
}

pub fn line(sku: &str, quantity: i64, price: i64) -> PlaceOrderLine {
    PlaceOrderLine {
        channel_sku: format!("c-{sku}"),
        sku: sku.into(),
        title: format!("Article {sku}"),
        quantity,
        unit_price: cny(price),
        ..PlaceOrderLine::default()
    }
}

pub fn paid(payment_id: &str, amount: i64) -> Payment {
    Payment {
        payment_id: payment_id.into(),
        method: "alipay".into(),
        amount: cny(amount),
        ..Payment::default()
    }
}

pub fn contact() -> Contact {
    Contact {
        name: "Zhang Secretname".into(),
        phone: "+86 138-0013-8000".into(),
        email: "secret@example.com".into(),
    }
}

pub fn address() -> Address {
    Address {
        country_code: "CN".into(),
        province: "浙江省".into(),
        city: "杭州市".into(),
        district: "西湖区".into(),
        street: "Secretstreet 1".into(),
        postcode: "310000".into(),
    }
}

pub fn order(number: &str) -> PlaceOrderRequest {
    PlaceOrderRequest {
        channel: "taobao".into(),
        channel_order_number: number.into(),
        channel_customer_id: format!("buyer-of-{number}"),
        lines: vec![line("A", 2, 1_000), line("B", 1, 500)],
        charges: vec![Charge {
            code: "FREIGHT".into(),
            title: "Freight".into(),
            amount: cny(300),
        }],
        due: cny(2_800),
        payment_terms: PaymentTerms::Prepaid.into(),
        payments: vec![paid("p1", 2_800)],
        delivery_method: DeliveryMethod::Ship.into(),
        contact: Some(contact()),
        address: Some(address()),
        gift_message: "Secretmessage".into(),
        ordered_at: Some(Timestamp {
            seconds: 1_700_000_000,
            nanos: 0,
        }),
        ..PlaceOrderRequest::default()
    }
}
