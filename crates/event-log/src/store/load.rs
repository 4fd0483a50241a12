//! Loading streams: many with one query, each folded page by page, so that memory stays bounded however long they are.

use std::{collections::HashMap, sync::Arc};

use ordo_sql::Row;

use super::{Database, Store};
use crate::{
    aggregate::CodecError,
    error::StoreError,
    fold::{Fold, StreamKey},
    unit::Folded,
};

/// Streams of one query.
const STREAMS: usize = 256;
/// Events of one query, shared by its streams.
const EVENTS: usize = 8192;

/// One stream of a query.
pub(crate) struct Wanted<'a> {
    pub tenant: &'a str,
    pub aggregate: &'a str,
    pub id: &'a str,
    /// Load events after this version, or after the snapshot.
    pub after: u64,
    /// Form of the snapshots that can be read; `None`: none wanted.
    pub fold_version: Option<u32>,
}

impl Wanted<'_> {
    /// As a number that no snapshot has when none is wanted.
    pub(super) fn fold(&self) -> i64 {
        self.fold_version.map_or(-1, i64::from)
    }
}

/// Why a stream cannot be folded. Others can.
#[derive(Clone, Debug)]
pub(crate) enum LoadFault {
    /// An event of a newer version, or a damaged one.
    Codec(CodecError),
    /// The stream lives in another partition.
    Elsewhere(u32),
    /// Its versions have a gap.
    Damaged(Arc<StoreError>),
}

struct Loading {
    key: StreamKey,
    folded: Folded,
    try_snapshot: bool,
    fault: Option<LoadFault>,
    /// Events of the present page.
    page: usize,
}

impl Store {
    /// Folds the streams. `from` is what is known of a stream already.
    pub async fn load(
        &self,
        partition: u32,
        streams: impl IntoIterator<Item = (StreamKey, &'static Fold, Option<Folded>)>,
    ) -> Result<HashMap<StreamKey, Result<Folded, LoadFault>>, StoreError> {
        let mut done = HashMap::new();
        let mut waiting: Vec<Loading> = streams
            .into_iter()
            .map(|(key, fold, from)| Loading {
                key,
                try_snapshot: from.is_none(),
                folded: from.unwrap_or_else(|| Folded::empty(fold)),
                fault: None,
                page: 0,
            })
            .collect();
        while !waiting.is_empty() {
            let rest = waiting.split_off(waiting.len().min(STREAMS));
            let page = (EVENTS / waiting.len()).clamp(32, 1024);
            self.load_page(partition, &mut waiting, page).await?;
            for loading in std::mem::replace(&mut waiting, rest) {
                match loading.fault {
                    Some(fault) => {
                        done.insert(loading.key, Err(fault));
                    }
                    None if loading.page < page => {
                        done.insert(loading.key, Ok(loading.folded));
                    }
                    None => waiting.push(loading),
                }
            }
        }
        Ok(done)
    }

    async fn load_page(
        &self,
        partition: u32,
        streams: &mut [Loading],
        page: usize,
    ) -> Result<(), StoreError> {
        let wanted: Vec<_> = streams
            .iter()
            .map(|stream| Wanted {
                tenant: stream.key.tenant.as_str(),
                aggregate: stream.key.aggregate,
                id: &stream.key.id,
                after: stream.folded.version,
                fold_version: stream.try_snapshot.then_some(stream.folded.fold.version),
            })
            .collect();
        let rows = match &self.database {
            Database::Sqlite(database) => database.load(&wanted, page as u64).await?,
            Database::Postgres(database) => database.load(&wanted, page as u64).await?,
            Database::Plugged(database) => database.load(&wanted, page as u64).await?,
        };
        for stream in streams.iter_mut() {
            stream.page = 0;
        }
        // A stream whose snapshot cannot be read begins again without it; its page counts as full.
        let mut again = vec![false; streams.len()];
        for row in rows {
            let index = usize::try_from(row.i64(0)?).unwrap_or(usize::MAX);
            let Some(stream) = streams.get_mut(index).filter(|_| !again[index]) else {
                continue;
            };
            if let Err(error) = stream.take(partition, &row)? {
                tracing::warn!(stream = %stream.key, %error, "a snapshot cannot be read and is not used");
                again[index] = true;
            }
        }
        for (stream, again) in streams.iter_mut().zip(again) {
            stream.try_snapshot = false;
            if again {
                stream.page = page;
            }
        }
        Ok(())
    }
}

impl Loading {
    /// Applies one row: `(n, version, partition, type, payload)`, without partition and type for a snapshot. The inner
    /// error is a snapshot's that cannot be read.
    fn take(&mut self, partition: u32, row: &Row) -> Result<Result<(), CodecError>, StoreError> {
        if self.fault.is_some() {
            return Ok(Ok(()));
        }
        let version = row.u64(1)?;
        let payload = row.bytes(4)?;
        let Some(type_name) = row.opt_text(3)? else {
            return Ok((self.folded.fold.restore)(&payload).map(|state| {
                self.folded.state = state;
                self.folded.version = version;
                self.folded.snapshot = version;
            }));
        };
        self.page += 1;
        let lives_in = row.u32(2)?;
        if lives_in != partition {
            self.fault = Some(LoadFault::Elsewhere(lives_in));
        } else if version != self.folded.version + 1 {
            let detail = format!(
                "{} has version {version} after {}",
                self.key, self.folded.version
            );
            self.fault = Some(LoadFault::Damaged(Arc::new(StoreError::Damaged(detail))));
        } else {
            // The placeholder keeps the state unshared, so that it is changed in place.
            let state = std::mem::replace(&mut self.folded.state, Arc::new(()));
            match (self.folded.fold.apply)(state, &type_name, &payload) {
                Ok(state) => {
                    self.folded.state = state;
                    self.folded.version = version;
                }
                Err(error) => self.fault = Some(LoadFault::Codec(error)),
            }
        }
        Ok(Ok(()))
    }
}
