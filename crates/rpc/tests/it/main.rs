//! Sign-in, limits, the event log and operations, over real connections.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod auth;
mod broken;
mod calls;
mod log_service;
mod operations;
mod remote_log;
mod replicas;
mod server;
mod sites;
