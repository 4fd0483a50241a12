//! Scenarios over a whole cluster of real processes.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod access;
mod cancelling;
mod faults;
mod main_path;
mod measuring;
mod monitoring;
mod privacy;
mod read_side;
mod readme;
mod repeating;
mod replicas;
mod restoring;
mod returns;
mod short_stock;
mod tracing;
mod warehouse;
