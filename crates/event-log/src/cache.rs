//! What a partition's writer keeps in memory. All of it can be lost at any time.

use std::sync::Arc;

use quick_cache::{Equivalent, sync::Cache};

use crate::{
    event::TenantId,
    fold::StreamKey,
    store::CommandRecord,
    telemetry::Telemetry,
    unit::{Folded, Streams},
};

/// A partition's folded streams and recent commands. Only the partition's writer puts anything in, and only what is
/// committed; everybody may look.
pub(crate) struct Memory {
    streams: Cache<StreamKey, Folded>,
    commands: Cache<(TenantId, String), Arc<CommandRecord>>,
    telemetry: Telemetry,
}

impl Memory {
    pub fn new(streams: usize, commands: usize, telemetry: Telemetry) -> Self {
        Self {
            streams: Cache::new(streams),
            commands: Cache::new(commands),
            telemetry,
        }
    }

    /// A stream as it was committed at some time; it may have gone on since.
    pub fn stream(&self, key: &StreamKey) -> Option<Folded> {
        self.streams.get(key)
    }

    pub fn put_stream(&self, key: StreamKey, folded: Folded) {
        self.streams.insert(key, folded);
    }

    pub fn drop_stream(&self, tenant: &str, aggregate: &str, id: &str) {
        self.streams.remove(&KeyRef {
            tenant,
            aggregate,
            id,
        });
    }

    pub fn command(&self, key: &(TenantId, String)) -> Option<Arc<CommandRecord>> {
        self.commands.get(key)
    }

    pub fn put_command(&self, record: Arc<CommandRecord>) {
        let key = (record.tenant.clone(), record.command_id.clone());
        self.commands.insert(key, record);
    }

    pub fn clear_streams(&self) {
        self.streams.clear();
    }

    pub fn clear(&self) {
        self.clear_streams();
        self.commands.clear();
    }

    /// Number of streams held.
    pub fn len(&self) -> usize {
        self.streams.len()
    }
}

impl Streams for Memory {
    fn get(&self, key: &StreamKey) -> Option<Folded> {
        let found = self.streams.get(key);
        match found {
            Some(_) => self.telemetry.cache_hits.increment(1),
            None => self.telemetry.cache_misses.increment(1),
        }
        found
    }
}

/// A [`StreamKey`] by reference: hashes the same.
#[derive(Hash)]
struct KeyRef<'a> {
    tenant: &'a str,
    aggregate: &'a str,
    id: &'a str,
}

impl Equivalent<StreamKey> for KeyRef<'_> {
    fn equivalent(&self, key: &StreamKey) -> bool {
        self.tenant == key.tenant.as_str() && self.aggregate == key.aggregate && self.id == &*key.id
    }
}
