//! Messages, services and descriptors generated from `proto/`.
//!
//! Modules follow the packages: `ordo.intake.v1` is [`intake`], and so on. [`json`] turns stored bytes into proto3 JSON
//! by type name.

// Generated code: not ours to lint.
#![allow(clippy::all, missing_docs, rustdoc::all)]

pub mod json;
pub mod known;

mod generated {
    include!(concat!(env!("OUT_DIR"), "/generated.rs"));
}

pub use generated::ordo::aftersales::v1 as aftersales;
pub use generated::ordo::fulfilment::v1 as fulfilment;
pub use generated::ordo::intake::v1 as intake;
pub use generated::ordo::inventory::v1 as inventory;
pub use generated::ordo::log::v1 as log;
pub use generated::ordo::ops::v1 as ops;
pub use generated::ordo::privacy::v1 as privacy;
pub use generated::ordo::r#type::v1 as types;

/// Every message and service, as an encoded `google.protobuf.FileDescriptorSet`.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
