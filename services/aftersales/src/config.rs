//! What only aftersales is configured with.

use ordo_runtime::{Settings, settings::Reader};

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

impl Settings for Rules {
    fn read(reader: &mut Reader) -> Self {
        Self {
            refund_on_receipt: reader.value(
                "aftersales.refund_on_receipt",
                "true",
                "`true` or `false`",
                "Whether what came back with a return is refunded at once; otherwise a person decides each refund.",
            ),
        }
    }
}
