use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use ordo_projection::{NotYet, ReadModel};
use ordo_testkit::{eventually, stores};

use crate::{
    fake_log::FakeLog,
    journal::{Journal, counts, settings, token, wait},
};

const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_rebuild_happens_beside_the_serving_tables_and_finds_no_difference() {
    for store in stores().await.unwrap() {
        let log = FakeLog::new("test", 2);
        log.append_many(0, 3_000);
        let model = ReadModel::start(
            settings(store.store_url()),
            Arc::new(Journal::default()),
            log.source(),
        )
        .await
        .unwrap();
        wait(&model, 0, 3_000).await;
        let old = model.db();
        let rebuild = model.rebuild();
        let writer = tokio::spawn({
            let (log, model) = (log.clone(), model.clone());
            async move {
                for round in 1..=200_u64 {
                    log.append_many(1, 1);
                    wait(&model, 1, round).await;
                    let (events, entries) = counts(&model.db()).await;
                    assert_eq!(events, entries);
                    assert!(
                        events >= i64::try_from(3_000 + round).unwrap(),
                        "a reader went back in time: {events}"
                    );
                }
            }
        });
        let report = rebuild.finish().await.unwrap();
        assert!(report.switched);
        assert_eq!(report.rows_different, 0, "{}", store.name);
        writer.await.unwrap();
        assert_eq!(model.status().await.generation, 2);
        assert_eq!(counts(&model.db()).await, (3_200, 3_200));
        drop(old);
        model.close().await;
    }
}

#[tokio::test]
async fn replaced_tables_are_kept_for_a_query_that_began_on_them_and_then_removed() {
    let [store, _] = stores().await.unwrap();
    let log = FakeLog::new("test", 1);
    log.append_many(0, 5);
    let settings = ordo_projection::ReadModelSettings {
        drain: Duration::from_secs(60),
        ..settings(store.store_url())
    };
    let model = ReadModel::start(settings, Arc::new(Journal::default()), log.source())
        .await
        .unwrap();
    wait(&model, 0, 5).await;
    let old = model.db();
    model.rebuild().finish().await.unwrap();
    assert_eq!(counts(&old).await, (5, 5), "the old tables still answer");
    drop(old);
    let file =
        std::path::Path::new(store.url.trim_start_matches("sqlite://")).join("test.journal.g1.db");
    eventually(SOON, async || !file.exists()).await;
    model.close().await;
}

#[tokio::test]
async fn a_comparison_finds_changed_missing_and_surplus_rows() {
    for store in stores().await.unwrap() {
        let log = FakeLog::new("test", 1);
        log.append_many(0, 1_000);
        let model = ReadModel::start(
            settings(store.store_url()),
            Arc::new(Journal::default()),
            log.source(),
        )
        .await
        .unwrap();
        wait(&model, 0, 1_000).await;
        let found = model.verify().await.unwrap();
        assert_eq!(
            (found.rows_examined, found.rows_different),
            (1_010, 0),
            "{}",
            store.name
        );
        let db = model.db();
        db.execute(
            "update stream set events = events + 1 where id = 's-3'",
            &[],
        )
        .await
        .unwrap();
        db.execute("delete from entry where position = 7", &[])
            .await
            .unwrap();
        db.execute(
            "insert into entry (partition, position, type, note) values (9, 1, 'é', 'surplus')",
            &[],
        )
        .await
        .unwrap();
        let found = model.verify().await.unwrap();
        // In `entry` one row is missing and one too many.
        assert_eq!(found.rows_different, 2, "{}: {found:?}", store.name);
        assert!(!found.is_equal());
        assert!(found.difference.unwrap().contains("entry"));
        let report = model.rebuild().finish().await.unwrap();
        assert_eq!(report.rows_different, 2);
        assert!(
            model.verify().await.unwrap().is_equal(),
            "the rebuilt tables are right"
        );
        drop(db);
        model.close().await;
    }
}

#[tokio::test]
async fn a_new_version_is_built_while_the_old_tables_serve() {
    for store in stores().await.unwrap() {
        let log = FakeLog::new("test", 1);
        log.append_many(0, 50);
        log.append(0, "bad", "Poison", "");
        let model = ReadModel::start(
            settings(store.store_url()),
            Arc::new(Journal::default()),
            log.source(),
        )
        .await
        .unwrap();
        wait(&model, 0, 51).await;
        model.close().await;

        log.append_many(0, 10);
        let journal = Journal {
            version: 2,
            ..Journal::default()
        };
        let poison = journal.poison.clone();
        // Holds the building up.
        poison.store(true, Ordering::SeqCst);
        let model = ReadModel::start(settings(store.store_url()), Arc::new(journal), log.source())
            .await
            .unwrap();
        assert_eq!(counts(&model.db()).await, (51, 51), "the old tables answer");
        model.wait_for(None, Duration::ZERO).await.unwrap();
        let status = model.status().await;
        assert_eq!(
            (status.version, status.state.as_str()),
            (1, "BUILDING"),
            "{status:?}"
        );
        poison.store(false, Ordering::SeqCst);
        wait(&model, 0, 61).await;
        let status = model.status().await;
        assert_eq!(
            (status.version, status.generation, status.state.as_str()),
            (2, 2, "SERVING"),
            "{}",
            store.name
        );
        assert_eq!(counts(&model.db()).await, (61, 61));
        model.close().await;
    }
}

#[tokio::test]
async fn a_build_that_was_interrupted_goes_on_after_a_restart() {
    for store in stores().await.unwrap() {
        let log = FakeLog::new("test", 1);
        log.append_many(0, 30);
        log.append(0, "bad", "Poison", "");
        let model = ReadModel::start(
            settings(store.store_url()),
            Arc::new(Journal::default()),
            log.source(),
        )
        .await
        .unwrap();
        wait(&model, 0, 31).await;
        model.close().await;
        for poisoned in [true, false] {
            let journal = Journal {
                version: 2,
                ..Journal::default()
            };
            let applied = journal.applied.clone();
            journal.poison.store(poisoned, Ordering::SeqCst);
            let model =
                ReadModel::start(settings(store.store_url()), Arc::new(journal), log.source())
                    .await
                    .unwrap();
            if poisoned {
                eventually(SOON, async || applied.load(Ordering::SeqCst) == 30).await;
            } else {
                eventually(SOON, async || model.status().await.version == 2).await;
                assert_eq!(applied.load(Ordering::SeqCst), 1, "{}", store.name);
                assert_eq!(model.status().await.generation, 2);
            }
            model.close().await;
        }
    }
}

#[tokio::test]
async fn nothing_is_served_while_only_tables_are_there_that_the_queries_cannot_read() {
    for store in stores().await.unwrap() {
        let log = FakeLog::new("test", 1);
        log.append(0, "bad", "Poison", "");
        let model = ReadModel::start(
            settings(store.store_url()),
            Arc::new(Journal::default()),
            log.source(),
        )
        .await
        .unwrap();
        wait(&model, 0, 1).await;
        model.close().await;
        let journal = Journal {
            version: 2,
            ..Journal::default()
        };
        journal.unreadable_version.store(1, Ordering::SeqCst);
        let poison = journal.poison.clone();
        poison.store(true, Ordering::SeqCst);
        let model = ReadModel::start(settings(store.store_url()), Arc::new(journal), log.source())
            .await
            .unwrap();
        let answer = model.wait_for(None, Duration::from_millis(50)).await;
        assert_eq!(answer, Err(NotYet::Building), "{}", store.name);
        poison.store(false, Ordering::SeqCst);
        model.wait_for(None, SOON).await.unwrap();
        assert_eq!(counts(&model.db()).await, (1, 1));
        model.close().await;
    }
}

#[tokio::test]
async fn a_restored_log_makes_the_read_model_start_over() {
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
        log.restore(0, 60);
        log.append_many(0, 3);
        model
            .wait_for(Some(&token("test", 0, 63, 2)), SOON)
            .await
            .unwrap();
        eventually(SOON, async || counts(&model.db()).await == (63, 63)).await;
        assert_eq!(model.status().await.generation, 2, "{}", store.name);
        // A position that was lost is not waited for.
        model
            .wait_for(Some(&token("test", 0, 99, 1)), Duration::from_secs(5))
            .await
            .unwrap();
        model.close().await;
    }
}

#[tokio::test]
async fn a_rebuild_that_does_not_apply_leaves_the_serving_tables_alone() {
    let [store, _] = stores().await.unwrap();
    let log = FakeLog::new("test", 1);
    log.append(0, "bad", "Poison", "");
    log.append_many(0, 10);
    let journal = Journal::default();
    let poison = journal.poison.clone();
    let model = ReadModel::start(settings(store.store_url()), Arc::new(journal), log.source())
        .await
        .unwrap();
    wait(&model, 0, 11).await;
    poison.store(true, Ordering::SeqCst);
    let rebuild = model.rebuild();
    tokio::time::timeout(Duration::from_secs(60), rebuild.finish())
        .await
        .unwrap()
        .expect_err("the events do not apply");
    assert_eq!(counts(&model.db()).await, (11, 11));
    let status = model.status().await;
    assert_eq!((status.generation, status.state.as_str()), (1, "SERVING"));
    log.append_many(0, 1);
    wait(&model, 0, 12).await;
    model.close().await;
}

#[tokio::test]
async fn a_rebuild_by_one_process_is_adopted_by_the_others() {
    let [_, store] = stores().await.unwrap();
    let log = FakeLog::new("test", 1);
    log.append_many(0, 20);
    let start = async || {
        let settings = settings(store.store_url());
        ReadModel::start(settings, Arc::new(Journal::default()), log.source())
            .await
            .unwrap()
    };
    let (first, second) = (start().await, start().await);
    wait(&first, 0, 20).await;
    wait(&second, 0, 20).await;
    first.rebuild().finish().await.unwrap();
    log.append_many(0, 1);
    eventually(SOON, async || second.status().await.generation == 2).await;
    wait(&second, 0, 21).await;
    assert_eq!(counts(&second.db()).await, (21, 21));
    assert_eq!(counts(&first.db()).await, (21, 21));
    first.close().await;
    second.close().await;
}
