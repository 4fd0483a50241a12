//! Runs one of `ordo_fuzz_targets::TARGETS` under libFuzzer.

use std::{env, fs, io, path::PathBuf};

/// The fuzz target of that name; the name is one of the list.
#[macro_export]
macro_rules! fuzz {
    ($name:literal) => {
        libfuzzer_sys::fuzz_target!(
            init: $crate::write_seeds($name).expect("the folder in ORDO_FUZZ_SEEDS can be written"),
            |data: &[u8]| {
                for (name, target) in ordo_fuzz_targets::TARGETS {
                    if *name == $name {
                        return target(data);
                    }
                }
                unreachable!("no target is named {}", $name);
            }
        );
    };
}

/// Writes the inputs to begin with into the folder that `ORDO_FUZZ_SEEDS` names, which libFuzzer reads afterwards.
pub fn write_seeds(target: &str) -> io::Result<()> {
    let Some(folder) = env::var_os("ORDO_FUZZ_SEEDS").map(PathBuf::from) else {
        return Ok(());
    };
    let seeds = ordo_fuzz_targets::seeds::all().into_iter();
    for (number, (_, input)) in seeds.filter(|(name, _)| *name == target).enumerate() {
        fs::write(folder.join(format!("seed-{number}")), input)?;
    }
    Ok(())
}
