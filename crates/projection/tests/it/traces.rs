use std::sync::{Arc, Mutex};

use ordo_event_log::EventSource;
use ordo_projection::{Reactor, ReadModel, TraceHooks, install_trace_hooks};
use ordo_testkit::{eventually, stores};

use crate::{
    fake_log::FakeLog,
    journal::{self, Journal},
    probe::{self, Probe, SOON},
};

static PARENTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

const OWN: &str = "00-11111111111111111111111111111111-2222222222222222-01";

#[tokio::test]
async fn spans_join_the_trace_of_the_command_and_reactions_hand_it_on() {
    let installed = install_trace_hooks(TraceHooks {
        set_span_parent: |_, traceparent| PARENTS.lock().unwrap().push(traceparent.to_owned()),
        current_traceparent: || Some(OWN.to_owned()),
    });
    assert!(installed);
    let [store, _] = stores().await.unwrap();
    let log = FakeLog::new("other", 1);
    let parent = |n: u64, flags: &str| {
        format!("00-4bf92f3577b34da6a3ce929d0e0e47{n:02}-00f067aa0ba902b7-{flags}")
    };
    log.append_traced(0, "e", &parent(1, "01"));
    log.append_traced(0, "e", &parent(2, "00"));
    log.append_traced(0, "e", "");
    let handed_on = Arc::new(Mutex::new(Vec::new()));
    let probe = Probe::new({
        let handed_on = handed_on.clone();
        move |_, context| {
            let metadata = context.metadata();
            handed_on.lock().unwrap().push(metadata);
            Box::pin(async { Ok(()) })
        }
    });
    let sources: Vec<Arc<dyn EventSource>> = log.source();
    let reactor = Reactor::start(
        probe::settings(store.store_url()),
        probe.clone(),
        sources.clone(),
    )
    .await
    .unwrap();
    let model = ReadModel::start(
        journal::settings(store.store_url()),
        Arc::new(Journal::default()),
        sources,
    )
    .await
    .unwrap();
    eventually(SOON, async || handed_on.lock().unwrap().len() == 3).await;
    let token = journal::token("other", 0, 3, 1);
    model.wait_for(Some(&token), SOON).await.unwrap();
    let count = |wanted: String| {
        PARENTS
            .lock()
            .unwrap()
            .iter()
            .filter(|parent| **parent == wanted)
            .count()
    };
    assert_eq!(
        count(parent(1, "01")),
        2,
        "one span of the reaction, one of the projection"
    );
    assert_eq!(
        count(parent(2, "00")),
        1,
        "what is not sampled is not worth a span of a projection"
    );
    for metadata in handed_on.lock().unwrap().iter() {
        assert_eq!(metadata.traceparent, OWN);
        assert_eq!(metadata.actor.as_ref().unwrap().id, "test");
        assert!(metadata.correlation_id.starts_with("c-") && !metadata.causation_id.is_empty());
    }
    reactor.close().await;
    model.close().await;
}
