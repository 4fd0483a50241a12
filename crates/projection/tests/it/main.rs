//! Read models and reactions over both stores.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod fake_log;
mod first_builds;
mod journal;
mod probe;
mod reactions;
mod read_models;
mod real_log;
mod rebuilds;
mod restarts;
mod restores;
mod rows;
mod shared_source;
mod timers;
mod traces;
