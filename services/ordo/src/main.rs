//! The command line of Ordo.

use std::process::ExitCode;

use clap::Parser as _;

mod bench;
mod cli;
mod client;
mod cluster;
mod commands;
mod demo;
mod fault;
mod output;

fn main() -> ExitCode {
    let arguments = cli::Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("ordo: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(commands::run(arguments)) {
        Ok(code) => code,
        Err(fault) => {
            eprint!("{fault}");
            ExitCode::FAILURE
        }
    }
}
