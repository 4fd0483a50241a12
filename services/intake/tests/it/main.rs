//! Intake over real stores and real gRPC, between neighbours that remember what they were asked and fail as they are told.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cancelling;
mod catalogue;
mod facts;
mod forgetting;
mod listing;
mod living;
mod neighbours;
mod placing;
mod reacting;
mod requests;
mod reviewing;
mod shop;
