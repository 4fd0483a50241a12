//! The fuzz targets over their corpus and over mutated copies of it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    collections::BTreeMap,
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
};

use ordo_fuzz_targets::{TARGETS, Target, seeds};
use proptest::{prelude::*, test_runner::TestRunner};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// Seeds and stored inputs of each target.
fn inputs() -> BTreeMap<&'static str, Vec<Vec<u8>>> {
    let mut inputs: BTreeMap<&'static str, Vec<Vec<u8>>> = BTreeMap::new();
    for (target, seed) in seeds::all() {
        inputs.entry(target).or_default().push(seed);
    }
    for (target, _) in TARGETS {
        let Ok(files) = fs::read_dir(corpus().join(target)) else {
            continue;
        };
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        let stored = files.iter().map(|file| fs::read(file).unwrap());
        inputs.entry(target).or_default().extend(stored);
    }
    inputs
}

#[test]
fn every_stored_input_is_taken_without_a_panic() {
    let inputs = inputs();
    for (name, target) in TARGETS {
        assert!(!inputs[name].is_empty(), "{name} has no input");
        for input in &inputs[name] {
            let taken = catch_unwind(|| target(input));
            assert!(taken.is_ok(), "{name} panics on {input:?}");
        }
    }
}

#[test]
fn an_order_that_is_in_order_is_read_as_one() {
    let request = seeds::order();
    let place = ordo_intake::grpc::place_request::read(&request).unwrap();
    assert_eq!((place.lines.len(), place.payments.len()), (1, 1));
}

#[test]
fn corpora_belong_to_targets() {
    let Ok(folders) = fs::read_dir(corpus()) else {
        return;
    };
    for folder in folders {
        let name = folder.unwrap().file_name().into_string().unwrap();
        let known = TARGETS.iter().any(|(target, _)| *target == name);
        assert!(known, "no target is named {name}");
    }
}

/// One change to a byte string, as a fuzzer makes them.
#[derive(Clone, Debug)]
enum Change {
    Set(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Cut(prop::sample::Index, prop::sample::Index),
    Double(prop::sample::Index, prop::sample::Index),
}

fn change() -> impl Strategy<Value = Change> {
    let place = any::<prop::sample::Index>;
    let telling = prop::sample::select(vec![0, 1, 0x7f, 0x80, 0xff, b'%', b'.', b'-', b'"']);
    let byte = prop_oneof![any::<u8>(), telling];
    prop_oneof![
        (place(), byte.clone()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (place(), prop::collection::vec(byte, 1..12)).prop_map(|(at, new)| Change::Insert(at, new)),
        (place(), place()).prop_map(|(from, to)| Change::Cut(from, to)),
        (place(), place()).prop_map(|(from, to)| Change::Double(from, to)),
    ]
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let range = |from: &prop::sample::Index, to: &prop::sample::Index| {
            let (from, to) = (from.index(bytes.len() + 1), to.index(bytes.len() + 1));
            from.min(to)..from.max(to)
        };
        match self {
            Self::Set(at, byte) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Self::Set(..) => {}
            Self::Insert(at, new) => {
                let at = at.index(bytes.len() + 1);
                bytes.splice(at..at, new.iter().copied());
            }
            Self::Cut(from, to) => {
                let range = range(from, to);
                bytes.drain(range);
            }
            Self::Double(from, to) => {
                let range = range(from, to);
                let piece = bytes[range.clone()].to_vec();
                bytes.splice(range.end..range.end, piece);
            }
        }
    }
}

fn mutate(name: &str, target: Target, cases: u32) {
    let inputs = inputs().remove(name).unwrap();
    let strategy = (
        prop::sample::select(inputs),
        prop::collection::vec(change(), 0..6),
    );
    let config = ProptestConfig {
        cases,
        // What is found goes into the corpus by hand, under its target.
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let result = TestRunner::new(config).run(&strategy, |(mut bytes, changes)| {
        for change in &changes {
            change.apply(&mut bytes);
        }
        let taken = catch_unwind(|| target(&bytes));
        prop_assert!(taken.is_ok(), "{} panics on {:?}", name, bytes);
        Ok(())
    });
    if let Err(found) = result {
        panic!("{found}");
    }
}

#[test]
fn mutated_inputs_are_taken_without_a_panic() {
    for (name, target) in TARGETS {
        mutate(name, *target, 1_500);
    }
}
