//! The case's rules, one function per command.

use ordo_proto::{
    aftersales::{
        CaseApproved, CaseClosed, CaseKind, CaseOpened, CaseRejected, LineValue, ReceiptLine,
        ReceivedLine, RefundFailed, RefundGranted, RefundSettled, ReplacementRequested,
        ReturnParcelRecorded, ReturnReceived,
    },
    types::{LineQuantity, Money},
};

use super::{
    Approved, CaseError, CaseEvent, CaseState, Grant, OpenCase, Purse, Receipt, RefundPhase,
    Status,
    ending::{REJECTED, Story, WITHDRAWN, closed, is_all, moved},
    exchange::{is_sent_in_advance, settle_replacement, wanted, withdraw_replacement},
};
use crate::{ids::CaseId, money::money};

pub(super) type Decided = Result<Vec<CaseEvent>, CaseError>;

pub(super) fn open(state: &CaseState, open: OpenCase) -> Decided {
    if *state != CaseState::Unopened {
        return Err(CaseError::OpenAlready);
    }
    let refund_only = open.kind == CaseKind::RefundOnly;
    if open.lines.is_empty() && !(refund_only && open.amount.is_some()) {
        return Err(CaseError::NothingAsked);
    }
    if open.amount.is_some() && !refund_only {
        return Err(CaseError::AmountNotAllowed);
    }
    if open.site_id.is_empty() && !refund_only {
        return Err(CaseError::NoSite);
    }
    let opened = CaseOpened {
        case_id: open.case_id,
        order_id: open.order_id,
        kind: open.kind.into(),
        lines: open.lines,
        customer_id: open.customer_id,
        requested_amount: open.amount,
        ship_in_advance: open.ship_in_advance,
        site_id: open.site_id,
        values: open.values,
    };
    let request = super::Request::from(&opened);
    if let Some(asked) = request.amount {
        let worth = request.worth();
        if asked < 1 || (!request.lines.is_empty() && asked > worth) {
            return Err(CaseError::AmountAboveWorth {
                asked,
                worth,
                currency: request.currency,
            });
        }
    }
    Ok(vec![opened.into()])
}

pub(super) fn approve(state: &CaseState, values: Vec<LineValue>) -> Decided {
    let request = undecided(state)?;
    if values.iter().all(|value| value.quantity < 1) && !request.lines.is_empty() {
        return Err(CaseError::NothingApproved);
    }
    for value in &values {
        let requested = request
            .lines
            .iter()
            .filter(|line| line.line_id == value.line_id);
        let requested: i64 = requested.map(|line| line.quantity).sum();
        if requested == 0 {
            return Err(CaseError::UnknownLine {
                line_id: value.line_id.clone(),
            });
        }
        if value.quantity > requested {
            return Err(CaseError::AboveRequested {
                line_id: value.line_id.clone(),
                wanted: value.quantity,
                requested,
            });
        }
    }
    let values: Vec<_> = values
        .into_iter()
        .filter(|value| value.quantity > 0)
        .collect();
    let mut story = Story::of(state);
    story.tell(CaseApproved {
        case_id: request.case_id.clone(),
        order_id: request.order_id.clone(),
        lines: values.iter().map(units).collect(),
        values: values.clone(),
        kind: request.kind.into(),
    });
    if request.kind == CaseKind::Exchange {
        story.tell(ReplacementRequested {
            case_id: request.case_id.clone(),
            order_id: request.order_id.clone(),
            lines: values
                .iter()
                .filter_map(|value| wanted(&request.lines, value))
                .collect(),
            await_return: !request.ship_in_advance,
        });
    }
    Ok(story.events)
}

pub(super) fn reject(state: &CaseState, reason: String) -> Decided {
    let request = undecided(state)?;
    let rejected = CaseRejected {
        case_id: request.case_id.clone(),
        order_id: request.order_id.clone(),
        reason,
    };
    let closed = CaseClosed {
        case_id: request.case_id.clone(),
        order_id: request.order_id.clone(),
        outcome: REJECTED.to_owned(),
    };
    Ok(vec![rejected.into(), closed.into()])
}

pub(super) fn withdraw(state: &CaseState) -> Decided {
    let mut story = Story::of(state);
    match state {
        CaseState::Requested(request) => {
            let closed = CaseClosed {
                case_id: request.case_id.clone(),
                order_id: request.order_id.clone(),
                outcome: WITHDRAWN.to_owned(),
            };
            story.tell(closed);
        }
        _ => {
            let approved = live(state)?;
            if approved.received() > 0 || approved.granted() > 0 || is_sent_in_advance(approved) {
                return Err(CaseError::TooLateToWithdraw);
            }
            withdraw_replacement(&mut story, approved);
            story.tell(closed(approved, WITHDRAWN));
        }
    }
    Ok(story.events)
}

pub(super) fn return_parcel(
    state: &CaseState,
    carrier: String,
    tracking_number: String,
) -> Decided {
    let approved = live(state)?;
    if !approved.expects_goods() {
        return Err(CaseError::NoReturnExpected);
    }
    let recorded = ReturnParcelRecorded {
        case_id: approved.request.case_id.clone(),
        carrier,
        tracking_number,
    };
    Ok(vec![recorded.into()])
}

pub(super) fn receive(state: &CaseState, receipt: Receipt) -> Decided {
    let approved = live(state)?;
    if !approved.expects_goods() {
        return Err(CaseError::NoReturnExpected);
    }
    let lines = received(approved, &receipt)?;
    let mut story = Story::of(state);
    let site_id = if receipt.site_id.is_empty() {
        approved.request.site_id.clone()
    } else {
        receipt.site_id.clone()
    };
    story.tell(ReturnReceived {
        case_id: approved.request.case_id.clone(),
        order_id: approved.request.order_id.clone(),
        site_id,
        lines,
        last: receipt.last,
    });
    settle_replacement(&mut story);
    // Without the shop's rule a person decides what is refunded, and how much.
    if receipt.refund
        && let CaseState::Approved(after) = &story.state
    {
        let amount = after.refundable().min(receipt.purse.left);
        if amount > 0 {
            let granted = granted(after, amount, is_all(after, amount, receipt.purse));
            story.tell(granted);
        }
    }
    Ok(story.end(receipt.purse))
}

pub(super) fn grant(state: &CaseState, grant: &Grant) -> Decided {
    let approved = live(state)?;
    if !approved.gives_money() {
        return Err(CaseError::NoRefundInExchange);
    }
    let refundable = approved.refundable().min(grant.purse.left);
    if refundable < 1 {
        let over = approved.is_settled() && (approved.is_all_back() || !approved.expects_goods());
        if grant.last && grant.amount.is_none() && over {
            return Ok(vec![closed(approved, moved(approved)).into()]);
        }
        return Err(CaseError::NothingRefundable);
    }
    let amount = match &grant.amount {
        None => refundable,
        Some(amount) if amount.currency_code != approved.request.currency => {
            return Err(CaseError::OtherCurrency {
                expected: approved.request.currency.clone(),
                actual: amount.currency_code.clone(),
            });
        }
        Some(amount) => amount.minor_units,
    };
    if amount < 1 || amount > refundable {
        return Err(CaseError::AboveRefundable {
            wanted: amount,
            refundable,
            currency: approved.request.currency.clone(),
        });
    }
    let last = grant.last || is_all(approved, amount, grant.purse);
    Ok(vec![granted(approved, amount, last).into()])
}

pub(super) fn settle(state: &CaseState, refund_id: String, amount: Money, purse: Purse) -> Decided {
    if !is_pending(state, &refund_id)? {
        return Ok(Vec::new());
    }
    let mut story = Story::of(state);
    story.tell(RefundSettled {
        refund_id,
        amount: Some(amount),
    });
    Ok(story.end(purse))
}

pub(super) fn fail(state: &CaseState, refund_id: String, failure: String) -> Decided {
    if !is_pending(state, &refund_id)? {
        return Ok(Vec::new());
    }
    Ok(vec![RefundFailed { refund_id, failure }.into()])
}

/// The lines as received, checked against what is expected; one entry per line.
fn received(approved: &Approved, receipt: &Receipt) -> Result<Vec<ReceivedLine>, CaseError> {
    let everything = receipt.lines.is_empty() && !receipt.last;
    let told: Vec<ReceiptLine> = if everything {
        let expected = approved.lines.iter().filter(|line| line.expected() > 0);
        let whole = expected.map(|line| ReceiptLine {
            line_id: line.line_id.clone(),
            resellable: line.expected(),
            ..ReceiptLine::default()
        });
        whole.collect()
    } else {
        receipt.lines.clone()
    };
    let mut lines: Vec<ReceivedLine> = Vec::with_capacity(told.len());
    for back in told {
        let line = approved
            .lines
            .iter()
            .find(|line| line.line_id == back.line_id);
        let line = line.ok_or_else(|| CaseError::UnknownLine {
            line_id: back.line_id.clone(),
        })?;
        let before = lines.iter().filter(|line| line.line_id == back.line_id);
        let before: i64 = before
            .map(|line| line.resellable + line.not_resellable)
            .sum();
        let wanted = back.resellable.saturating_add(back.not_resellable);
        let expected = line.expected() - before;
        let of_these = 0..=back.not_resellable;
        if back.resellable < 0 || !of_these.contains(&back.beyond_repair) || wanted > expected {
            return Err(CaseError::AboveApproved {
                line_id: back.line_id,
                wanted,
                expected,
            });
        }
        if wanted == 0 {
            continue;
        }
        lines.push(ReceivedLine {
            line_id: back.line_id,
            sku: line.sku.clone(),
            resellable: back.resellable,
            not_resellable: back.not_resellable,
            remark: back.remark,
            beyond_repair: back.beyond_repair,
        });
    }
    if lines.is_empty() && !receipt.last {
        return Err(CaseError::NothingReceived);
    }
    Ok(lines)
}

fn granted(approved: &Approved, amount: i64, last: bool) -> RefundGranted {
    let id = CaseId::parse(&approved.request.case_id);
    let number = approved.refunds.len() + 1;
    let units = approved.lines.iter().map(|line| LineQuantity {
        line_id: line.line_id.clone(),
        quantity: approved.units_to_refund(line),
    });
    RefundGranted {
        case_id: approved.request.case_id.clone(),
        order_id: approved.request.order_id.clone(),
        refund_id: id.map_or_else(
            || format!("{}-R{number}", approved.request.case_id),
            |id| id.refund(number),
        ),
        amount: Some(money(&approved.request.currency, amount)),
        lines: units.filter(|line| line.quantity > 0).collect(),
        last,
    }
}

/// The request, when nobody has decided yet.
fn undecided(state: &CaseState) -> Result<&super::Request, CaseError> {
    match state {
        CaseState::Unopened => Err(CaseError::Unknown),
        CaseState::Requested(request) => Ok(request),
        CaseState::Approved(_) | CaseState::Rejected(_) => Err(CaseError::DecidedAlready {
            status: state.status().unwrap_or(Status::Approved),
        }),
        CaseState::Closed { outcome, .. } => Err(CaseError::Over {
            outcome: outcome.clone(),
        }),
    }
}

/// The approved case, when it is not over.
fn live(state: &CaseState) -> Result<&Approved, CaseError> {
    match state {
        CaseState::Unopened => Err(CaseError::Unknown),
        CaseState::Requested(_) => Err(CaseError::NotApproved),
        CaseState::Approved(approved) => Ok(approved),
        CaseState::Rejected(_) => Err(CaseError::Over {
            outcome: REJECTED.to_owned(),
        }),
        CaseState::Closed { outcome, .. } => Err(CaseError::Over {
            outcome: outcome.clone(),
        }),
    }
}

fn is_pending(state: &CaseState, refund_id: &str) -> Result<bool, CaseError> {
    let refunds = state
        .approved()
        .map(|approved| approved.refunds.as_slice())
        .unwrap_or_default();
    let refund = refunds.iter().find(|refund| refund.refund_id == refund_id);
    match refund {
        Some(refund) => Ok(refund.phase == RefundPhase::Pending),
        None if *state == CaseState::Unopened => Err(CaseError::Unknown),
        None => Err(CaseError::UnknownRefund {
            refund_id: refund_id.to_owned(),
        }),
    }
}

fn units(value: &LineValue) -> LineQuantity {
    LineQuantity {
        line_id: value.line_id.clone(),
        quantity: value.quantity,
    }
}
