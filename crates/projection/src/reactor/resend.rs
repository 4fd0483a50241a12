//! What a reaction does when a service that it sends commands to was restored from a backup: it sends them all again.
//!
//! The restored log has lost the commands that it carried out after the backup. Whoever sent them still has the events that
//! they follow from, so every event is handled again; the service recognises by their ids the commands that it still knows.

use std::collections::BTreeMap;

use ordo_lease::Lease;
use ordo_sql::{SqlError, params};

use super::{Shared, store::Store};
use crate::{cursors::Place, feeds::describe, heads};

/// Which epoch each log was in when commands were last known to be in it.
pub(super) const TARGET_SCHEMA: &str = "create table if not exists target (
    service text not null,
    partition bigint not null,
    epoch bigint not null,
    primary key (service, partition)
)";

/// A log that was restored.
#[derive(Clone, Debug)]
pub(super) struct RestoredTarget {
    pub place: Place,
    pub epoch: u64,
}

impl Store {
    async fn target_epochs(&self) -> Result<BTreeMap<Place, u64>, SqlError> {
        let rows = self
            .db
            .fetch_all("select service, partition, epoch from target", &[])
            .await?;
        rows.iter()
            .map(|row| Ok(((row.text(0)?.into(), row.u32(1)?), row.u64(2)?)))
            .collect()
    }

    async fn note_target(&self, place: &Place, epoch: u64) -> Result<(), SqlError> {
        let sql = "insert into target (service, partition, epoch) values ($1, $2, $3)
                   on conflict (service, partition) do nothing";
        self.db
            .execute(sql, &params![&place.0, place.1, epoch])
            .await?;
        Ok(())
    }

    /// Forgets how far all logs were read, and what was read and not done, unless somebody has done it for this epoch.
    pub async fn send_again(
        &self,
        lease: &Lease,
        restored: &RestoredTarget,
    ) -> Result<(), SqlError> {
        let mut tx = self.db.begin().await?;
        if !self.may_write(lease, &mut tx).await? {
            return tx.rollback().await;
        }
        let (service, partition) = &restored.place;
        let first = tx
            .execute(
                "update target set epoch = $3 where service = $1 and partition = $2 and epoch < $3",
                &params![service, *partition, restored.epoch],
            )
            .await?;
        if first == 0 {
            return tx.rollback().await;
        }
        for statement in [
            "delete from ordo_checkpoint",
            "delete from inbox where kind = 0",
            "delete from parked where entity not in (select entity from inbox)",
        ] {
            tx.execute(statement, &[]).await?;
        }
        tx.commit().await
    }
}

/// Looks for restored logs among those that the reaction sends commands to, for ever.
pub(super) async fn watch(shared: &Shared) {
    if shared.targets.is_empty() {
        return std::future::pending().await;
    }
    let reaction = shared.reaction.name();
    loop {
        if let Err(error) = look(shared).await {
            tracing::warn!(
                reaction,
                error = describe(&error),
                "the epochs of other services' logs cannot be noted"
            );
        }
        tokio::time::sleep(shared.settings.targets_every).await;
    }
}

async fn look(shared: &Shared) -> Result<(), SqlError> {
    let known = shared.store.target_epochs().await?;
    for (place, head) in heads::heads(&shared.targets).await {
        let Some(head) = head else { continue };
        match known.get(&place) {
            None => shared.store.note_target(&place, head.epoch).await?,
            Some(epoch) if head.epoch > *epoch => {
                let epoch = head.epoch;
                shared
                    .restored
                    .send_replace(Some(RestoredTarget { place, epoch }));
                // One at a time: sending everything again serves all partitions.
                return Ok(());
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Waits for a restored log to be seen.
pub(super) async fn seen(shared: &Shared) -> RestoredTarget {
    let mut restored = shared.restored.subscribe();
    loop {
        let present = restored.borrow_and_update().clone();
        if let Some(present) = present {
            return present;
        }
        // The sender lives as long as `shared`.
        let _ = restored.changed().await;
    }
}
