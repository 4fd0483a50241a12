//! The arithmetic of one line.

use ordo_proto::fulfilment::FulfilmentOrderStatus;

/// How many units of one line have got how far. Every counter is a count of whole units since the fulfilment order was
/// opened; units that failed the check have left `picked` again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quantities {
    /// Units the warehouse was asked for.
    pub asked: i64,
    /// Units that could not be found; they are no longer wanted from this fulfilment order.
    pub short: i64,
    /// Units taken from the shelf.
    pub picked: i64,
    /// Units that passed the check.
    pub passed: i64,
    /// Units packed without a check.
    pub skipped: i64,
    /// Units in a parcel, whether it has left or not.
    pub packed: i64,
    /// Units that have left.
    pub dispatched: i64,
}

impl Quantities {
    /// Nothing done yet for `asked` units.
    pub fn asked(asked: i64) -> Self {
        Self {
            asked,
            ..Self::default()
        }
    }

    /// Units that are to leave.
    pub fn wanted(&self) -> i64 {
        self.asked.saturating_sub(self.short)
    }

    /// Units still to be taken from the shelf.
    pub fn to_pick(&self) -> i64 {
        self.wanted().saturating_sub(self.picked)
    }

    /// Picked units that are neither checked nor packed.
    pub fn to_check(&self) -> i64 {
        self.picked
            .saturating_sub(self.passed)
            .saturating_sub(self.skipped)
    }

    /// Checked units that are in no parcel.
    pub fn checked(&self) -> i64 {
        self.passed
            .saturating_add(self.skipped)
            .saturating_sub(self.packed)
    }

    /// Picked units that are in no parcel, checked or not.
    pub fn unpacked(&self) -> i64 {
        self.picked.saturating_sub(self.packed)
    }

    /// Units that have not left and are still wanted.
    pub fn remaining(&self) -> i64 {
        self.wanted().saturating_sub(self.dispatched)
    }

    /// Counts `units` taken from the shelf.
    pub fn pick(&mut self, units: i64) {
        self.picked = self.picked.saturating_add(units);
    }

    /// Counts `units` that are not there.
    pub fn miss(&mut self, units: i64) {
        self.short = self.short.saturating_add(units);
    }

    /// Counts a check; failed units must be picked again.
    pub fn check(&mut self, passed: i64, failed: i64) {
        self.passed = self.passed.saturating_add(passed);
        self.picked = self.picked.saturating_sub(failed);
    }

    /// Counts `units` put in a parcel: checked ones first.
    pub fn pack(&mut self, units: i64) {
        let unchecked = units.saturating_sub(self.checked()).max(0);
        self.skipped = self.skipped.saturating_add(unchecked);
        self.packed = self.packed.saturating_add(units);
    }

    /// Counts `units` that left.
    pub fn dispatch(&mut self, units: i64) {
        self.dispatched = self.dispatched.saturating_add(units);
    }

    /// Invariant: no counter is negative, and no step has more units than the step before it.
    pub fn are_sound(&self) -> bool {
        let counters = [
            self.asked,
            self.short,
            self.passed,
            self.skipped,
            self.dispatched,
        ];
        counters.iter().all(|units| *units >= 0)
            && self.short <= self.asked
            && self.picked <= self.wanted()
            && self.packed <= self.passed + self.skipped
            && self.passed + self.skipped <= self.picked
            && self.dispatched <= self.packed
    }
}

/// Where a fulfilment order is on which work has begun and not ended: the least advanced step that any wanted unit is at.
pub fn least_advanced<'a>(
    lines: impl IntoIterator<Item = &'a Quantities> + Clone,
) -> FulfilmentOrderStatus {
    let any = |unfinished: fn(&Quantities) -> i64| {
        lines.clone().into_iter().any(|line| unfinished(line) > 0)
    };
    if any(Quantities::to_pick) {
        FulfilmentOrderStatus::Picking
    } else if any(Quantities::to_check) {
        FulfilmentOrderStatus::Picked
    } else if any(Quantities::checked) {
        FulfilmentOrderStatus::Checked
    } else {
        FulfilmentOrderStatus::Packed
    }
}
