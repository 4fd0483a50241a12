//! What a dispatcher does besides: timers, the wishes of operators, and leaving.

use ordo_crash_point::{CrashPoint, reach};
use ordo_event_log::Timestamp;
use ordo_sql::SqlError;
use tokio::time::Instant;

use super::{Dispatcher, End, LOOK_AROUND, TIMERS_AT_ONCE, What};

impl Dispatcher {
    /// Puts timers that are due into the inbox, among the other things to do for their entities.
    pub(super) async fn fire_timers(&mut self) -> Result<Option<End>, SqlError> {
        let now = Timestamp::now().0;
        let has_room = self.pending < self.shared.settings.max_pending;
        if !has_room || self.next_timer.is_none_or(|due| due > now) {
            return Ok(None);
        }
        // What was scheduled or cancelled is stored first.
        if let Some(end) = self.store().await? {
            return Ok(Some(end));
        }
        for timer in self.shared.store.due_timers(now, TIMERS_AT_ONCE).await? {
            let what = What::Timer {
                key: timer.key.clone(),
                due: timer.due,
                payload: timer.payload.clone(),
                cause: timer.cause.clone(),
            };
            self.add(timer.entity.clone(), timer.tenant.clone(), what, true);
            self.changes.fired.push(timer);
            reach(CrashPoint::TimerDue);
        }
        self.store().await
    }

    /// Sees what an operator asked for, here or in another process.
    pub(super) async fn look_around(&mut self) -> Result<Option<End>, SqlError> {
        self.look_around_at = Instant::now() + LOOK_AROUND;
        if !self.changes.is_empty()
            && let Some(end) = self.store().await?
        {
            return Ok(Some(end));
        }
        let unparked = self.shared.store.unpark(&self.lease).await?;
        if !unparked.is_empty() {
            tracing::info!(
                reaction = self.shared.reaction.name(),
                entities = unparked.len(),
                "replaying"
            );
            for entity in &unparked {
                self.queues.unpark(entity);
            }
            self.pending = self.shared.store.count_pending().await?;
        }
        Ok(None)
    }

    /// Waits a while for tries under way, stores what came of them and leaves in good order.
    pub(super) async fn leave(mut self, end: End) -> Result<End, SqlError> {
        let deadline = Instant::now() + self.shared.settings.drain;
        while self.queues.running() > 0 {
            match tokio::time::timeout_at(deadline, self.tries.join_next()).await {
                Ok(Some(ended)) => self.ended(ended),
                Ok(None) | Err(_) => break,
            }
        }
        self.tries.shutdown().await;
        if self.store().await?.is_none() {
            self.shared.store.release().await?;
        }
        Ok(end)
    }
}
