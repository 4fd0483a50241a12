//! How far a reader of several logs is, and the table that remembers it.

use std::{collections::BTreeMap, sync::Arc};

use ordo_event_log::{Cursor, EventHash};
use ordo_sql::{Db, SqlError, Tx, params};

/// One partition of one service's log.
pub(crate) type Place = (Arc<str>, u32);

/// A cursor per partition; a place that is not named is at its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursors(BTreeMap<Place, Cursor>);

impl Cursors {
    pub fn get(&self, place: &Place) -> Cursor {
        self.0.get(place).copied().unwrap_or_default()
    }

    pub fn set(&mut self, place: Place, cursor: Cursor) {
        self.0.insert(place, cursor);
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Place, &Cursor)> {
        self.0.iter()
    }

    /// Sum of all positions: the number of events read.
    pub fn events(&self) -> u64 {
        self.0.values().map(|cursor| cursor.position).sum()
    }

    /// Whether every place is at or after where `other` is.
    pub fn reaches(&self, other: &Self) -> bool {
        other
            .iter()
            .all(|(place, cursor)| self.get(place).position >= cursor.position)
    }
}

/// Remembers, in the tables' own database, which events they hold.
pub(crate) const CHECKPOINT_TABLE: &str = "ordo_checkpoint";

pub(crate) const CHECKPOINT_SCHEMA: &str = "create table if not exists ordo_checkpoint (
    service text not null,
    partition bigint not null,
    epoch bigint not null,
    position bigint not null,
    hash bytea not null,
    primary key (service, partition)
)";

const SELECT: &str = "select service, partition, epoch, position, hash from ordo_checkpoint";

pub(crate) async fn load(db: &Db) -> Result<Cursors, SqlError> {
    read(db.fetch_all(SELECT, &[]).await?)
}

pub(crate) async fn load_in(tx: &mut Tx) -> Result<Cursors, SqlError> {
    read(tx.fetch_all(SELECT, &[]).await?)
}

fn read(rows: Vec<ordo_sql::Row>) -> Result<Cursors, SqlError> {
    let mut cursors = Cursors::default();
    for row in rows {
        let hash: [u8; 32] = row.bytes(4)?.try_into().map_err(|_| SqlError::Column {
            column: "hash".to_owned(),
            detail: "is not 32 bytes".to_owned(),
        })?;
        cursors.set(
            (row.text(0)?.into(), row.u32(1)?),
            Cursor {
                epoch: row.u64(2)?,
                position: row.u64(3)?,
                hash: EventHash(hash),
            },
        );
    }
    Ok(cursors)
}

/// Moves the checkpoint of one place from `from` to `to`. `false`: it is not at `from`, because somebody else moved it, or because
/// the database crashed and lost commits that it had not promised to keep; the transaction must then be given up.
pub(crate) async fn advance(
    tx: &mut Tx,
    place: &Place,
    from: &Cursor,
    to: &Cursor,
) -> Result<bool, SqlError> {
    let params = params![
        &place.0,
        place.1,
        to.epoch,
        to.position,
        to.hash.0,
        from.position,
        from.epoch
    ];
    let sql = if from.position == 0 {
        // The predicate guards the update only; a first insert that meets an existing row falls into it too.
        "insert into ordo_checkpoint (service, partition, epoch, position, hash) values ($1, $2, $3, $4, $5)
         on conflict (service, partition) do update
         set epoch = excluded.epoch, position = excluded.position, hash = excluded.hash
         where ordo_checkpoint.position = $6 and ordo_checkpoint.epoch = $7"
    } else {
        // Never inserted: without its row the tables have lost what was before.
        "update ordo_checkpoint set epoch = $3, position = $4, hash = $5
         where service = $1 and partition = $2 and position = $6 and epoch = $7"
    };
    Ok(tx.execute(sql, &params).await? == 1)
}

/// Moves the checkpoint of one place, wherever it is.
pub(crate) async fn store(tx: &mut Tx, place: &Place, to: &Cursor) -> Result<(), SqlError> {
    tx.execute(
        "insert into ordo_checkpoint (service, partition, epoch, position, hash) values ($1, $2, $3, $4, $5)
         on conflict (service, partition) do update
         set epoch = excluded.epoch, position = excluded.position, hash = excluded.hash",
        &params![&place.0, place.1, to.epoch, to.position, to.hash.0],
    )
    .await?;
    Ok(())
}

pub(crate) async fn forget(tx: &mut Tx, place: &Place) -> Result<(), SqlError> {
    tx.execute(
        "delete from ordo_checkpoint where service = $1 and partition = $2",
        &params![&place.0, place.1],
    )
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ordo_sql::OpenOptions;

    use super::*;

    fn at(position: u64) -> Cursor {
        Cursor {
            epoch: 1,
            position,
            hash: EventHash([7; 32]),
        }
    }

    async fn moves(db: &Db, from: &Cursor, to: &Cursor) -> bool {
        let mut tx = db.begin().await.unwrap();
        let moved = advance(&mut tx, &("orders".into(), 0), from, to).await;
        if moved.as_ref().is_ok_and(|moved| *moved) {
            tx.commit().await.unwrap();
        }
        moved.unwrap()
    }

    #[tokio::test]
    async fn a_checkpoint_moves_only_from_where_it_is_and_not_at_all_when_it_was_lost() {
        for store in ordo_testkit::stores().await.unwrap() {
            let options = OpenOptions::disposable();
            let db = store.store_url().open("test.model", options).await.unwrap();
            db.execute(CHECKPOINT_SCHEMA, &[]).await.unwrap();
            assert!(moves(&db, &Cursor::default(), &at(5)).await);
            assert!(moves(&db, &at(5), &at(9)).await);
            assert!(!moves(&db, &at(5), &at(11)).await);
            assert!(!moves(&db, &Cursor::default(), &at(11)).await);
            // The database crashed, and its tables are as before the first commit.
            db.execute("delete from ordo_checkpoint", &[])
                .await
                .unwrap();
            assert!(!moves(&db, &at(9), &at(11)).await, "{}", store.name);
            assert!(moves(&db, &Cursor::default(), &at(3)).await);
            db.close().await;
        }
    }
}
