use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use ordo_event_log::EventSource;
use ordo_projection::{NotYet, ReadModel};
use ordo_testkit::{eventually, stores};

use crate::{
    fake_log::FakeLog,
    journal::{Journal, counts, settings, token, wait},
};

const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn events_of_several_partitions_and_services_are_applied_once() {
    for store in stores().await.unwrap() {
        let (own, other) = (FakeLog::new("test", 2), FakeLog::new("other", 1));
        own.append_many(0, 2_500);
        own.append_many(1, 10);
        let sources: Vec<Arc<dyn EventSource>> =
            vec![Arc::new(own.clone()), Arc::new(other.clone())];
        let journal = Journal::default();
        let largest = journal.largest_batch.clone();
        let model = ReadModel::start(settings(store.store_url()), Arc::new(journal), sources)
            .await
            .unwrap();
        wait(&model, 0, 2_500).await;
        wait(&model, 1, 10).await;
        assert_eq!(counts(&model.db()).await, (2_510, 2_510), "{}", store.name);
        let largest = largest.load(Ordering::SeqCst);
        assert!((2..=1_000).contains(&largest), "{largest}");
        let status = model.status().await;
        assert_eq!(
            (status.state.as_str(), status.generation, status.version),
            ("SERVING", 1, 1)
        );
        assert_eq!(
            status
                .progress
                .iter()
                .map(|p| (p.position, p.head))
                .collect::<Vec<_>>(),
            [(2_500, 2_500), (10, 10), (0, 0)]
        );
        model.close().await;
    }
}

#[tokio::test]
async fn a_query_waits_for_what_its_token_names_and_is_woken_by_the_commit() {
    for store in stores().await.unwrap() {
        let log = FakeLog::new("test", 1);
        let model = ReadModel::start(
            settings(store.store_url()),
            Arc::new(Journal::default()),
            log.source(),
        )
        .await
        .unwrap();
        model.wait_for(None, Duration::ZERO).await.unwrap();
        model
            .wait_for(Some(&token("stranger", 7, 99, 1)), Duration::ZERO)
            .await
            .unwrap();
        let behind = model
            .wait_for(Some(&token("test", 0, 1, 1)), Duration::from_millis(50))
            .await;
        assert_eq!(
            behind,
            Err(NotYet::Behind {
                service: "test".to_owned(),
                partition: 0,
                wanted: 1,
                reached: 0
            })
        );
        let unknown = model.wait_for(Some(&token("test", 5, 1, 1)), SOON).await;
        assert!(
            matches!(unknown, Err(NotYet::UnknownPartition { partition: 5, .. })),
            "{unknown:?}"
        );
        let begun = Instant::now();
        let waiting = tokio::spawn({
            let model = model.clone();
            async move { model.wait_for(Some(&token("test", 0, 1, 1)), SOON).await }
        });
        log.append(0, "s", "Counted", "");
        waiting.await.unwrap().unwrap();
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{:?}",
            begun.elapsed()
        );
        assert_eq!(counts(&model.db()).await, (1, 1));
        model.close().await;
    }
}

#[tokio::test]
async fn a_token_of_a_restored_log_without_new_events_is_satisfied() {
    for store in stores().await.unwrap() {
        let log = FakeLog::new("test", 1);
        log.append_many(0, 3);
        let model = ReadModel::start(
            settings(store.store_url()),
            Arc::new(Journal::default()),
            log.source(),
        )
        .await
        .unwrap();
        wait(&model, 0, 3).await;
        // Restored to where it was: only the epoch differs.
        log.restore(0, 3);
        model
            .wait_for(Some(&token("test", 0, 3, 2)), SOON)
            .await
            .unwrap();
        model.close().await;
    }
}

#[tokio::test]
async fn a_failing_event_leaves_nothing_behind_and_everything_before_it_applied() {
    for store in stores().await.unwrap() {
        for panics in [false, true] {
            let log = FakeLog::new("test", 1);
            log.append_many(0, 40);
            log.append(0, "bad", "Poison", "");
            log.append_many(0, 9);
            let journal = Journal::default();
            let (poison, panic) = (journal.poison.clone(), journal.panics.clone());
            poison.store(true, Ordering::SeqCst);
            panic.store(panics, Ordering::SeqCst);
            let settings = ordo_projection::ReadModelSettings {
                service: format!("test{}", u8::from(panics)),
                ..settings(store.store_url())
            };
            let model = ReadModel::start(settings, Arc::new(journal), log.source())
                .await
                .unwrap();
            eventually(SOON, async || {
                let status = model.status().await;
                status.state == "FAILED"
                    && status.error.contains("position 41")
                    && counts(&model.db()).await.0 == 40
            })
            .await;
            assert_eq!(counts(&model.db()).await, (40, 40), "{}", store.name);
            let status = model.status().await;
            assert!(status.error.contains("test.v1.Poison"), "{}", status.error);
            poison.store(false, Ordering::SeqCst);
            panic.store(false, Ordering::SeqCst);
            wait(&model, 0, 50).await;
            assert_eq!(counts(&model.db()).await, (50, 50));
            eventually(SOON, async || model.status().await.state == "SERVING").await;
            model.close().await;
        }
    }
}

#[tokio::test]
async fn a_restart_goes_on_where_it_stopped() {
    for store in stores().await.unwrap() {
        let log = FakeLog::new("test", 1);
        log.append_many(0, 100);
        let model = ReadModel::start(
            settings(store.store_url()),
            Arc::new(Journal::default()),
            log.source(),
        )
        .await
        .unwrap();
        wait(&model, 0, 100).await;
        model.close().await;
        log.append_many(0, 5);
        let journal = Journal::default();
        let applied = journal.applied.clone();
        let model = ReadModel::start(settings(store.store_url()), Arc::new(journal), log.source())
            .await
            .unwrap();
        wait(&model, 0, 105).await;
        assert_eq!(
            applied.load(Ordering::SeqCst),
            5,
            "only what is new is applied"
        );
        assert_eq!(counts(&model.db()).await, (105, 105));
        model.close().await;
    }
}

#[tokio::test]
async fn a_log_that_is_away_is_shown_and_followed_again() {
    for store in stores().await.unwrap() {
        let log = FakeLog::new("test", 1);
        log.set_away(true);
        let model = ReadModel::start(
            settings(store.store_url()),
            Arc::new(Journal::default()),
            log.source(),
        )
        .await
        .unwrap();
        eventually(SOON, async || {
            model.status().await.error.contains("cut off by the test")
        })
        .await;
        log.append_many(0, 3);
        log.set_away(false);
        wait(&model, 0, 3).await;
        eventually(SOON, async || model.status().await.error.is_empty()).await;
        model.close().await;
    }
}

#[tokio::test]
async fn of_two_processes_one_follows_and_the_other_sees_its_commits() {
    let [_, store] = stores().await.unwrap();
    let log = FakeLog::new("test", 1);
    log.append_many(0, 10);
    let start = async || {
        ReadModel::start(
            settings(store.store_url()),
            Arc::new(Journal::default()),
            log.source(),
        )
        .await
        .unwrap()
    };
    let (first, second) = (start().await, start().await);
    for round in 1..=20_u64 {
        log.append_many(0, 10);
        wait(&first, 0, 10 + round * 10).await;
        wait(&second, 0, 10 + round * 10).await;
    }
    assert_eq!(counts(&first.db()).await, (210, 210));
    assert_eq!(counts(&second.db()).await, (210, 210));
    first.close().await;
    log.append_many(0, 1);
    wait(&second, 0, 211).await;
    assert_eq!(counts(&second.db()).await, (211, 211));
    second.close().await;
}
