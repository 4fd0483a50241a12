//! Aftersales: returns, exchanges and refunds.
