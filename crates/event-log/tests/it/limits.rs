//! Every way to be refused.

use std::{sync::mpsc, time::Duration};

use bytes::Bytes;
use ordo_event_log::{
    EventLog, EventLogConfig, ExecuteError, Halt, MAX_BYTES_PER_COMMAND, MAX_COMMAND_ID,
    MAX_EVENTS_PER_COMMAND, MAX_METADATA, MAX_PAYLOAD, MAX_STREAM_ID, OpenError, ReadError,
    StreamId,
};
use ordo_proto::log::EventMetadata;
use ordo_sql::StoreUrl;
use ordo_testkit::eventually;

use crate::fixture::*;

crate::on_both_stores!(
    a_full_queue_refuses_and_recovers,
    what_cannot_be_stored_is_refused,
    ids_that_no_stream_can_have_are_refused_or_empty,
    a_decision_without_end_is_stopped,
    an_event_that_cannot_be_read_refuses_only_its_readers,
    a_database_without_tables_is_out_of_reach,
    partitions_that_do_not_exist_cannot_be_read,
    the_number_of_partitions_is_fixed,
    a_log_of_another_form_is_not_opened,
    batches_are_bounded_by_events_and_bytes,
);

async fn a_full_queue_refuses_and_recovers(ground: Ground) {
    let log = ground
        .open_with(|config| (config.queue, config.batch_commands) = (4, 1))
        .await;
    let (release, released) = mpsc::channel::<()>();
    let (entered, inside) = mpsc::channel();
    // A decision must not block; this one does, so that the queue fills.
    let blocking = {
        let log = log.clone();
        let released = std::sync::Mutex::new(released);
        tokio::spawn(async move {
            log.execute(command(), move |_| {
                entered.send(()).unwrap();
                released.lock().unwrap().recv().ok();
                Ok::<i64, Halt<Short>>(0)
            })
            .await
        })
    };
    tokio::task::spawn_blocking(move || inside.recv().unwrap())
        .await
        .unwrap();
    let waiting: Vec<_> = (0..4)
        .map(|_| {
            let log = log.clone();
            tokio::spawn(async move { put(&log, command(), "a", 1).await })
        })
        .collect();
    // Once the four are queued, the next is refused at once.
    eventually(Duration::from_secs(5), async || {
        matches!(
            futures::poll!(Box::pin(put(&log, command(), "extra", 1))),
            std::task::Poll::Ready(Err(ExecuteError::Overloaded))
        )
    })
    .await;
    drop(release);
    blocking.await.unwrap().unwrap();
    let mut done = 0;
    for outcome in waiting {
        match outcome.await.unwrap() {
            Ok(_) => done += 1,
            Err(error) => assert!(matches!(error, ExecuteError::Overloaded), "{error}"),
        }
    }
    assert_eq!(till(&log, "a").await.balance, done);
    put(&log, command(), "a", 1).await.unwrap();
}

fn invalid<T: std::fmt::Debug>(outcome: Result<T, ExecuteError<Short>>, part: &str) {
    assert!(
        matches!(&outcome, Err(ExecuteError::Invalid(detail)) if detail.contains(part)),
        "{part}: {outcome:?}"
    );
}

async fn what_cannot_be_stored_is_refused(ground: Ground) {
    let log = ground.open().await;
    let mut elsewhere = command();
    elsewhere.partition = 1;
    invalid(put(&log, elsewhere, "a", 1).await, "partition 1 of 1");
    for id in [
        String::new(),
        "x".repeat(MAX_COMMAND_ID + 1),
        "a\0b".to_owned(),
    ] {
        invalid(put(&log, command().id(id), "a", 1).await, "command id");
    }
    put(&log, command().id("x".repeat(MAX_COMMAND_ID)), "a", 1)
        .await
        .unwrap();
    let metadata = EventMetadata {
        reason: "x".repeat(MAX_METADATA),
        ..EventMetadata::default()
    };
    invalid(
        put(&log, command().metadata(metadata), "a", 1).await,
        "metadata",
    );

    let note = |notes: Vec<Bytes>| {
        log.execute(command(), move |unit| {
            unit.emit::<Notebook>("n", notes.clone())?;
            Ok::<u64, Halt<Short>>(0)
        })
    };
    invalid(
        note(vec![vec![0; MAX_PAYLOAD + 1].into()]).await,
        "test.v1.Noted of 524289 bytes",
    );
    invalid(
        note(vec![Bytes::new(); MAX_EVENTS_PER_COMMAND + 1]).await,
        "10001 events",
    );
    let large = Bytes::from(vec![0; MAX_PAYLOAD]);
    invalid(
        note(vec![large.clone(); MAX_BYTES_PER_COMMAND / MAX_PAYLOAD + 1]).await,
        "bytes; at most",
    );
    assert_eq!(
        log.read_head(0).await.unwrap().position,
        1,
        "nothing of it is stored"
    );

    note(vec![large; MAX_BYTES_PER_COMMAND / MAX_PAYLOAD])
        .await
        .unwrap();
    note(vec![Bytes::new(); MAX_EVENTS_PER_COMMAND])
        .await
        .unwrap();
    assert_whole(&log).await;
}

async fn ids_that_no_stream_can_have_are_refused_or_empty(ground: Ground) {
    let log = ground.open().await;
    let longest = "x".repeat(MAX_STREAM_ID);
    put(&log, command(), &longest, 1).await.unwrap();
    for id in ["", "a\0b", &"x".repeat(MAX_STREAM_ID + 1)] {
        invalid(put(&log, command(), id, 1).await, "stream id");
        invalid(
            put(&log, command().prefetch::<Till>(id), id, 1).await,
            "stream id",
        );
        assert_eq!(
            log.state::<Till>(0, &tenant(), id).await.unwrap(),
            (TillState::default(), 0)
        );
        let stream = StreamId::new("till", id);
        assert!(
            log.read_stream(0, &tenant(), &stream, 0, 10)
                .await
                .unwrap()
                .is_empty()
        );
    }
    // Beside one that asks for such a stream, the others go on.
    let (bad, good) = tokio::join!(
        put(&log, command(), "\0", 1),
        put(&log, command(), "good", 1)
    );
    invalid(bad, "stream id");
    good.unwrap();
}

async fn a_decision_without_end_is_stopped(ground: Ground) {
    let log = ground
        .open_with(|config| config.cached_streams = 10_000)
        .await;
    let endless = log.execute(command(), |unit| {
        for n in 0.. {
            unit.state::<Till>(&format!("till-{n}"))?;
        }
        Ok::<i64, Halt<Short>>(0)
    });
    let (endless, other) = tokio::join!(endless, put(&log, command(), "a", 1));
    invalid(endless, "still asks for streams");
    other.unwrap();
}

async fn an_event_that_cannot_be_read_refuses_only_its_readers(ground: Ground) {
    let log = ground.open().await;
    put(&log, command(), "a", 1).await.unwrap();
    put(&log, command(), "b", 1).await.unwrap();
    ground
        .tamper("update events set type = 'test.v2.Moved' where stream_id = 'a'")
        .await;
    let log = ground.open().await;
    let (a, b) = tokio::join!(
        put(&log, command().prefetch::<Till>("a"), "a", 1),
        put(&log, command().prefetch::<Till>("b"), "b", 1)
    );
    assert!(
        matches!(&a, Err(ExecuteError::Codec(error)) if error.to_string().contains("test.v2.Moved")),
        "{a:?}"
    );
    assert_eq!(b.unwrap().answer, 2);
    let read = log.state::<Till>(0, &tenant(), "a").await;
    assert!(matches!(read, Err(ReadError::Codec(_))), "{read:?}");

    ground
        .tamper("update events set version = 5, type = 'test.v1.Moved' where stream_id = 'a'")
        .await;
    let log = ground.open_with(|config| config.cached_streams = 1).await;
    let a = put(&log, command(), "a", 1).await;
    // Versions 1 to 4 are missing: nothing is decided on what is left.
    assert!(matches!(&a, Err(ExecuteError::Unavailable(_))), "{a:?}");
    let read = log.state::<Till>(0, &tenant(), "a").await;
    assert!(matches!(read, Err(ReadError::Damaged(_))), "{read:?}");
}

async fn a_database_without_tables_is_out_of_reach(ground: Ground) {
    let log = ground
        .open_with(|config| config.unavailable_after = Duration::from_millis(100))
        .await;
    put(&log, command(), "a", 1).await.unwrap();
    ground.tamper("alter table commands rename to hidden").await;
    let outcome = put(&log, command().id("c"), "a", 1).await;
    assert!(
        matches!(outcome, Err(ExecuteError::Unavailable(_))),
        "{outcome:?}"
    );
    ground
        .tamper("alter table heads rename to hidden_heads")
        .await;
    assert!(matches!(
        log.read_head(0).await,
        Err(ReadError::Unavailable(_))
    ));
    ground
        .tamper("alter table hidden_heads rename to heads")
        .await;
    ground.tamper("alter table hidden rename to commands").await;
    let receipt = put(&log, command().id("c"), "a", 1).await.unwrap();
    assert_eq!((receipt.answer, receipt.duplicate), (2, false));
    assert_whole(&log).await;
}

async fn partitions_that_do_not_exist_cannot_be_read(ground: Ground) {
    let log = ground.open().await;
    let expected = |outcome: Result<(), ReadError>| {
        assert!(
            matches!(
                outcome,
                Err(ReadError::NoSuchPartition {
                    partition: 1,
                    partitions: 1
                })
            ),
            "{outcome:?}"
        );
    };
    expected(log.read(1, 0, 1).await.map(drop));
    expected(log.read_head(1).await.map(drop));
    expected(log.verify(1).await.map(drop));
    expected(log.state::<Till>(1, &tenant(), "a").await.map(drop));
    expected(
        log.read_stream(1, &tenant(), &StreamId::new("till", "a"), 0, 1)
            .await
            .map(drop),
    );
    assert_eq!(*log.watch(1).borrow(), 0);
    assert_eq!(log.new_id_in(&tenant(), 1).len(), 26);
}

async fn the_number_of_partitions_is_fixed(ground: Ground) {
    let config = || EventLogConfig::new("shop", ground.store.store_url());
    let log = EventLog::open(config()).await.unwrap();
    let default = if ground.is_postgres() { 4 } else { 1 };
    assert_eq!(log.partitions(), default);
    let refused = EventLog::open(config().partitions(7)).await.err().unwrap();
    assert!(
        matches!(&refused, OpenError::Partitions { existing, wanted: 7, .. } if *existing == default),
        "{refused}"
    );
    assert_eq!(
        EventLog::open(config().partitions(default))
            .await
            .unwrap()
            .partitions(),
        default
    );
    for wrong in [0, 1025] {
        let refused = EventLog::open(config().partitions(wrong))
            .await
            .err()
            .unwrap();
        assert!(matches!(refused, OpenError::Config(_)), "{refused}");
    }
    // Another service's log beside it has its own.
    let other =
        EventLog::open(EventLogConfig::new("stock", ground.store.store_url()).partitions(3))
            .await
            .unwrap();
    assert_eq!(other.partitions(), 3);
    // Without saying how many, an existing log has what it has.
    let again = EventLog::open(EventLogConfig::new("stock", ground.store.store_url()))
        .await
        .unwrap();
    assert_eq!(again.partitions(), 3);
}

async fn a_log_of_another_form_is_not_opened(ground: Ground) {
    ground.open().await.close().await;
    ground.tamper("update log set format = 2").await;
    let refused = EventLog::open(ground.config()).await.err().unwrap();
    assert!(
        matches!(
            refused,
            OpenError::Format {
                existing: 2,
                supported: 1
            }
        ),
        "{refused}"
    );
    ground
        .tamper("update log set format = 1, service = 'other'")
        .await;
    let refused = EventLog::open(ground.config()).await.err().unwrap();
    assert!(matches!(refused, OpenError::Service { .. }), "{refused}");
}

async fn batches_are_bounded_by_events_and_bytes(ground: Ground) {
    for (events, bytes) in [(3, 1 << 20), (2048, 40)] {
        let log = ground
            .open_with(|config| (config.batch_events, config.batch_bytes) = (events, bytes))
            .await;
        let before = log.read_head(0).await.unwrap().position;
        let outcomes =
            futures::future::join_all(
                (0..50).map(|n| {
                    let log = log.clone();
                    async move {
                        transfer(&log, command().id(format!("{events}-{n}")), "a", "b", 0).await
                    }
                }),
            )
            .await;
        let mut positions: Vec<_> = outcomes
            .into_iter()
            .map(|outcome| outcome.unwrap().position)
            .collect();
        positions.sort_unstable();
        assert_eq!(
            positions,
            (1..=50).map(|n| before + 2 * n).collect::<Vec<_>>()
        );
        assert_whole(&log).await;
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_cannot_be_opened() {
    let nowhere =
        StoreUrl::Postgres("postgres://nobody@localhost/none?host=/nonexistent".to_owned());
    let refused = EventLog::open(EventLogConfig::new("shop", nowhere))
        .await
        .err()
        .unwrap();
    assert!(matches!(refused, OpenError::Store(_)), "{refused}");
    let file = tempfile::NamedTempFile::new().unwrap();
    let no_folder = StoreUrl::SqliteDir(file.path().to_owned());
    assert!(
        EventLog::open(EventLogConfig::new("shop", no_folder))
            .await
            .is_err()
    );
}
