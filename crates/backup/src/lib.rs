#![doc = include_str!("../README.md")]

mod check;
mod error;
mod files;
mod keys;
mod manifest;
mod names;
mod place;
mod postgres;
mod restore;
mod shape;
mod sqlite;
mod take;

pub use check::{Verified, verify};
pub use error::BackupError;
pub use manifest::{BackupFile, CHECKSUMS, Kind, MANIFEST, Manifest, PartitionEnd};
pub use restore::{Restored, RestoredPartition, restore};
pub use take::take;
