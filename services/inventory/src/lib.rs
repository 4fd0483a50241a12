//! Inventory: catalogue, stock and reservations.
