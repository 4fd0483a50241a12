//! Why the shop's commands are refused.

use std::convert::Infallible;

use crate::{
    codes::CodeTaken,
    ids::{SiteId, Sku},
    reservation::ReservationError,
    stock::StockError,
};

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InventoryError {
    /// A movement is not possible.
    #[error(transparent)]
    Stock(#[from] StockError),
    /// A reservation does not allow it.
    #[error(transparent)]
    Reservation(#[from] ReservationError),
    /// A barcode or channel code belongs to another SKU.
    #[error(transparent)]
    CodeTaken(#[from] CodeTaken),
    /// SKUs that nobody has put into the catalogue.
    #[error("unknown SKU: {}", list(skus))]
    UnknownSkus {
        /// All of them.
        skus: Vec<Sku>,
    },
    /// A site that nobody has put.
    #[error("unknown site {site_id}")]
    UnknownSite {
        /// As asked for.
        site_id: SiteId,
    },
    /// A product that nobody has put.
    #[error("unknown product {product_id}")]
    UnknownProduct {
        /// As asked for.
        product_id: String,
    },
}

impl From<Infallible> for InventoryError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

fn list(skus: &[Sku]) -> String {
    skus.iter().map(Sku::as_str).collect::<Vec<_>>().join(", ")
}
