//! For how long a reader has not read what is there.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Ends of the log that are remembered. A reader that has not moved for longer than that is as old as the first of them.
const REMEMBERED: usize = 256;

/// The ends of a log that a reader has not reached, each with when it was first seen.
#[derive(Debug, Default)]
pub(super) struct Age(VecDeque<(Instant, u64)>);

impl Age {
    /// Takes note of where reader and log are at `now`. How long the first event that is not read has been there, as far as
    /// is known from looking; zero when all is read.
    pub fn seen(&mut self, now: Instant, position: u64, head: u64) -> Duration {
        while self.0.front().is_some_and(|(_, end)| *end <= position) {
            self.0.pop_front();
        }
        // A log that was restored ends earlier than it did.
        while self.0.back().is_some_and(|(_, end)| *end > head) {
            self.0.pop_back();
        }
        let is_new = self.0.back().is_none_or(|(_, end)| *end < head);
        if head > position && is_new && self.0.len() < REMEMBERED {
            self.0.push_back((now, head));
        }
        self.0
            .front()
            .map_or(Duration::ZERO, |(since, _)| now.duration_since(*since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(begin: Instant, seconds: u64) -> Instant {
        begin + Duration::from_secs(seconds)
    }

    #[test]
    fn a_reader_that_has_all_is_not_behind() {
        let begin = Instant::now();
        let mut age = Age::default();
        assert_eq!(age.seen(begin, 7, 7), Duration::ZERO);
        assert_eq!(age.seen(at(begin, 5), 7, 7), Duration::ZERO);
    }

    #[test]
    fn a_reader_that_stands_still_gets_older() {
        let begin = Instant::now();
        let mut age = Age::default();
        age.seen(begin, 7, 9);
        age.seen(at(begin, 5), 7, 20);
        assert_eq!(age.seen(at(begin, 60), 7, 400).as_secs(), 60);
    }

    #[test]
    fn a_reader_that_moves_is_as_old_as_the_first_event_that_it_has_not_read() {
        let begin = Instant::now();
        let mut age = Age::default();
        age.seen(begin, 0, 10);
        age.seen(at(begin, 5), 5, 20);
        age.seen(at(begin, 10), 8, 30);
        assert_eq!(age.seen(at(begin, 15), 12, 40).as_secs(), 10);
        assert_eq!(age.seen(at(begin, 20), 40, 40), Duration::ZERO);
    }

    #[test]
    fn events_that_a_restore_took_away_are_not_waited_for() {
        let begin = Instant::now();
        let mut age = Age::default();
        age.seen(begin, 10, 100);
        assert_eq!(age.seen(at(begin, 5), 0, 40), Duration::ZERO);
        assert_eq!(age.seen(at(begin, 10), 39, 40).as_secs(), 5);
        assert_eq!(age.seen(at(begin, 15), 40, 40), Duration::ZERO);
    }

    #[test]
    fn what_is_remembered_of_a_reader_that_never_moves_stays_small() {
        let begin = Instant::now();
        let mut age = Age::default();
        for second in 0..10_000 {
            age.seen(at(begin, second), 0, second + 1);
        }
        assert_eq!(age.0.len(), REMEMBERED);
        assert_eq!(age.seen(at(begin, 10_000), 0, 20_000).as_secs(), 10_000);
    }
}
