//! A read model that notices every event that is applied twice or never.

use futures::future::BoxFuture;
use ordo_event_log::RecordedEvent;
use ordo_projection::{Projection, ProjectionError, Tx};
use ordo_sql::{Db, params};

pub struct Tally;

impl Projection for Tally {
    fn name(&self) -> &'static str {
        "tally"
    }

    fn version(&self) -> u32 {
        1
    }

    fn schema(&self) -> &'static [&'static str] {
        &[
            "create table entry (partition bigint not null, position bigint not null, stream text not null,
                primary key (partition, position))",
            "create table total (one bigint primary key, events bigint not null)",
        ]
    }

    fn apply<'a>(
        &'a self,
        tx: &'a mut Tx,
        events: &'a [RecordedEvent],
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async move {
            let rows = events
                .iter()
                .map(|event| params![event.partition, event.position, &*event.stream.id].into());
            tx.insert_many(
                "insert into entry",
                &["partition", "position", "stream"],
                rows.collect(),
                "",
            )
            .await?;
            tx.execute(
                "insert into total (one, events) values (1, $1)
                 on conflict (one) do update set events = total.events + excluded.events",
                &params![events.len() as u64],
            )
            .await?;
            Ok(())
        })
    }
}

/// Events by the entries and by the total.
pub async fn counts(db: &Db) -> (u64, u64) {
    let sql = "select (select count(*) from entry), (select coalesce(max(events), 0) from total)";
    let rows = db.fetch_all(sql, &[]).await.unwrap();
    (rows[0].u64(0).unwrap(), rows[0].u64(1).unwrap())
}
