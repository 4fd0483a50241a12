//! Inventory: catalogue, stock and reservations.

pub mod backorder;
pub mod codes;
pub mod commands;
pub mod conservation;
pub mod gs1;
pub mod ids;
pub mod product;
pub mod reservation;
pub mod sites;
pub mod sku;
pub mod sourcing;
pub mod stock;
