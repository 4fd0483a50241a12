//! Fulfilment: picking, packing, parcels and tracking.
