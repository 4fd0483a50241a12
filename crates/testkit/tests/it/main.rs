//! The servers really start, stop and come back.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod nats;
mod postgres;
