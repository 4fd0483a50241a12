//! What only aftersales is configured with.

/// The shop's rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// What came back with a return is refunded at once, without a person's decision.
    pub refund_on_receipt: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            refund_on_receipt: true,
        }
    }
}
