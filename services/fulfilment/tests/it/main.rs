//! Fulfilment over real stores and real gRPC, between an intake and an inventory that can be told to fail.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod desk;
mod ending;
mod inventory;
mod neighbours;
mod privacy;
mod stock;
mod tracking;
mod warehouse;
mod work_list;
