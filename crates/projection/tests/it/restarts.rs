use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ordo_projection::{ReactionError, Reactor, ReactorSettings};
use ordo_sql::{Db, OpenOptions, StoreUrl, params};
use ordo_testkit::{eventually, stores};

use crate::{
    fake_log::FakeLog,
    probe::{Probe, SOON, idle, settings},
};

/// A probe whose tries never end.
fn hanging() -> Arc<Probe> {
    Probe::new(|_, _| Box::pin(std::future::pending()))
}

async fn inbox(store: &StoreUrl) -> Db {
    let options = OpenOptions::durable();
    store.open("test.probe.inbox", options).await.unwrap()
}

/// Makes it look as if the last owner had ended without a farewell.
async fn crash(store: &StoreUrl) {
    let db = inbox(store).await;
    db.execute("update owner set clean = 0, until = 0", &[])
        .await
        .unwrap();
    db.close().await;
}

#[tokio::test]
async fn what_was_stored_and_not_done_is_done_after_a_restart_with_the_same_command_ids() {
    for store in stores().await.unwrap() {
        let url = store.store_url();
        let log = FakeLog::new("test", 1);
        for n in 0..30 {
            log.append(0, &format!("e{}", n % 10), "Happened", "");
        }
        let first = hanging();
        let reactor = Reactor::start(settings(url.clone()), first.clone(), log.source())
            .await
            .unwrap();
        // The effect of ten events happened; that they are done was never stored.
        eventually(SOON, async || first.seen().len() == 10).await;
        reactor.close().await;
        crash(&url).await;
        // The log is not needed for it.
        log.set_away(true);
        let second = Probe::willing();
        let reactor = Reactor::start(settings(url.clone()), second.clone(), log.source())
            .await
            .unwrap();
        eventually(SOON, async || second.seen().len() == 30).await;
        eventually(SOON, async || reactor.status().await.unwrap().pending == 0).await;
        for seen in first.seen().iter() {
            let again = second
                .seen()
                .iter()
                .find(|other| other.what == seen.what)
                .cloned()
                .unwrap();
            assert_eq!(again.command_id, seen.command_id, "{}", store.name);
            assert_eq!(
                (seen.attempt, again.attempt),
                (1, 2),
                "the attempt was stored before the try"
            );
        }
        reactor.close().await;
        let third = Probe::willing();
        log.set_away(false);
        let reactor = Reactor::start(settings(url), third.clone(), log.source())
            .await
            .unwrap();
        idle(&reactor).await;
        assert!(third.seen().is_empty(), "what is done stays done");
        reactor.close().await;
    }
}

#[tokio::test]
async fn what_ends_the_process_again_and_again_is_parked() {
    for store in stores().await.unwrap() {
        let url = store.store_url();
        let log = FakeLog::new("test", 1);
        log.append(0, "poison", "Happened", "");
        for round in 1..=4 {
            let probe = hanging();
            let reactor = Reactor::start(settings(url.clone()), probe.clone(), log.source())
                .await
                .unwrap();
            eventually(SOON, async || probe.seen().len() == 1).await;
            assert_eq!(probe.seen()[0].attempt, round);
            reactor.close().await;
            crash(&url).await;
        }
        log.append(0, "innocent", "Happened", "");
        let probe = Probe::willing();
        let reactor = Reactor::start(settings(url), probe.clone(), log.source())
            .await
            .unwrap();
        eventually(SOON, async || reactor.status().await.unwrap().parked == 1).await;
        idle(&reactor).await;
        assert_eq!(probe.of("innocent"), ["2"], "{}", store.name);
        assert!(probe.of("poison").is_empty());
        assert!(
            reactor.parked("", 1).await.unwrap()[0]
                .error
                .contains("process ended")
        );
        reactor.close().await;
    }
}

/// The inbox is written behind: a process may end while it is at things that nobody has noted.
#[tokio::test]
async fn what_may_have_ended_a_process_is_stored_before_it_is_begun_again() {
    for store in stores().await.unwrap() {
        let url = store.store_url();
        let log = FakeLog::new("test", 1);
        for n in 0..3 {
            log.append(0, &format!("e{n}"), "Happened", "");
        }
        let first = hanging();
        let reactor = Reactor::start(settings(url.clone()), first.clone(), log.source())
            .await
            .unwrap();
        eventually(SOON, async || first.seen().len() == 3).await;
        reactor.close().await;
        let db = inbox(&url).await;
        for lost in ["delete from inbox", "delete from ordo_checkpoint"] {
            db.execute(lost, &[]).await.unwrap();
        }
        crash(&url).await;
        let second = Probe::new({
            let db = db.clone();
            move |seen, _| {
                let (db, entity) = (db.clone(), seen.entity.clone());
                Box::pin(async move {
                    let sql = "select 1 from inbox where entity = $1";
                    let stored = db.fetch_optional(sql, &params![&entity]).await;
                    if stored.unwrap().is_none() {
                        return Err(ReactionError::park("begun before it was stored"));
                    }
                    std::future::pending().await
                })
            }
        });
        // What is read first is stored at once in any case.
        let one_by_one = ReactorSettings {
            batch: 1,
            ..settings(url.clone())
        };
        let reactor = Reactor::start(one_by_one, second.clone(), log.source())
            .await
            .unwrap();
        eventually(SOON, async || second.seen().len() == 3).await;
        let parked = reactor.parked("", 10).await.unwrap();
        assert!(parked.is_empty(), "{}: {parked:?}", store.name);
        reactor.close().await;
        crash(&url).await;
        let third = Probe::willing();
        let reactor = Reactor::start(settings(url), third.clone(), log.source())
            .await
            .unwrap();
        idle(&reactor).await;
        let attempts: Vec<_> = third.seen().iter().map(|seen| seen.attempt).collect();
        assert_eq!(attempts, [2, 2, 2], "{}", store.name);
        reactor.close().await;
        db.close().await;
    }
}

#[tokio::test]
async fn a_restored_log_is_handled_again_from_its_first_event_with_the_same_command_ids() {
    for store in stores().await.unwrap() {
        let log = FakeLog::new("test", 1);
        for n in 0..6 {
            log.append(0, &format!("e{n}"), "Happened", "");
        }
        let probe = Probe::willing();
        let reactor = Reactor::start(settings(store.store_url()), probe.clone(), log.source())
            .await
            .unwrap();
        idle(&reactor).await;
        assert_eq!(probe.seen().len(), 6);
        log.restore(0, 4);
        log.append(0, "new", "Happened", "");
        eventually(SOON, async || probe.seen().len() == 11).await;
        idle(&reactor).await;
        let seen = probe.seen().clone();
        assert_eq!(
            seen.iter().filter(|seen| seen.entity == "new").count(),
            1,
            "{}",
            store.name
        );
        for first in &seen[..4] {
            let ids = seen
                .iter()
                .filter(|other| other.entity == first.entity)
                .map(|seen| &seen.command_id);
            assert!(ids.clone().all(|id| *id == first.command_id));
            assert_eq!(ids.count(), 2);
        }
        reactor.close().await;
    }
}

#[tokio::test]
async fn of_two_processes_one_handles_events_and_the_other_takes_over() {
    let [_, store] = stores().await.unwrap();
    let log = FakeLog::new("test", 1);
    let (one, two) = (Probe::willing(), Probe::willing());
    let first = Reactor::start(settings(store.store_url()), one.clone(), log.source())
        .await
        .unwrap();
    log.append(0, "e", "Happened", "");
    eventually(SOON, async || one.seen().len() == 1).await;
    let second = Reactor::start(settings(store.store_url()), two.clone(), log.source())
        .await
        .unwrap();
    for n in 0..50 {
        log.append(0, &format!("e{n}"), "Happened", "");
    }
    eventually(SOON, async || one.seen().len() == 51).await;
    idle(&second).await;
    assert!(two.seen().is_empty());
    first.close().await;
    log.append(0, "e", "Happened", "");
    eventually(SOON, async || two.seen().len() == 1).await;
    assert_eq!(two.of("e"), ["52"]);
    second.close().await;
}

#[tokio::test]
async fn closing_lets_tries_end_and_stores_them() {
    for store in stores().await.unwrap() {
        let log = FakeLog::new("test", 1);
        log.append(0, "e", "Happened", "");
        let (begun, may_end) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(tokio::sync::Notify::new()),
        );
        let probe = Probe::new({
            let (begun, may_end) = (begun.clone(), may_end.clone());
            move |_, _| {
                let (begun, may_end) = (begun.clone(), may_end.clone());
                Box::pin(async move {
                    begun.store(true, Ordering::SeqCst);
                    may_end.notified().await;
                    Ok(())
                })
            }
        });
        let settings = ReactorSettings {
            drain: Duration::from_secs(20),
            ..settings(store.store_url())
        };
        let reactor = Reactor::start(settings.clone(), probe.clone(), log.source())
            .await
            .unwrap();
        eventually(SOON, async || begun.load(Ordering::SeqCst)).await;
        let closing = tokio::spawn({
            let reactor = reactor.clone();
            async move { reactor.close().await }
        });
        may_end.notify_one();
        closing.await.unwrap();
        let again = Probe::willing();
        let reactor = Reactor::start(settings, again.clone(), log.source())
            .await
            .unwrap();
        idle(&reactor).await;
        assert!(again.seen().is_empty(), "{}", store.name);
        reactor.close().await;
    }
}
