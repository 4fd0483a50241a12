//! One try at one thing to do.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Instant};

use futures::FutureExt as _;
use ordo_crash_point::{CrashPoint, during, reach};
use ordo_event_log::{RecordedEvent, TenantId, Timestamp};
use ordo_proto::log::EventMetadata;
use prost::Message as _;
use tracing::Instrument as _;

use super::{
    ReactorSettings, body,
    items::{Item, TimerOwner, What},
};
use crate::{
    feeds::describe,
    follower::panic_text,
    reaction::{Reaction, ReactionContext, ReactionError, Timer, TimerChange},
    trace,
};

/// What came of a try.
pub(super) enum Outcome {
    Done {
        owner: TimerOwner,
        timers: Vec<TimerChange>,
    },
    Retry(String),
    Failed(String),
    Park(String),
}

impl Outcome {
    fn label(&self) -> &'static str {
        match self {
            Self::Done { .. } => "done",
            Self::Retry(_) => "retry",
            Self::Failed(_) => "failed",
            Self::Park(_) => "parked",
        }
    }
}

/// Runs the reaction once. Never panics and never takes longer than the settings allow.
pub(super) async fn run(
    settings: Arc<ReactorSettings>,
    reaction: Arc<dyn Reaction>,
    item: Item,
) -> Outcome {
    let begun = Instant::now();
    let name = reaction.name();
    let once = during(
        CrashPoint::ReactionUnderWay,
        try_once(&settings, &*reaction, item),
    );
    let tried = AssertUnwindSafe(once).catch_unwind();
    let outcome = match tokio::time::timeout(settings.patience, tried).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => Outcome::Failed(format!("panic: {}", panic_text(&*panic))),
        Err(_) => Outcome::Retry(format!("no end after {:?}", settings.patience)),
    };
    metrics::histogram!("ordo_reaction_seconds", "reaction" => name)
        .record(begun.elapsed().as_secs_f64());
    metrics::counter!("ordo_reaction_attempts_total", "reaction" => name, "outcome" => outcome.label()).increment(1);
    outcome
}

async fn try_once(settings: &ReactorSettings, reaction: &dyn Reaction, item: Item) -> Outcome {
    let (entity, tenant) = (item.entity, item.tenant);
    let (context, result) = match item.what {
        What::Event { event, .. } => {
            react(settings, reaction, &entity, &event, item.attempts).await
        }
        What::StoredEvent { body, .. } => match body::decode(body) {
            Ok(event) => react(settings, reaction, &entity, &event, item.attempts).await,
            Err(error) => return Outcome::Park(describe(&error)),
        },
        What::Timer {
            key,
            due,
            payload,
            cause,
        } => {
            let Some(tenant) = TenantId::new(&tenant) else {
                return Outcome::Park("the stored timer has no valid tenant".to_owned());
            };
            let cause = match EventMetadata::decode(cause.as_slice()) {
                Ok(cause) => cause,
                Err(error) => return Outcome::Park(describe(&error)),
            };
            let span = trace::react_span(reaction.name(), &entity, &key, &cause.traceparent);
            let timer = Timer {
                entity: entity.clone(),
                tenant,
                key,
                due: Timestamp(due),
                payload,
                cause,
            };
            let mut context = ReactionContext::for_timer(
                &settings.service,
                reaction.name(),
                &timer,
                item.attempts,
            );
            let result = reaction
                .on_timer(&timer, &mut context)
                .instrument(span)
                .await;
            (context, result)
        }
    };
    match result {
        Ok(()) => {
            reach(CrashPoint::ReactionEffective);
            let owner = TimerOwner {
                entity,
                tenant,
                cause: context.cause().clone(),
            };
            Outcome::Done {
                owner,
                timers: context.timers,
            }
        }
        Err(error @ ReactionError::Retry(_)) => Outcome::Retry(describe(&error)),
        Err(error @ ReactionError::Failed(_)) => Outcome::Failed(describe(&error)),
        Err(ReactionError::Park(reason)) => Outcome::Park(reason),
    }
}

async fn react(
    settings: &ReactorSettings,
    reaction: &dyn Reaction,
    entity: &str,
    event: &RecordedEvent,
    attempts: u32,
) -> (ReactionContext, Result<(), ReactionError>) {
    let (type_name, parent) = (&event.type_name, &event.metadata.traceparent);
    let span = trace::react_span(reaction.name(), entity, type_name, parent);
    let mut context =
        ReactionContext::for_event(&settings.service, reaction.name(), event, attempts);
    let result = reaction.react(event, &mut context).instrument(span).await;
    (context, result)
}
