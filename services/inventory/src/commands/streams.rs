//! Streams that a decision reads and writes: a [`Unit`] of the log, or plain memory in specifications.

use ordo_event_log::{Aggregate, Halt, NotLoaded, Unit};

/// Folded streams of one tenant. Events are seen by everything that follows in the same decision.
pub trait Streams {
    /// The state of a stream; `Default` for one without events.
    fn state<A: Aggregate>(&mut self, id: &str) -> Result<&A::State, NotLoaded>;

    /// Records events.
    fn emit<A: Aggregate>(&mut self, id: &str, events: Vec<A::Event>) -> Result<(), NotLoaded>;

    /// Lets `A` decide and records its events.
    fn decide<A: Aggregate>(
        &mut self,
        id: &str,
        command: A::Command,
    ) -> Result<(), Halt<A::Error>> {
        let events = A::decide(self.state::<A>(id)?, command).map_err(Halt::Refuse)?;
        Ok(self.emit::<A>(id, events)?)
    }
}

impl Streams for Unit<'_> {
    fn state<A: Aggregate>(&mut self, id: &str) -> Result<&A::State, NotLoaded> {
        Unit::state::<A>(self, id)
    }

    fn emit<A: Aggregate>(&mut self, id: &str, events: Vec<A::Event>) -> Result<(), NotLoaded> {
        Unit::emit::<A>(self, id, events).map(drop)
    }
}
