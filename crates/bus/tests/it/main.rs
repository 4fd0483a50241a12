//! Relay, feeds and comparison against a real nats-server and a real log.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod copying;
mod faults;
mod feeds;
mod permissions;
mod support;
