//! The process `ordo-aftersales`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ordo_runtime::main_with(ordo_aftersales::SERVICE, ordo_aftersales::run)
}
