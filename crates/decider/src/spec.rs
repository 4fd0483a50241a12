//! `given([placed()]).when(Cancel { .. }).then([Cancelled { .. }])`.

use std::fmt::Debug;

use crate::Decider;

/// Starts a specification of `D` with what has happened so far.
pub fn given<D: Decider>(events: impl IntoIterator<Item = D::Event>) -> Given<D> {
    Given {
        state: D::fold(&events.into_iter().collect::<Vec<_>>()),
    }
}

/// What has happened.
pub struct Given<D: Decider> {
    state: D::State,
}

/// What was asked.
pub struct When<D: Decider> {
    outcome: Result<Vec<D::Event>, D::Error>,
    state: D::State,
}

/// What came of it: the state after the events, for further questions.
pub struct Outcome<D: Decider> {
    /// State after the decided events.
    pub state: D::State,
}

impl<D: Decider> Given<D> {
    /// Asks for `command`.
    pub fn when(self, command: D::Command) -> When<D> {
        When {
            outcome: D::decide(&self.state, command),
            state: self.state,
        }
    }
}

impl<D> When<D>
where
    D: Decider,
    D::Event: Debug + PartialEq,
    D::Error: Debug + PartialEq,
{
    /// Exactly these events follow.
    #[track_caller]
    pub fn then(self, expected: impl IntoIterator<Item = D::Event>) -> Outcome<D> {
        let expected: Vec<_> = expected.into_iter().collect();
        match self.outcome {
            Ok(events) => {
                assert_eq!(events, expected, "other events than specified");
                Outcome {
                    state: events.iter().fold(self.state, D::evolve),
                }
            }
            Err(error) => panic!("refused with {error:?}, but specified were {expected:?}"),
        }
    }

    /// Nothing changes.
    #[track_caller]
    pub fn then_nothing(self) -> Outcome<D> {
        self.then([])
    }

    /// It is refused with exactly this error.
    #[track_caller]
    pub fn then_error(self, expected: D::Error) {
        match self.outcome {
            Ok(events) => panic!("accepted with {events:?}, but specified was {expected:?}"),
            Err(error) => assert_eq!(error, expected, "another error than specified"),
        }
    }

    /// Events that satisfy `check` follow.
    #[track_caller]
    pub fn then_matching(self, check: impl FnOnce(&[D::Event]) -> bool) -> Outcome<D> {
        match self.outcome {
            Ok(events) => {
                assert!(check(&events), "events do not match: {events:?}");
                Outcome {
                    state: events.iter().fold(self.state, D::evolve),
                }
            }
            Err(error) => panic!("refused with {error:?}"),
        }
    }
}
