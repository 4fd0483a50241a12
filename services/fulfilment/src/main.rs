//! The fulfilment service.

use std::process::ExitCode;

fn main() -> ExitCode {
    ordo_runtime::main_with(ordo_fulfilment::SERVICE, ordo_fulfilment::run)
}
