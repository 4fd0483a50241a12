//! Snapshots shorten loading, and are never trusted beyond their form.

use futures::future::join_all;
use ordo_event_log::Aggregate as _;
use ordo_sql::params;

use crate::fixture::*;

crate::on_both_stores!(
    a_snapshot_is_written_every_so_many_events_and_used,
    a_snapshot_of_another_form_is_not_used,
    a_snapshot_that_cannot_be_read_is_not_used,
);

/// A stream of 250 events with a snapshot every 100.
async fn prepare(ground: &Ground) {
    let log = ground.open_with(|config| config.snapshot_every = 100).await;
    for chunk in 0..25 {
        join_all((0..10).map(|_| put(&log, command(), "till", 1 + chunk % 2))).await;
    }
    assert_eq!(till(&log, "till").await.entries, 250);
    log.close().await;
}

/// The sum of what `prepare` puts in.
const BALANCE: i64 = 10 * (13 + 12 * 2);

async fn stored_version(ground: &Ground) -> i64 {
    let rows = ground
        .database()
        .await
        .fetch_all("select version from snapshots", &[])
        .await
        .unwrap();
    assert_eq!(rows.len(), 1, "one per stream");
    rows[0].i64(0).unwrap()
}

async fn a_snapshot_is_written_every_so_many_events_and_used(ground: Ground) {
    prepare(&ground).await;
    let version = stored_version(&ground).await;
    assert!((150..=250).contains(&version), "{version}");
    let log = ground.open().await;
    assert_eq!(
        till(&log, "till").await,
        TillState {
            balance: BALANCE,
            entries: 250
        }
    );
    // Without the events beneath it the state is still known: so they are not read.
    ground
        .tamper("update events set payload = '' where version <= 100")
        .await;
    ground
        .tamper("update events set type = 'gone.v1.Gone' where version <= 100")
        .await;
    assert_eq!(
        put(&log, command(), "till", 5).await.unwrap().answer,
        BALANCE + 5
    );
}

async fn a_snapshot_of_another_form_is_not_used(ground: Ground) {
    prepare(&ground).await;
    // It can be read, and says something else.
    let other = Till::snapshot(&TillState {
        balance: 1,
        entries: 1,
    });
    let other = other.unwrap();
    let sql = "update snapshots set fold_version = fold_version + 1, state = $1";
    let changed = ground.database().await.execute(sql, &params![other]).await;
    assert_eq!(changed.unwrap(), 1);
    let log = ground.open_with(|config| config.snapshot_every = 100).await;
    assert_eq!(
        put(&log, command(), "till", 5).await.unwrap().answer,
        BALANCE + 5
    );
    assert_eq!(
        stored_version(&ground).await,
        251,
        "replaced by one that can be read"
    );
    let log = ground.open().await;
    assert_eq!(till(&log, "till").await.balance, BALANCE + 5);
}

async fn a_snapshot_that_cannot_be_read_is_not_used(ground: Ground) {
    prepare(&ground).await;
    ground.tamper("update snapshots set state = ''").await;
    let log = ground.open().await;
    assert_eq!(
        put(&log, command(), "till", 5).await.unwrap().answer,
        BALANCE + 5
    );
}
