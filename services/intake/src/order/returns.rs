//! Units that may come back, and units that came back. Recognised by their case when told again.

use ordo_proto::{
    intake::{LinesReturned, ReturnAbandoned, ReturnApproved},
    types::LineQuantity,
};

use super::{
    Draft, OrderError,
    body::{ReturnEntry, count, units},
    command::ReturnedLines,
};

/// Aftersales approved a return.
pub(super) fn record_approved(draft: &mut Draft, it: ReturnedLines) -> Result<(), OrderError> {
    if case(draft, &it.case_id).is_some() {
        return Ok(());
    }
    for LineQuantity { line_id, .. } in &it.lines {
        let line = draft.body().line(line_id);
        let shipped = line.map_or(0, |line| line.shipped - line.return_approved);
        if count(&it.lines, line_id) > shipped {
            return Err(OrderError::ReturnsTooMuch {
                line_id: line_id.clone(),
            });
        }
    }
    draft.record(ReturnApproved {
        case_id: it.case_id,
        lines: it.lines,
    });
    Ok(())
}

/// Goods came back. Counted up to what the case may return.
pub(super) fn record_returned(draft: &mut Draft, it: ReturnedLines) -> Result<(), OrderError> {
    let case = case(draft, &it.case_id);
    let mut lines = Vec::new();
    for LineQuantity { line_id, .. } in &it.lines {
        if count(&lines, line_id) > 0 {
            continue;
        }
        let asked = count(&it.lines, line_id);
        let Some(line) = draft.body().line(line_id) else {
            return Err(OrderError::ReturnsTooMuch {
                line_id: line_id.clone(),
            });
        };
        let open = match case {
            Some(case) => count(&case.approved, line_id) - count(&case.returned, line_id),
            None if asked > line.shipped - line.returned => {
                return Err(OrderError::ReturnsTooMuch {
                    line_id: line_id.clone(),
                });
            }
            None => asked,
        };
        if asked.min(open) > 0 {
            lines.push(units(line_id, asked.min(open)));
        }
    }
    if !lines.is_empty() {
        draft.record(LinesReturned {
            case_id: it.case_id,
            lines,
        });
    }
    Ok(())
}

/// Aftersales gave units up: the request was withdrawn, or a part of it never came. Counted up to what is still expected;
/// units that were never approved here (the request was rejected) are none of the order's business.
pub(super) fn record_abandoned(draft: &mut Draft, it: ReturnedLines) -> Result<(), OrderError> {
    let Some(case) = case(draft, &it.case_id) else {
        return Ok(());
    };
    let mut lines = Vec::new();
    for LineQuantity { line_id, .. } in &it.lines {
        let open = count(&case.approved, line_id) - count(&case.returned, line_id);
        let given_up = count(&it.lines, line_id).min(open);
        if given_up > 0 && count(&lines, line_id) == 0 {
            lines.push(units(line_id, given_up));
        }
    }
    if !lines.is_empty() {
        draft.record(ReturnAbandoned {
            case_id: it.case_id,
            lines,
        });
    }
    Ok(())
}

fn case<'a>(draft: &'a Draft, case_id: &str) -> Option<&'a ReturnEntry> {
    draft
        .body()
        .returns
        .iter()
        .find(|entry| entry.case_id == case_id)
}
