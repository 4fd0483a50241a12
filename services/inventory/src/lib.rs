//! Inventory: catalogue, stock and reservations.
//!
//! [`stock`] counts units per SKU and site as folds of typed movements; a [`reservation`] says what an order wants and what is
//! promised to it; [`sourcing`] chooses the sites; who waits stands in a queue per SKU ([`backorder`]). [`commands`] decides
//! over all of them at once, within the tenant's one partition, so that nothing is ever promised twice. docs/STOCK.md tells
//! integrators what that means to them.

pub mod backorder;
pub mod codes;
pub mod commands;
pub mod conservation;
#[cfg(test)]
mod golden;
pub mod grpc;
pub mod gs1;
pub mod ids;
pub mod product;
pub mod projections;
pub mod reactions;
pub mod refusals;
pub mod reservation;
mod service;
pub mod sites;
pub mod sku;
pub mod sourcing;
pub mod stock;

pub use service::run;

/// Name of the service: of its log, its read models and in tokens.
pub const SERVICE: &str = "inventory";
