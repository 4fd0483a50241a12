//! Aftersales: returns, exchanges and refunds.

pub mod case;
pub mod desk;
pub mod ids;
pub mod money;
pub mod purchase;
