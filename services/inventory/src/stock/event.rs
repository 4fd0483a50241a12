//! What happens at a place.

use ordo_proto::inventory::{
    LowStockReached, LowStockRecovered, StockAdjusted, StockIssued, StockLevelsSet, StockReceived,
    StockReservationReleased, StockReserved, StockReturned,
};

ordo_event_log::events! {
    /// A movement, a level or an alert.
    pub enum StockEvent {
        Received(StockReceived),
        Adjusted(StockAdjusted),
        Reserved(StockReserved),
        ReservationReleased(StockReservationReleased),
        Issued(StockIssued),
        Returned(StockReturned),
        LevelsSet(StockLevelsSet),
        LowReached(LowStockReached),
        LowRecovered(LowStockRecovered),
    }
}
