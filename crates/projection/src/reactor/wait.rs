//! Waiting until a reaction has done what follows from certain events.

use std::time::Duration;

use ordo_proto::types::ConsistencyToken;
use ordo_sql::{SqlError, params};
use tokio::time::Instant;

use super::Reactor;
use crate::{
    cursors::Cursors,
    wait::{self, NotYet, Wanted},
};

/// Between two looks at the inbox.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

impl Reactor {
    /// Waits until everything for `entity` up to the positions that `token` names has been done, at most `timeout`. Other
    /// entities are not waited for; an entity that is parked is not done. Positions of services that this reaction does
    /// not follow are passed over.
    pub async fn wait_for(
        &self,
        entity: &str,
        token: Option<&ConsistencyToken>,
        timeout: Duration,
    ) -> Result<(), NotYet> {
        let wanted = wait::wanted(token, &self.shared.sources)?;
        let end = Instant::now() + timeout;
        for wanted in &wanted {
            while !self.has_done(entity, wanted).await {
                if Instant::now() >= end {
                    let cursors = self.shared.progress.borrow().clone();
                    return Err(wanted.behind(&cursors));
                }
                self.shared.hurry.notify_one();
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
        Ok(())
    }

    /// False also when the inbox cannot be asked: then nobody knows.
    async fn has_done(&self, entity: &str, wanted: &Wanted) -> bool {
        let here = self.shared.progress.borrow().clone();
        let read = if wanted.is_reached_by(&here) {
            Ok(true)
        } else {
            // Another process may be the one that reads.
            let stored: Result<Cursors, SqlError> = self.shared.store.cursors().await;
            stored.map(|stored| wanted.is_reached_by(&stored))
        };
        match read {
            Ok(true) => self
                .is_pending(entity, wanted)
                .await
                .is_ok_and(|pending| !pending),
            Ok(false) => false,
            Err(error) => {
                tracing::warn!(reaction = self.name(), %error, "the inbox cannot be asked");
                false
            }
        }
    }

    async fn is_pending(&self, entity: &str, wanted: &Wanted) -> Result<bool, SqlError> {
        let (service, partition) = wanted.place();
        let first = self
            .shared
            .store
            .db
            .fetch_optional(
                "select 1 from inbox
                 where entity = $1 and kind = 0 and service = $2 and partition = $3 and position <= $4
                 limit 1",
                &params![entity, service, partition, wanted.position()],
            )
            .await?;
        Ok(first.is_some())
    }
}
