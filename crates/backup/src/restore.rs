//! Putting a backup in the place of a service's databases.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use ordo_event_log::{HIGHEST_EPOCH, LogFile, RESTORED_EPOCH};
use ordo_sql::StoreUrl;
use sqlx::{Connection as _, PgConnection};

use crate::{
    BackupError,
    check::verify,
    files, keys,
    manifest::{Kind, Manifest},
    names::{self, Use},
    place::Place,
    postgres,
    shape::{quoted, run_postgres},
    sqlite,
};

/// What a restore did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// The epoch that every partition has from now on; 0 for keys.
    pub epoch: u64,
    /// One per partition of the log.
    pub partitions: Vec<RestoredPartition>,
    /// Databases that were written.
    pub written: Vec<String>,
    /// Databases that were removed: read models, and inboxes that the backup does not have.
    pub removed: Vec<String>,
    /// Keys of people who were erased after the backup of keys was taken; they were destroyed again. `None` for a log, and when
    /// there was no log beside the keys that says who was erased.
    pub erased_again: Option<u64>,
}

/// A partition before and after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestoredPartition {
    /// Number of the partition, from 0.
    pub partition: u32,
    /// Its last position now.
    pub position: u64,
    /// The last position of the log that was replaced; `None` when there was none or it could not be read.
    pub replaced: Option<u64>,
}

/// What is known of the log that is replaced.
#[derive(Default)]
struct Before {
    epoch: Option<u64>,
    positions: BTreeMap<u32, u64>,
}

/// Checks the backup in `from`, then puts it in the place of `service`'s databases in `store`, which nobody may be using.
///
/// Every partition gets an epoch that it never had, so that everybody who has read the log notices. Read models are
/// removed; the service makes them again when it starts. Without `replace`, nothing that exists is touched.
pub async fn restore(
    service: &str,
    store: &StoreUrl,
    from: &Path,
    replace: bool,
) -> Result<Restored, BackupError> {
    let (manifest, _) = verify(from).await?;
    if manifest.service != service {
        return Err(BackupError::OtherService {
            found: manifest.service,
            wanted: service.to_owned(),
        });
    }
    let job = Job {
        manifest: &manifest,
        store,
        from,
        replace,
    };
    match Place::of(store)? {
        Place::Sqlite(folder) => job.restore_folder(folder).await,
        Place::Postgres(url) => job.restore_schemas(url).await,
    }
}

struct Job<'a> {
    manifest: &'a Manifest,
    store: &'a StoreUrl,
    from: &'a Path,
    replace: bool,
}

impl Job<'_> {
    fn service(&self) -> &str {
        &self.manifest.service
    }

    /// What the backup takes the place of, beside what it holds.
    fn replaces(&self, used: Use) -> bool {
        match self.manifest.kind {
            Kind::Service => used != Use::Keys,
            Kind::Keys => used == Use::Keys,
        }
    }

    fn refuse_to_overwrite(&self, found: &[(String, Use)]) -> Result<(), BackupError> {
        let existing = found
            .iter()
            .find(|(_, used)| self.replaces(*used) && *used != Use::Rebuilt);
        match existing {
            Some((existing, _)) if !self.replace => Err(BackupError::Exists {
                service: self.service().to_owned(),
                store: self.store.to_string(),
                existing: existing.clone(),
            }),
            _ => Ok(()),
        }
    }

    fn running(&self, detail: String) -> BackupError {
        BackupError::Running {
            service: self.service().to_owned(),
            store: self.store.to_string(),
            detail,
        }
    }

    fn kept(&self) -> BTreeSet<&str> {
        let files = self.manifest.files.iter();
        files.map(|file| file.database.as_str()).collect()
    }

    /// Above every epoch that anybody may have seen. Of a log that is lost nobody knows whether it had been restored
    /// before: then the clock gives a number that no earlier restore had.
    fn epoch(&self, before: &Before) -> u64 {
        let backup = self.manifest.partitions.iter().map(|end| end.epoch).max();
        let backup = backup.unwrap_or_default();
        match before.epoch {
            Some(replaced) => backup.max(replaced) + 1,
            None => {
                let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default();
                now.max(backup + 1)
            }
        }
    }

    fn report(&self, epoch: u64, before: &Before, removed: Vec<String>) -> Restored {
        let ends = self.manifest.partitions.iter();
        Restored {
            epoch: if self.manifest.kind == Kind::Keys {
                0
            } else {
                epoch
            },
            partitions: ends
                .map(|end| RestoredPartition {
                    partition: end.partition,
                    position: end.position,
                    replaced: before.positions.get(&end.partition).copied(),
                })
                .collect(),
            written: self.kept().into_iter().map(str::to_owned).collect(),
            removed,
            erased_again: None,
        }
    }

    async fn restore_folder(&self, folder: &Path) -> Result<Restored, BackupError> {
        let found = sqlite::databases(folder, self.service())?;
        self.refuse_to_overwrite(&found)?;
        std::fs::create_dir_all(folder).map_err(BackupError::file(folder))?;
        for (database, _) in &found {
            if let Err(detail) = sqlite::claim(folder, database).await? {
                return Err(self.running(detail));
            }
        }
        let log = names::log_of(self.service());
        let before = match self.manifest.kind {
            Kind::Service => before_in_file(&sqlite::path(folder, &log)).await,
            Kind::Keys => Before::default(),
        };
        let epoch = self.epoch(&before);
        // All that takes long happens beside what is there.
        let mut moves = Vec::new();
        for file in &self.manifest.files {
            let target = sqlite::path(folder, &file.database);
            let fresh = target.with_extension("db.restoring");
            files::copy(self.from.join(&file.file), fresh.clone()).await?;
            if file.database == log {
                let epoch = i64::try_from(epoch).unwrap_or(i64::MAX);
                sqlite::set(&fresh, RESTORED_EPOCH, epoch).await?;
            }
            moves.push((fresh, target));
        }
        let mut report = self.report(epoch, &before, Vec::new());
        if self.manifest.kind == Kind::Keys
            && let Some((fresh, _)) = moves.first()
        {
            let log = sqlite::path(folder, &log);
            report.erased_again = keys::erase_again_in_file(self.manifest, fresh, &log).await?;
        }
        // The log is the last file of a backup. Should this be cut off before it, the inboxes are of the past, which does no
        // harm, and the log is the one that was there: the same restore can be run again.
        for (fresh, target) in &moves {
            files::rename(fresh, target)?;
        }
        report.removed = postgres::others(&found, &self.kept(), |used| self.replaces(used));
        for database in &report.removed {
            sqlite::remove(folder, database)?;
        }
        files::sync_folder(folder)?;
        Ok(report)
    }

    async fn restore_schemas(&self, url: &str) -> Result<Restored, BackupError> {
        let mut connection = postgres::connect(url).await?;
        let found = postgres::databases(&mut connection, self.service()).await?;
        self.refuse_to_overwrite(&found)?;
        if let Some(detail) = postgres::users(&mut connection, self.service()).await? {
            return Err(self.running(detail));
        }
        let log = names::log_of(self.service());
        let before = match self.manifest.kind {
            Kind::Service => before_in_schema(&mut connection, &log).await,
            Kind::Keys => Before::default(),
        };
        let epoch = self.epoch(&before);
        let writing = || BackupError::database("writing the restored databases");
        let mut report = self.report(epoch, &before, Vec::new());
        let mut tx = connection.begin().await.map_err(writing())?;
        report.removed = postgres::others(&found, &self.kept(), |used| self.replaces(used));
        for database in report.removed.iter().chain(&report.written) {
            postgres::remove(&mut tx, database).await?;
        }
        for file in &self.manifest.files {
            let path = self.from.join(&file.file);
            postgres::load(&mut tx, &file.database, &path, file.database == log).await?;
            if file.database == log {
                // The search path is still at this schema.
                sqlx::query(RESTORED_EPOCH)
                    .bind(i64::try_from(epoch).unwrap_or(i64::MAX))
                    .execute(&mut *tx)
                    .await
                    .map_err(writing())?;
            }
        }
        if self.manifest.kind == Kind::Keys {
            let log = found.iter().find(|(database, _)| *database == log);
            report.erased_again =
                keys::erase_again_in_schema(self.manifest, &mut tx, log.is_some()).await?;
        }
        tx.commit().await.map_err(writing())?;
        // Without statistics the first queries would be planned badly. The rows are safe already.
        for database in &report.written {
            let schema = quoted(&names::schema_of(database));
            if let Err(error) = analyze(&mut connection, &schema).await {
                tracing::warn!(%error, database, "the tables could not be analysed");
            }
        }
        let closed = connection.close().await;
        closed.map_err(writing())?;
        Ok(report)
    }
}

async fn analyze(connection: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select format('%I.%I', schemaname, tablename) from pg_tables where quote_ident(schemaname) = $1
            or '\"' || schemaname || '\"' = $1",
    )
    .bind(schema)
    .fetch_all(&mut *connection)
    .await?;
    for table in tables {
        run_postgres(connection, format!("analyze {table}")).await?;
    }
    Ok(())
}

/// What the log that is there ends with; nothing of one that is missing or cannot be read.
async fn before_in_file(path: &Path) -> Before {
    let mut before = Before::default();
    let Ok(log) = LogFile::open(path).await else {
        return before;
    };
    for partition in 0..log.partitions() {
        if let Ok(head) = log.head(partition).await {
            before.epoch = before.epoch.max(Some(head.epoch));
            before.positions.insert(partition, head.position);
        }
    }
    log.close().await;
    before
}

async fn before_in_schema(connection: &mut PgConnection, log: &str) -> Before {
    let schema = quoted(&names::schema_of(log));
    // In a transaction of its own: the statements fail when there is no log.
    let read = async {
        let mut tx = connection.begin().await?;
        run_postgres(&mut tx, format!("set local search_path to {schema}")).await?;
        let epoch: Option<i64> = sqlx::query_scalar(HIGHEST_EPOCH)
            .fetch_one(&mut *tx)
            .await?;
        let heads: Vec<(i64, i64)> = sqlx::query_as("select partition, position from heads")
            .fetch_all(&mut *tx)
            .await?;
        tx.rollback().await?;
        Ok::<_, sqlx::Error>((epoch, heads))
    };
    let Ok((epoch, heads)) = read.await else {
        return Before::default();
    };
    let unsigned = |number: i64| u64::try_from(number).unwrap_or_default();
    Before {
        epoch: epoch.map(unsigned),
        positions: heads
            .into_iter()
            .filter_map(|(partition, position)| {
                Some((u32::try_from(partition).ok()?, unsigned(position)))
            })
            .collect(),
    }
}
