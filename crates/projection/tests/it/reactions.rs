use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ordo_projection::{NotYet, ReactionError, Reactor, ReactorSettings};
use ordo_testkit::{eventually, stores};
use tokio::sync::Semaphore;

use crate::{
    fake_log::FakeLog,
    journal::token,
    probe::{Peer, Probe, SOON, idle, settings},
};

#[tokio::test]
async fn an_entity_is_handled_in_order_and_entities_at_the_same_time() {
    for store in stores().await.unwrap() {
        let log = FakeLog::new("test", 1);
        for _ in 0..20 {
            for entity in 0..10 {
                log.append(0, &format!("e{entity}"), "Happened", "");
            }
            log.append(0, "e0", "Ignored", "");
        }
        let probe = Probe::new(|seen, _| {
            let wait = Duration::from_millis(seen.what.len() as u64);
            Box::pin(async move {
                // Not a wait: work that takes longer for some.
                tokio::time::sleep(wait).await;
                Ok(())
            })
        });
        let settings = ReactorSettings {
            concurrency: 4,
            ..settings(store.store_url())
        };
        let reactor = Reactor::start(settings, probe.clone(), log.source())
            .await
            .unwrap();
        eventually(SOON, async || probe.seen().len() == 200).await;
        idle(&reactor).await;
        for entity in 0..10 {
            let positions: Vec<u64> = probe
                .of(&format!("e{entity}"))
                .iter()
                .map(|what| what.parse().unwrap())
                .collect();
            assert_eq!(positions.len(), 20, "{}", store.name);
            assert!(positions.is_sorted(), "{positions:?}");
        }
        assert!(
            (2..=4).contains(&probe.most_at_once()),
            "{}",
            probe.most_at_once()
        );
        reactor.close().await;
    }
}

#[tokio::test]
async fn an_entity_whose_peer_is_away_does_not_hold_up_the_others_and_is_not_parked() {
    for store in stores().await.unwrap() {
        let log = FakeLog::new("test", 1);
        let away = Arc::new(AtomicBool::new(true));
        let probe = Probe::new({
            let away = away.clone();
            move |seen, _| {
                let fails = seen.entity == "slow" && away.load(Ordering::SeqCst);
                Box::pin(async move {
                    if fails {
                        Err(ReactionError::retry("away"))
                    } else {
                        Ok(())
                    }
                })
            }
        });
        log.append(0, "slow", "Happened", "");
        log.append(0, "slow", "Happened", "");
        for n in 0..50 {
            log.append(0, &format!("e{n}"), "Happened", "");
        }
        let reactor = Reactor::start(settings(store.store_url()), probe.clone(), log.source())
            .await
            .unwrap();
        eventually(SOON, async || {
            (0..50).all(|n| probe.of(&format!("e{n}")).len() == 1) && probe.of("slow").len() > 10
        })
        .await;
        let status = reactor.status().await.unwrap();
        assert_eq!((status.pending, status.parked), (2, 0), "{}", store.name);
        assert!(
            probe.of("slow").iter().all(|what| what == "1"),
            "the second event waits for the first"
        );
        let attempts: Vec<_> = probe
            .seen()
            .iter()
            .filter(|seen| seen.entity == "slow")
            .map(|seen| seen.attempt)
            .collect();
        assert!(
            attempts.is_sorted_by(|left, right| left + 1 == *right),
            "{attempts:?}"
        );
        away.store(false, Ordering::SeqCst);
        idle(&reactor).await;
        assert_eq!(probe.of("slow").last().unwrap(), "2");
        reactor.close().await;
    }
}

#[tokio::test]
async fn a_reaction_that_fails_at_every_step_carries_each_command_out_once() {
    for store in stores().await.unwrap() {
        let log = FakeLog::new("test", 1);
        let steps = ["reserve", "notify", "charge"];
        let peer = Arc::new(Peer::default());
        for (step, times) in steps.iter().zip([1, 2, 5]) {
            peer.fail(step, times);
        }
        let probe = Probe::new({
            let peer = peer.clone();
            move |_, context| {
                let calls = steps.map(|step| (step, context.command_id(step)));
                let peer = peer.clone();
                Box::pin(async move {
                    for (step, command_id) in calls {
                        peer.call(step, command_id)?;
                    }
                    Ok(())
                })
            }
        });
        let event = log.append(0, "e", "Happened", "");
        let reactor = Reactor::start(settings(store.store_url()), probe.clone(), log.source())
            .await
            .unwrap();
        eventually(SOON, async || probe.seen().len() == 9).await;
        idle(&reactor).await;
        let expected: BTreeSet<_> = steps
            .iter()
            .map(|step| format!("probe:{}:{step}", event.event_id))
            .collect();
        assert_eq!(
            peer.effects(),
            expected.into_iter().collect::<Vec<_>>(),
            "{}",
            store.name
        );
        reactor.close().await;
    }
}

#[tokio::test]
async fn an_entity_is_parked_after_its_limit_and_goes_on_when_it_is_replayed() {
    for store in stores().await.unwrap() {
        let log = FakeLog::new("test", 1);
        let broken = Arc::new(AtomicBool::new(true));
        let probe = Probe::new({
            let broken = broken.clone();
            move |seen, _| {
                let fails = seen.entity == "bad" && broken.load(Ordering::SeqCst);
                let panics = fails && seen.attempt == 2;
                Box::pin(async move {
                    assert!(!panics, "the test's panic");
                    if fails {
                        Err(ReactionError::failed("broken"))
                    } else {
                        Ok(())
                    }
                })
            }
        });
        let first = log.append(0, "bad", "Happened", "");
        let reactor = Reactor::start(settings(store.store_url()), probe.clone(), log.source())
            .await
            .unwrap();
        eventually(SOON, async || reactor.status().await.unwrap().parked == 1).await;
        for _ in 0..3 {
            log.append(0, "bad", "Happened", "");
        }
        log.append(0, "good", "Happened", "");
        idle(&reactor).await;
        assert_eq!(probe.of("bad"), ["1", "1", "1"]);
        assert_eq!(probe.of("good"), ["5"]);
        let parked = reactor.parked("", 10).await.unwrap();
        assert_eq!(parked.len(), 1);
        assert_eq!(
            (parked[0].entity.as_str(), parked[0].tenant.as_str()),
            ("bad", "shop")
        );
        assert_eq!(
            (parked[0].attempts, parked[0].waiting),
            (3, 3),
            "{}",
            store.name
        );
        assert_eq!(parked[0].event_id, first.event_id.to_string());
        assert_eq!(parked[0].event_type, "test.v1.Happened");
        assert!(parked[0].error.contains("broken"), "{}", parked[0].error);
        assert!(
            reactor.parked("bad", 10).await.unwrap().is_empty(),
            "the next page"
        );

        // A replay that does not help parks it again.
        assert_eq!(reactor.replay(Some("bad")).await.unwrap(), 1);
        eventually(SOON, async || probe.of("bad").len() == 6).await;
        eventually(SOON, async || reactor.status().await.unwrap().parked == 1).await;
        // It stays parked over a restart.
        reactor.close().await;
        let reactor = Reactor::start(settings(store.store_url()), probe.clone(), log.source())
            .await
            .unwrap();
        log.append(0, "bad", "Happened", "");
        idle(&reactor).await;
        assert_eq!(probe.of("bad").len(), 6);
        broken.store(false, Ordering::SeqCst);
        assert_eq!(reactor.replay(None).await.unwrap(), 1);
        eventually(SOON, async || probe.of("bad").len() == 11).await;
        idle(&reactor).await;
        assert_eq!(probe.of("bad")[6..], ["1", "2", "3", "4", "6"]);
        let status = reactor.status().await.unwrap();
        assert_eq!((status.parked, status.pending), (0, 0));
        assert_eq!(reactor.replay(Some("unknown")).await.unwrap(), 0);
        reactor.close().await;
    }
}

#[tokio::test]
async fn an_entity_goes_on_without_what_an_operator_dropped_and_the_record_says_who_and_why() {
    for store in stores().await.unwrap() {
        let log = FakeLog::new("test", 1);
        let probe = Probe::new(|seen, _| {
            let fails = seen.entity == "bad" && (seen.what == "1" || seen.what == "3");
            Box::pin(async move {
                if fails {
                    Err(ReactionError::park("poisoned"))
                } else {
                    Ok(())
                }
            })
        });
        let events: Vec<_> = (0..4)
            .map(|_| log.append(0, "bad", "Happened", ""))
            .collect();
        let ids: Vec<String> = events
            .iter()
            .map(|event| event.event_id.to_string())
            .collect();
        let reactor = Reactor::start(settings(store.store_url()), probe.clone(), log.source())
            .await
            .unwrap();
        let parked_by = async |id: &str| {
            let parked = reactor.parked("", 10).await.unwrap();
            parked.first().is_some_and(|parked| parked.event_id == id)
        };
        eventually(SOON, async || parked_by(&ids[0]).await).await;
        let drop = async |entity: &str, id: &str| {
            let dropped = reactor.drop_parked(entity, id, "olga", "a test order");
            dropped.await.unwrap()
        };
        assert_eq!(
            drop("bad", &ids[1]).await,
            None,
            "that one is not what failed"
        );
        assert_eq!(drop("good", &ids[0]).await, None, "that one is not parked");
        let first = drop("bad", &ids[0]).await.unwrap();
        assert_eq!(
            (
                first.actor.as_str(),
                first.reason.as_str(),
                first.error.as_str()
            ),
            ("olga", "a test order", "poisoned")
        );
        let at = first.at.as_ref().unwrap();
        assert_eq!(
            (at.service.as_str(), at.partition, at.position),
            ("test", 0, 1)
        );
        // The second one is done, the third one parks it again.
        eventually(SOON, async || parked_by(&ids[2]).await).await;
        assert_eq!(probe.of("bad"), ["1", "2", "3"], "{}", store.name);
        assert_eq!(drop("bad", &ids[0]).await, None, "dropped once");
        // Dropped by one process while another one owns the inbox, or before a restart: nothing depends on this process.
        assert!(drop("bad", &ids[2]).await.is_some());
        reactor.close().await;
        let reactor = Reactor::start(settings(store.store_url()), probe.clone(), log.source())
            .await
            .unwrap();
        idle(&reactor).await;
        eventually(SOON, async || probe.of("bad") == ["1", "2", "3", "4"]).await;
        assert_eq!(reactor.status().await.unwrap().parked, 0);
        let dropped = reactor.dropped("", 10).await.unwrap();
        let dropped_ids: Vec<&str> = dropped
            .iter()
            .map(|event| event.event_id.as_str())
            .collect();
        assert_eq!(dropped_ids, [ids[0].as_str(), ids[2].as_str()]);
        let next = reactor.dropped(&dropped[0].dropped_id, 10).await.unwrap();
        assert_eq!(next, dropped[1..]);
        reactor.close().await;
    }
}

#[tokio::test]
async fn a_reaction_that_needs_a_human_parks_at_once_and_one_that_waits_too_long_parks_at_last() {
    for store in stores().await.unwrap() {
        let log = FakeLog::new("test", 1);
        let probe = Probe::new(|seen, _| {
            let park = seen.entity == "human";
            Box::pin(async move {
                Err(if park {
                    ReactionError::park("no such site")
                } else {
                    ReactionError::retry("away")
                })
            })
        });
        log.append(0, "human", "Happened", "");
        log.append(0, "away", "Happened", "");
        let settings = ReactorSettings {
            retry_for: Duration::from_millis(300),
            ..settings(store.store_url())
        };
        let reactor = Reactor::start(settings, probe.clone(), log.source())
            .await
            .unwrap();
        eventually(SOON, async || reactor.status().await.unwrap().parked == 2).await;
        let parked = reactor.parked("", 10).await.unwrap();
        assert_eq!(
            (
                parked[1].entity.as_str(),
                parked[1].attempts,
                parked[1].error.as_str()
            ),
            ("human", 1, "no such site")
        );
        assert!(parked[0].attempts > 3, "{}: {parked:?}", store.name);
        reactor.close().await;
    }
}

#[tokio::test]
async fn reading_stops_while_too_much_is_to_be_done() {
    for store in stores().await.unwrap() {
        let log = FakeLog::new("test", 1);
        let gate = Arc::new(Semaphore::new(0));
        let probe = Probe::new({
            let gate = gate.clone();
            move |_, _| {
                let gate = gate.clone();
                Box::pin(async move {
                    gate.acquire().await.unwrap().forget();
                    Ok(())
                })
            }
        });
        for n in 0..500 {
            log.append(0, &format!("e{}", n % 50), "Happened", "");
        }
        let settings = ReactorSettings {
            batch: 10,
            max_pending: 50,
            ..settings(store.store_url())
        };
        let reactor = Reactor::start(settings, probe.clone(), log.source())
            .await
            .unwrap();
        eventually(SOON, async || reactor.status().await.unwrap().pending >= 50).await;
        // Nothing more comes while nothing is done.
        for _ in 0..20 {
            tokio::task::yield_now().await;
            let status = reactor.status().await.unwrap();
            assert!(
                (50..60).contains(&status.pending),
                "{}: {}",
                store.name,
                status.pending
            );
            assert!(status.progress[0].position < 60);
        }
        gate.add_permits(500);
        idle(&reactor).await;
        assert_eq!(probe.seen().len(), 500);
        reactor.close().await;
    }
}

#[tokio::test]
async fn more_than_a_page_for_one_entity_stays_in_order() {
    for store in stores().await.unwrap() {
        let log = FakeLog::new("test", 1);
        for _ in 0..350 {
            log.append(0, "e", "Happened", "");
        }
        let probe = Probe::willing();
        let reactor = Reactor::start(settings(store.store_url()), probe.clone(), log.source())
            .await
            .unwrap();
        eventually(SOON, async || probe.seen().len() == 350).await;
        idle(&reactor).await;
        let expected: Vec<_> = (1..=350).map(|position| position.to_string()).collect();
        assert_eq!(probe.of("e"), expected, "{}", store.name);
        reactor.close().await;
    }
}

#[tokio::test]
async fn a_reader_waits_until_what_follows_from_its_own_event_is_done() {
    for store in stores().await.unwrap() {
        let log = FakeLog::new("test", 1);
        let away = Arc::new(AtomicBool::new(true));
        let probe = Probe::new({
            let away = away.clone();
            move |seen, _| {
                let fails = seen.entity == "slow" && away.load(Ordering::SeqCst);
                Box::pin(async move {
                    if fails {
                        Err(ReactionError::retry("away"))
                    } else {
                        Ok(())
                    }
                })
            }
        });
        log.append(0, "slow", "Happened", "");
        log.append(0, "quick", "Happened", "");
        let reactor = Reactor::start(settings(store.store_url()), probe.clone(), log.source())
            .await
            .unwrap();
        let first = token("test", 0, 1, 1);
        let second = token("test", 0, 2, 1);
        let later = token("test", 0, 3, 1);
        reactor
            .wait_for("quick", Some(&second), SOON)
            .await
            .unwrap();
        let short = Duration::from_millis(50);
        let behind = reactor.wait_for("slow", Some(&first), short).await;
        assert!(
            matches!(behind, Err(NotYet::Behind { wanted: 1, .. })),
            "{}",
            store.name
        );
        let behind = reactor.wait_for("quick", Some(&later), short).await;
        assert!(
            matches!(behind, Err(NotYet::Behind { wanted: 3, .. })),
            "{}",
            store.name
        );
        let elsewhere = token("other", 0, 9, 1);
        reactor
            .wait_for("slow", Some(&elsewhere), short)
            .await
            .unwrap();
        reactor.wait_for("slow", None, short).await.unwrap();
        away.store(false, Ordering::SeqCst);
        reactor.wait_for("slow", Some(&first), SOON).await.unwrap();
        reactor.close().await;
    }
}
