//! Aftersales over real stores and real gRPC, with neighbours that can be told to fail.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod case_list;
mod cases;
mod facts;
mod neighbours;
mod reactions;
mod requests;
mod shop;
mod versions;
