//! A stream that takes nothing any more, and does not say so.

/// So often in a row a stream takes nothing before it is made anew. Each try lasts as long as the request time-out.
const TRIES: u32 = 3;
/// So often at most, after it was made anew in vain again and again.
const MOST_TRIES: u32 = 48;

/// Tries to publish that were not answered though the broker is there.
///
/// Since nats-server 2.14 a stream whose file could once not be written, as on a full disk, takes nothing more until the
/// server is restarted or the stream is made anew, whatever room there is again. Publishers get no answer; questions are
/// answered as ever, so that nothing else tells of it
/// ([nats-server 7788](https://github.com/nats-io/nats-server/pull/7788)).
#[derive(Debug)]
pub(super) struct Refusals {
    tries: u32,
    patience: u32,
}

impl Default for Refusals {
    fn default() -> Self {
        Self {
            tries: 0,
            patience: TRIES,
        }
    }
}

impl Refusals {
    /// One more try came to nothing.
    pub fn count(&mut self) {
        self.tries += 1;
    }

    /// The stream takes events.
    pub fn end(&mut self) {
        *self = Self::default();
    }

    /// Whether it is time to make the stream anew.
    pub fn are_too_many(&self) -> bool {
        self.tries >= self.patience
    }

    /// The stream is made anew; should that not help, it is tried less often from now on.
    pub fn start_over(&mut self) {
        self.tries = 0;
        self.patience = (self.patience * 2).min(MOST_TRIES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tries_until_too_many(refusals: &mut Refusals) -> u32 {
        let mut tries = 0;
        while !refusals.are_too_many() {
            refusals.count();
            tries += 1;
        }
        tries
    }

    #[test]
    fn a_stream_is_made_anew_after_some_tries_and_less_often_when_that_does_not_help() {
        let mut refusals = Refusals::default();
        let mut tries = Vec::new();
        for _ in 0..7 {
            tries.push(tries_until_too_many(&mut refusals));
            refusals.start_over();
        }
        assert_eq!(tries, [3, 6, 12, 24, 48, 48, 48]);
        refusals.end();
        assert_eq!(tries_until_too_many(&mut refusals), 3);
    }

    #[test]
    fn a_stream_that_takes_events_in_between_is_left_alone() {
        let mut refusals = Refusals::default();
        for _ in 0..10 {
            refusals.count();
            refusals.count();
            assert!(!refusals.are_too_many());
            refusals.end();
        }
    }
}
