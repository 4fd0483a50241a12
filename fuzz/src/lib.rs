//! Runs one of `ordo_fuzz_targets::TARGETS` under libFuzzer.

/// The fuzz target of that name; the name is one of the list.
#[macro_export]
macro_rules! fuzz {
    ($name:literal) => {
        libfuzzer_sys::fuzz_target!(|data: &[u8]| {
            for (name, target) in ordo_fuzz_targets::TARGETS {
                if *name == $name {
                    return target(data);
                }
            }
            unreachable!("no target is named {}", $name);
        });
    };
}
