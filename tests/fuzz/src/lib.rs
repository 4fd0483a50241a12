//! Every place where bytes from outside are read, as a function of bytes: what comes over the wire or from the disk may be
//! refused, and must never panic. What is accepted must say the same when it is written and read again.
//!
//! `fuzz/` runs these with libFuzzer (`tests/fuzz/run`); `tests/it` runs them over the corpus in `corpus/` and over mutated
//! copies of it, in every test run.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod codecs;
mod envelope;
mod requests;
pub mod seeds;
mod texts;

pub use codecs::{event_payload, event_types};

/// A function that takes any bytes.
pub type Target = fn(&[u8]);

/// All of them, by the names of their corpora.
pub const TARGETS: &[(&str, Target)] = &[
    ("event_payload", codecs::event_payload),
    ("snapshot", codecs::snapshot),
    ("json", codecs::json),
    ("headers", envelope::headers),
    ("envelope", envelope::envelope),
    ("place_order", requests::place_order),
    ("page_token", requests::page_token),
    ("access_token", requests::access_token),
    ("texts", texts::texts),
];
