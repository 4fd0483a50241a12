//! What a backup says about itself.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{BackupError, files};

/// Name of the manifest in a backup's folder. It is written last: a folder without it is no backup.
pub const MANIFEST: &str = "manifest.json";
/// Checksums of all files, in the form of `sha256sum`.
pub const CHECKSUMS: &str = "SHA256SUMS";
/// Raised when the form of backups changes.
const FORMAT: u32 = 1;

/// What is in a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The log, inboxes and timers of reactions, the audit trail.
    Service,
    /// The keys of personal data, and nothing else.
    Keys,
}

/// A backup's description of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Form of the backup.
    pub format: u32,
    /// What is in it.
    pub kind: Kind,
    /// Whose it is.
    pub service: String,
    /// When it was begun, RFC 3339. Everything that was acknowledged before is in it.
    pub taken_at: String,
    /// Kind of store that it was taken from: `sqlite` or `postgres`. It can be restored into either.
    pub store: String,
    /// Version of the program that took it.
    pub version: String,
    /// The end of each of the log's partitions; none in a backup of keys.
    pub partitions: Vec<PartitionEnd>,
    /// The files, each a SQLite database.
    pub files: Vec<BackupFile>,
}

/// The end of a partition in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionEnd {
    /// Number of the partition, from 0.
    pub partition: u32,
    /// Its epoch.
    pub epoch: u64,
    /// Last position.
    pub position: u64,
    /// Hash of the event there, in hexadecimal.
    pub hash: String,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFile {
    /// Database, for example `intake.log`.
    pub database: String,
    /// Name of the file in the folder.
    pub file: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

impl Manifest {
    pub(crate) fn new(kind: Kind, service: &str, store: &str) -> Self {
        Self {
            format: FORMAT,
            kind,
            service: service.to_owned(),
            taken_at: jiff::Timestamp::now().to_string(),
            store: store.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            partitions: Vec::new(),
            files: Vec::new(),
        }
    }

    /// When it was taken, in microseconds since 1970.
    pub(crate) fn taken_at_micros(&self) -> Option<i64> {
        let taken_at: jiff::Timestamp = self.taken_at.parse().ok()?;
        Some(taken_at.as_microsecond())
    }

    /// Writes the manifest and the checksums; with them the backup is complete.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), BackupError> {
        let path = folder.join(MANIFEST);
        let mut text = serde_json::to_string_pretty(self)
            .map_err(|error| BackupError::Damaged(error.to_string()))?;
        text.push('\n');
        let mut sums = String::new();
        for file in &self.files {
            sums.push_str(&format!("{}  {}\n", file.sha256, file.file));
        }
        let sum = files::sha256(text.as_bytes());
        sums.push_str(&format!("{sum}  {MANIFEST}\n"));
        files::write(&folder.join(CHECKSUMS), sums.as_bytes())?;
        files::write(&path, text.as_bytes())?;
        files::sync_folder(folder)
    }

    /// Reads the manifest of a complete backup. Its own checksum is compared; those of the files are not.
    pub fn read(folder: &Path) -> Result<Self, BackupError> {
        let not = |detail: String| BackupError::NotABackup {
            folder: folder.to_owned(),
            detail,
        };
        let read = |name: &str| {
            std::fs::read_to_string(folder.join(name))
                .map_err(|error| not(format!("{name}: {error}")))
        };
        let text = read(MANIFEST)?;
        let line = format!("{}  {MANIFEST}", files::sha256(text.as_bytes()));
        if !read(CHECKSUMS)?.lines().any(|known| known == line) {
            return Err(BackupError::Damaged(format!(
                "{MANIFEST} does not have the checksum that {CHECKSUMS} says"
            )));
        }
        let manifest: Self =
            serde_json::from_str(&text).map_err(|error| not(format!("{MANIFEST}: {error}")))?;
        if manifest.format != FORMAT {
            return Err(not(format!(
                "it has format {}; this version reads format {FORMAT}",
                manifest.format
            )));
        }
        let plain = |name: &str| !name.contains(['/', '\\']) && !name.starts_with('.');
        if let Some(file) = manifest.files.iter().find(|file| !plain(&file.file)) {
            return Err(not(format!("`{}` is no name of a file", file.file)));
        }
        Ok(manifest)
    }
}
