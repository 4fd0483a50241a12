//! What the shop may ask, each as one decision over all the streams that it concerns. Pure: facts come from the log's streams
//! and from the command itself.

mod catalogue;
mod error;
mod facts;
mod movements;
mod reserve;
mod serve;
mod settle;
#[cfg(test)]
mod specs;
mod streams;
#[cfg(test)]
pub(crate) mod testing;

pub use self::{
    catalogue::{put_product, put_site, put_sku},
    error::InventoryError,
    movements::{
        Adjustment, Receipt, ReceiptLine, Restocking, adjust, receive, restock, set_levels,
    },
    reserve::{Outcome, consume, expire, release, reserve},
    serve::{Served, announce_units, serve_backorder},
    streams::Streams,
};
