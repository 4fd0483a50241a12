//! Holds: raised and released one by one, each with its reason.

use ordo_proto::intake::{HoldReason, HoldReleased, OrderHeld};

use super::{
    Draft, OrderError,
    command::{Hold, ReleaseHold},
};

/// A hold about to be raised.
pub(super) struct Raised {
    pub reason: HoldReason,
    pub detail: String,
    pub fields: Vec<String>,
    pub line_ids: Vec<String>,
}

impl Raised {
    /// A hold for a reason.
    pub fn new(reason: HoldReason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
            fields: Vec::new(),
            line_ids: Vec::new(),
        }
    }

    /// About these request fields.
    pub fn fields(mut self, fields: Vec<String>) -> Self {
        self.fields = fields;
        self
    }

    /// About these lines.
    pub fn lines(mut self, line_ids: Vec<String>) -> Self {
        self.line_ids = line_ids;
        self
    }
}

/// `INCOMPLETE` of `HOLD_REASON_INCOMPLETE`.
pub(crate) fn code(reason: HoldReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("HOLD_REASON_").unwrap_or(name)
}

/// Holds the order.
pub(super) fn raise(draft: &mut Draft, raised: Raised) {
    let number = draft.body().times_held(raised.reason) + 1;
    let hold = ordo_proto::intake::Hold {
        hold_id: format!("{}-{number}", code(raised.reason)),
        reason: raised.reason.into(),
        detail: raised.detail,
        fields: raised.fields,
        line_ids: raised.line_ids,
        since: Some(draft.at),
    };
    draft.record(OrderHeld { hold: Some(hold) });
}

/// Releases one hold.
pub(super) fn lift(draft: &mut Draft, hold_id: &str, reason: HoldReason, note: &str) {
    draft.record(HoldReleased {
        hold_id: hold_id.to_owned(),
        reason: reason.into(),
        note: note.to_owned(),
    });
}

/// Whether a hold of that reason is live.
pub(super) fn is_live(draft: &Draft, reason: HoldReason) -> bool {
    draft.body().holds_for(reason).next().is_some()
}

/// Somebody wants a person to look at the order.
pub(super) fn hold(draft: &mut Draft, it: Hold) -> Result<(), OrderError> {
    if draft.phase().ended() {
        return Err(OrderError::Ended {
            phase: draft.phase(),
        });
    }
    raise(draft, Raised::new(HoldReason::Review, it.detail));
    Ok(())
}

/// A person releases a hold. What only data, money or stock can cure is not released by hand.
pub(super) fn release(draft: &mut Draft, it: ReleaseHold) -> Result<(), OrderError> {
    let hold_id = it.hold_id.as_str();
    let Some(hold) = draft.body().hold(hold_id).cloned() else {
        let was_there = released_before(draft, hold_id);
        let unknown = OrderError::UnknownHold {
            hold_id: it.hold_id,
        };
        return if was_there { Ok(()) } else { Err(unknown) };
    };
    let live_cause = |way_out| {
        Err(OrderError::HoldHasLiveCause {
            hold_id: hold_id.to_owned(),
            way_out,
        })
    };
    let body = draft.body();
    let awaits_stock = body.lines.iter().any(|line| line.awaited > 0);
    match hold.reason() {
        HoldReason::Incomplete => {
            return live_cause("supply the missing fields with CompleteInformation");
        }
        HoldReason::Unpaid => {
            return live_cause(
                "record a payment, or change the payment terms with CompleteInformation",
            );
        }
        HoldReason::UnmappedSku
            if body.lines.iter().any(|line| {
                line.line.sku.is_empty() && hold.line_ids.contains(&line.line.line_id)
            }) =>
        {
            return live_cause("supply the line's sku with CompleteInformation");
        }
        HoldReason::ShortStock if awaits_stock => {
            return live_cause("it is released when stock arrives; or cancel the lines");
        }
        // Released by hand it is tried again.
        HoldReason::UnmappedSku | HoldReason::ShortStock | HoldReason::ShortPick => {}
        HoldReason::PaymentFailed
        | HoldReason::AmountMismatch
        | HoldReason::Review
        | HoldReason::CustomerDecision
        | HoldReason::AwaitingReturn
        | HoldReason::Unspecified => {}
    }
    lift(draft, hold_id, hold.reason(), &it.note);
    Ok(())
}

/// Whether the order once had a hold of that id.
fn released_before(draft: &Draft, hold_id: &str) -> bool {
    let Some((reason, number)) = hold_id.rsplit_once('-') else {
        return false;
    };
    let reason = HoldReason::from_str_name(&format!("HOLD_REASON_{reason}"));
    let index = reason.and_then(|reason| usize::try_from(i32::from(reason)).ok());
    let so_far = index.and_then(|index| draft.body().holds_so_far.get(index));
    let number = number.parse::<u32>().ok();
    so_far
        .zip(number)
        .is_some_and(|(so_far, number)| (1..=*so_far).contains(&number))
}

/// The return is in.
pub(super) fn release_replacement(draft: &mut Draft) -> Result<(), OrderError> {
    let waiting: Vec<_> = draft
        .body()
        .holds_for(HoldReason::AwaitingReturn)
        .map(|hold| hold.hold_id.clone())
        .collect();
    if waiting.is_empty() && draft.body().replacement_for_case.is_empty() {
        return Err(OrderError::NotAwaitingReturn);
    }
    for hold_id in waiting {
        lift(
            draft,
            &hold_id,
            HoldReason::AwaitingReturn,
            "the return is in",
        );
    }
    Ok(())
}
