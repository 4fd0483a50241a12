//! What is taken for granted and turns out otherwise.

use futures::future::join_all;
use ordo_event_log::{ExecuteError, Halt};

use crate::fixture::*;

crate::on_both_stores!(
    a_stream_said_to_be_new_that_is_not_is_seen_with_its_events,
    a_refusal_on_a_stream_said_to_be_new_saw_its_events,
    an_answer_without_events_on_a_stream_said_to_be_new_saw_its_events,
    a_repetition_that_would_be_refused_today_gets_its_first_answer,
    one_wrong_guess_fails_nobody_of_its_batch,
    a_stream_said_to_be_new_that_lives_elsewhere_is_refused,
);

async fn a_stream_said_to_be_new_that_is_not_is_seen_with_its_events(ground: Ground) {
    put(&ground.open().await, command(), "a", 5).await.unwrap();
    // After a restart, with nothing in memory.
    let log = ground.open().await;
    let hinted = command().new_stream::<Till>("a");
    assert_eq!(put(&log, hinted, "a", 1).await.unwrap().answer, 6);
    let really_new = command().new_stream::<Till>("b");
    assert_eq!(put(&log, really_new, "b", 1).await.unwrap().answer, 1);
    assert_whole(&log).await;
}

async fn a_refusal_on_a_stream_said_to_be_new_saw_its_events(ground: Ground) {
    put(&ground.open().await, command(), "a", 5).await.unwrap();
    let log = ground.open().await;
    let hinted = || command().new_stream::<Till>("a");
    let refused = take(&log, hinted(), "a", 6).await;
    assert!(
        matches!(refused, Err(ExecuteError::Refused(Short(5)))),
        "{refused:?}"
    );
    let log = ground.open().await;
    assert_eq!(take(&log, hinted(), "a", 5).await.unwrap().answer, 0);
    let log = ground.open().await;
    let refused = take(&log, command().new_stream::<Till>("b"), "b", 1).await;
    assert!(matches!(refused, Err(ExecuteError::Refused(Short(0)))));
}

async fn an_answer_without_events_on_a_stream_said_to_be_new_saw_its_events(ground: Ground) {
    put(&ground.open().await, command(), "a", 5).await.unwrap();
    for id in [None, Some("look")] {
        let log = ground.open().await;
        let hinted = command().new_stream::<Till>("a");
        let hinted = match id {
            Some(id) => hinted.id(id),
            None => hinted,
        };
        let answer = log.execute(hinted, balance("a")).await.unwrap();
        assert_eq!(answer.answer, 5, "{id:?}");
    }
}

async fn a_repetition_that_would_be_refused_today_gets_its_first_answer(ground: Ground) {
    let log = ground.open().await;
    put(&log, command(), "a", 5).await.unwrap();
    let first = take(&log, command().id("take"), "a", 5).await.unwrap();
    // Nothing is left to take, and a restart has forgotten the answer.
    for log in [log.clone(), ground.open().await] {
        let again = take(&log, command().id("take"), "a", 5).await.unwrap();
        assert!(again.duplicate);
        assert_eq!(
            (again.answer, again.position),
            (first.answer, first.position)
        );
        let reused = take(&log, command().id("take").fingerprint([9; 32]), "a", 5).await;
        assert!(
            matches!(reused, Err(ExecuteError::CommandIdReused { .. })),
            "{reused:?}"
        );
    }
}

async fn one_wrong_guess_fails_nobody_of_its_batch(ground: Ground) {
    let log = ground.open().await;
    put(&log, command().id("old"), "a", 1).await.unwrap();
    let log = ground.open().await;
    // The first holds the writer up, so that the others meet in one batch or two.
    let commands = (0..64).map(|n| {
        let id = if n % 16 == 5 {
            "old".to_owned()
        } else {
            format!("new-{n}")
        };
        let till = if n % 16 == 5 {
            "a".to_owned()
        } else {
            format!("till-{n}")
        };
        let command = command().id(id).new_stream::<Till>(&till);
        let log = log.clone();
        async move { put(&log, command, &till, 1).await.unwrap() }
    });
    let receipts = join_all(commands).await;
    assert_eq!(receipts.iter().filter(|r| r.duplicate).count(), 4);
    assert!(receipts.iter().all(|receipt| receipt.answer == 1));
    let mut positions: Vec<u64> = receipts
        .iter()
        .filter(|r| !r.duplicate)
        .map(|r| r.position)
        .collect();
    positions.sort_unstable();
    assert_eq!(positions, (2..=61).collect::<Vec<_>>());
    assert_whole(&log).await;
}

async fn a_stream_said_to_be_new_that_lives_elsewhere_is_refused(ground: Ground) {
    let log = ground.open_with(|config| config.partitions = Some(2)).await;
    put(&log, command(), "a", 5).await.unwrap();
    let elsewhere = ordo_event_log::Command::new(tenant(), 1).new_stream::<Till>("a");
    let refused = log
        .execute(elsewhere, |unit| {
            Ok::<i64, Halt<Short>>(unit.decide::<Till>("a", TillCommand::Put(1))?.balance)
        })
        .await;
    assert!(
        matches!(refused, Err(ExecuteError::Invalid(_))),
        "{refused:?}"
    );
    assert_whole(&log).await;
}
