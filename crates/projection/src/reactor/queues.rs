//! What is to be done, by entity: a window into the inbox, in bounded memory.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use tokio::time::Instant;

use super::items::Item;

/// Things to do that one entity keeps in memory; the others stay in the inbox until these are done.
pub(super) const PAGE: usize = 100;

/// How many things at once are tried again that were under way when the process ended without a farewell. One of them may
/// have ended it.
const SUSPECTS_AT_ONCE: usize = 8;

type Name = Arc<str>;

#[derive(Default)]
struct Entity {
    items: VecDeque<Queued>,
    /// Last item that was put into memory.
    last_seq: i64,
    /// Whether the inbox holds items after that one.
    more: bool,
    running: bool,
}

struct Queued {
    item: Item,
    suspect: bool,
}

/// What to do next.
pub(super) enum Next {
    /// Try this.
    Run(Item),
    /// Store one more try and failure for this before it is tried: it may have ended the process.
    Suspect(Item),
    /// Get more of this entity's items, those after `seq`.
    Load { entity: Arc<str>, seq: i64 },
}

#[derive(Default)]
pub(super) struct Queues {
    entities: HashMap<Name, Entity>,
    parked: HashSet<Name>,
    ready: VecDeque<Name>,
    suspects: VecDeque<Name>,
    suspects_running: HashSet<Name>,
    waiting: BTreeMap<(Instant, u64), Name>,
    waits: u64,
    running: usize,
}

impl Queues {
    /// How many tries are under way.
    pub fn running(&self) -> usize {
        self.running
    }

    /// Takes in what was found in the inbox at the start. With `suspect`, the first item of every entity may have been under
    /// way when the process ended.
    pub fn restore(&mut self, items: Vec<Item>, suspect: bool) {
        for item in items {
            let first = !self.entities.contains_key(item.entity.as_str());
            self.insert(item, suspect && first);
        }
    }

    /// Takes in an item that was just stored.
    pub fn push(&mut self, item: Item) {
        self.insert(item, false);
    }

    fn insert(&mut self, item: Item, suspect: bool) {
        if self.parked.contains(item.entity.as_str()) {
            return;
        }
        let name: Name = item.entity.as_str().into();
        let is_new = !self.entities.contains_key(&name);
        let entity = self.entities.entry(name.clone()).or_default();
        if entity.more || entity.items.len() >= PAGE {
            entity.more = true;
            return;
        }
        entity.last_seq = item.seq;
        entity.items.push_back(Queued { item, suspect });
        if is_new {
            self.make_ready(name);
        }
    }

    /// Notes that the inbox holds items of `entity` which are not in memory.
    pub fn note_more(&mut self, entity: &str) {
        if self.parked.contains(entity) {
            return;
        }
        let name: Name = entity.into();
        match self.entities.get_mut(&name) {
            Some(entity) => entity.more = true,
            None => {
                let entity = Entity {
                    more: true,
                    ..Entity::default()
                };
                self.entities.insert(name.clone(), entity);
                self.make_ready(name);
            }
        }
    }

    /// Takes in a page that was loaded after [`Next::Load`].
    pub fn loaded(&mut self, name: &Name, items: Vec<Item>) {
        let Some(entity) = self.entities.get_mut(name) else {
            return;
        };
        entity.more = items.len() >= PAGE;
        entity.last_seq = items.last().map_or(entity.last_seq, |item| item.seq);
        let queued = items.into_iter().map(|item| Queued {
            item,
            suspect: false,
        });
        entity.items.extend(queued);
        if entity.items.is_empty() {
            self.entities.remove(name);
        } else {
            self.make_ready(name.clone());
        }
    }

    fn make_ready(&mut self, name: Name) {
        let suspect = self
            .entities
            .get(&name)
            .and_then(|entity| entity.items.front())
            .is_some_and(|queued| queued.suspect);
        if suspect {
            self.suspects.push_back(name);
        } else {
            self.ready.push_back(name);
        }
    }

    /// What may be begun now, while fewer than `concurrency` tries are under way.
    pub fn next(&mut self, concurrency: usize) -> Option<Next> {
        if self.running >= concurrency {
            return None;
        }
        let name = if self.suspects_running.len() < SUSPECTS_AT_ONCE.min(concurrency)
            && let Some(name) = self.suspects.pop_front()
        {
            name
        } else {
            self.ready.pop_front()?
        };
        // Names in the queues are those of entities that are there: only the one under way is ever taken out.
        let entity = self.entities.entry(name.clone()).or_default();
        let Some(first) = entity.items.front_mut() else {
            let seq = entity.last_seq;
            return Some(Next::Load { entity: name, seq });
        };
        if std::mem::take(&mut first.suspect) {
            first.item.attempts = first.item.attempts.saturating_add(1);
            first.item.failures = first.item.failures.saturating_add(1);
            let item = first.item.clone();
            self.suspects_running.insert(name);
            return Some(Next::Suspect(item));
        }
        entity.running = true;
        self.running += 1;
        Some(Next::Run(first.item.clone()))
    }

    /// A suspect whose try is stored now.
    pub fn start_suspect(&mut self, entity: &str) {
        if let Some(entity) = self.entities.get_mut(entity) {
            entity.running = true;
            self.running += 1;
        }
    }

    /// The first item of `entity` was tried.
    pub fn tried(&mut self, entity: &str) -> Option<&mut Item> {
        let was_suspect = self.suspects_running.remove(entity);
        let entity = self.entities.get_mut(entity)?;
        if std::mem::take(&mut entity.running) {
            self.running -= 1;
        }
        let item = &mut entity.items.front_mut()?.item;
        if was_suspect {
            // The process is still there: that failure was somebody else's.
            item.failures = item.failures.saturating_sub(1);
        }
        Some(item)
    }

    /// The first item of `entity` is done; the next one may be begun.
    pub fn done(&mut self, entity: &str) {
        let Some((name, held)) = self.entities.get_key_value(entity) else {
            return;
        };
        let (name, is_last) = (name.clone(), held.items.len() <= 1 && !held.more);
        if is_last {
            self.entities.remove(&name);
            return;
        }
        if let Some(entity) = self.entities.get_mut(&name) {
            entity.items.pop_front();
        }
        self.make_ready(name);
    }

    /// The first item of `entity` is tried again at `at`.
    pub fn wait(&mut self, entity: &str, at: Instant) {
        self.waits += 1;
        self.waiting.insert((at, self.waits), entity.into());
    }

    /// When the next wait ends.
    pub fn next_wake(&self) -> Option<Instant> {
        self.waiting.first_key_value().map(|((at, _), _)| *at)
    }

    /// Makes those ready whose wait is over.
    pub fn wake(&mut self, now: Instant) {
        while let Some(first) = self.waiting.first_entry() {
            if first.key().0 > now {
                return;
            }
            let name = first.remove();
            self.ready.push_back(name);
        }
    }

    /// Forgets the items of `entity` and takes in no more of them.
    pub fn park(&mut self, entity: &str) {
        self.entities.remove(entity);
        self.parked.insert(entity.into());
    }

    /// Whether nothing is done for `entity`.
    pub fn is_parked(&self, entity: &str) -> bool {
        self.parked.contains(entity)
    }

    /// Goes on with `entity`, whose items are in the inbox.
    pub fn unpark(&mut self, entity: &str) {
        self.parked.remove(entity);
        self.note_more(entity);
    }
}
