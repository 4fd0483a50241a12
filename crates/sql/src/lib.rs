//! A thin layer over SQLite and Postgres for SQL that is written once.
//!
//! Statements use the common subset: `$1` parameters, `on conflict`, `returning`, and the column types `bigint`, `text`
//! and `bytea` (SQLite takes any type's name). Sums of bigints need `cast(sum(x) as bigint)`. Text sorts by bytes on
//! SQLite; write `collate "C"` on Postgres only where the order is shown to somebody who compares the two.
//!
//! ```
//! # async fn example() -> Result<(), ordo_sql::SqlError> {
//! use ordo_sql::{OpenOptions, StoreUrl, params};
//!
//! let store: StoreUrl = "sqlite:./data".parse()?;
//! let db = store.open("intake.views", OpenOptions::disposable()).await?;
//! let mut tx = db.begin().await?;
//! tx.execute("insert into orders (order_id, total) values ($1, $2)", &params!["o-1", 4200_i64]).await?;
//! tx.commit().await?;
//! let total = db.fetch_optional("select total from orders where order_id = $1", &params!["o-1"]).await?;
//! # Ok(()) }
//! ```

mod bulk;
mod db;
mod error;
mod open;
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
