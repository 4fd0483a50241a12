//! Checking a backup without a database server.

use std::path::Path;

use ordo_event_log::LogFile;

use crate::{
    BackupError, files,
    manifest::{Kind, Manifest},
    names, sqlite,
};

/// What a check of a whole backup looked at, and found right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Files whose size and checksum are as written.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Events whose hash is that of their content after their predecessor's.
    pub events: u64,
}

/// Checks a backup: its manifest, the checksum of every file, and everything that `verify` checks of a running log
/// (contiguous positions, hash chain, head, stream versions, results of commands).
pub async fn verify(folder: &Path) -> Result<(Manifest, Verified), BackupError> {
    let manifest = Manifest::read(folder)?;
    let verified = check_files(&manifest, folder).await?;
    Ok((manifest, verified))
}

pub(crate) async fn check_files(
    manifest: &Manifest,
    folder: &Path,
) -> Result<Verified, BackupError> {
    let mut verified = Verified::default();
    for file in &manifest.files {
        let (bytes, sha256) = files::measure(folder.join(&file.file)).await?;
        if bytes != file.bytes || sha256 != file.sha256 {
            return Err(BackupError::Damaged(format!(
                "{} has {bytes} bytes and SHA-256 {sha256}; written were {} bytes with {}",
                file.file, file.bytes, file.sha256
            )));
        }
        verified.files += 1;
        verified.bytes += bytes;
    }
    if manifest.kind == Kind::Service {
        verified.events = check_log(manifest, folder).await?;
    }
    Ok(verified)
}

/// Number of events.
async fn check_log(manifest: &Manifest, folder: &Path) -> Result<u64, BackupError> {
    let damaged = |what: String| Err(BackupError::Damaged(what));
    let database = names::log_of(&manifest.service);
    if !manifest.files.iter().any(|file| file.database == database) {
        return damaged(format!("it has no {database}"));
    }
    let log = LogFile::open(&sqlite::path(folder, &database)).await?;
    if log.service() != manifest.service {
        return Err(BackupError::OtherService {
            found: log.service().to_owned(),
            wanted: manifest.service.clone(),
        });
    }
    if log.partitions() as usize != manifest.partitions.len() {
        return damaged(format!(
            "the log has {} partitions, the manifest {}",
            log.partitions(),
            manifest.partitions.len()
        ));
    }
    let mut events = 0;
    for end in &manifest.partitions {
        let verification = log.verify(end.partition).await?;
        let head = verification.head;
        if (head.epoch, head.position, head.hash.to_string())
            != (end.epoch, end.position, end.hash.clone())
        {
            return damaged(format!(
                "partition {} ends at {} of epoch {}, in the manifest at {} of epoch {}",
                end.partition, head.position, head.epoch, end.position, end.epoch
            ));
        }
        for check in verification.checks {
            if let Some(difference) = check.difference {
                return damaged(format!(
                    "partition {}: {}: {difference}",
                    end.partition, check.name
                ));
            }
        }
        events += head.position;
    }
    log.close().await;
    Ok(events)
}
