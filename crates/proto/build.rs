//! Compiles proto/ with protox, so that no protoc is needed.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

const FILES: &[&str] = &[
    "ordo/type/v1/type.proto",
    "ordo/log/v1/log.proto",
    "ordo/ops/v1/ops.proto",
    "ordo/privacy/v1/privacy.proto",
    "ordo/intake/v1/events.proto",
    "ordo/intake/v1/service.proto",
    "ordo/inventory/v1/events.proto",
    "ordo/inventory/v1/service.proto",
    "ordo/fulfilment/v1/events.proto",
    "ordo/fulfilment/v1/service.proto",
    "ordo/aftersales/v1/events.proto",
    "ordo/aftersales/v1/service.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo:rerun-if-changed={}", root.display());
    let descriptors = protox::compile(FILES, [&root])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    let mut config = prost_build::Config::new();
    // Ordered maps: the same message always has the same bytes, which command fingerprints rely on.
    config
        .enable_type_names()
        .bytes(["."])
        .btree_map(["."])
        .include_file("generated.rs");
    tonic_prost_build::configure().compile_fds_with_config(descriptors, config)?;
    Ok(())
}
