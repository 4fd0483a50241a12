//! Read models that begin with nothing on logs that have events already, as after a restore.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use ordo_event_log::EventSource;
use ordo_projection::{NotYet, ReadModel, ReadModelSettings};
use ordo_testkit::{eventually, stores};

use crate::{
    fake_log::FakeLog,
    journal::{Journal, counts, settings, wait},
};

const SOON: Duration = Duration::from_secs(20);
const MOMENT: Duration = Duration::from_millis(50);

/// A log of 51 events of which the last one can be made not to apply: it holds a build up.
fn log_with_poison() -> FakeLog {
    let log = FakeLog::new("test", 1);
    log.append_many(0, 50);
    log.append(0, "bad", "Poison", "");
    log
}

async fn held_up_before_the_last(model: &ReadModel) {
    eventually(SOON, async || {
        let status = model.status().await;
        status.state == "FAILED" && status.progress[0].position == 50
    })
    .await;
}

#[tokio::test]
async fn first_tables_serve_when_they_have_reached_where_the_log_ended() {
    for store in stores().await.unwrap() {
        let log = log_with_poison();
        let journal = Journal::default();
        let poison = journal.poison.clone();
        poison.store(true, Ordering::SeqCst);
        let model = ReadModel::start(settings(store.store_url()), Arc::new(journal), log.source())
            .await
            .unwrap();
        let status = model.status().await;
        assert_eq!(status.state, "BUILDING", "{}: {status:?}", store.name);
        held_up_before_the_last(&model).await;
        let answer = model.wait_for(None, MOMENT).await;
        assert_eq!(answer, Err(NotYet::Building), "{}", store.name);
        poison.store(false, Ordering::SeqCst);
        model.wait_for(None, SOON).await.unwrap();
        assert_eq!(counts(&model.db()).await, (51, 51), "{}", store.name);
        let status = model.status().await;
        assert_eq!((status.state.as_str(), status.generation), ("SERVING", 1));
        log.append_many(0, 1);
        wait(&model, 0, 52).await;
        model.close().await;
    }
}

#[tokio::test]
async fn first_tables_that_a_restart_interrupts_do_not_serve_half_built() {
    for store in stores().await.unwrap() {
        let log = log_with_poison();
        for poisoned in [true, true, false] {
            let journal = Journal::default();
            let applied = journal.applied.clone();
            journal.poison.store(poisoned, Ordering::SeqCst);
            let model =
                ReadModel::start(settings(store.store_url()), Arc::new(journal), log.source())
                    .await
                    .unwrap();
            if poisoned {
                held_up_before_the_last(&model).await;
                let answer = model.wait_for(None, MOMENT).await;
                assert_eq!(answer, Err(NotYet::Building), "{}", store.name);
            } else {
                model.wait_for(None, SOON).await.unwrap();
                assert_eq!(counts(&model.db()).await, (51, 51), "{}", store.name);
                assert_eq!(applied.load(Ordering::SeqCst), 1, "{}", store.name);
            }
            model.close().await;
        }
    }
}

#[tokio::test]
async fn first_tables_begin_anew_when_the_log_is_restored_beneath_them() {
    for store in stores().await.unwrap() {
        let log = log_with_poison();
        let journal = Journal::default();
        journal.poison.store(true, Ordering::SeqCst);
        let model = ReadModel::start(settings(store.store_url()), Arc::new(journal), log.source())
            .await
            .unwrap();
        held_up_before_the_last(&model).await;
        model.close().await;
        log.restore(0, 20);
        log.append_many(0, 60);
        let model = ReadModel::start(
            settings(store.store_url()),
            Arc::new(Journal::default()),
            log.source(),
        )
        .await
        .unwrap();
        model.wait_for(None, SOON).await.unwrap();
        assert_eq!(counts(&model.db()).await, (80, 80), "{}", store.name);
        assert_eq!(model.status().await.state, "SERVING");
        model.close().await;
    }
}

#[tokio::test]
async fn first_tables_do_not_serve_while_the_end_of_their_own_log_is_unknown() {
    for store in stores().await.unwrap() {
        let log = FakeLog::new("test", 1);
        log.append_many(0, 3);
        log.set_away(true);
        let model = ReadModel::start(
            settings(store.store_url()),
            Arc::new(Journal::default()),
            log.source(),
        )
        .await
        .unwrap();
        eventually(SOON, async || {
            let status = model.status().await;
            status.state == "BUILDING" && status.error.contains("cut off by the test")
        })
        .await;
        let answer = model.wait_for(None, MOMENT).await;
        assert_eq!(answer, Err(NotYet::Building), "{}", store.name);
        log.set_away(false);
        model.wait_for(None, SOON).await.unwrap();
        assert_eq!(counts(&model.db()).await, (3, 3), "{}", store.name);
        model.close().await;
    }
}

#[tokio::test]
async fn first_tables_wait_for_a_followed_log_only_when_its_owner_is_there() {
    for store in stores().await.unwrap() {
        for (service, away) in [("test1", true), ("test2", false)] {
            let (own, other) = (FakeLog::new(service, 1), FakeLog::new("other", 1));
            other.append_many(0, 50);
            other.append(0, "bad", "Poison", "");
            other.set_away(away);
            let sources: Vec<Arc<dyn EventSource>> =
                vec![Arc::new(own.clone()), Arc::new(other.clone())];
            let settings = ReadModelSettings {
                service: service.to_owned(),
                ..settings(store.store_url())
            };
            let journal = Journal::default();
            journal.poison.store(true, Ordering::SeqCst);
            let model = ReadModel::start(settings, Arc::new(journal), sources)
                .await
                .unwrap();
            let answer = model.wait_for(None, MOMENT).await;
            assert_eq!(answer.is_ok(), away, "{}: {answer:?}", store.name);
            model.close().await;
        }
    }
}

#[tokio::test]
async fn a_replica_that_stands_by_serves_the_first_tables_when_the_other_has_built_them() {
    let [_, store] = stores().await.unwrap();
    let log = log_with_poison();
    let poison = Arc::default();
    let start = async || {
        let journal = Journal {
            poison: Arc::clone(&poison),
            ..Journal::default()
        };
        ReadModel::start(settings(store.store_url()), Arc::new(journal), log.source())
            .await
            .unwrap()
    };
    poison.store(true, Ordering::SeqCst);
    let (first, second) = (start().await, start().await);
    held_up_before_the_last(&first).await;
    for model in [&first, &second] {
        let answer = model.wait_for(None, MOMENT).await;
        assert_eq!(answer, Err(NotYet::Building));
    }
    poison.store(false, Ordering::SeqCst);
    for model in [&first, &second] {
        model.wait_for(None, SOON).await.unwrap();
        assert_eq!(counts(&model.db()).await, (51, 51));
    }
    first.close().await;
    log.append_many(0, 1);
    wait(&second, 0, 52).await;
    let status = second.status().await;
    assert_eq!((status.state.as_str(), status.generation), ("SERVING", 1));
    second.close().await;
}
