//! A log in a file that nobody writes, such as a backup's: read and checked without being opened for commands.

use std::path::Path;

use crate::{
    error::{OpenError, ReadError},
    event::Head,
    store::Store,
    verify::{self, Verification},
};

/// Sets the epoch of every partition of a log that was restored and that nobody has opened yet. `$1` is the new epoch,
/// which must be above every epoch that the log ever had.
pub const RESTORED_EPOCH: &str = "update heads set epoch = $1";

/// The highest epoch of a log, as a row with one number.
pub const HIGHEST_EPOCH: &str = "select max(epoch) from heads";

/// A closed SQLite file with a log. Nothing is written, not even beside it.
pub struct LogFile {
    store: Store,
    service: String,
    partitions: u32,
}

impl LogFile {
    /// Opens the file, which must not change while it is open.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        let (store, service, partitions) = Store::open_file(path).await?;
        Ok(Self {
            store,
            service,
            partitions,
        })
    }

    /// Owner of the log.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Number of partitions; they are counted from 0.
    pub fn partitions(&self) -> u32 {
        self.partitions
    }

    /// The end of a partition.
    pub async fn head(&self, partition: u32) -> Result<Head, ReadError> {
        Ok(self.store.tip(partition).await?.head)
    }

    /// Checks a partition from its first event to its last, in bounded memory.
    pub async fn verify(&self, partition: u32) -> Result<Verification, ReadError> {
        Ok(verify::run(&self.store, partition).await?)
    }

    /// Closes the file.
    pub async fn close(&self) {
        self.store.close().await;
    }
}
