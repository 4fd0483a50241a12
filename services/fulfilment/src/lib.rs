//! Fulfilment: picking, packing, parcels and tracking.

pub mod fulfilment_order;
pub mod parcel;
