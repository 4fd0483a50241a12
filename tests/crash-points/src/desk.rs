//! What the shop writes, and the reaction that answers.

use std::convert::Infallible;

use bytes::Bytes;
use futures::future::BoxFuture;
use ordo_decider::Decider;
use ordo_event_log::{
    Aggregate, CodecError, Command, EncodedEvent, EventLog, ExecuteError, Halt, Receipt,
    RecordedEvent, Timestamp,
};
use ordo_projection::{Reaction, ReactionContext, ReactionError, Timer};

/// A stream of bytes; the state is their number.
pub struct Note;

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

/// Writes one note. Answers how many the stream then has.
pub async fn write(
    log: &EventLog,
    command: Command,
    stream: String,
    text: impl Into<Bytes>,
) -> Result<Receipt<u64>, ExecuteError<Infallible>> {
    let text = text.into();
    log.execute(command, move |unit| {
        unit.decide::<Note>(&stream, text.clone())
            .copied()
            .map_err(|halt| match halt {
                Halt::Load(load) => Halt::Load(load),
                Halt::Refuse(never) => match never {},
            })
    })
    .await
}

/// Answers every question at once and closes it a little later.
pub struct Desk(pub EventLog);

/// Long enough to come due after the question is done.
const CLOSED_AFTER_MICROS: i64 = 20_000;

impl Reaction for Desk {
    fn name(&self) -> &'static str {
        "desk"
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
            let due = Timestamp(event.time.0 + CLOSED_AFTER_MICROS);
            context.schedule("close", due, Vec::new());
            let stream = event.stream.id.replace("question", "answer");
            self.write(stream, context, "answer").await
        })
    }

    fn on_timer<'a>(
        &'a self,
        timer: &'a Timer,
        context: &'a mut ReactionContext,
    ) -> BoxFuture<'a, Result<(), ReactionError>> {
        let stream = format!("closing-{}", timer.entity);
        Box::pin(async move { self.write(stream, context, "close").await })
    }
}

impl Desk {
    async fn write(
        &self,
        stream: String,
        context: &ReactionContext,
        label: &str,
    ) -> Result<(), ReactionError> {
        let command = Command::new(context.tenant().clone(), 0).id(context.command_id(label));
        let done = write(&self.0, command, stream, "done").await;
        done.map(|_| ()).map_err(ReactionError::retry)
    }
}
