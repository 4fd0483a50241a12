//! The instruction arrives.

use std::collections::BTreeSet;

use ordo_proto::fulfilment::FulfilmentOrderOpened;

use super::{FulfilmentOrderError, FulfilmentOrderEvent, FulfilmentOrderState, Work};

pub(super) fn open(
    state: &FulfilmentOrderState,
    instruction: FulfilmentOrderOpened,
) -> Result<Vec<FulfilmentOrderEvent>, FulfilmentOrderError> {
    match state {
        FulfilmentOrderState::Unknown => {
            check(&instruction)?;
            Ok(vec![instruction.into()])
        }
        FulfilmentOrderState::Open(work) | FulfilmentOrderState::InProgress(work)
            if is_same(work, &instruction) =>
        {
            Ok(Vec::new())
        }
        FulfilmentOrderState::Open(_)
        | FulfilmentOrderState::InProgress(_)
        | FulfilmentOrderState::Closed(_)
        | FulfilmentOrderState::Cancelled { .. } => Err(FulfilmentOrderError::AlreadyOpened),
    }
}

fn check(instruction: &FulfilmentOrderOpened) -> Result<(), FulfilmentOrderError> {
    let faulty = |detail: String| Err(FulfilmentOrderError::FaultyInstruction { detail });
    if instruction.site_id.is_empty() {
        return faulty("it names no site".to_owned());
    }
    if instruction.lines.is_empty() {
        return faulty("it has no lines".to_owned());
    }
    let mut seen = BTreeSet::new();
    for line in &instruction.lines {
        if !seen.insert(&line.line_id) {
            return faulty(format!("line `{}` is there twice", line.line_id));
        }
        if line.sku.is_empty() {
            return faulty(format!("line `{}` names no SKU", line.line_id));
        }
        if line.quantity < 1 {
            return faulty(format!(
                "line `{}` wants {} units",
                line.line_id, line.quantity
            ));
        }
    }
    Ok(())
}

fn is_same(work: &Work, instruction: &FulfilmentOrderOpened) -> bool {
    work.order_id == instruction.order_id
        && work.site_id == instruction.site_id
        && work.lines.len() == instruction.lines.len()
        && work
            .lines
            .iter()
            .zip(&instruction.lines)
            .all(|(known, line)| {
                known.line_id == line.line_id
                    && known.sku == line.sku
                    && known.quantities.asked == line.quantity
            })
}
