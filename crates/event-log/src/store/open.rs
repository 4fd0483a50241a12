//! Opening and creating a log.

use ordo_sql::{Db, OpenOptions};

use super::{Database, Store, plugged::Plugged, postgres::Postgres, schema, sqlite::Sqlite};
use crate::{config::EventLogConfig, error::OpenError};

/// What the log was created with.
pub(super) struct Created {
    pub service: String,
    pub partitions: i64,
    pub format: i64,
}

/// Partitions of a log that is created without saying how many.
const SQLITE_PARTITIONS: u32 = 1;
const POSTGRES_PARTITIONS: u32 = 4;

impl Store {
    /// Opens the tables, and creates them when there are none. The store and its number of partitions.
    pub async fn open(config: &EventLogConfig) -> Result<(Self, u32), OpenError> {
        if let Some(partitions) = config.partitions
            && !(1..=1024).contains(&partitions)
        {
            let detail = format!("a log has 1 to 1024 partitions, not {partitions}");
            return Err(OpenError::Config(detail));
        }
        // ordo-sql makes the folder or schema and knows where it is; the log then connects in its own way.
        let db = config
            .store
            .open(&format!("{}.log", config.service), OpenOptions::durable())
            .await?;
        let (database, created) = match db {
            Db::Sqlite(db) => {
                let connect = db.readers.connect_options();
                db.readers.close().await;
                let write = db.writer.connect_options();
                db.writer.close().await;
                let database = Sqlite::connect(&connect, &write, config);
                let created = database
                    .create(
                        &config.service,
                        config.partitions.unwrap_or(SQLITE_PARTITIONS),
                    )
                    .await?;
                (Database::Sqlite(Box::new(database)), created)
            }
            Db::Postgres(db) => {
                let connect = db.pool.connect_options();
                db.pool.close().await;
                let partitions = config.partitions.unwrap_or(POSTGRES_PARTITIONS);
                let (database, created) = Postgres::open(&connect, config, partitions).await?;
                (Database::Postgres(database), created)
            }
            Db::Plugged(db) => {
                let database = Plugged::new(db);
                let partitions = config.partitions.unwrap_or(SQLITE_PARTITIONS);
                let created = database.create(&config.service, partitions).await?;
                (Database::Plugged(database), created)
            }
        };
        let store = Self { database };
        match check(&created, config) {
            Ok(partitions) => Ok((store, partitions)),
            Err(error) => {
                store.close().await;
                Err(error)
            }
        }
    }
}

/// The number of partitions, when the log is what the configuration says.
pub(super) fn check(created: &Created, config: &EventLogConfig) -> Result<u32, OpenError> {
    if created.format != schema::FORMAT {
        return Err(OpenError::Format {
            existing: created.format,
            supported: schema::FORMAT,
        });
    }
    if created.service != config.service {
        return Err(OpenError::Service {
            existing: created.service.clone(),
            wanted: config.service.clone(),
        });
    }
    let existing = u32::try_from(created.partitions).unwrap_or_default();
    let wanted = config.partitions.unwrap_or(existing);
    if existing != wanted || existing == 0 {
        return Err(OpenError::Partitions {
            service: config.service.clone(),
            existing,
            wanted,
        });
    }
    Ok(existing)
}
