//! The command line of Ordo.

use std::process::ExitCode;

mod bench;
mod cli;
mod client;
mod cluster;
mod commands;
mod database;
mod demo;
mod fault;
mod output;
mod private_cluster;
mod settled;
mod table;

/// As in the services: `ordo bench` runs a log in this process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = match cli::parse(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let json = arguments.json;
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fault::Fault::because("cannot start", error).tell(json),
    };
    match runtime.block_on(commands::run(arguments)) {
        Ok(code) => code,
        Err(fault) => fault.tell(json),
    }
}
