//! One file for each group of commands.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::CommandFactory as _;

use crate::{
    cli::{Cli, Command},
    client::{self, Client},
    fault::Fault,
};

pub mod backup;
pub mod case;
pub mod catalogue;
pub mod events;
pub mod operations;
pub mod order;
pub mod parked;
pub mod parse;
pub mod stock;
pub mod work;

/// Runs what the arguments ask for.
pub async fn run(arguments: Cli) -> Result<ExitCode, Fault> {
    let Cli {
        target,
        json,
        command_id,
        command,
    } = arguments;
    if let Some(id) = command_id {
        client::repeat(id);
    }
    let client = || Client::connect(&target, json);
    match command {
        Command::Up(options) => crate::cluster::up(&target, options).await,
        Command::Demo(options) => crate::demo::run(options, json).await,
        Command::Order(command) => order::run(&client()?, command).await,
        Command::Stock(command) => stock::run(&client()?, command).await,
        Command::Catalogue(command) => catalogue::run(&client()?, command).await,
        Command::Work(command) => work::run(&client()?, command).await,
        Command::Case(command) => case::run(&client()?, command).await,
        Command::Events(command) => events::run(&client()?, command).await,
        Command::Projection(command) => operations::projection(&client()?, command).await,
        Command::Parked(command) => parked::run(&client()?, command).await,
        Command::Verify(options) => operations::verify(&client()?, &options).await,
        Command::Backup(options) => backup::backup(&target, json, options).await,
        Command::Restore(options) => backup::restore(&target, json, options).await,
        Command::Bench(command) => crate::bench::run(command, json).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "ordo", &mut script);
            let mut out = io::stdout().lock();
            out.write_all(&script)
                .and_then(|()| out.flush())
                .map_err(Fault::output)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
