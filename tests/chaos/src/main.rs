//! A campaign against whole clusters: real services, a real broker, real databases; load; and everything that can go wrong at
//! random. A history kept outside says what clients were told, and after every few faults the logs must agree with it.

mod backup;
mod campaign;
mod check;
mod error;
mod files;
mod history;
mod inject;
mod load;
mod proxy;
mod schedule;
mod world;

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use clap::Parser;
use ordo_cluster::Programs;

use crate::{
    campaign::{Campaign, Tally},
    error::ChaosError,
    schedule::Fault,
    world::Store,
};

/// Breaks clusters under load, heals them, and compares them with what clients were told.
#[derive(Debug, Parser)]
#[command(name = "ordo-chaos")]
struct Arguments {
    /// How many cycles: one fault, or two at once, in each.
    #[arg(long, default_value_t = 20)]
    cycles: usize,
    /// Seed of the first cluster's faults and load; every further one has the next. Random when not given.
    #[arg(long)]
    seed: Option<u64>,
    /// Databases of the services.
    #[arg(long, value_enum, default_value = "sqlite")]
    store: Store,
    /// Only these kinds of fault.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Fault>,
    /// Cycles in the life of one cluster.
    #[arg(long, default_value_t = 12)]
    per_life: usize,
    /// Cycles between two checks of everything.
    #[arg(long, default_value_t = 4)]
    check_every: usize,
    /// Folder for the clusters; what fails stays there.
    #[arg(long)]
    folder: PathBuf,
    /// Folder with the programs under test, instead of those beside this one.
    #[arg(long)]
    programs: Option<PathBuf>,
    /// Print what would be done, and do nothing.
    #[arg(long)]
    plan: bool,
    /// Print one JSON object at the end.
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(tally) if tally.failed == 0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("ordo-chaos: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<Tally, ChaosError> {
    let mut programs = Programs::find()?;
    if let Some(folder) = &arguments.programs {
        programs.services.clone_from(folder);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let random = now.map_or(0, |now| now.as_secs() % 1_000_000 * 1_000);
    let campaign = Campaign {
        cycles: arguments.cycles,
        seed: arguments.seed.unwrap_or(random),
        store: arguments.store,
        only: arguments.only.clone(),
        per_life: arguments.per_life.max(1),
        check_every: arguments.check_every.max(1),
        folder: arguments.folder.clone(),
        programs,
    };
    println!("seed {}, {:?}", campaign.seed, campaign.store);
    if arguments.plan {
        campaign.print_plan();
        return Ok(Tally::default());
    }
    let started = Instant::now();
    let tally = campaign.run().await?;
    let seconds = started.elapsed().as_secs_f64();
    for (fault, count) in &tally.faults {
        println!("{count:>6} {fault}");
    }
    println!(
        "{} clusters, {} checks, {} orders; calls: {} ok, {} refused, {} unknown; {} parked after restores; {seconds:.0} s",
        tally.lives,
        tally.checks,
        tally.orders,
        tally.calls.ok,
        tally.calls.refused,
        tally.calls.unknown,
        tally.parked
    );
    if arguments.json {
        let object = serde_json::json!({
            "seed": campaign.seed,
            "store": format!("{:?}", campaign.store).to_ascii_lowercase(),
            "passed": tally.passed,
            "failed": tally.failed,
            "faults": tally.faults,
            "clusters": tally.lives,
            "checks": tally.checks,
            "orders": tally.orders,
            "calls": { "ok": tally.calls.ok, "refused": tally.calls.refused, "unknown": tally.calls.unknown },
            "parked_after_restores": tally.parked,
            "seconds": seconds.round(),
        });
        println!("{object}");
    } else {
        println!("{} passed, {} failed", tally.passed, tally.failed);
    }
    Ok(tally)
}
