//! Many seeds, each in a process of its own.

use std::{
    collections::BTreeMap,
    process::{Command, ExitCode, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use crate::{weather::FAULTS, world::World};

/// Set in the environment of a process that runs one seed.
pub const INSIDE: &str = "ORDO_SIM_INSIDE";

/// From so many seeds on a fault that none of them had is a failure: the rarest are in every fifth.
const MANY: u64 = 100;

/// Says how a world went: the last line is for programs.
pub fn report(seed: u64, world: &World) -> ExitCode {
    let (hash, notes, counts, violations) = world.summary();
    for violation in &violations {
        eprintln!("seed {seed}: {violation}");
    }
    println!(
        "{}",
        serde_json::json!({
            "seed": seed,
            "hash": format!("{hash:016x}"),
            "notes": notes,
            "virtual_ms": world.ended_at(),
            "violations": violations,
            "counts": counts,
        })
    );
    if violations.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("seed {seed} failed; replay it with: ordo-sim --from {seed} --trace");
    ExitCode::FAILURE
}

#[derive(Default)]
struct Tally {
    failed: Vec<u64>,
    counts: BTreeMap<String, (u64, u64)>,
}

/// Runs `seeds` seeds from `from` on.
pub fn run(from: u64, seeds: u64, jobs: usize, verbose: bool) -> ExitCode {
    let started = Instant::now();
    let next = AtomicU64::new(from);
    let tally = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from.saturating_add(seeds) {
                        return;
                    }
                    one(seed, verbose, &tally);
                }
            });
        }
    });
    let mut tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    tally.failed.sort_unstable();
    println!("{:<18} {:>8} {:>12}", "fault", "seeds", "times");
    let faults: BTreeMap<&str, (u64, u64)> = FAULTS
        .iter()
        .map(|&kind| (kind, tally.counts.get(kind).copied().unwrap_or_default()))
        .collect();
    for (kind, (seeds, times)) in &faults {
        println!("{kind:<18} {seeds:>8} {times:>12}");
    }
    let never = never(&faults);
    println!(
        "{}",
        serde_json::json!({
            "from": from,
            "seeds": seeds,
            "failed": tally.failed,
            "seconds": started.elapsed().as_secs(),
            "faults": faults,
            "never": never,
        })
    );
    let all_met = never.is_empty() || seeds < MANY;
    if !all_met {
        eprintln!("no seed of {seeds} had: {}", never.join(", "));
    }
    if tally.failed.is_empty() && all_met {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Faults that did not occur.
fn never<'a>(faults: &BTreeMap<&'a str, (u64, u64)>) -> Vec<&'a str> {
    let absent = faults.iter().filter(|(_, (seeds, _))| *seeds == 0);
    absent.map(|(kind, _)| *kind).collect()
}

fn one(seed: u64, verbose: bool, tally: &Mutex<Tally>) {
    let output = std::env::current_exe().and_then(|program| {
        Command::new(program)
            .args(["--from", &seed.to_string()])
            .env(INSIDE, "1")
            .stdin(Stdio::null())
            .output()
    });
    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            eprintln!("seed {seed}: {error}");
            tally.failed.push(seed);
            return;
        }
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().last().unwrap_or_default();
    let told: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
    if let Some(counts) = told["counts"].as_object() {
        for (kind, times) in counts {
            let entry = tally.counts.entry(kind.clone()).or_default();
            entry.0 += 1;
            entry.1 += times.as_u64().unwrap_or_default();
        }
    }
    if verbose {
        println!("seed {seed} {} {}", told["hash"], told["notes"]);
    }
    if !output.status.success() {
        tally.failed.push(seed);
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        if told.is_null() {
            eprintln!("seed {seed} ended without a word: {}", output.status);
        }
    }
}
