//! What must hold of a request before it is decided: everything wrong is told at once, by field.

use std::collections::BTreeSet;

use ordo_proto::{
    aftersales::{
        CaseKind, CaseLine, DecideRequest, Decision, OpenCaseRequest, ReceiptLine,
        RecordReceiptRequest, RecordReturnParcelRequest, RefundRequest,
    },
    types::{LineQuantity, Money},
};
use ordo_rpc::Violations;
use tonic::Status;

use crate::{
    case::Receipt,
    desk::{DeskCommand, Opening},
    ids::{CaseId, is_order_id},
};

/// Most lines of a case.
const MAX_LINES: usize = 2_000;
/// Most units of a line.
const MAX_UNITS: i64 = 1_000_000;
/// Longest text that people write.
const MAX_TEXT: usize = 500;

pub fn opening(request: &OpenCaseRequest) -> Result<Opening, Status> {
    let mut violations = Violations::new();
    order_id(&mut violations, &request.order_id);
    let kind = request.kind();
    violations.require(
        kind != CaseKind::Unspecified,
        "kind",
        "must be CASE_KIND_RETURN, CASE_KIND_REFUND_ONLY or CASE_KIND_EXCHANGE",
    );
    let money_alone = kind == CaseKind::RefundOnly && request.amount.is_some();
    if !money_alone {
        violations.require(
            !request.lines.is_empty(),
            "lines",
            "must name at least one line",
        );
    }
    if kind != CaseKind::RefundOnly {
        violations.require(
            request.amount.is_none(),
            "amount",
            "must be absent unless kind is CASE_KIND_REFUND_ONLY",
        );
    }
    if kind != CaseKind::Exchange {
        violations.require(
            !request.ship_in_advance,
            "ship_in_advance",
            "is for CASE_KIND_EXCHANGE only",
        );
    }
    amount(&mut violations, request.amount.as_ref());
    site_id(&mut violations, &request.site_id);
    distinct(
        &mut violations,
        request.lines.iter().map(|line| line.line_id.as_str()),
    );
    for (index, line) in request.lines.iter().enumerate() {
        case_line(&mut violations, index, line, kind);
    }
    violations.finish()?;
    Ok(Opening {
        // Chosen with the decision: the order's next one.
        case_id: String::new(),
        order_id: request.order_id.clone(),
        kind,
        lines: request.lines.clone(),
        amount: request.amount.clone(),
        ship_in_advance: request.ship_in_advance,
        site_id: request.site_id.clone(),
        approve: request.approve,
    })
}

pub fn decision(request: &DecideRequest) -> Result<(CaseId, DeskCommand), Status> {
    let mut violations = Violations::new();
    let case_id = case_id(&mut violations, &request.case_id);
    let decision = request.decision();
    violations.require(
        decision != Decision::Unspecified,
        "decision",
        "must be DECISION_APPROVE, DECISION_REJECT or DECISION_WITHDRAW",
    );
    if decision == Decision::Reject {
        violations.require(
            !request.reason.trim().is_empty(),
            "reason",
            "must say why: the customer reads it",
        );
    }
    if decision != Decision::Approve {
        violations.require(
            request.lines.is_empty(),
            "lines",
            "must be empty unless decision is DECISION_APPROVE",
        );
    }
    text(&mut violations, "reason", &request.reason);
    distinct(
        &mut violations,
        request.lines.iter().map(|line| line.line_id.as_str()),
    );
    for (index, LineQuantity { line_id, quantity }) in request.lines.iter().enumerate() {
        let path = format!("lines[{index}]");
        violations.require(
            !line_id.is_empty(),
            format!("{path}.line_id"),
            "must not be empty",
        );
        units(&mut violations, format!("{path}.quantity"), *quantity, 1);
    }
    violations.finish()?;
    let command = match decision {
        Decision::Approve => DeskCommand::Approve {
            lines: request.lines.clone(),
        },
        Decision::Reject => DeskCommand::Reject {
            reason: request.reason.clone(),
        },
        Decision::Withdraw | Decision::Unspecified => DeskCommand::Withdraw,
    };
    Ok((case_id, command))
}

pub fn return_parcel(request: &RecordReturnParcelRequest) -> Result<(CaseId, DeskCommand), Status> {
    let mut violations = Violations::new();
    let case_id = case_id(&mut violations, &request.case_id);
    for (field, value) in [
        ("carrier", &request.carrier),
        ("tracking_number", &request.tracking_number),
    ] {
        violations.require(
            (1..=100).contains(&value.trim().len()),
            field,
            "must have 1 to 100 characters",
        );
    }
    violations.finish()?;
    let command = DeskCommand::RecordReturnParcel {
        carrier: request.carrier.trim().to_owned(),
        tracking_number: request.tracking_number.trim().to_owned(),
    };
    Ok((case_id, command))
}

/// `refund`: the shop's rule that what came back with a return is refunded at once.
pub fn receipt(
    request: &RecordReceiptRequest,
    refund: bool,
) -> Result<(CaseId, DeskCommand), Status> {
    let mut violations = Violations::new();
    let case_id = case_id(&mut violations, &request.case_id);
    site_id(&mut violations, &request.site_id);
    distinct(
        &mut violations,
        request.lines.iter().map(|line| line.line_id.as_str()),
    );
    for (index, line) in request.lines.iter().enumerate() {
        receipt_line(&mut violations, index, line);
    }
    violations.finish()?;
    let receipt = Receipt {
        lines: request.lines.clone(),
        site_id: request.site_id.clone(),
        last: request.last,
        refund,
        ..Receipt::default()
    };
    Ok((case_id, DeskCommand::Receive(receipt)))
}

pub fn refund(request: &RefundRequest) -> Result<(CaseId, DeskCommand), Status> {
    let mut violations = Violations::new();
    let case_id = case_id(&mut violations, &request.case_id);
    amount(&mut violations, request.amount.as_ref());
    violations.finish()?;
    let command = DeskCommand::Refund {
        amount: request.amount.clone(),
        last: request.last,
    };
    Ok((case_id, command))
}

/// An order's id as it stands in a request for it alone.
pub fn order(id: &str) -> Result<(), Status> {
    let mut violations = Violations::new();
    order_id(&mut violations, id);
    violations.finish()
}

/// A case's id as it stands in a request for it alone.
pub fn case(id: &str) -> Result<CaseId, Status> {
    let mut violations = Violations::new();
    let case_id = case_id(&mut violations, id);
    violations.finish()?;
    Ok(case_id)
}

fn order_id(violations: &mut Violations, id: &str) {
    violations.require(
        is_order_id(id),
        "order_id",
        "must be an order's id: 1 to 40 lower-case letters and digits",
    );
}

fn case_id(violations: &mut Violations, id: &str) -> CaseId {
    CaseId::parse(id).unwrap_or_else(|| {
        violations.add("case_id", "must be a case's id: `<order_id>-C<n>`");
        CaseId::new("", 0)
    })
}

fn case_line(violations: &mut Violations, index: usize, line: &CaseLine, kind: CaseKind) {
    let path = format!("lines[{index}]");
    violations.require(
        !line.line_id.is_empty(),
        format!("{path}.line_id"),
        "must not be empty",
    );
    units(violations, format!("{path}.quantity"), line.quantity, 1);
    let code = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    violations.require(
        (1..=40).contains(&line.reason.len()) && line.reason.bytes().all(code),
        format!("{path}.reason"),
        "must be an upper-case code of 1 to 40 characters, for example CHANGED_MIND",
    );
    if kind != CaseKind::Exchange {
        violations.require(
            line.replacement_sku.is_empty(),
            format!("{path}.replacement_sku"),
            "is for CASE_KIND_EXCHANGE only",
        );
    }
    let unfit = |c: char| c.is_whitespace() || c == '@';
    violations.require(
        line.replacement_sku.len() <= 64 && !line.replacement_sku.contains(unfit),
        format!("{path}.replacement_sku"),
        "must have at most 64 characters, no white space and no `@`",
    );
}

fn receipt_line(violations: &mut Violations, index: usize, line: &ReceiptLine) {
    let path = format!("lines[{index}]");
    violations.require(
        !line.line_id.is_empty(),
        format!("{path}.line_id"),
        "must not be empty",
    );
    units(violations, format!("{path}.resellable"), line.resellable, 0);
    units(
        violations,
        format!("{path}.not_resellable"),
        line.not_resellable,
        0,
    );
    violations.require(
        (0..=line.not_resellable.max(0)).contains(&line.beyond_repair),
        format!("{path}.beyond_repair"),
        "must be 0 to not_resellable",
    );
    violations.require(
        line.resellable > 0 || line.not_resellable > 0,
        path.clone(),
        "must have at least one unit",
    );
    text(violations, &format!("{path}.remark"), &line.remark);
}

fn distinct<'a>(violations: &mut Violations, line_ids: impl ExactSizeIterator<Item = &'a str>) {
    violations.require(
        line_ids.len() <= MAX_LINES,
        "lines",
        format!("must be at most {MAX_LINES}"),
    );
    let mut seen = BTreeSet::new();
    for (index, line_id) in line_ids.enumerate() {
        violations.require(
            seen.insert(line_id) || line_id.is_empty(),
            format!("lines[{index}].line_id"),
            "must not be named twice",
        );
    }
}

fn units(violations: &mut Violations, field: String, quantity: i64, least: i64) {
    violations.require(
        (least..=MAX_UNITS).contains(&quantity),
        field,
        format!("must be {least} to {MAX_UNITS}"),
    );
}

fn amount(violations: &mut Violations, amount: Option<&Money>) {
    if let Some(amount) = amount {
        violations.money(amount, 1, "amount");
    }
}

fn site_id(violations: &mut Violations, site_id: &str) {
    let fit = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    violations.require(
        site_id.len() <= 40 && site_id.bytes().all(fit),
        "site_id",
        "must have at most 40 characters of A-Z a-z 0-9 - _",
    );
}

fn text(violations: &mut Violations, field: &str, value: &str) {
    violations.require(
        value.chars().count() <= MAX_TEXT,
        field,
        format!("must have at most {MAX_TEXT} characters"),
    );
}
