//! Names of things, each with a type of its own. Cheap to copy.

use std::{borrow::Borrow, fmt, sync::Arc};

macro_rules! text_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.into())
            }
        }

        impl From<&String> for $name {
            fn from(id: &String) -> Self {
                Self(id.as_str().into())
            }
        }

        impl From<&$name> for String {
            fn from(id: &$name) -> Self {
                id.0.as_ref().to_owned()
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

text_ids! {
    /// What is sold and counted: a stock keeping unit's code, as the shop writes it.
    Sku,
    /// A warehouse or shop.
    SiteId,
    /// The order that units are reserved for.
    ReservationId,
    /// A line of that order.
    LineId,
}

impl Sku {
    /// Whether the catalogue can have it: 1 to 64 characters without white space, control characters and `@`; at most 150
    /// bytes, so that it fits into the id of a place's stream. Orders may name anything else; nobody knows it.
    pub fn is_well_formed(text: &str) -> bool {
        (1..=64).contains(&text.chars().count())
            && text.len() <= 150
            && !text
                .chars()
                .any(|c| c.is_whitespace() || c.is_control() || c == '@')
    }
}

/// Where units of one SKU lie: one stream of movements.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// What lies there.
    pub sku: Sku,
    /// Where.
    pub site_id: SiteId,
}

impl Place {
    /// Units of `sku` at `site_id`.
    pub fn new(sku: &Sku, site_id: &SiteId) -> Self {
        Self {
            sku: sku.clone(),
            site_id: site_id.clone(),
        }
    }

    /// Id of its `stock` stream. An `@` cannot be in a SKU, so the parts can be told apart.
    pub fn stream_id(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.sku, self.site_id)
    }
}
