//! The same behaviour on SQLite and Postgres.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bulk;
mod databases;
mod statements;
