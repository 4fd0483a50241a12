//! What clients were told, kept outside the cluster, and what must therefore be in the logs.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use ordo_proto::types::Receipt;

/// What a client knows of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It happened: the receipt's position.
    Acknowledged {
        /// Partition of the service's log.
        partition: u32,
        /// Position in it.
        position: u64,
        /// Epoch in which it was.
        epoch: u64,
    },
    /// It did not happen.
    Refused,
    /// No answer, or one that says nothing; or its answer was lost together with the service's newest data.
    Unknown,
}

/// One command.
#[derive(Debug, Clone)]
pub struct Record {
    /// Service that was asked.
    pub service: &'static str,
    /// What was asked.
    pub what: &'static str,
    /// What the client knows.
    pub outcome: Outcome,
    /// When it came to know that.
    pub known: Instant,
    /// An earlier try of the same command had no answer: a refusal then proves nothing about that try.
    pub doubtful: bool,
}

/// Calls by what came of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Calls {
    /// Answered with a receipt.
    pub ok: u64,
    /// Refused by a rule.
    pub refused: u64,
    /// Timed out, cut off, or the service was away.
    pub unknown: u64,
}

/// Where a command is in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Partition.
    pub partition: u32,
    /// Position.
    pub position: u64,
}

/// The history of one cluster.
#[derive(Debug, Default)]
pub struct History(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// By command id.
    records: BTreeMap<String, Record>,
    calls: Calls,
}

impl History {
    /// A call begins: from now on its command may have happened.
    pub fn begin(&self, command_id: &str, service: &'static str, what: &'static str) {
        let mut inner = self.inner();
        inner
            .records
            .entry(command_id.to_owned())
            .or_insert_with(|| Record {
                service,
                what,
                outcome: Outcome::Unknown,
                known: Instant::now(),
                doubtful: false,
            });
    }

    /// A call was answered with a receipt.
    pub fn acknowledged(&self, command_id: &str, receipt: &Receipt) {
        let at = receipt
            .token
            .as_ref()
            .and_then(|token| token.positions.first());
        let outcome = at.map_or(Outcome::Unknown, |at| Outcome::Acknowledged {
            partition: at.partition,
            position: at.position,
            epoch: at.epoch,
        });
        self.know(command_id, outcome);
        self.inner().calls.ok += 1;
    }

    /// A call was refused by a rule.
    pub fn refused(&self, command_id: &str) {
        let doubtful = self
            .inner()
            .records
            .get(command_id)
            .is_some_and(|record| record.doubtful);
        if !doubtful {
            self.know(command_id, Outcome::Refused);
        }
        self.inner().calls.refused += 1;
    }

    /// Nobody knows what came of a call.
    pub fn unknown(&self, command_id: &str) {
        let mut inner = self.inner();
        if let Some(record) = inner.records.get_mut(command_id) {
            record.doubtful = true;
        }
        inner.calls.unknown += 1;
    }

    /// The service's databases are from `since` again: what it said later may be lost.
    pub fn rewound(&self, service: &str, since: Instant) {
        for record in self.inner().records.values_mut() {
            if record.service == service && record.known >= since {
                record.outcome = Outcome::Unknown;
                record.doubtful = true;
            }
        }
    }

    /// Calls so far.
    pub fn calls(&self) -> Calls {
        self.inner().calls
    }

    /// Commands of this kind that are known to have happened.
    pub fn acknowledged_ids(&self, what: &str) -> Vec<String> {
        let inner = self.inner();
        let of_kind = inner.records.iter().filter(|(_, record)| {
            record.what == what && matches!(record.outcome, Outcome::Acknowledged { .. })
        });
        of_kind.map(|(id, _)| id.clone()).collect()
    }

    /// Where `service`'s log and what clients were told disagree. `log` has the places of every event, by command id, in order.
    pub fn disagreements(&self, service: &str, log: &BTreeMap<String, Vec<Found>>) -> Vec<String> {
        let inner = self.inner();
        let of_service = inner
            .records
            .iter()
            .filter(|(_, record)| record.service == service);
        let nowhere = Vec::new();
        of_service
            .filter_map(|(id, record)| {
                let found = log.get(id).unwrap_or(&nowhere);
                let why = record.disagreement(found)?;
                Some(format!(
                    "{service}: {} `{id}` ({:?}): {why}; events: {found:?}",
                    record.what, record.outcome
                ))
            })
            .collect()
    }

    fn know(&self, command_id: &str, outcome: Outcome) {
        if let Some(record) = self.inner().records.get_mut(command_id) {
            record.outcome = outcome;
            record.known = Instant::now();
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    fn disagreement(&self, found: &[Found]) -> Option<String> {
        if found.windows(2).any(|pair| {
            pair[0].partition != pair[1].partition || pair[0].position + 1 != pair[1].position
        }) {
            return Some("it happened twice: its events do not stand together".to_owned());
        }
        match self.outcome {
            Outcome::Unknown => None,
            Outcome::Refused => {
                (!found.is_empty()).then(|| "it was refused, and happened".to_owned())
            }
            Outcome::Acknowledged {
                partition,
                position,
                ..
            } => {
                let receipt = Found {
                    partition,
                    position,
                };
                (!found.contains(&receipt))
                    .then(|| "it was acknowledged, and is not at its receipt's position".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ordo_proto::types::{ConsistencyToken, LogPosition};

    use super::*;

    fn receipt(position: u64) -> Receipt {
        Receipt {
            token: Some(ConsistencyToken {
                positions: vec![LogPosition {
                    service: "intake".to_owned(),
                    partition: 0,
                    position,
                    epoch: 1,
                }],
            }),
            duplicate: false,
        }
    }

    fn log(events: &[(&str, u64)]) -> BTreeMap<String, Vec<Found>> {
        let mut log: BTreeMap<String, Vec<Found>> = BTreeMap::new();
        for (id, position) in events {
            log.entry((*id).to_owned()).or_default().push(Found {
                partition: 0,
                position: *position,
            });
        }
        log
    }

    fn faults(history: &History, events: &[(&str, u64)]) -> usize {
        history.disagreements("intake", &log(events)).len()
    }

    #[test]
    fn what_was_acknowledged_must_be_at_its_position_once() {
        let history = History::default();
        history.begin("a", "intake", "place");
        history.acknowledged("a", &receipt(2));
        assert_eq!(faults(&history, &[("a", 1), ("a", 2)]), 0);
        assert_eq!(faults(&history, &[]), 1);
        assert_eq!(faults(&history, &[("a", 3)]), 1);
        assert_eq!(faults(&history, &[("a", 2), ("a", 9)]), 1);
    }

    #[test]
    fn what_was_refused_must_be_absent_unless_an_earlier_try_had_no_answer() {
        let history = History::default();
        history.begin("a", "intake", "place");
        history.refused("a");
        history.begin("b", "intake", "place");
        history.unknown("b");
        history.refused("b");
        assert_eq!(faults(&history, &[("a", 1), ("b", 2)]), 1);
    }

    #[test]
    fn what_is_unknown_happened_once_or_not_at_all() {
        let history = History::default();
        history.begin("a", "intake", "place");
        history.unknown("a");
        assert_eq!(faults(&history, &[]), 0);
        assert_eq!(faults(&history, &[("a", 1)]), 0);
        assert_eq!(faults(&history, &[("a", 1), ("a", 3)]), 1);
    }

    #[test]
    fn what_was_said_after_a_backup_may_be_lost_when_it_is_restored() {
        let history = History::default();
        history.begin("a", "intake", "place");
        history.acknowledged("a", &receipt(1));
        let backup = Instant::now();
        history.begin("b", "intake", "place");
        history.acknowledged("b", &receipt(2));
        history.rewound("intake", backup);
        assert_eq!(faults(&history, &[("a", 1)]), 0);
        assert_eq!(faults(&history, &[("b", 1)]), 1);
    }
}
