//! The other goods of an exchange: placed as an order of their own, freed by the return, given up with it.

use ordo_proto::aftersales::{
    CaseLine, LineValue, ReplacementFreed, ReplacementOrdered, ReplacementWithdrawn,
};

use super::{Approved, CaseError, CaseState, Purse, Replacement, decide::Decided, ending::Story};

pub(super) fn replacement(state: &CaseState, replacement_order_id: String) -> Decided {
    let approved = state.approved().ok_or(match state {
        CaseState::Unopened => CaseError::Unknown,
        _ => CaseError::NoReplacement,
    })?;
    match &approved.replacement {
        Replacement::None => Err(CaseError::NoReplacement),
        // Told again.
        Replacement::Ordered { .. } => Ok(Vec::new()),
        // Placed just when the exchange was given up: named once more, so that this order is cancelled too.
        Replacement::Withdrawn => Ok(vec![
            ReplacementWithdrawn {
                case_id: approved.request.case_id.clone(),
                order_id: approved.request.order_id.clone(),
                replacement_order_id,
            }
            .into(),
        ]),
        Replacement::Requested { .. } => {
            let mut story = Story::of(state);
            story.tell(ReplacementOrdered {
                case_id: approved.request.case_id.clone(),
                replacement_order_id,
            });
            settle_replacement(&mut story);
            Ok(story.end(Purse::default()))
        }
    }
}

/// Frees the replacement when the return is in; when a part of it will never be, the exchange becomes a return, unless the
/// replacement was sent in advance.
pub(super) fn settle_replacement(story: &mut Story) {
    let CaseState::Approved(approved) = &story.state else {
        return;
    };
    if !approved.is_all_back() {
        return;
    }
    let complete = approved.lines.iter().all(|line| line.expected() == 0);
    match &approved.replacement {
        Replacement::Ordered {
            order_id,
            await_return: true,
        } if complete => {
            let freed = ReplacementFreed {
                case_id: approved.request.case_id.clone(),
                replacement_order_id: order_id.clone(),
            };
            story.tell(freed);
        }
        Replacement::Requested { await_return: true }
        | Replacement::Ordered {
            await_return: true, ..
        } if !complete => {
            let approved = approved.clone();
            withdraw_replacement(story, &approved);
        }
        Replacement::None
        | Replacement::Requested { .. }
        | Replacement::Ordered { .. }
        | Replacement::Withdrawn => {}
    }
}

pub(super) fn withdraw_replacement(story: &mut Story, approved: &Approved) {
    let replacement_order_id = match &approved.replacement {
        Replacement::None | Replacement::Withdrawn => return,
        Replacement::Requested { .. } => String::new(),
        Replacement::Ordered { order_id, .. } => order_id.clone(),
    };
    story.tell(ReplacementWithdrawn {
        case_id: approved.request.case_id.clone(),
        order_id: approved.request.order_id.clone(),
        replacement_order_id,
    });
}

pub(super) fn is_sent_in_advance(approved: &Approved) -> bool {
    matches!(
        approved.replacement,
        Replacement::Requested {
            await_return: false
        } | Replacement::Ordered {
            await_return: false,
            ..
        }
    )
}

/// The goods that the approved units are exchanged for.
pub(super) fn wanted(lines: &[CaseLine], value: &LineValue) -> Option<CaseLine> {
    let line = lines.iter().find(|line| line.line_id == value.line_id)?;
    let replacement_sku = if line.replacement_sku.is_empty() {
        line.sku.clone()
    } else {
        line.replacement_sku.clone()
    };
    Some(CaseLine {
        quantity: value.quantity,
        replacement_sku,
        ..line.clone()
    })
}
