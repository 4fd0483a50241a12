//! Names, phones and addresses: sealed before they enter an event, opened for those who may look, masked for others.

use ordo_event_log::TenantId;
use ordo_privacy::{PrivacyError, Vault};
use ordo_proto::{
    intake::Wishes,
    types::{Address, Contact, Region, Sealed},
};
use ordo_rpc::{Identity, role};

use crate::order::{Body, Known, Personal, PersonalChange};

/// Field names that sealed data is bound to.
pub mod field {
    /// `ordo.type.v1.Contact`
    pub const CONTACT: &str = "contact";
    /// `ordo.type.v1.Address`
    pub const ADDRESS: &str = "address";
    /// UTF-8 text as `google.protobuf.StringValue`.
    pub const GIFT_MESSAGE: &str = "gift_message";
}

/// Roles that see personal data in the clear.
const MAY_SEE: &[&str] = &[role::ADMIN, role::AGENT, role::CLERK, role::REVIEWER];

/// Whether the caller sees personal data in the clear.
pub fn may_see(identity: &Identity) -> bool {
    identity.has_any(MAY_SEE)
}

/// The customer of a channel's buyer: the same for every order of that buyer, and not to be turned back into the
/// channel's id.
pub fn customer_id(
    vault: &Vault,
    tenant: &TenantId,
    channel: &str,
    channel_customer_id: &str,
) -> Result<String, PrivacyError> {
    let buyer = format!("{channel}/{channel_customer_id}");
    let index = vault.blind_index(tenant.as_str(), "customer", &buyer)?;
    Ok(format!("c-{index}"))
}

/// The part of an address that is not personal.
pub fn region(address: &Address) -> Region {
    Region {
        country_code: address.country_code.clone(),
        province: address.province.clone(),
        city: address.city.clone(),
    }
}

/// A recipient in the clear.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recipient {
    /// Absent: none was given, or it was erased.
    pub contact: Option<Contact>,
    /// Absent: none was given, or it was erased.
    pub address: Option<Address>,
}

/// Seals what was given.
pub async fn seal(
    vault: &Vault,
    tenant: &TenantId,
    subject: &str,
    recipient: &Recipient,
) -> Result<Personal, PrivacyError> {
    let tenant = tenant.as_str();
    let contact = match &recipient.contact {
        Some(contact) => Some(vault.seal(tenant, subject, field::CONTACT, contact).await?),
        None => None,
    };
    let address = match &recipient.address {
        Some(address) => Some(vault.seal(tenant, subject, field::ADDRESS, address).await?),
        None => None,
    };
    Ok(Personal {
        contact,
        address,
        region: recipient.address.as_ref().map(region),
        known: Known::of(recipient.contact.as_ref(), recipient.address.as_ref()),
    })
}

/// Seals a gift message into the wishes.
pub async fn seal_gift_message(
    vault: &Vault,
    tenant: &TenantId,
    subject: &str,
    message: String,
    wishes: &mut Wishes,
) -> Result<(), PrivacyError> {
    if !message.is_empty() {
        let sealed = vault.seal(tenant.as_str(), subject, field::GIFT_MESSAGE, &message);
        wishes.gift_message = Some(sealed.await?);
    }
    Ok(())
}

/// Opens an order's recipient. `erased` is true when there was one that cannot be opened any more.
pub async fn open(
    vault: &Vault,
    contact: Option<&Sealed>,
    address: Option<&Sealed>,
    purpose: &str,
) -> Result<(Recipient, bool), PrivacyError> {
    let mut erased = false;
    let mut recipient = Recipient::default();
    if let Some(sealed) = contact {
        recipient.contact = vault.open(sealed, field::CONTACT, purpose).await?;
        erased |= recipient.contact.is_none();
    }
    if let Some(sealed) = address {
        recipient.address = vault.open(sealed, field::ADDRESS, purpose).await?;
        erased |= recipient.address.is_none();
    }
    Ok((recipient, erased))
}

/// The order's recipient with `given` put over it, sealed, and tied to what it was merged with. Parts that were not given
/// stay sealed as they are.
pub async fn merge(
    vault: &Vault,
    tenant: &TenantId,
    body: &Body,
    given: Recipient,
    purpose: &str,
) -> Result<PersonalChange, PrivacyError> {
    let (present, _) = open(vault, body.contact.as_ref(), body.address.as_ref(), purpose).await?;
    let merged = Recipient {
        contact: merge_contact(present.contact, given.contact.as_ref()),
        address: merge_address(present.address, given.address.as_ref()),
    };
    let changed = Recipient {
        contact: given.contact.and(merged.contact.clone()),
        address: given.address.and(merged.address.clone()),
    };
    let mut personal = seal(vault, tenant, &body.data_subject, &changed).await?;
    personal.known = Known::of(merged.contact.as_ref(), merged.address.as_ref());
    Ok(PersonalChange {
        based_on: body.personal_revision,
        personal,
    })
}

/// `given` where it says something, `present` elsewhere.
fn over(present: &mut String, given: &str) {
    if !given.is_empty() {
        given.clone_into(present);
    }
}

fn merge_contact(present: Option<Contact>, given: Option<&Contact>) -> Option<Contact> {
    let Some(given) = given else { return present };
    let mut merged = present.unwrap_or_default();
    over(&mut merged.name, &given.name);
    over(&mut merged.phone, &given.phone);
    over(&mut merged.email, &given.email);
    Some(merged)
}

fn merge_address(present: Option<Address>, given: Option<&Address>) -> Option<Address> {
    let Some(given) = given else { return present };
    let mut merged = present.unwrap_or_default();
    over(&mut merged.country_code, &given.country_code);
    over(&mut merged.province, &given.province);
    over(&mut merged.city, &given.city);
    over(&mut merged.district, &given.district);
    over(&mut merged.street, &given.street);
    over(&mut merged.postcode, &given.postcode);
    Some(merged)
}

/// The recipient as those see it who need not know: the first letter of the name, the phone's ends, the place.
pub fn mask(recipient: Recipient) -> Recipient {
    Recipient {
        contact: recipient.contact.map(|contact| Contact {
            name: mask_name(&contact.name),
            phone: mask_phone(&contact.phone),
            email: if contact.email.is_empty() {
                String::new()
            } else {
                "***".to_owned()
            },
        }),
        address: recipient.address.map(|address| Address {
            street: if address.street.is_empty() {
                String::new()
            } else {
                "***".to_owned()
            },
            district: String::new(),
            postcode: String::new(),
            ..address
        }),
    }
}

fn mask_name(name: &str) -> String {
    name.chars()
        .next()
        .map(|first| format!("{first}**"))
        .unwrap_or_default()
}

/// `138****8000`; short numbers show nothing.
fn mask_phone(phone: &str) -> String {
    let digits: Vec<char> = phone.chars().filter(char::is_ascii_digit).collect();
    match digits.len() {
        0 => String::new(),
        1..8 => "****".to_owned(),
        length => {
            let head: String = digits[..3].iter().collect();
            let tail: String = digits[length - 4..].iter().collect();
            format!("{head}****{tail}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masked_data_do_not_tell_who_it_is() {
        let recipient = Recipient {
            contact: Some(Contact {
                name: "张伟".into(),
                phone: "+86 138-0013-8000".into(),
                email: "z@example.com".into(),
            }),
            address: Some(Address {
                country_code: "CN".into(),
                city: "杭州市".into(),
                street: "文三路 1 号".into(),
                postcode: "310000".into(),
                ..Address::default()
            }),
        };
        let masked = mask(recipient);
        let contact = masked.contact.unwrap_or_default();
        assert_eq!(
            (contact.name.as_str(), contact.phone.as_str()),
            ("张**", "861****8000")
        );
        let address = masked.address.unwrap_or_default();
        assert_eq!(
            (address.city.as_str(), address.street.as_str()),
            ("杭州市", "***")
        );
        assert_eq!(mask_phone("12345"), "****");
    }

    #[test]
    fn what_was_not_given_stays() {
        let present = Contact {
            name: "Jane".into(),
            phone: "1".into(),
            email: String::new(),
        };
        let given = Contact {
            phone: "2".into(),
            ..Contact::default()
        };
        let merged = merge_contact(Some(present), Some(&given)).unwrap_or_default();
        assert_eq!((merged.name.as_str(), merged.phone.as_str()), ("Jane", "2"));
    }
}
