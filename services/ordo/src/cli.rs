//! The arguments.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::commands::{case, catalogue, events, operations, order, stock, work};

/// Runs Ordo on one machine, and talks to a running one.
///
/// Commands find the cluster through the folder that `ordo up` writes (`.ordo` in the current folder, or ORDO_HOME).
#[derive(Debug, Parser)]
#[command(name = "ordo", version, max_term_width = 110)]
pub struct Cli {
    /// How to reach the cluster.
    #[command(flatten)]
    pub target: Target,
    /// Print JSON (proto3 JSON for messages) instead of tables.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Which cluster, as whom.
#[derive(Debug, Clone, Args)]
pub struct Target {
    /// Folder of the one-machine cluster.
    #[arg(
        long,
        global = true,
        env = "ORDO_HOME",
        default_value = ".ordo",
        value_name = "DIR"
    )]
    pub home: PathBuf,
    /// Tenant (shop) to act for; the cluster's own one when not given.
    #[arg(long, global = true, env = "ORDO_TENANT", value_name = "NAME")]
    pub tenant: Option<String>,
    /// File with the token to present; the cluster's administrator's when not given.
    #[arg(long, global = true, env = "ORDO_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start nats-server and the four services on this machine, and keep them running until Ctrl-C.
    Up(crate::cluster::UpOptions),
    /// Replay real orders from placing to delivery and return on a private cluster, then verify it.
    Demo(crate::demo::DemoOptions),
    /// Take, show and change orders.
    #[command(subcommand)]
    Order(order::OrderCommand),
    /// Sites, SKUs and their stock.
    #[command(subcommand)]
    Stock(stock::StockCommand),
    /// Define what is sold and where it lies.
    #[command(subcommand)]
    Catalogue(catalogue::CatalogueCommand),
    /// The warehouse's work: pick, pack, dispatch, track.
    #[command(subcommand)]
    Work(work::WorkCommand),
    /// Returns, exchanges and refunds.
    #[command(subcommand)]
    Case(case::CaseCommand),
    /// Read the event logs.
    #[command(subcommand)]
    Events(events::EventsCommand),
    /// Read models.
    #[command(subcommand)]
    Projection(operations::ProjectionCommand),
    /// Work that gave up and waits for an operator.
    #[command(subcommand)]
    Parked(operations::ParkedCommand),
    /// Check positions, hash chains, the broker's copy, read models and stock; exit status 1 with the first difference.
    Verify(operations::VerifyOptions),
    /// Measure how fast it is, beside floors measured in the same run. Needs a release build to mean anything.
    #[command(subcommand)]
    Bench(crate::bench::BenchCommand),
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: Shell,
    },
}
