//! XChaCha20-Poly1305 over one message, bound to its key id and field.
//!
//! The 24-byte nonce is random, which is safe for any number of messages under one key. The key id and the field's name are
//! authenticated with the data, so that a sealed phone cannot be passed off as an address or as somebody else's.

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use ordo_proto::types::Sealed;

use crate::{DataKey, PrivacyError};

/// Length of a nonce in bytes.
pub const NONCE_LENGTH: usize = 24;

/// Fills an array with bytes from the operating system.
pub fn random<const N: usize>() -> Result<[u8; N], PrivacyError> {
    use rand::TryRng as _;
    let mut bytes = [0; N];
    rand::rngs::SysRng
        .try_fill_bytes(&mut bytes)
        .map_err(|_| PrivacyError::NoRandomness)?;
    Ok(bytes)
}

/// Seals `plaintext` as `field` under the key that `key_id` names.
pub fn seal(
    key_id: &str,
    key: &DataKey,
    field: &str,
    plaintext: &[u8],
) -> Result<Sealed, PrivacyError> {
    let nonce: [u8; NONCE_LENGTH] = random()?;
    let ciphertext = XChaCha20Poly1305::new((&**key).into())
        .encrypt(
            &XNonce::from(nonce),
            Payload {
                msg: plaintext,
                aad: &associated_data(key_id, field),
            },
        )
        // Only a plaintext of 256 GiB or more fails.
        .map_err(|_| PrivacyError::NoRandomness)?;
    Ok(Sealed {
        key_id: key_id.to_owned(),
        nonce: nonce.to_vec().into(),
        ciphertext: ciphertext.into(),
    })
}

/// Opens what [`seal`] sealed as `field`.
pub fn open(key: &DataKey, field: &'static str, sealed: &Sealed) -> Result<Vec<u8>, PrivacyError> {
    let tampered = || PrivacyError::Tampered {
        key_id: sealed.key_id.clone(),
        field,
    };
    let nonce: [u8; NONCE_LENGTH] = (*sealed.nonce).try_into().map_err(|_| tampered())?;
    XChaCha20Poly1305::new((&**key).into())
        .decrypt(
            &XNonce::from(nonce),
            Payload {
                msg: &sealed.ciphertext,
                aad: &associated_data(&sealed.key_id, field),
            },
        )
        .map_err(|_| tampered())
}

/// Length-prefixed, so that no two pairs have the same bytes.
fn associated_data(key_id: &str, field: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + key_id.len() + field.len());
    bytes.extend_from_slice(&(key_id.len() as u64).to_be_bytes());
    bytes.extend_from_slice(key_id.as_bytes());
    bytes.extend_from_slice(field.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn key(byte: u8) -> DataKey {
        DataKey::new([byte; 32])
    }

    #[test]
    fn what_is_sealed_opens_again() {
        let sealed = seal("shop/c1", &key(1), "contact", b"Jane Doe").unwrap();
        assert_eq!(open(&key(1), "contact", &sealed).unwrap(), b"Jane Doe");
    }

    #[test]
    fn the_ciphertext_holds_nothing_of_the_plaintext() {
        let sealed = seal("shop/c1", &key(1), "contact", b"Jane Doe").unwrap();
        assert!(
            !sealed
                .ciphertext
                .windows(4)
                .any(|w| b"Jane Doe".windows(4).any(|p| p == w))
        );
    }

    #[test]
    fn the_same_data_sealed_twice_differs() {
        let one = seal("shop/c1", &key(1), "contact", b"Jane Doe").unwrap();
        let two = seal("shop/c1", &key(1), "contact", b"Jane Doe").unwrap();
        assert_ne!(one.ciphertext, two.ciphertext);
    }

    #[test]
    fn another_key_field_id_or_byte_does_not_open_it() {
        let sealed = seal("shop/c1", &key(1), "contact", b"Jane Doe").unwrap();
        assert!(open(&key(2), "contact", &sealed).is_err());
        assert!(open(&key(1), "address", &sealed).is_err());
        let renamed = Sealed {
            key_id: "shop/c2".into(),
            ..sealed.clone()
        };
        assert!(open(&key(1), "contact", &renamed).is_err());
        let mut bytes = sealed.ciphertext.to_vec();
        bytes[0] ^= 1;
        let changed = Sealed {
            ciphertext: bytes.into(),
            ..sealed.clone()
        };
        assert!(open(&key(1), "contact", &changed).is_err());
        let cut = Sealed {
            nonce: vec![0; 3].into(),
            ..sealed
        };
        assert!(open(&key(1), "contact", &cut).is_err());
    }
}
