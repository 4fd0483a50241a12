//! `ordo up`: a cluster on this machine, until Ctrl-C.

use std::{
    io::{IsTerminal as _, Write as _},
    process::ExitCode,
};

use clap::Args;
use ordo_bench::{Stores, count};
use ordo_cluster::{
    BROKER, Cluster, ClusterError, ClusterFile, ClusterOptions, Line, Lines, MOST_REPLICAS, Ports,
    Programs, SERVICES,
};
use tokio::signal::unix::{SignalKind, signal};

use crate::{cli::Target, database::check_room, fault::Fault};

/// Prints a line. When nobody reads any more the cluster goes on.
macro_rules! tell {
    ($($part:tt)*) => {{
        let _ = writeln!(std::io::stdout().lock(), $($part)*);
    }};
}

/// What to start.
#[derive(Debug, Args)]
pub struct UpOptions {
    /// Where the databases are: `postgres://user@host/database`; SQLite in the cluster's folder when not given.
    #[arg(long, value_name = "URL", value_parser = Stores::OF_SERVICES)]
    store: Option<String>,
    /// Processes of each service, 1 to 4; more than one needs `--store postgres://…`.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = count(1..=MOST_REPLICAS as u64))]
    replicas: usize,
    /// Take whatever ports are free, instead of 7701 and following.
    #[arg(long)]
    free_ports: bool,
    /// A further setting of every service, `KEY=VALUE` (docs/CONFIGURATION.md); may be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
    /// Print only what `ordo up` itself has to say, such as that a process ended and is started again (on standard error); the
    /// logs are in the folder.
    #[arg(long)]
    quiet: bool,
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| format!("`{text}` is not KEY=VALUE"))?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Starts a cluster and keeps it running.
pub async fn up(target: &Target, options: UpOptions) -> Result<ExitCode, Fault> {
    let mut interrupt = signal(SignalKind::interrupt())
        .map_err(|error| Fault::because("waiting for signals", error))?;
    let mut terminate = signal(SignalKind::terminate())
        .map_err(|error| Fault::because("waiting for signals", error))?;
    let cluster = ClusterOptions {
        home: target.home.clone(),
        store: options.store,
        tenant: target.tenant.clone().unwrap_or_else(|| "demo".to_owned()),
        ports: if options.free_ports {
            Ports::Free
        } else {
            Ports::Fixed
        },
        programs: Programs::find().map_err(Fault::local)?,
        settings: options.settings,
    };
    let lines = if options.quiet {
        Lines::to(
            |Line {
                 program,
                 text,
                 of_it,
             }| {
                if of_it {
                    // Nobody reads any more: the log files still have it.
                    let _ = writeln!(std::io::stderr().lock(), "{program} {text}");
                }
            },
        )
    } else {
        printed()
    };
    let replicas = options.replicas;
    let start = async {
        if let Some(store) = &cluster.store {
            check_room(store, replicas).await?;
        }
        tell!("starting a cluster in {}", target.home.display());
        let started = Cluster::start_replicated(cluster, replicas, lines).await;
        started.map_err(not_started)
    };
    let started = tokio::select! {
        started = start => started?,
        _ = interrupt.recv() => return Ok(ExitCode::SUCCESS),
        _ = terminate.recv() => return Ok(ExitCode::SUCCESS),
    };
    print_addresses(started.file(), target);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tell!("stopping; once more to stop at once");
    tokio::select! {
        stopped = started.stop() => {
            stopped.map_err(Fault::local)?;
            tell!("stopped");
            Ok(ExitCode::SUCCESS)
        }
        _ = interrupt.recv() => Ok(ExitCode::FAILURE),
    }
}

/// Why a cluster did not start. So many replicas on such a store are asked for by whoever gave the arguments.
pub fn not_started(error: ClusterError) -> Fault {
    match error {
        ClusterError::Replicas(why) => Fault::usage(why).about("--replicas"),
        error => Fault::local(error),
    }
}

fn print_addresses(file: &ClusterFile, target: &Target) {
    tell!();
    for service in SERVICES {
        let addresses = |by_service: &std::collections::BTreeMap<String, String>| {
            let list = by_service.get(service).cloned().unwrap_or_default();
            list.split(',').map(str::to_owned).collect::<Vec<_>>()
        };
        let replicas = addresses(&file.services)
            .into_iter()
            .zip(addresses(&file.metrics));
        for (grpc, metrics) in replicas {
            tell!("  {service:<11} gRPC {grpc}   metrics {metrics}/metrics");
        }
    }
    tell!("  {:<11} {}", BROKER, file.nats);
    tell!();
    tell!(
        "Tenant `{}`, token in {}.",
        file.tenant,
        target.home.join(&file.token_file).display()
    );
    tell!("In another terminal: `ordo order list`. Ctrl-C stops everything.");
    tell!();
}

/// Prints each line behind its program's name, coloured on a terminal.
fn printed() -> Lines {
    let coloured = std::io::stdout().is_terminal();
    Lines::to(move |Line { program, text, .. }| {
        let colour = match program.split('-').next() {
            Some("intake") => 36,
            Some("inventory") => 33,
            Some("fulfilment") => 32,
            Some("aftersales") => 35,
            _ => 90,
        };
        let mut out = std::io::stdout().lock();
        // Nobody reads any more: the log files still have it.
        let _ = if coloured {
            writeln!(out, "\x1b[{colour}m{program:>12}\x1b[0m | {text}")
        } else {
            writeln!(out, "{program:>12} | {text}")
        };
    })
}
