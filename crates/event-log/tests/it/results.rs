//! One result per command id.

use futures::future::join_all;
use ordo_event_log::ExecuteError;

use crate::fixture::*;

crate::on_both_stores!(
    concurrent_repetitions_from_32_tasks_have_one_effect,
    a_reused_command_id_is_refused,
    a_command_without_events_is_remembered_too,
    a_refused_command_may_be_repeated,
    a_forgotten_result_is_read_from_the_database,
    one_id_in_two_partitions_has_one_effect,
);

async fn concurrent_repetitions_from_32_tasks_have_one_effect(ground: Ground) {
    let log = ground.open().await;
    put(&log, command(), "a", 1).await.unwrap();
    let tasks = (0..32).map(|_| {
        let log = log.clone();
        tokio::spawn(async move {
            let command = command().id("once").fingerprint([7; 32]);
            put(&log, command, "a", 10).await.unwrap()
        })
    });
    let receipts: Vec<_> = join_all(tasks)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(
        receipts.iter().filter(|receipt| !receipt.duplicate).count(),
        1
    );
    for receipt in &receipts {
        assert_eq!(
            (receipt.position, receipt.epoch, receipt.answer),
            (2, 1, 11)
        );
    }
    assert_eq!(till(&log, "a").await.entries, 2);
    assert_whole(&log).await;
}

async fn a_reused_command_id_is_refused(ground: Ground) {
    let log = ground.open().await;
    let first = || command().id("order-1").fingerprint([1; 32]);
    let other = || command().id("order-1").fingerprint([2; 32]);
    // In one batch: whichever is first wins.
    let (a, b) = tokio::join!(put(&log, first(), "a", 1), put(&log, other(), "a", 2));
    let refused = [&a, &b]
        .iter()
        .filter(|outcome| {
            matches!(outcome, Err(ExecuteError::CommandIdReused { command_id }) if command_id == "order-1")
        })
        .count();
    assert_eq!(refused, 1, "{a:?} {b:?}");
    let (mine, others) = if a.is_ok() {
        (first(), other())
    } else {
        (other(), first())
    };
    // Later, from memory, and after a restart, from the database.
    for log in [log.clone(), ground.open().await] {
        let refused = put(&log, others.clone(), "a", 2).await;
        assert!(
            matches!(refused, Err(ExecuteError::CommandIdReused { .. })),
            "{refused:?}"
        );
        assert!(put(&log, mine.clone(), "a", 1).await.unwrap().duplicate);
    }
    assert_eq!(till(&log, "a").await.entries, 1);
}

async fn a_command_without_events_is_remembered_too(ground: Ground) {
    let log = ground.open().await;
    put(&log, command(), "a", 5).await.unwrap();
    let first = log
        .execute(command().id("look"), balance("a"))
        .await
        .unwrap();
    assert_eq!(
        (first.answer, first.position, first.duplicate),
        (5, 1, false)
    );
    put(&log, command(), "a", 5).await.unwrap();
    for log in [log.clone(), ground.open().await] {
        let again = log
            .execute(command().id("look"), balance("a"))
            .await
            .unwrap();
        assert_eq!(
            (again.answer, again.position, again.duplicate),
            (5, 1, true),
            "the first answer, not a new one"
        );
        let fresh = log.execute(command(), balance("a")).await.unwrap();
        assert_eq!(
            (fresh.answer, fresh.position, fresh.duplicate),
            (10, 2, false)
        );
    }
    assert_whole(&log).await;
}

async fn a_refused_command_may_be_repeated(ground: Ground) {
    let log = ground.open().await;
    let id = || command().id("take");
    assert!(matches!(
        take(&log, id(), "a", 5).await,
        Err(ExecuteError::Refused(Short(0)))
    ));
    put(&log, command(), "a", 5).await.unwrap();
    let receipt = take(&log, id(), "a", 5).await.unwrap();
    assert_eq!((receipt.duplicate, receipt.answer), (false, 0));
}

async fn a_forgotten_result_is_read_from_the_database(ground: Ground) {
    let log = ground.open_with(|config| config.cached_commands = 1).await;
    for n in 0..50 {
        put(&log, command().id(format!("c-{n}")), "a", 1)
            .await
            .unwrap();
    }
    let repeated =
        join_all((0..50).map(|n| put(&log, command().id(format!("c-{n}")), "a", 1))).await;
    for (n, outcome) in repeated.into_iter().enumerate() {
        let receipt = outcome.unwrap();
        assert_eq!(
            (receipt.duplicate, receipt.position, receipt.answer),
            (true, n as u64 + 1, n as i64 + 1)
        );
    }
    assert_eq!(log.read_head(0).await.unwrap().position, 50);
}

async fn one_id_in_two_partitions_has_one_effect(ground: Ground) {
    let log = ground.open_with(|config| config.partitions = Some(2)).await;
    for round in 0..20 {
        let outcomes = join_all((0..2).map(|partition| {
            let log = log.clone();
            let mut command = command().id(format!("c-{round}"));
            command.partition = partition;
            let till = format!("till-{round}-{partition}");
            async move { put(&log, command, &till, 1).await.unwrap() }
        }))
        .await;
        assert_eq!(
            outcomes.iter().filter(|receipt| receipt.duplicate).count(),
            1,
            "{outcomes:?}"
        );
        assert_eq!(outcomes[0].partition, outcomes[1].partition);
    }
    let written: u64 =
        log.read_head(0).await.unwrap().position + log.read_head(1).await.unwrap().position;
    assert_eq!(written, 20);
    assert_whole(&log).await;
}
