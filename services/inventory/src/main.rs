//! Runs the inventory service.

fn main() -> std::process::ExitCode {
    ordo_runtime::main("inventory", ordo_inventory::run)
}
