//! Reads after writes: waiting until a reader has seen certain positions.

use std::{sync::Arc, time::Duration};

use ordo_event_log::{Cursor, EventSource};
use ordo_proto::types::ConsistencyToken;
use tokio::sync::watch;

use crate::cursors::{Cursors, Place};

/// The tables do not hold what the query must see. Ask again a little later.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotYet {
    /// They are behind.
    #[error("partition {partition} of {service} is read up to {reached}, not yet to {wanted}")]
    Behind {
        /// Owner of the log.
        service: String,
        /// Its partition.
        partition: u32,
        /// Position that the token names.
        wanted: u64,
        /// Position that the tables hold.
        reached: u64,
    },
    /// The first tables that the queries can read are being built.
    #[error("the read model is being built")]
    Building,
    /// The token names a partition that the service does not have.
    #[error("{service} has no partition {partition}")]
    UnknownPartition {
        /// Owner of the log.
        service: String,
        /// What the token says.
        partition: u32,
    },
}

/// A position that a token names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    place: Place,
    position: u64,
    /// 0 when the token does not say.
    epoch: u64,
}

impl Wanted {
    /// Owner and partition.
    pub fn place(&self) -> (&str, u32) {
        (&self.place.0, self.place.1)
    }

    /// The last event that must have been seen.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Whether a reader that is there has read it.
    pub fn is_reached_by(&self, cursors: &Cursors) -> bool {
        self.is_reached(&cursors.get(&self.place))
    }

    /// What a reader that is not there yet says.
    pub fn behind(&self, cursors: &Cursors) -> NotYet {
        NotYet::Behind {
            service: self.place.0.to_string(),
            partition: self.place.1,
            wanted: self.position,
            reached: cursors.get(&self.place).position,
        }
    }

    /// Epochs rise along the log. A reader in a later epoch has read everything that is left of the earlier one, also when
    /// the position itself was lost in between.
    fn is_reached(&self, at: &Cursor) -> bool {
        if self.epoch != 0 && at.epoch > self.epoch {
            return true;
        }
        at.position >= self.position && at.epoch >= self.epoch
    }
}

/// What `token` asks of a reader of `sources`.
pub(crate) fn wanted(
    token: Option<&ConsistencyToken>,
    sources: &[Arc<dyn EventSource>],
) -> Result<Vec<Wanted>, NotYet> {
    let mut wanted = Vec::new();
    for position in token.iter().flat_map(|token| &token.positions) {
        let Some(source) = sources
            .iter()
            .find(|source| source.service() == position.service)
        else {
            continue;
        };
        if position.position == 0 {
            continue;
        }
        if position.partition >= source.partitions() {
            return Err(NotYet::UnknownPartition {
                service: position.service.clone(),
                partition: position.partition,
            });
        }
        wanted.push(Wanted {
            place: (position.service.as_str().into(), position.partition),
            position: position.position,
            epoch: position.epoch,
        });
    }
    Ok(wanted)
}

/// Waits until `progress` has reached everything `wanted` and `answers` holds, at most `timeout`.
pub(crate) async fn wait_for(
    sources: &[Arc<dyn EventSource>],
    progress: &watch::Sender<Cursors>,
    answers: impl Fn() -> bool,
    wanted: &[Wanted],
    timeout: Duration,
) -> Result<(), NotYet> {
    let reached = |cursors: &Cursors| {
        answers()
            && wanted
                .iter()
                .all(|wanted| wanted.is_reached(&cursors.get(&wanted.place)))
    };
    let mut receiver = progress.subscribe();
    if reached(&receiver.borrow_and_update()) {
        return Ok(());
    }
    let waiting = async {
        // Copied first: a borrow held while waiting would keep the writer out, and the future on one thread.
        let cursors = receiver.borrow().clone();
        if epoch_is_behind_only(sources, &cursors, wanted).await && answers() {
            return;
        }
        // The sender outlives this: it is borrowed.
        let _ = receiver.wait_for(reached).await;
    };
    if tokio::time::timeout(timeout, waiting).await.is_ok() {
        return Ok(());
    }
    let cursors = progress.borrow().clone();
    if reached(&cursors) {
        return Ok(());
    }
    let missing = wanted.iter().find(|wanted| !wanted.is_reached_by(&cursors));
    Err(missing.map_or(NotYet::Building, |wanted| wanted.behind(&cursors)))
}

/// After a log was restored, its head may be of a new epoch while its last event is of the old one, and a command that
/// recorded nothing names the new epoch. Then the tables are up to date although no event of that epoch was seen: the
/// owner's head has the same position and hash.
async fn epoch_is_behind_only(
    sources: &[Arc<dyn EventSource>],
    cursors: &Cursors,
    wanted: &[Wanted],
) -> bool {
    for wanted in wanted {
        let at = cursors.get(&wanted.place);
        if wanted.is_reached(&at) {
            continue;
        }
        if at.position < wanted.position {
            return false;
        }
        let Some(source) = sources
            .iter()
            .find(|source| source.service() == &*wanted.place.0)
        else {
            return false;
        };
        match source.head(wanted.place.1).await {
            Ok(head) if head.position == at.position && head.hash == at.hash => {}
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(epoch: u64, position: u64) -> Wanted {
        Wanted {
            place: ("intake".into(), 0),
            position,
            epoch,
        }
    }

    fn at(epoch: u64, position: u64) -> Cursor {
        Cursor {
            epoch,
            position,
            ..Cursor::default()
        }
    }

    #[test]
    fn a_position_is_reached_within_its_epoch() {
        assert!(wanted(1, 5).is_reached(&at(1, 5)));
        assert!(!wanted(1, 5).is_reached(&at(1, 4)));
    }

    #[test]
    fn an_unknown_epoch_compares_positions_only() {
        assert!(wanted(0, 5).is_reached(&at(3, 5)));
        assert!(!wanted(0, 5).is_reached(&at(3, 4)));
    }

    #[test]
    fn a_position_of_a_later_epoch_is_not_reached_by_the_lost_events_before() {
        assert!(!wanted(2, 5).is_reached(&at(1, 9)));
    }

    #[test]
    fn a_lost_position_is_not_waited_for() {
        assert!(wanted(1, 9).is_reached(&at(2, 7)));
    }
}
