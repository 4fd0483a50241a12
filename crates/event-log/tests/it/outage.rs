//! A database that goes away, also in the middle of a commit.

use std::{sync::atomic::Ordering, time::Duration};

use futures::future::join_all;
use ordo_event_log::{Command, EventLog, EventLogConfig, ExecuteError};
use ordo_proto::log::EventMetadata;

use crate::{
    fixture::*,
    proxy::{Cut, MARK, Proxy},
};

async fn open(ground: &Ground, proxy: &Proxy, patience: Duration) -> EventLog {
    let store = proxy.url(&ground.store.url).parse().unwrap();
    let mut config = EventLogConfig::new("shop", store).partitions(1);
    config.unavailable_after = patience;
    EventLog::open(config).await.unwrap()
}

/// A command whose commit the proxy recognises.
fn marked() -> Command {
    let reason = String::from_utf8(MARK.to_vec()).unwrap();
    command().metadata(EventMetadata {
        reason,
        ..EventMetadata::default()
    })
}

const PATIENT: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_request_is_lost_is_made_once() {
    let ground = Ground::postgres().await;
    let proxy = Proxy::start(&ground.store.url);
    let log = open(&ground, &proxy, PATIENT).await;
    for round in 1..=5 {
        proxy.cut_next_commit(Cut::Request);
        let receipt = put(&log, marked(), "a", 1).await.unwrap();
        assert!(proxy.hit.load(Ordering::SeqCst));
        assert_eq!(
            (receipt.position, receipt.answer, receipt.duplicate),
            (round, round as i64, false)
        );
    }
    assert_whole(&log).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_made_once() {
    let ground = Ground::postgres().await;
    let proxy = Proxy::start(&ground.store.url);
    let log = open(&ground, &proxy, PATIENT).await;
    for round in 1..=5 {
        proxy.cut_next_commit(Cut::Answer);
        // Without an id: only the log itself can tell that it was done.
        let receipt = put(&log, marked(), "a", 1).await.unwrap();
        assert!(proxy.hit.load(Ordering::SeqCst));
        assert_eq!(
            (receipt.position, receipt.answer, receipt.duplicate),
            (round, round as i64, false)
        );
    }
    assert_eq!(till(&log, "a").await.entries, 5);
    assert_whole(&log).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_to_results_without_events_is_found_again() {
    let ground = Ground::postgres().await;
    let proxy = Proxy::start(&ground.store.url);
    let log = open(&ground, &proxy, PATIENT).await;
    put(&log, command(), "a", 5).await.unwrap();
    proxy.cut_next_commit(Cut::Answer);
    let id = format!("look-{}", String::from_utf8_lossy(MARK));
    // The look-up of the id carries the mark too: it is cut first, and simply asked again.
    let first = log.execute(command().id(&id), balance("a")).await.unwrap();
    assert_eq!(
        (first.answer, first.position, first.duplicate),
        (5, 1, false)
    );
    assert!(
        log.execute(command().id(&id), balance("a"))
            .await
            .unwrap()
            .duplicate
    );
    assert_whole(&log).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_replicas_commit_is_not_taken_for_the_own_one() {
    let ground = Ground::postgres().await;
    let proxy = Proxy::start(&ground.store.url);
    let log = open(&ground, &proxy, PATIENT).await;
    let replica = ground.open().await;
    put(&replica, command(), "a", 1).await.unwrap();
    for round in 0..10 {
        proxy.cut_next_commit(if round % 2 == 0 {
            Cut::Request
        } else {
            Cut::Answer
        });
        // The replica writes the same position while the outcome is in doubt.
        let (mine, theirs) = tokio::join!(
            put(&log, marked(), "a", 1),
            put(&replica, command(), "a", 1)
        );
        let (mine, theirs) = (mine.unwrap(), theirs.unwrap());
        assert_ne!(mine.position, theirs.position);
    }
    assert_eq!(
        till(&log, "a").await,
        TillState {
            balance: 21,
            entries: 21
        }
    );
    assert_whole(&log).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_wait_for_a_database_that_comes_back() {
    let ground = Ground::postgres().await;
    let proxy = Proxy::start(&ground.store.url);
    let log = open(&ground, &proxy, PATIENT).await;
    put(&log, command(), "a", 1).await.unwrap();
    proxy.set_down(true);
    let waiting: Vec<_> = (0..20)
        .map(|n| {
            let log = log.clone();
            tokio::spawn(async move { put(&log, command().id(format!("w-{n}")), "a", 1).await })
        })
        .collect();
    // Reads say so at once.
    ordo_testkit::eventually(PATIENT, async || log.read_head(0).await.is_err()).await;
    proxy.set_down(false);
    for outcome in join_all(waiting).await {
        assert!(!outcome.unwrap().unwrap().duplicate);
    }
    assert_eq!(till(&log, "a").await.balance, 21);
    assert_whole(&log).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_do_not_wait_for_ever() {
    let ground = Ground::postgres().await;
    let proxy = Proxy::start(&ground.store.url);
    let log = open(&ground, &proxy, Duration::from_millis(300)).await;
    put(&log, command(), "a", 1).await.unwrap();
    proxy.set_down(true);
    let outcomes =
        join_all((0..20).map(|n| put(&log, command().id(format!("w-{n}")), "a", 1))).await;
    for outcome in &outcomes {
        assert!(
            matches!(outcome, Err(ExecuteError::Unavailable(_))),
            "{outcome:?}"
        );
    }
    proxy.set_down(false);
    // Whatever became of them: a repetition has the effect once.
    for n in 0..20 {
        ordo_testkit::eventually(PATIENT, async || {
            put(&log, command().id(format!("w-{n}")), "a", 1)
                .await
                .is_ok()
        })
        .await;
    }
    assert_eq!(till(&log, "a").await.balance, 21);
    assert_whole(&log).await;
}
