//! Settings of fulfilment beyond those of every service.

use ordo_runtime::{Settings, settings::Reader};

use crate::fulfilment_order::CheckPolicy;

/// How this shop's warehouses work.
#[derive(Clone, Copy, Debug, Default)]
pub struct FulfilmentConfig {
    /// Whether goods must be checked before they are packed.
    pub check: CheckPolicy,
}

impl Settings for FulfilmentConfig {
    fn read(reader: &mut Reader) -> Self {
        let required: bool = reader.value(
            "fulfilment.check_required",
            "false",
            "`true` or `false`",
            "Whether goods must pass a check before they are packed; otherwise a parcel says when its check was skipped.",
        );
        Self {
            check: if required {
                CheckPolicy::Required
            } else {
                CheckPolicy::Optional
            },
        }
    }
}
