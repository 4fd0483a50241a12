use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ordo_event_log::Timestamp;
use ordo_projection::{ReactionError, Reactor};
use ordo_testkit::{eventually, stores};

use crate::{
    fake_log::FakeLog,
    probe::{Probe, SOON, idle, settings},
};

fn after(millis: i64) -> Timestamp {
    Timestamp(Timestamp::now().0 + millis * 1_000)
}

fn is_event(what: &str) -> bool {
    what.parse::<u64>().is_ok()
}

#[tokio::test]
async fn a_timer_fires_once_when_it_is_due() {
    for store in stores().await.unwrap() {
        let log = FakeLog::new("test", 1);
        let due = after(400);
        let probe = Probe::new(move |seen, context| {
            if is_event(&seen.what) {
                context.schedule("expire", due, b"payload".to_vec());
            }
            Box::pin(async { Ok(()) })
        });
        // Two events schedule the same key.
        log.append(0, "e", "Happened", "");
        log.append(0, "e", "Happened", "");
        log.append(0, "other", "Happened", "");
        let reactor = Reactor::start(settings(store.store_url()), probe.clone(), log.source())
            .await
            .unwrap();
        eventually(SOON, async || {
            probe.of("e").len() == 3 && probe.of("other").len() == 2
        })
        .await;
        assert!(Timestamp::now() >= due, "not before it is due");
        assert_eq!(probe.of("e"), ["1", "2", "expire"], "{}", store.name);
        idle(&reactor).await;
        assert_eq!(reactor.status().await.unwrap().timers, 0);
        let ids: Vec<_> = probe
            .seen()
            .iter()
            .filter(|seen| seen.what == "expire")
            .map(|seen| seen.command_id.clone())
            .collect();
        assert_ne!(
            ids[0], ids[1],
            "timers of different entities send different commands"
        );
        reactor.close().await;
    }
}

#[tokio::test]
async fn timers_survive_a_restart_and_can_be_cancelled() {
    for store in stores().await.unwrap() {
        let log = FakeLog::new("test", 1);
        let due = after(1_500);
        let script = move |cancels: bool| {
            Probe::new(move |seen, context| {
                if cancels {
                    context.cancel_timer("expire");
                } else if is_event(&seen.what) {
                    context.schedule("expire", due, Vec::new());
                    context.schedule("late", Timestamp(i64::MAX), Vec::new());
                }
                Box::pin(async { Ok(()) })
            })
        };
        log.append(0, "kept", "Happened", "");
        log.append(0, "cancelled", "Happened", "");
        let probe = script(false);
        let reactor = Reactor::start(settings(store.store_url()), probe.clone(), log.source())
            .await
            .unwrap();
        eventually(SOON, async || reactor.status().await.unwrap().timers == 4).await;
        reactor.close().await;
        log.append(0, "cancelled", "Happened", "");
        let probe = script(true);
        let reactor = Reactor::start(settings(store.store_url()), probe.clone(), log.source())
            .await
            .unwrap();
        eventually(SOON, async || probe.of("kept") == ["expire"]).await;
        idle(&reactor).await;
        assert_eq!(probe.of("cancelled"), ["3"], "{}", store.name);
        assert_eq!(reactor.status().await.unwrap().timers, 2);
        reactor.close().await;
    }
}

#[tokio::test]
async fn timers_of_a_try_that_failed_are_not_stored() {
    for store in stores().await.unwrap() {
        let log = FakeLog::new("test", 1);
        let probe = Probe::new(|seen, context| {
            context.schedule(
                &format!("timer-{}", seen.attempt),
                Timestamp(i64::MAX),
                Vec::new(),
            );
            let fails = seen.attempt < 3;
            Box::pin(async move {
                if fails {
                    Err(ReactionError::retry("away"))
                } else {
                    Ok(())
                }
            })
        });
        log.append(0, "e", "Happened", "");
        let reactor = Reactor::start(settings(store.store_url()), probe.clone(), log.source())
            .await
            .unwrap();
        eventually(SOON, async || probe.seen().len() == 3).await;
        idle(&reactor).await;
        assert_eq!(reactor.status().await.unwrap().timers, 1, "{}", store.name);
        reactor.close().await;
    }
}

#[tokio::test]
async fn a_timer_takes_its_turn_behind_what_its_entity_waits_for() {
    for store in stores().await.unwrap() {
        let log = FakeLog::new("test", 1);
        let away = Arc::new(AtomicBool::new(true));
        let probe = Probe::new({
            let away = away.clone();
            move |seen, context| {
                if seen.what == "1" {
                    context.schedule("expire", Timestamp::now(), Vec::new());
                }
                let fails = seen.what == "2" && away.load(Ordering::SeqCst);
                Box::pin(async move {
                    // Not a wait: work takes its time; the condition below does not depend on how much.
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    if fails {
                        Err(ReactionError::retry("away"))
                    } else {
                        Ok(())
                    }
                })
            }
        });
        log.append(0, "e", "Happened", "");
        log.append(0, "e", "Happened", "");
        let reactor = Reactor::start(settings(store.store_url()), probe.clone(), log.source())
            .await
            .unwrap();
        eventually(SOON, async || {
            let status = reactor.status().await.unwrap();
            status.pending == 2 && status.timers == 0 && probe.of("e").len() > 3
        })
        .await;
        assert!(
            !probe.of("e").contains(&"expire".to_owned()),
            "{}",
            store.name
        );
        away.store(false, Ordering::SeqCst);
        idle(&reactor).await;
        assert_eq!(probe.of("e").last().unwrap(), "expire");
        reactor.close().await;
    }
}
