//! A queued command: its decision with the types erased, and the way back to its caller.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use bytes::Bytes;
use tokio::{sync::oneshot, time::Instant};

use crate::{
    aggregate::CodecError,
    command::{Command, Receipt},
    error::{ExecuteError, StoreError},
    unit::{Halt, NotLoaded, Unit},
};

/// What one run of a decision came to.
pub(crate) enum Step {
    /// It answered. Holds the answer's bytes when they are to be stored.
    Answered(Bytes),
    Load(NotLoaded),
    /// The job keeps the refusal.
    Refused,
    /// The job keeps the panic.
    Panicked,
}

/// Where an executed command's events stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub partition: u32,
    pub position: u64,
    pub epoch: u64,
}

/// What becomes of a command.
pub(crate) enum Verdict {
    /// The latest answer holds.
    Done(Place),
    /// Executed before, with this answer.
    Duplicate(Place, Bytes),
    /// The latest refusal or panic holds.
    Refused,
    Reused,
    Invalid(String),
    Codec(CodecError),
    Unavailable(Arc<StoreError>),
}

/// A command in the queue.
pub(crate) struct Queued {
    pub job: Box<dyn Job>,
    pub since: Instant,
}

pub(crate) trait Job: Send {
    fn command(&self) -> &Command;

    /// Runs the decision. May run any number of times; the last run counts.
    fn decide(&mut self, unit: &mut Unit<'_>) -> Step;

    /// Answers the caller.
    fn finish(self: Box<Self>, verdict: Verdict);
}

/// A caller's answer, or the panic of its decision.
pub(crate) type Reply<T, E> = Result<Result<Receipt<T>, ExecuteError<E>>, Box<dyn Any + Send>>;

/// The latest run's result.
enum Latest<T, E> {
    None,
    Answer(T),
    Refusal(E),
    Panic(Box<dyn Any + Send>),
}

pub(crate) struct TypedJob<T, E, F> {
    command: Command,
    decide: F,
    latest: Latest<T, E>,
    reply: oneshot::Sender<Reply<T, E>>,
}

impl<T, E, F> TypedJob<T, E, F> {
    pub fn new(command: Command, decide: F, reply: oneshot::Sender<Reply<T, E>>) -> Self {
        Self {
            command,
            decide,
            latest: Latest::None,
            reply,
        }
    }
}

impl<T, E, F> Job for TypedJob<T, E, F>
where
    T: prost::Message + Default,
    E: Send,
    F: Fn(&mut Unit<'_>) -> Result<T, Halt<E>> + Send,
{
    fn command(&self) -> &Command {
        &self.command
    }

    fn decide(&mut self, unit: &mut Unit<'_>) -> Step {
        // A panic is the caller's: it goes on there, and the other commands of the partition never notice.
        match catch_unwind(AssertUnwindSafe(|| (self.decide)(unit))) {
            Ok(Ok(answer)) => {
                let bytes = match self.command.command_id {
                    Some(_) => answer.encode_to_vec().into(),
                    None => Bytes::new(),
                };
                self.latest = Latest::Answer(answer);
                Step::Answered(bytes)
            }
            Ok(Err(Halt::Load(needed))) => Step::Load(needed),
            Ok(Err(Halt::Refuse(refusal))) => {
                self.latest = Latest::Refusal(refusal);
                Step::Refused
            }
            Err(panic) => {
                self.latest = Latest::Panic(panic);
                Step::Panicked
            }
        }
    }

    fn finish(self: Box<Self>, verdict: Verdict) {
        let receipt = |place: Place, duplicate, answer| Receipt {
            partition: place.partition,
            position: place.position,
            epoch: place.epoch,
            duplicate,
            answer,
        };
        let reply = match (verdict, self.latest) {
            (Verdict::Done(place), Latest::Answer(answer)) => Ok(receipt(place, false, answer)),
            (Verdict::Refused, Latest::Refusal(refusal)) => Err(ExecuteError::Refused(refusal)),
            (Verdict::Refused, Latest::Panic(panic)) => {
                // A caller that has gone away does not want its answer.
                let _ = self.reply.send(Err(panic));
                return;
            }
            (Verdict::Done(_) | Verdict::Refused, _) => {
                Err(ExecuteError::Unavailable(Arc::new(StoreError::Stopped)))
            }
            (Verdict::Duplicate(place, answer), _) => match T::decode(answer) {
                Ok(answer) => Ok(receipt(place, true, answer)),
                Err(source) => Err(ExecuteError::Codec(CodecError::Decode {
                    type_name: "answer to a command".to_owned(),
                    source,
                })),
            },
            (Verdict::Reused, _) => Err(ExecuteError::CommandIdReused {
                command_id: self.command.command_id.unwrap_or_default(),
            }),
            (Verdict::Invalid(detail), _) => Err(ExecuteError::Invalid(detail)),
            (Verdict::Codec(error), _) => Err(ExecuteError::Codec(error)),
            (Verdict::Unavailable(error), _) => Err(ExecuteError::Unavailable(error)),
        };
        let _ = self.reply.send(Ok(reply));
    }
}
