//! A host from start to end, over real connections.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod host;
mod service;
mod tls;
