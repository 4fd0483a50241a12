//! Checks a partition against what it must hold, page by page.

use std::collections::HashMap;

use crate::{
    error::StoreError,
    event::{Head, RecordedEvent, TenantId},
    hash::hash_event,
    store::{CommandRecord, EventRow, Store},
};

/// What a check of a whole partition found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// Partition looked at.
    pub partition: u32,
    /// Its end when the check began; later events were not looked at.
    pub head: Head,
    /// One per rule, in a fixed order.
    pub checks: Vec<Check>,
}

impl Verification {
    /// Nothing differs.
    pub fn ok(&self) -> bool {
        self.checks.iter().all(|check| check.difference.is_none())
    }
}

/// One rule and whether it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// `log.positions`: positions are contiguous from 1, times and epochs never go back.
    /// `log.hash_chain`: every event's hash is that of its content after its predecessor's.
    /// `log.head`: the head names the last event.
    /// `log.stream_versions`: versions of every stream are contiguous from 1, in the order of positions.
    /// `log.commands`: every event of a command with an id is covered by exactly that command's one result.
    pub name: &'static str,
    /// How many things were compared.
    pub examined: u64,
    /// The first difference; `None` when the rule holds.
    pub difference: Option<String>,
}

impl Check {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            examined: 0,
            difference: None,
        }
    }

    /// Counts one comparison, and keeps the first difference.
    fn expect(&mut self, holds: bool, difference: impl FnOnce() -> String) {
        self.examined += 1;
        if !holds && self.difference.is_none() {
            self.difference = Some(difference());
        }
    }
}

/// Events of a page.
const EVENTS: u32 = 500;
/// Rows of a page that holds only keys.
const KEYS: u32 = 5000;

pub(crate) async fn run(store: &Store, partition: u32) -> Result<Verification, StoreError> {
    let head = store.tip(partition).await?.head;
    let mut walk = Walk {
        store,
        partition,
        head,
        positions: Check::new("log.positions"),
        hashes: Check::new("log.hash_chain"),
        heads: Check::new("log.head"),
        streams: Check::new("log.stream_versions"),
        commands: Check::new("log.commands"),
        with_command: 0,
    };
    walk.events().await?;
    walk.streams().await?;
    walk.results().await?;
    Ok(Verification {
        partition,
        head,
        checks: vec![
            walk.positions,
            walk.hashes,
            walk.heads,
            walk.streams,
            walk.commands,
        ],
    })
}

struct Walk<'a> {
    store: &'a Store,
    partition: u32,
    head: Head,
    positions: Check,
    hashes: Check,
    heads: Check,
    streams: Check,
    commands: Check,
    /// Events that carry a command id.
    with_command: u64,
}

impl Walk<'_> {
    async fn events(&mut self) -> Result<(), StoreError> {
        let mut position = 0;
        let mut last: Option<RecordedEvent> = None;
        loop {
            let rows = self
                .store
                .events(self.partition, position, self.head.position, EVENTS)
                .await?;
            if rows.is_empty() {
                break;
            }
            let mut page = Vec::with_capacity(rows.len());
            for row in &rows {
                let row = EventRow::new(row)?;
                self.positions.expect(row.position == position + 1, || {
                    format!("position {} follows position {position}", row.position)
                });
                position = row.position;
                match row.event {
                    Ok(event) => {
                        self.event(last.as_ref(), &event);
                        page.push(event.clone());
                        last = Some(event);
                    }
                    Err(error) => {
                        self.hashes
                            .expect(false, || format!("position {position}: {error}"));
                        last = None;
                    }
                }
            }
            self.covered(&page).await?;
        }
        let end = Head {
            epoch: self.head.epoch,
            position,
            hash: last.map(|event| event.hash).unwrap_or_default(),
        };
        let head = self.head;
        self.heads.expect(end == head, || {
            format!(
                "the head is at {} with hash {}, the last event at {} with hash {}",
                head.position, head.hash, end.position, end.hash
            )
        });
        Ok(())
    }

    fn event(&mut self, previous: Option<&RecordedEvent>, event: &RecordedEvent) {
        let position = event.position;
        let hash = previous.map(|previous| previous.hash).unwrap_or_default();
        // After an event that cannot be read the chain cannot be followed; that is reported already.
        if previous.is_some() || position == 1 {
            self.hashes
                .expect(hash_event(&hash, event) == event.hash, || {
                    format!("the hash of position {position} is not that of its content")
                });
        }
        if let Some(previous) = previous {
            self.positions.expect(
                previous.time <= event.time && previous.epoch <= event.epoch,
                || format!("time or epoch goes back at position {position}"),
            );
        }
        let head = self.head;
        self.positions.expect(event.epoch <= head.epoch, || {
            format!(
                "position {position} is of epoch {}, the head of {}",
                event.epoch, head.epoch
            )
        });
    }

    /// The events of a page that carry a command id stand where the command's result says.
    async fn covered(&mut self, page: &[RecordedEvent]) -> Result<(), StoreError> {
        let mut ids: Vec<(&TenantId, &str)> = page
            .iter()
            .filter(|event| !event.metadata.command_id.is_empty())
            .map(|event| (&event.tenant, event.metadata.command_id.as_str()))
            .collect();
        self.with_command += ids.len() as u64;
        ids.sort_unstable();
        ids.dedup();
        let records = self.store.commands(&ids).await?;
        let records: HashMap<(&TenantId, &str), &CommandRecord> = records
            .iter()
            .map(|record| ((&record.tenant, record.command_id.as_str()), record))
            .collect();
        for event in page {
            let id = event.metadata.command_id.as_str();
            if id.is_empty() {
                continue;
            }
            let record = records.get(&(&event.tenant, id));
            let covered = record.is_some_and(|record| {
                record.partition == self.partition
                    && event.position <= record.position
                    && event.position + record.events > record.position
            });
            self.commands.expect(covered, || {
                format!(
                    "position {} is an event of command `{id}`, whose result {}",
                    event.position,
                    match record {
                        Some(record) => format!(
                            "covers {} events up to position {} of partition {}",
                            record.events, record.position, record.partition
                        ),
                        None => "is missing".to_owned(),
                    }
                )
            });
        }
        Ok(())
    }

    async fn streams(&mut self) -> Result<(), StoreError> {
        let mut last = ([String::new(), String::new(), String::new()], 0, 0);
        loop {
            let [tenant, aggregate, id] = &last.0;
            let rows = self
                .store
                .stream_versions(tenant, aggregate, id, last.1, KEYS)
                .await?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in &rows {
                let key = [row.text(0)?, row.text(1)?, row.text(2)?];
                let (version, partition, position) = (row.u64(3)?, row.u32(4)?, row.u64(5)?);
                let (before, after) = if key == last.0 {
                    (last.1, last.2)
                } else {
                    (0, 0)
                };
                if partition == self.partition && position <= self.head.position {
                    self.streams.expect(version == before + 1 && position > after, || {
                        let [tenant, aggregate, id] = &key;
                        format!(
                            "{aggregate}/{id} of {tenant} has version {version} at position {position} after version \
                             {before} at position {after}"
                        )
                    });
                }
                last = (key, version, position);
            }
        }
    }

    /// No result claims more events than there are.
    async fn results(&mut self) -> Result<(), StoreError> {
        let mut claimed = 0;
        let mut last = (String::new(), String::new());
        loop {
            let rows = self.store.command_keys(&last.0, &last.1, KEYS).await?;
            let Some(end) = rows.last() else { break };
            last = (end.text(0)?, end.text(1)?);
            for row in &rows {
                if row.u32(2)? == self.partition && row.u64(3)? <= self.head.position {
                    claimed += row.u64(4)?;
                }
            }
        }
        let found = self.with_command;
        self.commands.expect(claimed == found, || {
            format!(
                "the results of commands claim {claimed} events, but {found} carry a command id"
            )
        });
        Ok(())
    }
}
