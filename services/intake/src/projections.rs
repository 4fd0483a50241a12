//! Read models.

pub mod order_list;
pub mod sku_codes;
