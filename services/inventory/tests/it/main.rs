//! Inventory over real stores and real gRPC.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod catalogue;
mod flash_sale;
mod reserving;
mod shop;
mod stock;
mod waiting;
