//! Completing and correcting an order.

use ordo_proto::intake::{
    AddressAmended, DeliveryMethod, HoldReason, InformationCompleted, OrderLine, PaymentTerms,
};

use super::{
    Body, Draft, OrderError, Phase, amounts, checks,
    command::{AmendAddress, CompleteInformation, CompletedLine, NewLine, PersonalChange},
    hold::is_live,
    place::{order_line, raise_disagreement, raise_unmapped, raise_unpaid},
    settle::{raise_incomplete, replace_incomplete},
};

/// Missing or corrected information arrived. Before the order is open everything may be supplied; afterwards the
/// recipient, and SKUs of lines that are not reserved.
pub(super) fn complete_information(
    draft: &mut Draft,
    it: CompleteInformation,
) -> Result<(), OrderError> {
    if draft.phase().ended() {
        return Err(OrderError::Ended {
            phase: draft.phase(),
        });
    }
    if let Some(change) = &it.personal {
        check_revision(draft, change)?;
        if change.personal.contact.is_some() || change.personal.address.is_some() {
            check_not_left(draft)?;
        }
    }
    let body = draft.body();
    let currency = supplied_currency(body, &it.currency)?;
    let mut lines = Vec::new();
    for supplied in &it.lines {
        if let Some(line) = completed_line(draft, &currency, supplied)? {
            lines.push(line);
        }
    }
    let delivery_method = new_value(
        draft,
        body.delivery_method() != it.delivery_method
            && it.delivery_method != DeliveryMethod::Unspecified,
        "the delivery method",
    )?
    .map_or(DeliveryMethod::Unspecified, |()| it.delivery_method);
    let payment_terms = new_value(
        draft,
        body.payment_terms() != it.payment_terms && it.payment_terms != PaymentTerms::Unspecified,
        "the payment terms",
    )?
    .map_or(PaymentTerms::Unspecified, |()| it.payment_terms);
    let sums = sums_with(body, &currency, &lines)?;
    let known = it
        .personal
        .as_ref()
        .map(|change| change.personal.known.clone());
    let personal = it.personal.unwrap_or_default().personal;
    let changed = !lines.is_empty()
        || personal.contact.is_some()
        || personal.address.is_some()
        || delivery_method != DeliveryMethod::Unspecified
        || payment_terms != PaymentTerms::Unspecified;
    if !changed {
        return Ok(());
    }
    let repriced = !lines.is_empty();
    draft.record(InformationCompleted {
        contact: personal.contact,
        address: personal.address,
        region: personal.region,
        lines,
        charges: Vec::new(),
        amounts: repriced.then_some(sums),
        delivery_method: delivery_method.into(),
        payment_terms: payment_terms.into(),
    });
    if let Some(known) = known {
        recheck_missing(draft, &known);
    }
    if draft.phase() == Phase::Received {
        recheck_sums(draft);
    }
    Ok(())
}

/// Another recipient or address, until everything has left.
pub(super) fn amend_address(draft: &mut Draft, it: AmendAddress) -> Result<(), OrderError> {
    if draft.phase().ended() {
        return Err(OrderError::Ended {
            phase: draft.phase(),
        });
    }
    check_revision(draft, &it.change)?;
    check_not_left(draft)?;
    let personal = it.change.personal;
    draft.record(AddressAmended {
        contact: personal.contact,
        address: personal.address,
        region: personal.region,
    });
    recheck_missing(draft, &personal.known);
    Ok(())
}

fn check_revision(draft: &Draft, change: &PersonalChange) -> Result<(), OrderError> {
    if draft.body().personal_revision == change.based_on {
        Ok(())
    } else {
        Err(OrderError::PersonalDataChanged)
    }
}

fn check_not_left(draft: &Draft) -> Result<(), OrderError> {
    let body = draft.body();
    let something_left = body.lines.iter().any(|line| line.shipped > 0);
    if something_left && body.nothing_to_ship() {
        Err(OrderError::AlreadyShipped)
    } else {
        Ok(())
    }
}

fn supplied_currency(body: &Body, currency: &str) -> Result<String, OrderError> {
    match (body.currency.as_str(), currency) {
        (known, "") => Ok(known.to_owned()),
        ("", given) => Ok(given.to_owned()),
        (known, given) if known == given => Ok(given.to_owned()),
        (known, given) => Err(OrderError::CurrencyMismatch {
            expected: known.to_owned(),
            given: given.to_owned(),
        }),
    }
}

fn not_editable<T>(what: impl Into<String>) -> Result<T, OrderError> {
    Err(OrderError::NotEditable {
        what: what.into(),
        way_out: "cancel the lines and place a new order for what is wanted instead",
    })
}

/// `Some` when the value changes; refused once the order is open.
fn new_value(draft: &Draft, changes: bool, what: &str) -> Result<Option<()>, OrderError> {
    match (changes, draft.phase()) {
        (false, _) => Ok(None),
        (true, Phase::Received) => Ok(Some(())),
        (true, _) => not_editable(what),
    }
}

/// The line with what was supplied; `None` when nothing changes.
fn completed_line(
    draft: &Draft,
    currency: &str,
    supplied: &CompletedLine,
) -> Result<Option<OrderLine>, OrderError> {
    let body = draft.body();
    let Some(known) = body.line(&supplied.line_id) else {
        // Ids of lines that came with the order are `1`, `2`, …: only an order without any can get new ones.
        let came_without = body.lines.is_empty() && draft.phase() == Phase::Received;
        return match came_without {
            true => added_line(currency, supplied).map(Some),
            false => Err(OrderError::UnknownLine {
                line_id: supplied.line_id.clone(),
            }),
        };
    };
    let old = &known.line;
    let minor =
        |money: &Option<ordo_proto::types::Money>| money.as_ref().map(|money| money.minor_units);
    let new = NewLine {
        channel_sku: old.channel_sku.clone(),
        sku: if supplied.sku.is_empty() {
            old.sku.clone()
        } else {
            supplied.sku.clone()
        },
        title: old.title.clone(),
        quantity: if supplied.quantity == 0 {
            old.quantity
        } else {
            supplied.quantity
        },
        unit_price: supplied.unit_price.or(minor(&old.unit_price)),
        discount: minor(&old.discount).unwrap_or_default(),
        no_charge: old.no_charge || supplied.no_charge,
    };
    let line = order_line(currency, &old.line_id, &new)?;
    let same = line.sku == old.sku
        && line.quantity == old.quantity
        && minor(&line.unit_price) == minor(&old.unit_price)
        && line.no_charge == old.no_charge;
    if same {
        return Ok(None);
    }
    let only_sku = OrderLine {
        sku: old.sku.clone(),
        ..line.clone()
    } == *old;
    let untouched = body.reserved(&old.line_id) == 0 && known.shipped == 0;
    if draft.phase() == Phase::Received || (only_sku && untouched) {
        Ok(Some(line))
    } else {
        not_editable(format!("line `{}`", old.line_id))
    }
}

fn added_line(currency: &str, supplied: &CompletedLine) -> Result<OrderLine, OrderError> {
    let new = NewLine {
        channel_sku: String::new(),
        sku: supplied.sku.clone(),
        title: supplied.title.clone(),
        quantity: supplied.quantity,
        unit_price: supplied.unit_price,
        discount: 0,
        no_charge: supplied.no_charge,
    };
    order_line(currency, &supplied.line_id, &new)
}

fn sums_with(
    body: &Body,
    currency: &str,
    changed: &[OrderLine],
) -> Result<ordo_proto::intake::Amounts, OrderError> {
    let mut after = body.clone();
    currency.clone_into(&mut after.currency);
    for line in changed {
        match after.line_mut(&line.line_id) {
            Some(known) => known.line = line.clone(),
            None => after.lines.push(super::Line::new(line.clone())),
        }
    }
    amounts::remaining(&after)
}

/// Names what is missing now, given what is known of the recipient.
fn recheck_missing(draft: &mut Draft, known: &super::Known) {
    let missing = checks::missing(draft.body(), known);
    let hold = draft
        .body()
        .holds_for(HoldReason::Incomplete)
        .next()
        .cloned();
    match hold {
        Some(hold) => replace_incomplete(draft, &hold, missing),
        None => raise_incomplete(draft, missing),
    }
}

/// Prices, quantities or terms may have changed: holds that are not there yet are raised. Those whose cause is gone are
/// released when the decision settles.
fn recheck_sums(draft: &mut Draft) {
    if !is_live(draft, HoldReason::UnmappedSku) {
        raise_unmapped(draft);
    }
    if !is_live(draft, HoldReason::AmountMismatch) {
        raise_disagreement(draft);
    }
    if !is_live(draft, HoldReason::Unpaid) {
        raise_unpaid(draft);
    }
}
