//! The same with the real event log: commands in, read model and reaction out, over restarts.

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::future::BoxFuture;
use ordo_decider::Decider;
use ordo_event_log::{
    Aggregate, CodecError, Command, EncodedEvent, EventLog, EventLogConfig, EventSource,
    ExecuteError, Halt, Receipt, RecordedEvent, TenantId,
};
use ordo_projection::{
    Reaction, ReactionContext, ReactionError, Reactor, ReadModel, ReadModelSettings,
};
use ordo_sql::StoreUrl;
use ordo_testkit::{eventually, stores};

use crate::{
    journal::{Journal, counts, settings, token},
    probe,
};

const SOON: Duration = Duration::from_secs(30);

struct Note;

impl Decider for Note {
    type State = u64;
    type Command = Bytes;
    type Event = Bytes;
    type Error = Infallible;

    fn decide(_: &u64, text: Bytes) -> Result<Vec<Bytes>, Infallible> {
        Ok(vec![text])
    }

    fn evolve(count: u64, _: &Bytes) -> u64 {
        count + 1
    }
}

impl Aggregate for Note {
    const NAME: &'static str = "note";

    fn encode(event: &Bytes) -> EncodedEvent {
        EncodedEvent {
            type_name: "test.v1.Noted",
            payload: event.clone(),
        }
    }

    fn decode(_: &str, payload: &[u8]) -> Result<Bytes, CodecError> {
        Ok(Bytes::copy_from_slice(payload))
    }
}

fn tenant() -> TenantId {
    TenantId::new("shop").unwrap()
}

async fn note(
    log: &EventLog,
    id: String,
    command_id: Option<String>,
) -> Result<Receipt<()>, ExecuteError<Infallible>> {
    let partition = log.partition_for(&tenant(), &id);
    let mut command = Command::new(tenant(), partition);
    if let Some(command_id) = command_id {
        command = command.id(command_id);
    }
    log.execute(command, move |unit| {
        unit.decide::<Note>(&id, Bytes::from_static(b"text"))
            .map_err(|halt| match halt {
                Halt::Load(load) => Halt::Load(load),
                Halt::Refuse(never) => match never {},
            })?;
        Ok(())
    })
    .await
}

async fn open(store: StoreUrl, partitions: u32) -> EventLog {
    EventLog::open(EventLogConfig::new("test", store).partitions(partitions))
        .await
        .unwrap()
}

/// Answers every note on `question-…` with one on `answer-…`.
struct Answering(EventLog);

impl Reaction for Answering {
    fn name(&self) -> &'static str {
        "answering"
    }

    fn entity(&self, event: &RecordedEvent) -> Option<String> {
        event.stream.id.strip_prefix("question-").map(str::to_owned)
    }

    fn react<'a>(
        &'a self,
        event: &'a RecordedEvent,
        context: &'a mut ReactionContext,
    ) -> BoxFuture<'a, Result<(), ReactionError>> {
        Box::pin(async move {
            let id = event.stream.id.replace("question", "answer");
            note(&self.0, id, Some(context.command_id("answer")))
                .await
                .map_err(ReactionError::failed)?;
            Ok(())
        })
    }
}

#[tokio::test]
async fn commands_are_read_back_and_answered_once_over_restarts() {
    for store in stores().await.unwrap() {
        let url = store.store_url();
        for round in 1..=3_i64 {
            let log = open(url.clone(), 2).await;
            let sources: Vec<Arc<dyn EventSource>> = vec![Arc::new(log.clone())];
            let model = ReadModel::start(
                settings(url.clone()),
                Arc::new(Journal::default()),
                sources.clone(),
            )
            .await
            .unwrap();
            let reactor = Reactor::start(
                probe::settings(url.clone()),
                Arc::new(Answering(log.clone())),
                sources,
            )
            .await
            .unwrap();
            for n in 0..30 {
                let receipt = note(&log, format!("question-{n}"), None).await.unwrap();
                let token = token("test", receipt.partition, receipt.position, receipt.epoch);
                model.wait_for(Some(&token), SOON).await.unwrap();
                let sql = "select events from stream where id = $1";
                let row = model
                    .db()
                    .fetch_optional(sql, &ordo_sql::params![format!("question-{n}")])
                    .await
                    .unwrap();
                assert_eq!(row.unwrap().i64(0).unwrap(), round, "{}", store.name);
            }
            eventually(SOON, async || counts(&model.db()).await.0 == round * 60).await;
            if round == 2 {
                assert!(model.verify().await.unwrap().is_equal());
            }
            probe::idle(&reactor).await;
            reactor.close().await;
            model.close().await;
            log.close().await;
        }
        let log = open(url, 2).await;
        for n in 0..30 {
            let id = format!("answer-{n}");
            let partition = log.partition_for(&tenant(), &id);
            assert_eq!(
                log.state::<Note>(partition, &tenant(), &id)
                    .await
                    .unwrap()
                    .1,
                3
            );
        }
        log.close().await;
    }
}

#[tokio::test]
#[ignore = "measures; run it alone"]
async fn how_fast_a_rebuild_is() {
    const EVENTS: u64 = 100_000;
    for store in stores().await.unwrap() {
        let url = store.store_url();
        let log = open(url.clone(), 1).await;
        let writers = (0..200_u64).map(|writer| {
            let log = log.clone();
            async move {
                for n in 0..EVENTS / 200 {
                    note(&log, format!("n-{}-{}", writer, n % 10), None)
                        .await
                        .unwrap();
                }
            }
        });
        futures::future::join_all(writers).await;
        let settings = ReadModelSettings::new("test", url);
        let begun = Instant::now();
        let model = ReadModel::start(
            settings,
            Arc::new(Journal::default()),
            vec![Arc::new(log.clone())],
        )
        .await
        .unwrap();
        model
            .wait_for(Some(&token("test", 0, EVENTS, 0)), Duration::from_secs(300))
            .await
            .unwrap();
        let per_second = EVENTS as f64 / begun.elapsed().as_secs_f64();
        let begun = Instant::now();
        let found = model.verify().await.unwrap();
        println!(
            "{}: {per_second:.0} events/s; verified {} rows in {:?}",
            store.name,
            found.rows_examined,
            begun.elapsed()
        );
        assert!(found.is_equal());
        model.close().await;
        log.close().await;
    }
}
