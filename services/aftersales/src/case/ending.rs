//! How a case ends.

use ordo_proto::aftersales::CaseClosed;

use super::{Approved, CaseEvent, CaseState, Purse, Replacement};

/// Events, and the case after them.
pub(super) struct Story {
    pub state: CaseState,
    pub events: Vec<CaseEvent>,
}

impl Story {
    pub fn of(state: &CaseState) -> Self {
        Self {
            state: state.clone(),
            events: Vec::new(),
        }
    }

    pub fn tell(&mut self, event: impl Into<CaseEvent>) {
        let event = event.into();
        self.state = std::mem::take(&mut self.state).after(&event);
        self.events.push(event);
    }

    /// Closes the case when nothing is owed in either direction.
    pub fn end(mut self, purse: Purse) -> Vec<CaseEvent> {
        if let CaseState::Approved(approved) = &self.state
            && let Some(outcome) = outcome(approved, purse)
        {
            let closed = closed(approved, outcome);
            self.tell(closed);
        }
        self.events
    }
}

/// How the case ends, when it does: the goods are back, the replacement is on its way, the money has moved, and no more of it
/// is owed or to be had.
fn outcome(approved: &Approved, purse: Purse) -> Option<&'static str> {
    if approved.expects_goods() && !approved.is_all_back() {
        return None;
    }
    if !approved.gives_money() {
        let on_its_way = matches!(
            approved.replacement,
            Replacement::Ordered {
                await_return: false,
                ..
            }
        );
        return on_its_way.then_some(REPLACED);
    }
    let exhausted = purse.complete && purse.left == 0;
    let nothing_owed = approved.refundable() == 0 || exhausted;
    // Without a return the first refund must be there: a request for money does not end by itself before.
    let begun = approved.expects_goods() || approved.settled() > 0;
    (approved.is_settled() && nothing_owed && begun).then(|| moved(approved))
}

/// How a case ends that gives money.
pub(super) fn moved(approved: &Approved) -> &'static str {
    if approved.received() == 0 && approved.settled() == 0 {
        WITHDRAWN
    } else {
        REFUNDED
    }
}

/// Whether a promise of `amount` is the last one: it takes all the money that there will ever be.
pub(super) fn is_all(approved: &Approved, amount: i64, purse: Purse) -> bool {
    approved.is_all_back() && purse.complete && amount == purse.left
}

pub(super) fn closed(approved: &Approved, outcome: &str) -> CaseClosed {
    CaseClosed {
        case_id: approved.request.case_id.clone(),
        order_id: approved.request.order_id.clone(),
        outcome: outcome.to_owned(),
    }
}

pub(super) const REFUNDED: &str = "REFUNDED";

pub(super) const REPLACED: &str = "REPLACED";

pub(super) const REJECTED: &str = "REJECTED";

pub(super) const WITHDRAWN: &str = "WITHDRAWN";
