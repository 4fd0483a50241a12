//! Real servers for tests: nats-server, SQLite and Postgres, started on free ports and stopped.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! let nats = ordo_testkit::Nats::start().await?;
//! nats.kill()?; // as if the machine had lost power
//! nats.restart().await?; // same port, same store
//!
//! for store in ordo_testkit::stores().await? {
//!     println!("{} at {}", store.name, store.url);
//! }
//! ordo_testkit::eventually(Duration::from_secs(5), async || nats.is_running()).await;
//! # Ok(())
//! # }
//! ```
//!
//! Nothing is left behind: a server dies with its handle, and when the test process itself is killed, a small shell
//! beside each server notices the closed pipe, stops the server and removes its folder.

mod cases;
mod eventually;
mod locate;
mod nats;
mod postgres;
mod server;
mod stores;

pub use cases::cases;
pub use eventually::eventually;
pub use nats::{Nats, NatsOptions, NatsUser};
pub use postgres::{Postgres, PostgresOptions};
pub use server::ServerError;
pub use stores::{TestStore, sqlite, stores};
