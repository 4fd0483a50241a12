//! Benchmarks of the foundation.
//!
//! | benchmark | what | floor, measured in the same run |
//! |---|---|---|
//! | [`append`](append::run) | commands through the log, everything checked | one raw writer that inserts equal rows and checks nothing |
//! | [`relay`](relay::run) | a log copied to JetStream by the relay | equal messages in raw atomic batches of 1,000 |
//! | [`project`](project::run) | intake's order list, built from a full log, and asked | – |
//!
//! Floor and benchmark take turns, so that whatever else the machine does meets both. Figures are medians of the rounds. What
//! a debug build measures says nothing about the code, and every report from one says so.

pub mod append;
mod broker;
mod database;
mod error;
mod latency;
mod load;
mod machine;
mod options;
mod postgres;
pub mod project;
pub mod relay;
mod sample;
mod store;

pub use broker::PrivateBroker;
pub use database::Database;
pub use error::BenchError;
pub use latency::{Latencies, median, round};
pub use machine::Machine;
pub use options::{MOST_CALLERS, Stores, count};
pub use postgres::PrivatePostgres;
pub use store::Home;
