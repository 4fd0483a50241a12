//! What a command does.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use bytes::Bytes;
use futures::future::join_all;
use ordo_event_log::{ExecuteError, Halt, StreamId};

use crate::fixture::*;

crate::on_both_stores!(
    positions_are_contiguous_under_64_concurrent_callers,
    commands_on_one_hot_stream_are_decided_one_after_another,
    a_loser_does_not_fail_the_others_of_its_batch,
    a_command_changes_all_its_streams_or_none,
    a_command_sees_its_own_events,
    a_restart_finds_everything,
    streams_are_loaded_however_many_a_command_needs,
    a_panic_is_its_callers_own,
    a_panic_outside_of_a_decision_does_not_stop_the_partition,
    a_caller_that_goes_away_does_not_stop_its_command,
    partitions_do_not_mix,
    tenants_do_not_mix,
    closing_executes_what_is_queued_and_refuses_the_rest,
    metadata_and_bytes_come_back_as_they_went_in,
    the_cache_stays_within_its_bound,
    a_long_stream_is_folded_page_by_page,
);

async fn positions_are_contiguous_under_64_concurrent_callers(ground: Ground) {
    let log = ground.open().await;
    let callers = (0..64).map(|caller| {
        let log = log.clone();
        tokio::spawn(async move {
            let mut positions = Vec::new();
            for round in 0..20 {
                let till = format!("till-{}", (caller * 7 + round) % 50);
                positions.push(put(&log, command(), &till, 1).await.unwrap().position);
            }
            assert!(positions.is_sorted(), "a caller's positions go back");
            positions
        })
    });
    let mut positions: Vec<u64> = join_all(callers)
        .await
        .into_iter()
        .flat_map(Result::unwrap)
        .collect();
    positions.sort_unstable();
    assert_eq!(positions, (1..=64 * 20).collect::<Vec<_>>());
    let read: Vec<u64> = log
        .read(0, 0, 2000)
        .await
        .unwrap()
        .iter()
        .map(|e| e.position)
        .collect();
    assert_eq!(read, positions);
    assert_whole(&log).await;
}

async fn commands_on_one_hot_stream_are_decided_one_after_another(ground: Ground) {
    let log = ground.open().await;
    put(&log, command(), "hot", 40).await.unwrap();
    let takers = (0..64).map(|_| {
        let log = log.clone();
        tokio::spawn(async move { take(&log, command(), "hot", 1).await })
    });
    let mut left = Vec::new();
    let mut refused = 0;
    for outcome in join_all(takers).await {
        match outcome.unwrap() {
            Ok(receipt) => left.push(receipt.answer),
            Err(ExecuteError::Refused(Short(0))) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    left.sort_unstable();
    assert_eq!(
        left,
        (0..40).collect::<Vec<_>>(),
        "every taker sees what the one before left"
    );
    assert_eq!(refused, 24);
    assert_eq!(till(&log, "hot").await.balance, 0);
    assert_whole(&log).await;
}

async fn a_loser_does_not_fail_the_others_of_its_batch(ground: Ground) {
    let log = ground.open().await;
    let outcomes = join_all((0..100).map(|n| {
        let log = log.clone();
        async move {
            let till = format!("till-{n}");
            if n % 3 == 0 {
                take(&log, command(), &till, 5).await
            } else {
                put(&log, command(), &till, 5).await
            }
        }
    }))
    .await;
    for (n, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Ok(receipt) => assert_eq!((n % 3 == 0, receipt.answer), (false, 5)),
            Err(error) => {
                assert!(n % 3 == 0, "{n}: {error}");
                assert!(matches!(error, ExecuteError::Refused(Short(0))), "{error}");
            }
        }
    }
    assert_eq!(log.read_head(0).await.unwrap().position, 66);
    assert_whole(&log).await;
}

async fn a_command_changes_all_its_streams_or_none(ground: Ground) {
    let log = ground.open().await;
    put(&log, command(), "a", 10).await.unwrap();
    let receipt = transfer(&log, command(), "a", "b", 7).await.unwrap();
    assert_eq!((receipt.position, receipt.answer), (3, 3));
    // The second half is refused, so the first half, which was decided already, is dropped.
    let refused = transfer(&log, command(), "a", "b", 7).await;
    assert!(matches!(refused, Err(ExecuteError::Refused(Short(3)))));
    assert_eq!(till(&log, "a").await.balance, 3);
    assert_eq!(till(&log, "b").await.balance, 7);
    assert_eq!(log.read_head(0).await.unwrap().position, 3);
    // Many at once: money is neither made nor lost.
    join_all((0..200).map(|n| {
        let log = log.clone();
        let (from, to) = if n % 2 == 0 { ("a", "b") } else { ("b", "a") };
        async move { transfer(&log, command(), from, to, 1 + n % 5).await.ok() }
    }))
    .await;
    let (a, b) = (till(&log, "a").await.balance, till(&log, "b").await.balance);
    assert_eq!(a + b, 10);
    assert!(a >= 0 && b >= 0);
    assert_whole(&log).await;
}

async fn a_command_sees_its_own_events(ground: Ground) {
    let log = ground.open().await;
    let receipt = log
        .execute(command(), |unit| {
            assert_eq!(unit.version::<Till>("a")?, 0);
            unit.emit::<Till>("a", vec![Moved { amount: 2 }, Moved { amount: 3 }])?;
            assert_eq!(unit.version::<Till>("a")?, 2);
            assert_eq!(unit.state::<Till>("a")?.balance, 5);
            let left = unit.decide::<Till>("a", TillCommand::Take(5))?.balance;
            Ok::<i64, Halt<Short>>(left)
        })
        .await
        .unwrap();
    assert_eq!(
        (receipt.position, receipt.answer, receipt.duplicate),
        (3, 0, false)
    );
    let stream = StreamId::new("till", "a");
    let events = log.read_stream(0, &tenant(), &stream, 1, 10).await.unwrap();
    assert_eq!(
        events.iter().map(|e| e.stream_version).collect::<Vec<_>>(),
        [2, 3]
    );
    assert_eq!(
        log.read_stream(0, &tenant(), &stream, 0, 2)
            .await
            .unwrap()
            .len(),
        2
    );
}

async fn a_restart_finds_everything(ground: Ground) {
    let log = ground.open().await;
    for n in 0..30 {
        put(
            &log,
            command().id(format!("put-{n}")),
            &format!("till-{}", n % 4),
            n,
        )
        .await
        .unwrap();
    }
    let before = log.read(0, 0, 100).await.unwrap();
    let head = log.read_head(0).await.unwrap();
    log.close().await;
    drop(log);

    let log = ground.open().await;
    assert_eq!(log.read(0, 0, 100).await.unwrap(), before);
    assert_eq!(log.read_head(0).await.unwrap(), head);
    let again = put(&log, command().id("put-7"), "till-3", 7).await.unwrap();
    assert_eq!((again.duplicate, again.position), (true, 8));
    let next = put(&log, command(), "till-0", 1).await.unwrap();
    assert_eq!(next.position, 31);
    assert_eq!(next.answer, (0..30).filter(|n| n % 4 == 0).sum::<i64>() + 1);
    assert_whole(&log).await;
}

async fn streams_are_loaded_however_many_a_command_needs(ground: Ground) {
    let log = ground.open().await;
    join_all((0..300).map(|n| {
        let log = log.clone();
        async move { put(&log, command(), &format!("till-{n}"), n).await.unwrap() }
    }))
    .await;
    // Nothing in memory: one stream after another is missing.
    let log = ground.open_with(|config| config.cached_streams = 4).await;
    let sum = |unit: &mut ordo_event_log::Unit<'_>| {
        let mut sum = 0;
        for n in 0..40 {
            sum += unit.state::<Till>(&format!("till-{n}"))?.balance;
        }
        Ok::<i64, Halt<Short>>(sum)
    };
    assert_eq!(
        log.execute(command(), sum).await.unwrap().answer,
        (0..40).sum::<i64>()
    );
    // Named beforehand: loaded together, so that the decision runs once.
    let runs = Arc::new(AtomicU32::new(0));
    let counted = runs.clone();
    let prefetched = (0..300).fold(command(), |command, n| {
        command.prefetch::<Till>(&format!("till-{n}"))
    });
    let receipt = log
        .execute(prefetched, move |unit| {
            counted.fetch_add(1, Ordering::Relaxed);
            let mut sum = 0;
            for n in 0..300 {
                sum += unit.state::<Till>(&format!("till-{n}"))?.balance;
            }
            Ok::<i64, Halt<Short>>(sum)
        })
        .await
        .unwrap();
    assert_eq!(receipt.answer, (0..300).sum::<i64>());
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

async fn a_panic_is_its_callers_own(ground: Ground) {
    let log = ground.open().await;
    put(&log, command(), "a", 5).await.unwrap();
    let panicking = {
        let log = log.clone();
        tokio::spawn(async move {
            log.execute(command(), |unit| {
                unit.decide::<Till>("a", TillCommand::Take(5))?;
                panic!("a mistake in a decider");
                #[allow(unreachable_code)]
                Ok::<i64, Halt<Short>>(0)
            })
            .await
        })
    };
    let (panicked, other) = tokio::join!(panicking, put(&log, command(), "a", 1));
    assert!(panicked.unwrap_err().is_panic());
    assert_eq!(other.unwrap().answer, 6);
    assert_whole(&log).await;
}

async fn a_panic_outside_of_a_decision_does_not_stop_the_partition(ground: Ground) {
    let log = ground.open().await;
    put(&log, command(), "a", 1).await.unwrap();
    put(&log, command(), "b", PANICS).await.unwrap();
    // Folding the stream anew panics while it is loaded.
    let log = ground.open().await;
    let poisoned = put(&log, command(), "b", 1).await;
    assert!(
        matches!(poisoned, Err(ExecuteError::Unavailable(_))),
        "{poisoned:?}"
    );
    assert_eq!(put(&log, command(), "a", 1).await.unwrap().answer, 2);
}

async fn a_caller_that_goes_away_does_not_stop_its_command(ground: Ground) {
    let log = ground.open().await;
    let mut call = Box::pin(put(&log, command(), "a", 5));
    // Polled once: queued, not answered.
    assert!(futures::poll!(call.as_mut()).is_pending());
    drop(call);
    assert_eq!(put(&log, command(), "a", 1).await.unwrap().answer, 6);
}

async fn partitions_do_not_mix(ground: Ground) {
    let log = ground.open_with(|config| config.partitions = Some(3)).await;
    assert_eq!(log.partitions(), 3);
    join_all((0..90_u32).map(|n| {
        let log = log.clone();
        async move {
            let partition = n % 3;
            let till = log.new_id_in(&tenant(), partition);
            assert_eq!(log.partition_for(&tenant(), &till), partition);
            let mut command = command();
            command.partition = partition;
            put(&log, command, &till, 1).await.unwrap()
        }
    }))
    .await;
    for partition in 0..3 {
        let events = log.read(partition, 0, 100).await.unwrap();
        assert_eq!(events.len(), 30);
        assert!(events.iter().all(|event| event.partition == partition));
        assert_eq!(*log.watch(partition).borrow(), 30);
    }
    assert_whole(&log).await;

    // A stream that is written through the wrong partition is refused, also when it is remembered there as empty.
    let mut wrong = command();
    wrong.partition = 1;
    let empty = log.execute(wrong.clone(), balance("a")).await.unwrap();
    assert_eq!(empty.answer, 0);
    put(&log, command(), "a", 1).await.unwrap();
    for _ in 0..2 {
        let refused = put(&log, wrong.clone(), "a", 1).await;
        assert!(
            matches!(&refused, Err(ExecuteError::Invalid(detail)) if detail.contains("partition 0")),
            "{refused:?}"
        );
    }
}

async fn tenants_do_not_mix(ground: Ground) {
    let log = ground.open().await;
    let other = ordo_event_log::TenantId::new("zenith").unwrap();
    put(&log, command().id("one"), "a", 5).await.unwrap();
    let receipt = put(
        &log,
        ordo_event_log::Command::new(other.clone(), 0).id("one"),
        "a",
        7,
    )
    .await
    .unwrap();
    assert_eq!(
        (receipt.duplicate, receipt.answer),
        (false, 7),
        "ids and streams are a tenant's own"
    );
    let (state, version) = log.state::<Till>(0, &other, "a").await.unwrap();
    assert_eq!((state.balance, version), (7, 1));
    assert_eq!(till(&log, "a").await.balance, 5);
}

async fn closing_executes_what_is_queued_and_refuses_the_rest(ground: Ground) {
    let log = ground.open().await;
    let mut calls: Vec<_> = (0..100)
        .map(|_| Box::pin(put(&log, command(), "a", 1)))
        .collect();
    for call in &mut calls {
        assert!(futures::poll!(call.as_mut()).is_pending());
    }
    log.close().await;
    for outcome in join_all(calls).await {
        outcome.unwrap();
    }
    assert!(matches!(
        put(&log, command(), "a", 1).await,
        Err(ExecuteError::Closed)
    ));
    assert_eq!(
        till(&log, "a").await.balance,
        100,
        "a closed log can be read"
    );
    log.close().await;
}

async fn metadata_and_bytes_come_back_as_they_went_in(ground: Ground) {
    use ordo_proto::{log::EventMetadata, types::Actor};
    let log = ground.open().await;
    let metadata = EventMetadata {
        actor: Some(Actor {
            kind: 2,
            id: "ålice\u{0}".to_owned(),
        }),
        causation_id: "cause".to_owned(),
        correlation_id: "correlation".to_owned(),
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
        reason: "客户要求".to_owned(),
        ..EventMetadata::default()
    };
    let notes: Vec<Bytes> = vec![
        Bytes::new(),
        Bytes::from_static(&[0, 255, 10, 0]),
        vec![7; 100_000].into(),
    ];
    let before = ordo_event_log::Timestamp::now();
    let written = notes.clone();
    log.execute(
        command().id("it's \"it\"").metadata(metadata.clone()),
        move |unit| {
            unit.emit::<Notebook>("日记/1 %.*>", written.clone())?;
            Ok::<u64, Halt<Short>>(0)
        },
    )
    .await
    .unwrap();
    let events = log.read(0, 0, 10).await.unwrap();
    assert_eq!(
        events.iter().map(|e| e.payload.clone()).collect::<Vec<_>>(),
        notes
    );
    let ids: HashSet<_> = events.iter().map(|event| event.event_id).collect();
    assert_eq!(ids.len(), 3);
    for event in &events {
        let expected = EventMetadata {
            command_id: "it's \"it\"".to_owned(),
            ..metadata.clone()
        };
        assert_eq!(event.metadata, expected);
        assert_eq!(
            (&*event.stream.aggregate, &*event.stream.id),
            ("notebook", "日记/1 %.*>")
        );
        assert_eq!(
            (&*event.type_name, event.short_type()),
            ("test.v1.Noted", "Noted")
        );
        assert_eq!(
            (event.tenant.as_str(), event.epoch, event.partition),
            ("acme", 1, 0)
        );
        assert!(event.time >= before && event.time <= ordo_event_log::Timestamp::now());
        assert_eq!(event.event_id.get_version_num(), 7);
    }
    assert_whole(&log).await;
}

async fn the_cache_stays_within_its_bound(ground: Ground) {
    let log = ground.open_with(|config| config.cached_streams = 100).await;
    for round in 1..=2 {
        join_all((0..1000).map(|n| {
            let log = log.clone();
            async move {
                assert_eq!(
                    put(&log, command(), &format!("till-{n}"), 1)
                        .await
                        .unwrap()
                        .answer,
                    round
                )
            }
        }))
        .await;
        assert!(
            log.cached_streams() <= 100,
            "{} streams in memory",
            log.cached_streams()
        );
        assert!(
            log.cached_streams() > 20,
            "{} streams in memory",
            log.cached_streams()
        );
    }
    assert_whole(&log).await;
}

async fn a_long_stream_is_folded_page_by_page(ground: Ground) {
    let log = ground.open().await;
    for _ in 0..5 {
        log.execute(command(), |unit| {
            unit.emit::<Notebook>("long", vec![Bytes::from_static(b"line"); 1000])?;
            Ok::<u64, Halt<Short>>(0)
        })
        .await
        .unwrap();
    }
    let log = ground.open().await;
    assert_eq!(
        log.state::<Notebook>(0, &tenant(), "long").await.unwrap(),
        (5000, 5000)
    );
    let receipt = log
        .execute(command(), |unit| {
            Ok::<u64, Halt<Short>>(*unit.emit::<Notebook>("long", vec![Bytes::new()])?)
        })
        .await
        .unwrap();
    assert_eq!((receipt.answer, receipt.position), (5001, 5001));
    assert_whole(&log).await;
}
