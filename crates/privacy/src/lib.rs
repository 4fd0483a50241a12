//! Personal data sealed under one key per data subject; erasing the key erases the data.
//!
//! A [`Vault`] seals messages (a contact, an address, a gift message) before they enter an event and opens them for those
//! who may look. Every data subject (a customer, or an order without one) has a random data key of its own. Data keys are
//! stored apart from the log, each wrapped by a master key that only the configuration knows. [`Vault::erase`] destroys a
//! subject's keys: whatever was sealed under them, wherever its bytes were copied to, cannot be read again.
//!
//! | part | what it holds |
//! |---|---|
//! | [`cipher`] | XChaCha20-Poly1305 over one message, bound to its key id and field |
//! | [`master`] | the master keys, and how data keys are wrapped |
//! | [`key_store`] | the table of wrapped data keys, with group commit |
//! | [`vault`] | seal, open, erase, blind indexes |

pub mod cipher;
pub mod key_store;
pub mod master;
pub mod normalise;
pub mod vault;

pub use key_store::KeyStore;
pub use master::{MasterKeyError, MasterKeys};
pub use vault::{KeySource, Vault};

/// A 32-byte key that is wiped from memory when dropped.
pub type DataKey = zeroize::Zeroizing<[u8; 32]>;

/// Why personal data could not be sealed or opened. None of the texts holds any of it.
#[derive(Debug, thiserror::Error)]
pub enum PrivacyError {
    /// The key store does not answer; try again.
    #[error("the key store is out of reach")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The bytes were changed, or belong to another key or field.
    #[error("the sealed data of key {key_id} does not open as `{field}`")]
    Tampered {
        /// Key the data names.
        key_id: String,
        /// Field it was asked for as.
        field: &'static str,
    },
    /// A wrapped data key does not open with any configured master key.
    #[error("the data key {key_id} was wrapped by master key {master_id}, which is not configured")]
    MasterKeyMissing {
        /// Data key.
        key_id: String,
        /// Fingerprint of the master key that wrapped it.
        master_id: String,
    },
    /// What was opened is not the expected message.
    #[error("the opened data of key {key_id} is not a valid `{field}`")]
    Decode {
        /// Key the data names.
        key_id: String,
        /// Field it was asked for as.
        field: &'static str,
    },
    /// This vault opens data but owns no keys: only the service with the key store seals for new subjects, indexes and erases.
    #[error("this service has no key store of its own")]
    NoKeyStore,
    /// The operating system gave no randomness.
    #[error("no randomness is to be had")]
    NoRandomness,
}
