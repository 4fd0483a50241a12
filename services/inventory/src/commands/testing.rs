//! Streams in memory, for specifications of whole commands.

use std::{any::Any, collections::HashMap, sync::Arc};

use ordo_event_log::{Aggregate, EncodedEvent, Halt, NotLoaded};

use super::{InventoryError, Streams};

type Key = (&'static str, String);

/// All streams of one tenant, and every event in order.
#[derive(Default)]
pub struct Memory {
    states: HashMap<Key, Arc<dyn Any + Send + Sync>>,
    /// Stream and event, in the order of recording.
    pub events: Vec<(&'static str, EncodedEvent)>,
    /// What the streams were before the command at hand touched them.
    before: Vec<(Key, Arc<dyn Any + Send + Sync>)>,
}

impl Memory {
    /// Carries out a command as the log does: all of its events, or none.
    pub fn run<T>(
        &mut self,
        command: impl FnOnce(&mut Self) -> Result<T, Halt<InventoryError>>,
    ) -> Result<T, InventoryError> {
        let events = self.events.len();
        self.before.clear();
        command(self).map_err(|halt| {
            self.events.truncate(events);
            for (key, state) in self.before.drain(..).rev() {
                self.states.insert(key, state);
            }
            match halt {
                Halt::Refuse(error) => error,
                Halt::Load(load) => panic!("memory has every stream, yet: {load}"),
            }
        })
    }

    /// A folded state.
    pub fn get<A: Aggregate>(&mut self, id: &str) -> A::State {
        self.state::<A>(id)
            .cloned()
            .unwrap_or_else(|load| panic!("{load}"))
    }

    /// Short names of the events since the first `after`.
    pub fn types_after(&self, after: usize) -> Vec<&'static str> {
        let short = |event: &EncodedEvent| event.type_name.rsplit('.').next().unwrap_or_default();
        self.events
            .iter()
            .skip(after)
            .map(|(_, event)| short(event))
            .collect()
    }
}

impl Streams for Memory {
    fn state<A: Aggregate>(&mut self, id: &str) -> Result<&A::State, NotLoaded> {
        let state = self
            .states
            .entry((A::NAME, id.to_owned()))
            .or_insert_with(|| Arc::new(A::State::default()));
        Ok(state
            .downcast_ref::<A::State>()
            .unwrap_or_else(|| panic!("{} has another state", A::NAME)))
    }

    fn emit<A: Aggregate>(&mut self, id: &str, events: Vec<A::Event>) -> Result<(), NotLoaded> {
        for event in events {
            let encoded = A::encode(&event);
            // What is read back is what was stored.
            let event = A::decode(encoded.type_name, &encoded.payload)
                .unwrap_or_else(|error| panic!("{error}"));
            let state = A::evolve(self.state::<A>(id)?.clone(), &event);
            let key = (A::NAME, id.to_owned());
            if let Some(before) = self.states.insert(key.clone(), Arc::new(state)) {
                self.before.push((key, before));
            }
            self.events.push((A::NAME, encoded));
        }
        Ok(())
    }
}
