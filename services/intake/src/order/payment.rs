//! Money in and money back. Refunded never exceeds captured; money that came in is always recorded, also when it should
//! not have come.

use ordo_proto::{
    intake::{
        HoldReason, PaymentCaptured, PaymentFailed, PaymentRefunded, PaymentTerms, RefundPart,
    },
    types::{LineQuantity, Money},
};

use super::{
    Draft, OrderError, Phase,
    command::{Payment, RefundPayment},
    hold::{Raised, is_live, raise},
};

/// Field that an AMOUNT_MISMATCH hold names when more was paid than is due.
pub(super) const OVERPAID_FIELD: &str = "payments";

fn check_amount(draft: &Draft, amount: &Money) -> Result<i64, OrderError> {
    let currency = &draft.body().currency;
    if amount.minor_units <= 0 {
        return Err(OrderError::AmountNotPositive);
    }
    if !currency.is_empty() && *currency != amount.currency_code {
        return Err(OrderError::CurrencyMismatch {
            expected: currency.clone(),
            given: amount.currency_code.clone(),
        });
    }
    Ok(amount.minor_units)
}

/// A payment was made or failed.
pub(super) fn record(draft: &mut Draft, it: Payment) -> Result<(), OrderError> {
    let amount = check_amount(draft, &it.amount)?;
    let known = draft
        .body()
        .payments
        .iter()
        .find(|known| known.id == it.payment_id);
    let captured = known
        .map(|known| known.captured)
        .filter(|captured| *captured > 0);
    if !it.failure.is_empty() {
        // A failure that arrives after the success, or twice, changes nothing.
        if known.is_none() {
            record_failed(draft, it);
        }
        return Ok(());
    }
    match captured {
        Some(captured) if captured == amount => return Ok(()),
        Some(_) => {
            return Err(OrderError::PaymentChanged {
                payment_id: it.payment_id,
            });
        }
        None => draft.record(PaymentCaptured {
            payment_id: it.payment_id,
            method: it.method,
            amount: Some(it.amount),
            paid_at: it.paid_at,
        }),
    }
    let body = draft.body();
    let over = body.paid() - body.due();
    match draft.phase() {
        Phase::Received | Phase::Open => {
            if over > 0 && !is_overpaid_held(draft) {
                let detail = format!("{} more than due was paid", body.shown(over));
                let raised = Raised::new(HoldReason::AmountMismatch, detail);
                raise(draft, raised.fields(vec![OVERPAID_FIELD.to_owned()]));
            }
            lift_failures(draft);
        }
        // Nothing is held any more that could wait for a person: what is too much goes back.
        Phase::Completed => give_back(draft, over, Vec::new()),
        Phase::Cancelled | Phase::Rejected => {
            let paid = draft.body().paid();
            give_back(draft, paid, Vec::new());
        }
    }
    Ok(())
}

fn is_overpaid_held(draft: &Draft) -> bool {
    draft
        .body()
        .holds_for(HoldReason::AmountMismatch)
        .any(|hold| hold.fields == [OVERPAID_FIELD])
}

/// A payment came in after one that failed: what is still missing is told by the UNPAID hold.
fn lift_failures(draft: &mut Draft) {
    let failures: Vec<_> = draft
        .body()
        .holds_for(HoldReason::PaymentFailed)
        .map(|hold| hold.hold_id.clone())
        .collect();
    for hold_id in failures {
        super::hold::lift(draft, &hold_id, HoldReason::PaymentFailed, "");
    }
}

fn record_failed(draft: &mut Draft, it: Payment) {
    let detail = format!("{}: {}", it.method, it.failure);
    draft.record(PaymentFailed {
        payment_id: it.payment_id,
        method: it.method,
        amount: Some(it.amount),
        failure: it.failure,
    });
    let body = draft.body();
    let matters = !draft.phase().ended()
        && body.payment_terms() == PaymentTerms::Prepaid
        && body.paid() < body.due();
    if matters && !is_live(draft, HoldReason::PaymentFailed) {
        raise(draft, Raised::new(HoldReason::PaymentFailed, detail));
    }
}

/// Pays back on request of aftersales or finance.
pub(super) fn refund(draft: &mut Draft, it: RefundPayment) -> Result<(), OrderError> {
    let amount = check_amount(draft, &it.amount)?;
    let body = draft.body();
    if let Some(known) = body.refunds.iter().find(|known| known.id == it.refund_id) {
        return match known.amount == amount {
            true => Ok(()),
            false => Err(OrderError::RefundChanged {
                refund_id: it.refund_id,
            }),
        };
    }
    for LineQuantity { line_id, quantity } in &it.lines {
        let Some(line) = body.line(line_id) else {
            return Err(OrderError::UnknownLine {
                line_id: line_id.clone(),
            });
        };
        let asked: i64 = super::body::count(&it.lines, line_id);
        if *quantity <= 0 || line.refunded + asked > line.line.quantity {
            return Err(OrderError::RefundsTooManyUnits {
                line_id: line_id.clone(),
            });
        }
    }
    let refundable = body.paid();
    if amount > refundable {
        return Err(OrderError::RefundExceedsPaid {
            refundable,
            currency: body.currency.clone(),
        });
    }
    pay_back(draft, it.refund_id, it.case_id, amount, it.lines);
    Ok(())
}

/// Pays back by the order's own rules (cancelled, refused, paid too much). Nothing when there is nothing to pay back.
pub(super) fn give_back(draft: &mut Draft, amount: i64, lines: Vec<LineQuantity>) {
    let body = draft.body();
    let amount = amount.min(body.paid());
    if amount > 0 {
        let refund_id = format!("{}-R{}", body.order_id, body.refunds.len() + 1);
        pay_back(draft, refund_id, String::new(), amount, lines);
    }
}

/// What the customer has paid beyond what is due by now. Goodwill of aftersales cases does not count against it.
pub(super) fn owed(draft: &Draft) -> i64 {
    let body = draft.body();
    let beside_cases = body
        .refunds
        .iter()
        .filter(|refund| refund.case_id.is_empty());
    let given_back: i64 = beside_cases.map(|refund| refund.amount).sum();
    body.captured() - given_back - body.due()
}

/// Takes the money from the payments in the order in which they came in, each up to what is left of it.
fn pay_back(
    draft: &mut Draft,
    refund_id: String,
    case_id: String,
    amount: i64,
    lines: Vec<LineQuantity>,
) {
    let body = draft.body();
    let mut left = amount;
    let mut parts = Vec::new();
    for payment in &body.payments {
        let part = left.min(payment.captured - payment.refunded);
        if part > 0 {
            left -= part;
            parts.push(RefundPart {
                payment_id: payment.id.clone(),
                method: payment.method.clone(),
                amount: Some(body.money(part)),
            });
        }
    }
    let amount = Some(body.money(amount - left));
    draft.record(PaymentRefunded {
        refund_id,
        case_id,
        amount,
        parts,
        lines,
    });
}
