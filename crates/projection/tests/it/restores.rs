//! Services that go back to an earlier state, and events that come from a later version.

use std::{collections::BTreeSet, time::Duration};

use ordo_projection::{Reactor, ReactorSettings};
use ordo_testkit::{eventually, stores};

use crate::{
    fake_log::FakeLog,
    probe::{Probe, SOON, idle, settings},
};

#[tokio::test]
async fn a_service_that_was_restored_is_sent_every_command_again_under_the_same_ids() {
    for store in stores().await.unwrap() {
        let (log, other) = (FakeLog::new("test", 2), FakeLog::new("stock", 1));
        other.append(0, "s", "Happened", "");
        for entity in ["a", "b", "a"] {
            log.append(0, entity, "Happened", "");
            log.append(1, entity, "Happened", "");
        }
        let settings = || ReactorSettings {
            targets_every: Duration::from_millis(20),
            ..settings(store.store_url())
        };
        let probe = Probe::willing();
        let reactor =
            Reactor::start_towards(settings(), probe.clone(), log.source(), other.source())
                .await
                .unwrap();
        eventually(SOON, async || probe.seen().len() == 6).await;
        idle(&reactor).await;
        other.restore(0, 0);
        eventually(SOON, async || probe.seen().len() == 12).await;
        idle(&reactor).await;
        let ids: BTreeSet<_> = probe
            .seen()
            .iter()
            .map(|seen| seen.command_id.clone())
            .collect();
        assert_eq!(ids.len(), 6, "{}", store.name);
        reactor.close().await;

        // What is known survives a restart: the same epoch is no reason to send anything again, a later one is.
        let probe = Probe::willing();
        other.restore(0, 0);
        let reactor =
            Reactor::start_towards(settings(), probe.clone(), log.source(), other.source())
                .await
                .unwrap();
        eventually(SOON, async || probe.seen().len() == 6).await;
        idle(&reactor).await;
        log.append(0, "a", "Happened", "");
        eventually(SOON, async || probe.seen().len() == 7).await;
        idle(&reactor).await;
        assert_eq!(probe.seen().len(), 7, "{}", store.name);
        reactor.close().await;
    }
}

#[tokio::test]
async fn a_reader_stops_before_an_event_that_only_a_newer_version_knows() {
    for store in stores().await.unwrap() {
        let log = FakeLog::new("test", 1);
        log.append(0, "a", "Happened", "");
        log.append_from_a_newer_version(0, "b");
        log.append(0, "a", "Happened", "");
        let probe = Probe::willing();
        let reactor = Reactor::start(settings(store.store_url()), probe.clone(), log.source())
            .await
            .unwrap();
        eventually(SOON, async || {
            let fault = reactor.fault().unwrap_or_default();
            let stands_at = reactor.status().await.unwrap().progress[0].position;
            stands_at == 1
                && fault.contains("position 2 is a `ordo.test.v2.Happened`")
                && probe.of("a") == ["1"]
        })
        .await;
        // It is all there for a version that knows it: nothing was passed over.
        assert_eq!(probe.seen().len(), 1, "{}", store.name);
        reactor.close().await;
    }
}
