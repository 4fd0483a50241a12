//! Low-stock alerts: one per crossing of the level, and again only after recovery.

use ordo_proto::inventory::{LowStockReached, LowStockRecovered};

use super::{Stock, StockEvent};
use crate::ids::Place;

/// The alert that the change to `after` calls for.
pub(super) fn crossing(after: &Stock, place: &Place) -> Option<StockEvent> {
    let available = after.available();
    let level = after.low_stock_level;
    let is_low = level > 0 && available <= level;
    match (after.low, is_low) {
        (false, true) => Some(
            LowStockReached {
                sku: String::from(&place.sku),
                site_id: String::from(&place.site_id),
                available,
                level,
            }
            .into(),
        ),
        (true, false) => Some(
            LowStockRecovered {
                sku: String::from(&place.sku),
                site_id: String::from(&place.site_id),
                available,
            }
            .into(),
        ),
        (false, false) | (true, true) => None,
    }
}
