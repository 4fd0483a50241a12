//! Who the goods go to: in the clear only for those who write labels.

use ordo_privacy::{PrivacyError, Vault};
use ordo_proto::{
    fulfilment::FulfilmentOrder,
    types::{Address, Contact},
};
use ordo_rpc::{Identity, role};

use crate::projections::work::Stored;

/// Roles that label and pack.
const LABELLERS: &[&str] = &[role::PACKER, role::WAREHOUSE, role::OPERATOR, role::ADMIN];

/// Purpose in the audit trail of opened data.
const PURPOSE: &str = "label";

/// The fulfilment order with its recipient. Everybody else sees the part of the address that is not personal, and nothing is
/// opened for them. What was erased is absent.
pub(super) async fn addressed(
    vault: &Vault,
    caller: &Identity,
    stored: Stored,
) -> Result<FulfilmentOrder, PrivacyError> {
    let mut view = stored.view.unwrap_or_default();
    if !caller.has_any(LABELLERS) {
        view.address = view.region.clone().map(|region| Address {
            country_code: region.country_code,
            province: region.province,
            city: region.city,
            ..Address::default()
        });
        return Ok(view);
    }
    if let Some(sealed) = &stored.contact {
        view.contact = vault.open::<Contact>(sealed, "contact", PURPOSE).await?;
    }
    if let Some(sealed) = &stored.address {
        view.address = vault.open::<Address>(sealed, "address", PURPOSE).await?;
    }
    if let Some(sealed) = &stored.gift_message {
        let text = vault
            .open::<String>(sealed, "gift_message", PURPOSE)
            .await?;
        view.gift_message = text.unwrap_or_default();
    }
    Ok(view)
}
