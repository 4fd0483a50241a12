//! What comes of tries.

use std::time::Duration;

use ordo_event_log::Timestamp;
use tokio::{task::JoinError, time::Instant};

use super::{DONE_AT_ONCE, DONE_LATER, Dispatcher, Outcome, Parked};
use crate::backoff::backoff;

impl Dispatcher {
    /// Notes what came of a try.
    pub(super) fn ended(&mut self, ended: Result<(String, Outcome), JoinError>) {
        // Tries catch their panics and are cancelled only together with this dispatcher.
        let Ok((entity, outcome)) = ended else {
            return;
        };
        let settings = self.shared.settings.clone();
        let Some(item) = self.queues.tried(&entity) else {
            return;
        };
        let now = Timestamp::now().0;
        let (error, wait) = match outcome {
            Outcome::Done { owner, timers } => {
                if self.changes.finish(item.seq) {
                    self.pending = self.pending.saturating_sub(1);
                    let at_once = self.changes.done.len() >= DONE_AT_ONCE;
                    self.store_within(if at_once { Duration::ZERO } else { DONE_LATER });
                }
                self.changes
                    .timers
                    .extend(timers.into_iter().map(|change| (owner.clone(), change)));
                self.queues.done(&entity);
                return;
            }
            Outcome::Retry(error) => {
                let since = if item.since == 0 { now } else { item.since };
                let away_for =
                    Duration::from_micros(u64::try_from(now.saturating_sub(since)).unwrap_or(0));
                let wait = backoff(item.attempts, settings.backoff, settings.max_retry_backoff);
                (error, (away_for < settings.retry_for).then_some(wait))
            }
            Outcome::Failed(error) => {
                item.failures = item.failures.saturating_add(1);
                let wait = backoff(
                    item.failures,
                    settings.backoff,
                    settings.max_failure_backoff,
                );
                (
                    error,
                    (item.failures < settings.failure_limit).then_some(wait),
                )
            }
            Outcome::Park(error) => (error, None),
        };
        if item.since == 0 {
            item.since = now;
        }
        let reaction = self.shared.reaction.name();
        let (event, attempts) = (item.what.name().into_owned(), item.attempts);
        match wait {
            Some(wait) => {
                tracing::warn!(
                    reaction,
                    entity,
                    event,
                    attempts,
                    error,
                    ?wait,
                    "a reaction is tried again"
                );
                item.attempts = item.attempts.saturating_add(1);
                self.changes.note_attempts(item);
                self.queues.wait(&entity, Instant::now() + wait);
            }
            None => {
                tracing::error!(
                    reaction,
                    entity,
                    event,
                    attempts,
                    error,
                    "A REACTION IS PARKED until somebody replays it"
                );
                let parked = Parked {
                    tenant: item.tenant.clone(),
                    name: event,
                    type_name: item.what.type_name().to_owned(),
                    attempts,
                    error,
                    parked_at: now,
                    entity,
                    waiting: 0,
                };
                self.queues.park(&parked.entity);
                self.changes.parked.push(parked);
            }
        }
    }
}
