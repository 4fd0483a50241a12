//! When this replica may judge others: after a pause of its own, or of the database, only when they have had the time to beat.

use std::time::Duration;

use tokio::time::Instant;

/// Rounds that are further apart are no matter of pace.
const SLOWEST_PACE: Duration = Duration::from_secs(2);

/// The rounds of this replica, as far as they tell of pauses.
pub(crate) struct Pauses {
    /// See [`LeaseSettings::silence`](crate::LeaseSettings::silence).
    silence: Duration,
    /// When the last round began that went well.
    well: Instant,
    /// How long before it the one before it began.
    pace: Duration,
    judge_from: Instant,
}

impl Pauses {
    pub fn new(silence: Duration, now: Instant) -> Self {
        Self {
            silence,
            well: now,
            pace: Duration::ZERO,
            judge_from: now,
        }
    }

    /// A round begins. How long before it the last one began that went well.
    pub fn round_begins(&mut self, now: Instant) -> Duration {
        let since = now.saturating_duration_since(self.well);
        // Where every round takes long that is no pause: else nobody would ever be judged there.
        if since > self.silence.max(self.pace * 2) {
            self.give_time(now);
        }
        since
    }

    /// The round that began at `began` went well.
    pub fn went_well(&mut self, began: Instant) {
        self.pace = began.saturating_duration_since(self.well).min(SLOWEST_PACE);
        self.well = began;
    }

    /// From now on the others have time to beat before they are judged.
    pub fn give_time(&mut self, now: Instant) {
        self.judge_from = self.judge_from.max(now + self.silence * 2);
    }

    pub fn may_judge(&self, now: Instant) -> bool {
        now >= self.judge_from
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENCE: Duration = Duration::from_millis(700);

    /// Whether somebody may be judged in each of the rounds that begin so many milliseconds after the one before.
    fn judged(gaps: &[u64]) -> Vec<bool> {
        let mut now = Instant::now();
        let mut pauses = Pauses::new(SILENCE, now);
        gaps.iter()
            .map(|gap| {
                now += Duration::from_millis(*gap);
                pauses.round_begins(now);
                pauses.went_well(now);
                pauses.may_judge(now)
            })
            .collect()
    }

    #[test]
    fn rounds_in_time_judge() {
        assert_eq!(judged(&[200, 300, 690, 200]), [true; 4]);
    }

    #[test]
    fn after_a_pause_the_others_get_time_to_beat() {
        assert_eq!(
            judged(&[200, 5000, 700, 690, 200]),
            [true, false, false, false, true]
        );
    }

    #[test]
    fn where_every_round_takes_long_somebody_is_judged_all_the_same() {
        assert_eq!(judged(&[900, 900, 900, 900]), [false, false, true, true]);
        assert_eq!(judged(&[200, 1200, 1900, 1900]), [true, false, true, true]);
    }

    #[test]
    fn a_second_pause_right_after_the_first_is_one_too() {
        assert_eq!(
            judged(&[200, 30_000, 30_000, 200]),
            [true, false, false, false]
        );
    }

    #[test]
    fn who_fails_judges_nobody_for_a_while() {
        let now = Instant::now();
        let mut pauses = Pauses::new(SILENCE, now);
        assert!(pauses.may_judge(now));
        pauses.give_time(now);
        assert!(!pauses.may_judge(now + SILENCE));
        assert!(pauses.may_judge(now + SILENCE * 2));
        // An earlier time takes nothing from a later one.
        pauses.give_time(now);
        assert_eq!(
            pauses.round_begins(now + Duration::from_millis(300)),
            Duration::from_millis(300)
        );
        assert!(pauses.may_judge(now + SILENCE * 2));
    }
}
