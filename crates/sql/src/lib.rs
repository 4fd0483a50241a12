#![doc = include_str!("../README.md")]

mod bulk;
mod db;
mod error;
mod open;
pub mod plugged;
mod row;
mod tx;
mod url;
mod value;

pub use db::{Backend, Db, PostgresDb, SqliteDb};
pub use error::SqlError;
pub use open::OpenOptions;
pub use row::{Column, ColumnRef, Row};
pub use tx::Tx;
pub use url::StoreUrl;
pub use value::Value;
