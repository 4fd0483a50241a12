//! Pure decision functions and their given/when/then specifications.
//!
//! A [`Decider`] is three plain functions: the state before anything happened, what a command leads to, and what an event
//! changes. Time, ids and looked-up facts travel in the command; nothing here reads a clock or waits.

mod spec;

pub use spec::{Given, Outcome, When, given};

/// Decides commands on one stream of events.
pub trait Decider {
    /// What [`decide`](Decider::decide) needs to know, and nothing else. `Default` is the state of an empty stream.
    type State: Default;
    /// A wish, in the imperative.
    type Command;
    /// A fact, in the past tense.
    type Event;
    /// Why a command is refused.
    type Error;

    /// The events that `command` leads to in `state`; none when it changes nothing.
    fn decide(state: &Self::State, command: Self::Command)
    -> Result<Vec<Self::Event>, Self::Error>;

    /// `state` after `event`. Total: an event that was once stored never fails.
    fn evolve(state: Self::State, event: &Self::Event) -> Self::State;

    /// The state after `events`, from the empty stream.
    fn fold<'a>(events: impl IntoIterator<Item = &'a Self::Event>) -> Self::State
    where
        Self::Event: 'a,
    {
        events
            .into_iter()
            .fold(Self::State::default(), Self::evolve)
    }
}
