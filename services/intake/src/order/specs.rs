//! Given what happened, when something is asked, then exactly this follows.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cancelling;
mod delivering;
mod editing;
mod fixtures;
mod golden;
mod holding;
mod paying;
mod placing;
mod properties;
mod returning;
mod stocking;
