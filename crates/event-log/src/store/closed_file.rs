//! Reading a log's file that nobody writes.

use std::path::Path;

use ordo_sql::{Row, StoreUrl, Value};
use sqlx::sqlite::SqliteConnectOptions;

use super::{
    Database, Store,
    open::{Created, check},
    sqlite::Sqlite,
};
use crate::{config::EventLogConfig, error::OpenError};

impl Store {
    /// The store, its owner and its number of partitions. Nothing is created.
    pub async fn open_file(path: &Path) -> Result<(Self, String, u32), OpenError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .immutable(true);
        let folder = StoreUrl::SqliteDir(path.to_owned());
        let config = EventLogConfig::new("", folder.clone());
        let database = Sqlite::connect(&options, &options, &config);
        let none: &[Value] = &[];
        let rows = database
            .rows("select service, partitions, format from log", none)
            .await?;
        let created = created(rows.first())?;
        let store = Self {
            database: Database::Sqlite(Box::new(database)),
        };
        match check(&created, &EventLogConfig::new(&created.service, folder)) {
            Ok(partitions) => Ok((store, created.service, partitions)),
            Err(error) => {
                store.close().await;
                Err(error)
            }
        }
    }
}

fn created(row: Option<&Row>) -> Result<Created, OpenError> {
    let row = row.ok_or_else(|| OpenError::Config("the file holds no log".to_owned()))?;
    Ok(Created {
        service: row.text(0)?,
        partitions: row.i64(1)?,
        format: row.i64(2)?,
    })
}
