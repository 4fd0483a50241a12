//! The look before the parcel is closed.

use std::collections::BTreeMap;

use ordo_proto::fulfilment::LineChecked;

use super::{CheckedLine, FulfilmentOrderError, FulfilmentOrderEvent, FulfilmentOrderState, Work};

pub(super) fn record(
    state: &FulfilmentOrderState,
    lines: Vec<CheckedLine>,
) -> Result<Vec<FulfilmentOrderEvent>, FulfilmentOrderError> {
    let work = state.work()?;
    let lines = if lines.is_empty() {
        everything_passed(work)
    } else {
        lines
    };
    if lines.is_empty() {
        return Err(FulfilmentOrderError::NothingToCheck);
    }
    // A line may be named more than once: what counts is the sum.
    let mut reported: BTreeMap<&str, i64> = BTreeMap::new();
    for checked in &lines {
        let line = work.line(&checked.line_id)?;
        let line_id = || checked.line_id.clone();
        if checked.passed < 0 || checked.failed < 0 || (checked.passed == 0 && checked.failed == 0)
        {
            return Err(FulfilmentOrderError::BadQuantity { line_id: line_id() });
        }
        if checked.failed > 0 && checked.reason.is_empty() {
            return Err(FulfilmentOrderError::CheckReasonMissing { line_id: line_id() });
        }
        let sum = reported.entry(&line.line_id).or_default();
        *sum = sum
            .saturating_add(checked.passed)
            .saturating_add(checked.failed);
        let picked = line.quantities.to_check();
        if *sum > picked {
            return Err(FulfilmentOrderError::TooManyChecked {
                line_id: line_id(),
                reported: *sum,
                picked,
            });
        }
    }
    lines
        .into_iter()
        .map(|checked| {
            let line = work.line(&checked.line_id)?;
            Ok(LineChecked {
                fulfilment_order_id: work.fulfilment_order_id.clone(),
                line_id: checked.line_id,
                passed: checked.passed,
                failed: checked.failed,
                reason: checked.reason,
                order_id: work.order_id.clone(),
                site_id: work.site_id.clone(),
                sku: line.sku.clone(),
            }
            .into())
        })
        .collect()
}

fn everything_passed(work: &Work) -> Vec<CheckedLine> {
    let waiting = work
        .lines
        .iter()
        .filter(|line| line.quantities.to_check() > 0);
    let passed = waiting.map(|line| CheckedLine {
        line_id: line.line_id.clone(),
        passed: line.quantities.to_check(),
        ..CheckedLine::default()
    });
    passed.collect()
}
