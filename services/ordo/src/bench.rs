//! `ordo bench`: how fast it is, each figure beside a floor measured in the same run (docs/PERFORMANCE.md).

use std::{fmt::Display, process::ExitCode};

use clap::Subcommand;
use serde::Serialize;

use crate::fault::Fault;

mod hot_sku;
mod orders;
mod shop;
mod usage;

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Commands through the event log, with all its checks, beside a raw writer.
    Append(ordo_bench::append::AppendOptions),
    /// A log copied to JetStream, beside raw atomic batches.
    Relay(ordo_bench::relay::RelayOptions),
    /// The order list built from a full log, and asked.
    Project(ordo_bench::project::ProjectOptions),
    /// Orders through all services, from the channel's call to the warehouse.
    Orders(orders::OrdersOptions),
    /// Many buyers of few units of one article.
    HotSku(hot_sku::HotSkuOptions),
}

/// Runs a benchmark. Its last line with `--json` is one object.
pub async fn run(command: BenchCommand, json: bool) -> Result<ExitCode, Fault> {
    match command {
        BenchCommand::Append(options) => tell(
            ordo_bench::append::run(options)
                .await
                .map_err(|error| Fault::because("bench append", error))?,
            json,
        ),
        BenchCommand::Relay(options) => tell(
            ordo_bench::relay::run(options)
                .await
                .map_err(|error| Fault::because("bench relay", error))?,
            json,
        ),
        BenchCommand::Project(options) => tell(
            ordo_bench::project::run(options)
                .await
                .map_err(|error| Fault::because("bench project", error))?,
            json,
        ),
        BenchCommand::Orders(options) => tell(orders::run(options, json).await?, json),
        BenchCommand::HotSku(options) => tell(hot_sku::run(options, json).await?, json),
    }
}

/// `sqlite` or `postgres`: an address may hold a password.
fn kind(store: &str) -> String {
    store.split("://").next().unwrap_or(store).to_owned()
}

/// Prints the report: a table, and with `--json` an object on the last line.
fn tell(report: impl Display + Serialize, json: bool) -> Result<ExitCode, Fault> {
    print!("{report}");
    if json {
        let line = serde_json::to_string(&report)
            .map_err(|error| Fault::because("writing the report", error))?;
        println!("{line}");
    }
    Ok(ExitCode::SUCCESS)
}
