//! Given what happened, when something is asked, then exactly this follows.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cancelling;
mod delivering;
mod editing;
pub(crate) mod fixtures;
mod golden;
mod holding;
mod paying;
mod placing;
mod properties;
mod restored_inventory;
mod returning;
mod short_picks;
mod stocking;

/// One event of every type, as stored by earlier versions.
pub(crate) use golden::golden_events;
