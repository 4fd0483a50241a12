//! Every kind of store, for conformance tests.

use ordo_sql::StoreUrl;
use tempfile::TempDir;

use crate::{
    postgres::Postgres,
    server::{IoContext, ServerError},
};

/// An empty store, removed with the handle.
#[derive(Debug)]
pub struct TestStore {
    /// Kind, to name in failures: `sqlite` or `postgres`.
    pub name: &'static str,
    /// The store as text, for configuration files and flags.
    pub url: String,
    _folder: Option<TempDir>,
}

impl TestStore {
    /// The store's parsed address.
    ///
    /// # Panics
    ///
    /// If the address that this crate made does not parse.
    pub fn store_url(&self) -> StoreUrl {
        match self.url.parse() {
            Ok(url) => url,
            Err(error) => panic!("{} is no store address: {error}", self.url),
        }
    }
}

/// An empty SQLite store and an empty Postgres store.
pub async fn stores() -> Result<[TestStore; 2], ServerError> {
    let postgres = Postgres::start_shared().await?;
    Ok([
        sqlite()?,
        TestStore {
            name: "postgres",
            url: postgres.fresh_database().await?,
            _folder: None,
        },
    ])
}

/// An empty SQLite store.
pub fn sqlite() -> Result<TestStore, ServerError> {
    let folder = tempfile::Builder::new()
        .prefix("ordo-sqlite-")
        .tempdir()
        .context(|| "making a folder for SQLite".into())?;
    Ok(TestStore {
        name: "sqlite",
        url: format!("sqlite://{}", folder.path().display()),
        _folder: Some(folder),
    })
}
