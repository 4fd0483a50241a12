//! Restored keys must not bring anybody back who was erased meanwhile.

use std::path::Path;

use sqlx::{ConnectOptions as _, Connection as _, PgConnection, sqlite::SqliteConnectOptions};

use crate::{
    BackupError,
    manifest::Manifest,
    names,
    shape::{quoted, run_postgres},
};

/// An erasure is recorded after the key is gone. Those recorded since a little before the backup was taken count: destroying a
/// key twice does no harm.
const MARGIN: i64 = 60 * 1_000_000;

/// Who was erased since `$1`: tenant and data subject, which is the id of the stream.
const ERASED: &str = "select distinct tenant, stream_id from events
    where aggregate = 'data_subject' and type = 'ordo.intake.v1.PersonalDataErased' and time >= $1";
const DESTROY: &str = "delete from data_keys where tenant = $1 and subject = $2";

fn since(manifest: &Manifest) -> i64 {
    manifest.taken_at_micros().unwrap_or_default() - MARGIN
}

/// Destroys, in the restored file, the keys of people whom the log says were erased after it was copied. How many; `None`
/// without a log that says so.
pub(crate) async fn erase_again_in_file(
    manifest: &Manifest,
    keys: &Path,
    log: &Path,
) -> Result<Option<u64>, BackupError> {
    let what = || BackupError::database("destroying the keys of erased people again");
    if !log.exists() {
        return Ok(None);
    }
    let mut reader = SqliteConnectOptions::new()
        .filename(log)
        .read_only(true)
        .connect()
        .await
        .map_err(what())?;
    let erased: Vec<(String, String)> = sqlx::query_as(ERASED)
        .bind(since(manifest))
        .fetch_all(&mut reader)
        .await
        .map_err(what())?;
    reader.close().await.map_err(what())?;
    let mut writer = SqliteConnectOptions::new()
        .filename(keys)
        .pragma("synchronous", "full")
        // What is destroyed is overwritten.
        .pragma("secure_delete", "on")
        .connect()
        .await
        .map_err(what())?;
    let mut destroyed = 0;
    for (tenant, subject) in erased {
        let done = sqlx::query(DESTROY)
            .bind(tenant)
            .bind(subject)
            .execute(&mut writer)
            .await
            .map_err(what())?;
        destroyed += done.rows_affected();
    }
    writer.close().await.map_err(what())?;
    Ok(Some(destroyed))
}

/// As [`erase_again_in_file`], inside the restoring transaction.
pub(crate) async fn erase_again_in_schema(
    manifest: &Manifest,
    connection: &mut PgConnection,
    has_log: bool,
) -> Result<Option<u64>, BackupError> {
    let what = || BackupError::database("destroying the keys of erased people again");
    if !has_log {
        return Ok(None);
    }
    let schema = |database: String| quoted(&names::schema_of(&database));
    let path = format!(
        "set local search_path to {}, {}",
        schema(names::keys_of(&manifest.service)),
        schema(names::log_of(&manifest.service))
    );
    run_postgres(&mut *connection, path).await.map_err(what())?;
    let erased: Vec<(String, String)> = sqlx::query_as(ERASED)
        .bind(since(manifest))
        .fetch_all(&mut *connection)
        .await
        .map_err(what())?;
    let mut destroyed = 0;
    for (tenant, subject) in erased {
        let done = sqlx::query(DESTROY)
            .bind(tenant)
            .bind(subject)
            .execute(&mut *connection)
            .await
            .map_err(what())?;
        destroyed += done.rows_affected();
    }
    Ok(Some(destroyed))
}
