//! A reaction to test with, and a peer that recognises commands by their ids.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use futures::future::BoxFuture;
use ordo_event_log::RecordedEvent;
use ordo_projection::{Reaction, ReactionContext, ReactionError, Reactor, ReactorSettings, Timer};
use ordo_sql::StoreUrl;
use ordo_testkit::eventually;

pub const SOON: Duration = Duration::from_secs(20);

/// One try that was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub entity: String,
    /// Position of an event, or key of a timer.
    pub what: String,
    pub attempt: u32,
    pub command_id: String,
}

type Script = dyn Fn(&Seen, &mut ReactionContext) -> BoxFuture<'static, Result<(), ReactionError>>
    + Send
    + Sync;

/// Remembers every try and does what the test's script says.
pub struct Probe {
    script: Box<Script>,
    seen: Mutex<Vec<Seen>>,
    under_way: Mutex<(usize, usize)>,
}

impl Probe {
    pub fn new(
        script: impl Fn(&Seen, &mut ReactionContext) -> BoxFuture<'static, Result<(), ReactionError>>
        + Send
        + Sync
        + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            script: Box::new(script),
            seen: Mutex::default(),
            under_way: Mutex::default(),
        })
    }

    /// Succeeds always.
    pub fn willing() -> Arc<Self> {
        Self::new(|_, _| Box::pin(async { Ok(()) }))
    }

    pub fn seen(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap()
    }

    /// What was tried for `entity`, in order.
    pub fn of(&self, entity: &str) -> Vec<String> {
        let seen = self.seen();
        seen.iter()
            .filter(|seen| seen.entity == entity)
            .map(|seen| seen.what.clone())
            .collect()
    }

    /// Most tries that were under way at once.
    pub fn most_at_once(&self) -> usize {
        self.under_way.lock().unwrap().1
    }

    async fn run(&self, seen: Seen, context: &mut ReactionContext) -> Result<(), ReactionError> {
        self.seen().push(seen.clone());
        {
            let mut under_way = self.under_way.lock().unwrap();
            under_way.0 += 1;
            under_way.1 = under_way.1.max(under_way.0);
        }
        let result = (self.script)(&seen, context).await;
        self.under_way.lock().unwrap().0 -= 1;
        result
    }
}

impl Reaction for Probe {
    fn name(&self) -> &'static str {
        "probe"
    }

    fn entity(&self, event: &RecordedEvent) -> Option<String> {
        (event.short_type() != "Ignored").then(|| event.stream.id.to_string())
    }

    fn react<'a>(
        &'a self,
        event: &'a RecordedEvent,
        context: &'a mut ReactionContext,
    ) -> BoxFuture<'a, Result<(), ReactionError>> {
        let seen = Seen {
            entity: event.stream.id.to_string(),
            what: event.position.to_string(),
            attempt: context.attempt(),
            command_id: context.command_id("effect"),
        };
        Box::pin(self.run(seen, context))
    }

    fn on_timer<'a>(
        &'a self,
        timer: &'a Timer,
        context: &'a mut ReactionContext,
    ) -> BoxFuture<'a, Result<(), ReactionError>> {
        let seen = Seen {
            entity: timer.entity.clone(),
            what: timer.key.clone(),
            attempt: context.attempt(),
            command_id: context.command_id("effect"),
        };
        Box::pin(self.run(seen, context))
    }
}

pub fn settings(store: StoreUrl) -> ReactorSettings {
    ReactorSettings {
        backoff: Duration::from_millis(2),
        max_retry_backoff: Duration::from_millis(20),
        max_failure_backoff: Duration::from_millis(20),
        failure_limit: 3,
        drain: Duration::from_millis(100),
        ..ReactorSettings::new("test", store)
    }
}

/// Waits until nothing is left to do.
pub async fn idle(reactor: &Reactor) {
    eventually(SOON, async || {
        let status = reactor.status().await.unwrap();
        status.pending == 0
            && status
                .progress
                .iter()
                .all(|progress| progress.position == progress.head)
    })
    .await;
}

/// The other side: carries each command out once.
#[derive(Default)]
pub struct Peer {
    /// Times that each command arrived.
    arrived: Mutex<BTreeMap<String, u32>>,
    fails: Mutex<HashMap<String, u32>>,
}

impl Peer {
    /// The next `times` calls of `step` fail: the odd ones before the effect, the others after it.
    pub fn fail(&self, step: &str, times: u32) {
        self.fails.lock().unwrap().insert(step.to_owned(), times);
    }

    pub fn call(&self, step: &str, command_id: String) -> Result<(), ReactionError> {
        let left = {
            let mut fails = self.fails.lock().unwrap();
            let left = fails.entry(step.to_owned()).or_default();
            let before = *left;
            *left = left.saturating_sub(1);
            before
        };
        if left % 2 == 1 {
            return Err(ReactionError::retry("away"));
        }
        *self.arrived.lock().unwrap().entry(command_id).or_default() += 1;
        if left > 0 {
            return Err(ReactionError::retry("the answer was lost"));
        }
        Ok(())
    }

    /// Commands carried out, by id.
    pub fn effects(&self) -> Vec<String> {
        self.arrived.lock().unwrap().keys().cloned().collect()
    }
}
