//! A new order: what it says, what was paid already, and why it has to wait.

use ordo_proto::{
    intake::{Hold, HoldReason, OrderLine, OrderPlaced, PaymentTerms},
    types::Money,
};
use prost_types::Timestamp;

use super::{
    Body, Draft, OrderError, OrderEvent, amounts, checks,
    command::{NewLine, Place},
    hold::{Raised, raise},
    payment,
    review::ReviewRules,
    settle::{self, raise_incomplete},
};

/// Takes the order. It is held for everything that is missing or doubtful, each as a hold of its own, or opened.
pub(super) fn place(at: Timestamp, it: Place) -> Result<Vec<OrderEvent>, OrderError> {
    let money = |minor_units| Money {
        currency_code: it.currency.clone(),
        minor_units,
    };
    let lines = it
        .lines
        .iter()
        .enumerate()
        .map(|(index, line)| order_line(&it.currency, &(index + 1).to_string(), line))
        .collect::<Result<Vec<_>, _>>()?;
    let sums = amounts::agreed(&it.currency, &lines, &it.charges, it.discount, it.tax)?;
    let mut draft = Draft::placed(
        at,
        OrderPlaced {
            order_id: it.order_id,
            channel: it.channel,
            channel_order_number: it.channel_order_number,
            customer_id: it.customer_id,
            data_subject: it.data_subject,
            lines,
            charges: it.charges,
            amounts: Some(sums),
            payment_terms: it.payment_terms.into(),
            delivery_method: it.delivery_method.into(),
            contact: it.personal.contact,
            address: it.personal.address,
            region: it.personal.region,
            wishes: Some(it.wishes),
            short_stock_policy: it.short_stock_policy.into(),
            ordered_at: it.ordered_at,
            site_id: it.site_id,
            replacement_for_case: it.replacement_for_case,
            stated_due: it.stated_due.map(money),
        },
    );
    for made in it.payments {
        payment::record(&mut draft, made)?;
    }
    let missing = checks::missing(draft.body(), &it.personal.known);
    raise_incomplete(&mut draft, missing);
    raise_unmapped(&mut draft);
    raise_disagreement(&mut draft);
    raise_unpaid(&mut draft);
    raise_review(&mut draft, it.review_request, &it.rules);
    if it.await_return {
        let detail = "the replacement waits for the return";
        raise(&mut draft, Raised::new(HoldReason::AwaitingReturn, detail));
    }
    settle::settle(&mut draft);
    Ok(draft.into_events())
}

/// A line with its total.
pub(super) fn order_line(
    currency: &str,
    line_id: &str,
    line: &NewLine,
) -> Result<OrderLine, OrderError> {
    let money = |minor_units| Money {
        currency_code: currency.to_owned(),
        minor_units,
    };
    let total = match line.unit_price {
        Some(price) => amounts::line_total(price, line.quantity, line.discount)?,
        None => 0,
    };
    Ok(OrderLine {
        line_id: line_id.to_owned(),
        channel_sku: line.channel_sku.clone(),
        sku: line.sku.clone(),
        title: line.title.clone(),
        quantity: line.quantity,
        unit_price: line.unit_price.map(money),
        discount: (line.discount != 0).then(|| money(line.discount)),
        total: Some(money(total)),
        no_charge: line.no_charge,
    })
}

/// Lines without one of our SKUs cannot be asked of inventory.
pub(super) fn raise_unmapped(draft: &mut Draft) {
    let (fields, line_ids): (Vec<_>, Vec<_>) = checks::unmapped(draft.body()).into_iter().unzip();
    if !fields.is_empty() {
        let detail = "the channel's code is not mapped to a SKU";
        let raised = Raised::new(HoldReason::UnmappedSku, detail);
        raise(draft, raised.fields(fields).lines(line_ids));
    }
}

/// The order's sums do not agree.
pub(super) fn raise_disagreement(draft: &mut Draft) {
    if let Some((detail, fields)) = checks::disagreement(draft.body()) {
        raise(
            draft,
            Raised::new(HoldReason::AmountMismatch, detail).fields(fields),
        );
    }
}

/// Prepaid orders wait for their money.
pub(super) fn raise_unpaid(draft: &mut Draft) {
    let body = draft.body();
    if body.payment_terms() == PaymentTerms::Prepaid && body.paid() < body.due() {
        raise(draft, Raised::new(HoldReason::Unpaid, paid_of_due(body)));
    }
}

/// Money came: an order that waits for the rest says how much that is.
pub(super) fn tell_what_is_paid(body: &mut Body) {
    let detail = paid_of_due(body);
    let unpaid = |hold: &&mut Hold| hold.reason() == HoldReason::Unpaid;
    for hold in body.holds.iter_mut().filter(unpaid) {
        hold.detail.clone_from(&detail);
    }
}

fn paid_of_due(body: &Body) -> String {
    format!(
        "{} of {} is paid",
        body.shown(body.paid()),
        body.shown(body.due())
    )
}

fn raise_review(draft: &mut Draft, request: String, rules: &ReviewRules) {
    if !request.is_empty() {
        raise(draft, Raised::new(HoldReason::Review, request));
    }
    if let Some(rule) = rules.applying(draft.body()) {
        let detail = format!("rule `{}` applies", rule.name);
        raise(draft, Raised::new(HoldReason::Review, detail));
    }
}
