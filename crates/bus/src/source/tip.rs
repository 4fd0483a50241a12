//! How far a reader has checked a log, and whether an event continues it.

use ordo_event_log::{Cursor, FeedError, RecordedEvent, hash_event};

use crate::owner::OwnerLog;

/// The last event that is known to belong to the log.
#[derive(Clone, Debug)]
pub(super) struct Tip {
    service: String,
    partition: u32,
    cursor: Cursor,
}

/// How an event stands to the tip.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is the next one.
    Next,
    /// It lies before, or is the tip itself.
    Known,
    /// Others belong between.
    Gap,
    /// Its position is the next one, but it does not continue what was read.
    Foreign(String),
}

impl Tip {
    pub(super) fn new(service: &str, partition: u32, cursor: Cursor) -> Self {
        Self {
            service: service.to_owned(),
            partition,
            cursor,
        }
    }

    pub(super) fn service(&self) -> &str {
        &self.service
    }

    pub(super) fn partition(&self) -> u32 {
        self.partition
    }

    pub(super) fn position(&self) -> u64 {
        self.cursor.position
    }

    /// Where `event` stands.
    pub(super) fn step(&self, event: &RecordedEvent) -> Step {
        if event.partition != self.partition {
            return Step::Foreign(format!("it is of partition {}", event.partition));
        }
        let next = self.cursor.position + 1;
        if event.position < next {
            return Step::Known;
        }
        if event.position > next {
            return Step::Gap;
        }
        let hash = hash_event(&self.cursor.hash, event);
        if hash == event.hash {
            Step::Next
        } else {
            Step::Foreign(format!(
                "its hash is {}, but {hash} would follow",
                event.hash
            ))
        }
    }

    /// Moves to `event`, which must be [`Step::Next`].
    pub(super) fn advance(&mut self, event: &RecordedEvent) {
        self.cursor = Cursor {
            epoch: event.epoch,
            position: event.position,
            hash: event.hash,
        };
    }

    /// Moves over `events` that the owner gave. The owner is right: if they do not continue what was read, what was read
    /// is no longer the log.
    pub(super) fn follow(&mut self, events: &[RecordedEvent]) -> Result<(), FeedError> {
        for event in events {
            match self.step(event) {
                Step::Next => self.advance(event),
                Step::Foreign(detail) => return Err(self.diverged(detail)),
                Step::Known | Step::Gap => {
                    return Err(self.diverged(format!(
                        "the owner gave position {} instead of {}",
                        event.position,
                        self.cursor.position + 1
                    )));
                }
            }
        }
        Ok(())
    }

    /// Asks the owner whether its log still continues what was read.
    pub(super) async fn agree(&self, owner: &dyn OwnerLog) -> Result<(), FeedError> {
        if self.cursor.position == 0 {
            return Ok(());
        }
        let head = owner.head(self.partition).await?;
        if head.position < self.cursor.position {
            return Err(self.diverged(format!("the owner's log ends at {}", head.position)));
        }
        let hash = if head.position == self.cursor.position {
            Some(head.hash)
        } else {
            let events = owner
                .read(self.partition, self.cursor.position - 1, 1)
                .await?;
            events.first().map(|event| event.hash)
        };
        match hash {
            Some(hash) if hash == self.cursor.hash => Ok(()),
            Some(hash) => Err(self.diverged(format!(
                "the owner's event there has the hash {hash}, not {}",
                self.cursor.hash
            ))),
            None => Err(self.diverged("the owner has no event there".into())),
        }
    }

    fn diverged(&self, detail: String) -> FeedError {
        tracing::error!(
            service = %self.service, partition = self.partition, position = self.cursor.position, %detail,
            "the log no longer continues what was read"
        );
        FeedError::Diverged {
            service: self.service.clone(),
            partition: self.partition,
            position: self.cursor.position,
            epoch: self.cursor.epoch,
            detail,
        }
    }
}

#[cfg(test)]
#[path = "tip_tests.rs"]
mod tests;
