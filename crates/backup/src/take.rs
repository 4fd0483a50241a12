//! Taking a backup from a service that may be running.

use std::path::Path;

use ordo_event_log::LogFile;
use ordo_sql::StoreUrl;

use crate::{
    BackupError, Verified,
    check::check_files,
    files,
    manifest::{BackupFile, Kind, Manifest, PartitionEnd},
    names::{self, Use},
    place::Place,
    postgres, sqlite,
};

/// Backs up what `service` keeps in `store` to the empty or new folder `to`, and checks what was written. The service may be
/// running and goes on; everything that it acknowledged before this is called is in the backup.
///
/// The keys of personal data are not in it ([`Kind::Service`]), or nothing else is ([`Kind::Keys`]).
pub async fn take(
    service: &str,
    store: &StoreUrl,
    kind: Kind,
    to: &Path,
) -> Result<(Manifest, Verified), BackupError> {
    let place = Place::of(store)?;
    let mut manifest = Manifest::new(kind, service, place.name());
    match &place {
        Place::Sqlite(folder) => {
            let found = sqlite::databases(folder, service)?;
            let wanted = choose(service, store, kind, &found)?;
            files::empty_folder(to)?;
            // The log comes last. An inbox that is behind the log reads the rest of it again, which does no harm; one that
            // were ahead would have seen events that are not in the backup.
            for database in &wanted {
                sqlite::copy(folder, database, &sqlite::path(to, database)).await?;
            }
            seal(&mut manifest, &wanted, to).await?;
        }
        Place::Postgres(url) => {
            let mut connection = postgres::connect(url).await?;
            let found = postgres::databases(&mut connection, service).await?;
            let wanted = choose(service, store, kind, &found)?;
            files::empty_folder(to)?;
            let mut snapshot = postgres::snapshot(&mut connection).await?;
            for database in &wanted {
                postgres::copy(&mut snapshot, database, &sqlite::path(to, database)).await?;
            }
            let ended = snapshot.rollback().await;
            ended.map_err(BackupError::database("ending the snapshot"))?;
            seal(&mut manifest, &wanted, to).await?;
        }
    }
    if kind == Kind::Service {
        manifest.partitions = ends(service, to).await?;
    }
    let verified = check_files(&manifest, to).await?;
    manifest.write(to)?;
    Ok((manifest, verified))
}

/// The databases to copy, the log last.
fn choose(
    service: &str,
    store: &StoreUrl,
    kind: Kind,
    found: &[(String, Use)],
) -> Result<Vec<String>, BackupError> {
    let (wanted, needed) = match kind {
        Kind::Service => (Use::Kept, names::log_of(service)),
        Kind::Keys => (Use::Keys, names::keys_of(service)),
    };
    let mut chosen: Vec<String> = found
        .iter()
        .filter(|(_, used)| *used == wanted)
        .map(|(database, _)| database.clone())
        .collect();
    let Some(at) = chosen.iter().position(|database| *database == needed) else {
        return Err(BackupError::NothingThere {
            database: needed,
            store: store.to_string(),
        });
    };
    let last = chosen.remove(at);
    chosen.push(last);
    Ok(chosen)
}

/// Notes the files, once their bytes are on disk.
async fn seal(manifest: &mut Manifest, databases: &[String], to: &Path) -> Result<(), BackupError> {
    for database in databases {
        let (bytes, sha256) = files::seal(sqlite::path(to, database)).await?;
        manifest.files.push(BackupFile {
            database: database.clone(),
            file: format!("{database}.db"),
            bytes,
            sha256,
        });
    }
    Ok(())
}

async fn ends(service: &str, folder: &Path) -> Result<Vec<PartitionEnd>, BackupError> {
    let log = LogFile::open(&sqlite::path(folder, &names::log_of(service))).await?;
    let mut ends = Vec::new();
    for partition in 0..log.partitions() {
        let head = log.head(partition).await?;
        ends.push(PartitionEnd {
            partition,
            epoch: head.epoch,
            position: head.position,
            hash: head.hash.to_string(),
        });
    }
    log.close().await;
    Ok(ends)
}
