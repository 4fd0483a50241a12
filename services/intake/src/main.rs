//! The process `ordo-intake`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ordo_runtime::main_with(ordo_intake::SERVICE, ordo_intake::run)
}
