//! `ordo-sim`: the four services in one deterministic world that fails on purpose. See docs/RELIABILITY.md.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod broker;
mod campaign;
mod chance;
mod clock;
mod cluster;
mod files;
mod judge;
mod network;
mod people;
mod shop;
mod weather;
mod world;

use std::{process::ExitCode, sync::Arc, time::Duration};

use clap::Parser;

use crate::{cluster::Cluster, people::People, shop::Shop, world::World};

/// Runs simulated worlds and checks that no invariant breaks.
#[derive(Debug, Parser)]
#[command(name = "ordo-sim", version)]
struct Options {
    /// How many seeds to run, each in a process of its own.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Prints everything that happens; for one seed.
    #[arg(long)]
    trace: bool,
    /// What the services log, as `tracing-subscriber` filters it; for one seed.
    #[arg(long, default_value = "off")]
    log: String,
    /// How many seeds run at once.
    #[arg(long, default_value_t = std::thread::available_parallelism().map_or(1, usize::from))]
    jobs: usize,
    /// Also prints a line for each seed that passed.
    #[arg(long)]
    verbose: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if std::env::var_os(campaign::INSIDE).is_some() || options.seeds == 1 {
        return one(&options);
    }
    campaign::run(options.from, options.seeds, options.jobs, options.verbose)
}

/// Runs one world in this process: everything that follows from anything but its seed ends with it.
fn one(options: &Options) -> ExitCode {
    let (seed, prints) = (options.from, options.trace);
    clock::seed(seed);
    let filter: tracing_subscriber::filter::Targets = options.log.parse().unwrap_or_default();
    if options.log != "off" {
        use tracing_subscriber::{
            Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _,
        };
        tracing_subscriber::registry()
            .with(
                tracing_subscriber::fmt::layer()
                    .with_writer(std::io::stderr)
                    .with_filter(filter),
            )
            .init();
    }
    // A thread of its own has no leftovers from this process's beginning.
    let world = std::thread::Builder::new()
        .stack_size(64 << 20)
        .spawn(move || live(seed, prints));
    match world.map(std::thread::JoinHandle::join) {
        Ok(Ok(Ok(world))) => campaign::report(seed, &world),
        Ok(Ok(Err(error))) => {
            eprintln!("seed {seed}: {error}");
            ExitCode::FAILURE
        }
        _ => {
            eprintln!("seed {seed}: the world panicked");
            ExitCode::FAILURE
        }
    }
}

fn live(seed: u64, prints: bool) -> Result<Arc<World>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| error.to_string())?;
    let folder = tempfile::Builder::new()
        .prefix("ordo-sim-")
        .tempdir_in(place())
        .map_err(|error| error.to_string())?;
    let world = runtime.block_on(async {
        clock::take_over();
        let world = World::new(seed, prints);
        world.note("weather", format_args!("{:?}", world.weather));
        let cluster = Cluster::new(&world, folder.path().to_owned())?;
        cluster.start();
        let shop = Shop::new(People::new(&cluster)?);
        let story = async {
            shop.furnish().await;
            shop.trade().await;
        };
        if tokio::time::timeout(Duration::from_secs(600), story)
            .await
            .is_err()
        {
            world.violated("the shop did not close within ten minutes".to_owned());
        }
        world.heal();
        cluster.nats.drop_altered();
        judge::judge(&shop, &cluster.nats).await;
        Ok::<_, String>(world)
    });
    clock::give_back();
    // What is left over in the world's runtime is never polled again.
    std::mem::forget(runtime);
    world
}

/// Memory where there is a file system for it: nothing here has to outlive the process.
fn place() -> std::path::PathBuf {
    let memory = std::path::PathBuf::from("/dev/shm");
    match memory.is_dir() {
        true => memory,
        false => std::env::temp_dir(),
    }
}
