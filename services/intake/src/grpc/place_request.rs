//! PlaceOrder's request: what is malformed in it, and what it says as the order understands it.

use ordo_proto::{
    intake::{
        DeliveryMethod, PaymentTerms, PlaceOrderLine, PlaceOrderRequest, ShortStockPolicy, WaitFor,
    },
    types::Money,
};
use ordo_rpc::Violations;
use tonic::Status;

use super::fields::{self, Currency};
use crate::order::{LARGEST_AMOUNT, LARGEST_QUANTITY, NewLine, Place};

/// Most lines, charges and payments of an order.
const LINES: usize = 2_000;
const CHARGES: usize = 50;
const PAYMENTS: usize = 50;

/// Checks the whole request, and translates all of it that needs no key, clock or look-up.
pub fn read(request: &PlaceOrderRequest) -> Result<Place, Status> {
    let mut violations = Violations::new();
    let v = &mut violations;
    keys(v, request);
    fields::contact(v, request.contact.as_ref());
    fields::address(v, request.address.as_ref());
    fields::time(v, "ordered_at", request.ordered_at.as_ref());
    fields::time_range(v, "delivery_window", request.delivery_window.as_ref());
    fields::require_text(v, "gift_message", &request.gift_message, 1_000);
    fields::require_text(v, "packaging", &request.packaging, 40);
    fields::require_text(v, "review_request", &request.review_request, 500);
    enums(v, request);
    v.require(
        request.wait_timeout_ms <= 30_000,
        "wait_timeout_ms",
        "must be at most 30000",
    );

    let mut currency = Currency::default();
    v.require(
        request.lines.len() <= LINES,
        "lines",
        "must be at most 2000 lines",
    );
    let lines = request
        .lines
        .iter()
        .enumerate()
        .map(|(index, line)| line_of(v, &format!("lines[{index}]"), line, &mut currency))
        .collect();
    v.require(
        request.charges.len() <= CHARGES,
        "charges",
        "must be at most 50 charges",
    );
    for (index, charge) in request.charges.iter().enumerate() {
        let field = format!("charges[{index}]");
        v.require(
            is_charge_code(&charge.code),
            format!("{field}.code"),
            "must be 1 to 40 of `A-Z 0-9 _`",
        );
        fields::require_text(v, &format!("{field}.title"), &charge.title, 200);
        let amount = currency.amount(
            v,
            &format!("{field}.amount"),
            charge.amount.as_ref(),
            -LARGEST_AMOUNT,
        );
        v.require(amount.is_some(), format!("{field}.amount"), "must be given");
    }
    let discount = currency.amount(v, "discount", request.discount.as_ref(), 0);
    let tax = currency.amount(v, "tax", request.tax.as_ref(), 0);
    let stated_due = currency.amount(v, "due", request.due.as_ref(), 0);
    v.require(
        request.payments.len() <= PAYMENTS,
        "payments",
        "must be at most 50 payments",
    );
    let mut payments = Vec::new();
    for (index, payment) in request.payments.iter().enumerate() {
        let field = format!("payments[{index}]");
        let told_before = request.payments[..index]
            .iter()
            .any(|earlier| earlier.payment_id == payment.payment_id);
        v.require(
            !told_before,
            format!("{field}.payment_id"),
            "must be told once",
        );
        payments.push(fields::payment(v, &field, payment, &mut currency));
    }
    let place = Place {
        channel: request.channel.clone(),
        channel_order_number: request.channel_order_number.clone(),
        customer_id: request.customer_id.clone(),
        currency: currency.code().to_owned(),
        lines,
        charges: request.charges.clone(),
        discount: discount.unwrap_or_default(),
        tax: tax.unwrap_or_default(),
        stated_due,
        payment_terms: request.payment_terms(),
        delivery_method: request.delivery_method(),
        short_stock_policy: request.short_stock_policy(),
        ordered_at: request.ordered_at,
        site_id: request.site_id.clone(),
        replacement_for_case: request.replacement_for_case.clone(),
        payments,
        review_request: request.review_request.clone(),
        await_return: request.await_return,
        ..Place::default()
    };
    violations.finish()?;
    Ok(place)
}

/// The natural key, and ids.
fn keys(v: &mut Violations, request: &PlaceOrderRequest) {
    let channel = &request.channel;
    let in_form = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    v.require(
        (1..=40).contains(&channel.len()) && channel.bytes().all(in_form),
        "channel",
        "must be 1 to 40 of `a-z 0-9 - _`",
    );
    let number = &request.channel_order_number;
    // The command id is made of it, which has a limit in bytes.
    v.require(
        !number.is_empty()
            && number.len() <= 150
            && fields::is_text(number, 100)
            && !number.contains('\n'),
        "channel_order_number",
        "must be 1 to 100 characters, at most 150 bytes, without line breaks and control characters",
    );
    let id = |b: u8| b.is_ascii_alphanumeric() || b"-_.:".contains(&b);
    v.require(
        request.customer_id.len() <= 100 && request.customer_id.bytes().all(id),
        "customer_id",
        "must be at most 100 of `A-Z a-z 0-9 - _ . :`",
    );
    fields::require_text(v, "channel_customer_id", &request.channel_customer_id, 200);
    let site = &request.site_id;
    v.require(
        site.is_empty() || fields::is_code(site, 40),
        "site_id",
        "must be at most 40 visible ASCII characters",
    );
    fields::require_text(
        v,
        "replacement_for_case",
        &request.replacement_for_case,
        100,
    );
}

/// Numbers that no version of the protocol gave a meaning.
fn enums(v: &mut Violations, request: &PlaceOrderRequest) {
    v.optional_choice(
        request.payment_terms,
        PaymentTerms::as_str_name,
        "payment_terms",
    );
    v.optional_choice(
        request.delivery_method,
        DeliveryMethod::as_str_name,
        "delivery_method",
    );
    v.optional_choice(
        request.short_stock_policy,
        ShortStockPolicy::as_str_name,
        "short_stock_policy",
    );
    v.optional_choice(request.wait_for, WaitFor::as_str_name, "wait_for");
}

fn is_charge_code(code: &str) -> bool {
    let in_form = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    (1..=40).contains(&code.len()) && code.bytes().all(in_form)
}

pub(super) fn is_sku(sku: &str) -> bool {
    sku.chars().count() <= 64
        && !sku
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || c == '@')
}

fn line_of(
    v: &mut Violations,
    field: &str,
    line: &PlaceOrderLine,
    currency: &mut Currency,
) -> NewLine {
    v.require(
        is_sku(&line.sku),
        format!("{field}.sku"),
        "must be at most 64 characters without white space and `@`",
    );
    fields::require_text(v, &format!("{field}.channel_sku"), &line.channel_sku, 100);
    fields::require_text(v, &format!("{field}.title"), &line.title, 300);
    v.require(
        (0..=LARGEST_QUANTITY).contains(&line.quantity),
        format!("{field}.quantity"),
        format!("must be from 0 (not known) to {LARGEST_QUANTITY}"),
    );
    let price = format!("{field}.unit_price");
    let unit_price = currency.amount(v, &price, line.unit_price.as_ref(), 0);
    let charged = unit_price.is_some_and(|price| price > 0);
    v.require(
        !(line.no_charge && charged),
        price,
        "must be 0 or absent for a line without charge",
    );
    let discount = currency.amount(v, &format!("{field}.discount"), line.discount.as_ref(), 0);
    NewLine {
        channel_sku: line.channel_sku.clone(),
        sku: line.sku.clone(),
        title: line.title.clone(),
        quantity: line.quantity,
        unit_price: unit_price.or(line.unit_price.as_ref().and_then(given_as_zero)),
        discount: discount.unwrap_or_default(),
        no_charge: line.no_charge,
    }
}

/// A price that is there with neither currency nor amount says 'nothing'.
fn given_as_zero(money: &Money) -> Option<i64> {
    (money.minor_units == 0).then_some(0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ordo_proto::intake::{Charge, Payment};

    use super::*;

    fn money(code: &str, minor_units: i64) -> Option<Money> {
        Some(Money {
            currency_code: code.into(),
            minor_units,
        })
    }

    #[test]
    fn every_malformed_field_is_told_at_once() {
        let request = PlaceOrderRequest {
            channel: "Tao bao".into(),
            lines: vec![
                PlaceOrderLine {
                    quantity: -1,
                    unit_price: money("CNY", 100),
                    ..PlaceOrderLine::default()
                },
                PlaceOrderLine {
                    sku: "a b".into(),
                    unit_price: money("USD", 100),
                    no_charge: true,
                    ..PlaceOrderLine::default()
                },
            ],
            charges: vec![Charge {
                code: "freight".into(),
                ..Charge::default()
            }],
            due: money("XYZ", -5),
            payments: vec![Payment::default(), Payment::default()],
            delivery_method: 99,
            wait_timeout_ms: 40_000,
            ..PlaceOrderRequest::default()
        };
        let told = read(&request).unwrap_err();
        assert_eq!(told.code(), tonic::Code::InvalidArgument);
        for field in [
            "channel:",
            "channel_order_number:",
            "lines[0].quantity:",
            "lines[1].sku:",
            "lines[1].unit_price.currency_code:",
            "lines[1].unit_price:",
            "charges[0].code:",
            "charges[0].amount:",
            "due.currency_code:",
            "due.minor_units:",
            "payments[0].payment_id:",
            "payments[0].amount:",
            "payments[1].payment_id: must be told once",
            "delivery_method:",
            "wait_timeout_ms:",
        ] {
            assert!(
                told.message().contains(field),
                "{field} is not in {}",
                told.message()
            );
        }
    }

    #[test]
    fn an_order_number_is_one_line_without_control_characters() {
        let number = |number: &str| PlaceOrderRequest {
            channel: "phone".into(),
            channel_order_number: number.into(),
            ..PlaceOrderRequest::default()
        };
        for right in ["A1", "2026/11-7", "单 1"] {
            assert!(read(&number(right)).is_ok(), "{right:?}");
        }
        for wrong in [
            "",
            "A\n1",
            "A\r1",
            "A\t1",
            "A\u{0}1",
            "A\u{1b}[2J",
            "A\u{85}1",
        ] {
            let told = read(&number(wrong)).unwrap_err();
            assert!(told.message().contains("channel_order_number"), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_missing_is_no_fault() {
        let request = PlaceOrderRequest {
            channel: "phone".into(),
            channel_order_number: "1".into(),
            lines: vec![PlaceOrderLine::default()],
            ..PlaceOrderRequest::default()
        };
        let place = read(&request).unwrap();
        assert_eq!(place.lines[0].unit_price, None);
        assert_eq!(place.currency, "");
    }
}
