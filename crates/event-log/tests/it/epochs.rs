//! A database that was restored from a backup.

use ordo_event_log::{Cursor, EventLog, EventSource, FeedError, RecordedEvent};

use crate::fixture::*;

crate::on_both_stores!(
    a_new_epoch_shows_in_events_and_receipts,
    a_reader_of_what_was_lost_is_told,
    a_writer_of_before_the_restore_notices,
);

/// Takes the log back to `position`, as a restored backup does.
async fn restore(ground: &Ground, position: u64) {
    ground
        .tamper(&format!("delete from events where position > {position}"))
        .await;
    ground
        .tamper(&format!("delete from commands where position > {position}"))
        .await;
    ground.tamper("delete from snapshots").await;
    ground
        .tamper(&format!(
            "update heads set position = {position}, hash = (select hash from events where position = {position})"
        ))
        .await;
}

fn cursor(event: &RecordedEvent) -> Cursor {
    Cursor {
        epoch: event.epoch,
        position: event.position,
        hash: event.hash,
    }
}

async fn write(log: &EventLog, n: i64) -> Vec<RecordedEvent> {
    for _ in 0..n {
        put(log, command(), "a", 1).await.unwrap();
    }
    log.read(0, 0, 100).await.unwrap()
}

async fn a_new_epoch_shows_in_events_and_receipts(ground: Ground) {
    let log = ground.open().await;
    write(&log, 3).await;
    assert_eq!(log.bump_epoch().await.unwrap(), 2);
    assert_eq!(log.read_head(0).await.unwrap().epoch, 2);
    // The writer of the same process notices by itself.
    let receipt = put(&log, command(), "a", 1).await.unwrap();
    assert_eq!((receipt.position, receipt.epoch, receipt.answer), (4, 2, 4));
    let epochs: Vec<_> = log
        .read(0, 0, 10)
        .await
        .unwrap()
        .iter()
        .map(|e| e.epoch)
        .collect();
    assert_eq!(epochs, [1, 1, 1, 2]);
    assert_whole(&log).await;
}

async fn a_reader_of_what_was_lost_is_told(ground: Ground) {
    let log = ground.open().await;
    let before = write(&log, 6).await;
    log.close().await;
    restore(&ground, 4).await;
    let log = ground.open().await;
    log.bump_epoch().await.unwrap();
    // While the lost positions are not written again …
    let lost = log
        .feed(0, cursor(&before[5]))
        .await
        .unwrap()
        .next(10)
        .await;
    assert!(
        matches!(
            lost,
            Err(FeedError::Diverged {
                position: 6,
                epoch: 1,
                ..
            })
        ),
        "{lost:?}"
    );
    // … and after they are, with the very same content.
    let after = write(&log, 4).await;
    assert_eq!(after.len(), 8);
    let lost = log
        .feed(0, cursor(&before[5]))
        .await
        .unwrap()
        .next(10)
        .await;
    assert!(
        matches!(
            lost,
            Err(FeedError::Diverged {
                position: 6,
                epoch: 1,
                ..
            })
        ),
        "{lost:?}"
    );
    // Who had read no further than the backup goes on.
    let kept = log
        .feed(0, cursor(&before[3]))
        .await
        .unwrap()
        .next(10)
        .await
        .unwrap();
    assert_eq!(kept, after[4..]);
    assert_whole(&log).await;
}

async fn a_writer_of_before_the_restore_notices(ground: Ground) {
    let log = ground.open().await;
    write(&log, 6).await;
    let mut feed = log.feed(0, Cursor::default()).await.unwrap();
    assert_eq!(feed.next(10).await.unwrap().len(), 6);
    assert_eq!(
        put(&log, command().id("lost"), "a", 1)
            .await
            .unwrap()
            .answer,
        7
    );
    // Restored beneath a process that still runs, with its memory of what is lost.
    restore(&ground, 4).await;
    ground.open().await.bump_epoch().await.unwrap();
    let receipt = put(&log, command(), "a", 10).await.unwrap();
    assert_eq!(
        (receipt.position, receipt.epoch, receipt.answer),
        (5, 2, 14)
    );
    let again = put(&log, command().id("lost"), "a", 1).await.unwrap();
    assert_eq!(
        (again.duplicate, again.answer),
        (false, 15),
        "what was lost is not remembered"
    );
    assert!(matches!(
        feed.next(10).await,
        Err(FeedError::Diverged { .. })
    ));
    assert_whole(&log).await;
}
