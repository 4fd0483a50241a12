//! A seed is all that a world follows from.
#![allow(clippy::unwrap_used)]

use std::process::Command;

fn world(seed: u64) -> serde_json::Value {
    let output = Command::new(env!("CARGO_BIN_EXE_ordo-sim"))
        .args(["--from", &seed.to_string()])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

#[test]
fn a_seed_replays_to_the_same_trace() {
    let (first, again, other) = (world(5), world(5), world(6));
    assert_eq!(first, again, "hash, counts and all");
    assert_ne!(first["hash"], other["hash"]);
    assert!(first["counts"]["acknowledged"].as_u64().unwrap() > 0);
}
