//! The master keys, and how data keys are wrapped.
//!
//! A master key file holds one key a line: 64 hexadecimal digits; blank lines and lines beginning with `#` are skipped. The
//! first key wraps new data keys, the others still unwrap old ones, so that a master key is replaced by putting a new one on
//! top.

use std::{fs, io, path::Path};

use ordo_proto::types::Sealed;
use sha2::{Digest as _, Sha256};

use crate::{DataKey, PrivacyError, cipher};

const FIELD: &str = "data-key";

/// Wraps and unwraps data keys.
pub struct MasterKeys {
    keys: Vec<MasterKey>,
}

struct MasterKey {
    id: String,
    key: DataKey,
}

/// A data key as it is stored.
pub struct WrappedKey {
    /// Fingerprint of the master key: the first 16 hexadecimal digits of its SHA-256.
    pub master_id: String,
    /// Nonce and ciphertext, one after the other.
    pub bytes: Vec<u8>,
}

/// What is wrong with a master key file.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// It cannot be read or written.
    #[error("the master key file {path}: {source}")]
    File {
        /// Which file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A line is not a key.
    #[error("line {line} of the master key file is not 64 hexadecimal digits")]
    Malformed {
        /// Counted from 1.
        line: usize,
    },
    /// There is no key in it.
    #[error("the master key file holds no key")]
    Empty,
    /// The operating system gave no randomness.
    #[error("no randomness is to be had")]
    NoRandomness,
}

impl MasterKeys {
    /// Parses the text of a master key file.
    pub fn parse(text: &str) -> Result<Self, MasterKeyError> {
        let mut keys = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut key = DataKey::new([0; 32]);
            hex::decode_to_slice(line, &mut key[..])
                .map_err(|_| MasterKeyError::Malformed { line: index + 1 })?;
            keys.push(MasterKey {
                id: fingerprint(&key),
                key,
            });
        }
        if keys.is_empty() {
            return Err(MasterKeyError::Empty);
        }
        Ok(Self { keys })
    }

    /// Reads a master key file.
    pub fn read(path: &Path) -> Result<Self, MasterKeyError> {
        let text = fs::read_to_string(path).map_err(|source| file_error(path, source))?;
        Self::parse(&text)
    }

    /// Reads a master key file, and writes one with a new random key, readable by its owner only, when there is none.
    pub fn read_or_create(path: &Path) -> Result<Self, MasterKeyError> {
        use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};

        let created = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path);
        match created {
            Ok(mut file) => {
                let key: [u8; 32] = cipher::random().map_err(|_| MasterKeyError::NoRandomness)?;
                file.write_all(format!("{}\n", hex::encode(key)).as_bytes())
                    .and_then(|()| file.sync_all())
                    .map_err(|source| file_error(path, source))?;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(file_error(path, source)),
        }
        Self::read(path)
    }

    /// Wraps `key` under the first master key.
    pub fn wrap(&self, key_id: &str, key: &DataKey) -> Result<WrappedKey, PrivacyError> {
        // `parse` refuses an empty list.
        let master = self.keys.first().ok_or(PrivacyError::NoKeyStore)?;
        let sealed = cipher::seal(key_id, &master.key, FIELD, &key[..])?;
        let mut bytes = sealed.nonce.to_vec();
        bytes.extend_from_slice(&sealed.ciphertext);
        Ok(WrappedKey {
            master_id: master.id.clone(),
            bytes,
        })
    }

    /// Unwraps what [`wrap`](Self::wrap) wrapped under any of the master keys.
    pub fn unwrap(&self, key_id: &str, wrapped: &WrappedKey) -> Result<DataKey, PrivacyError> {
        let tampered = || PrivacyError::Tampered {
            key_id: key_id.to_owned(),
            field: FIELD,
        };
        let master = self
            .keys
            .iter()
            .find(|master| master.id == wrapped.master_id)
            .ok_or_else(|| PrivacyError::MasterKeyMissing {
                key_id: key_id.to_owned(),
                master_id: wrapped.master_id.clone(),
            })?;
        let (nonce, ciphertext) = wrapped
            .bytes
            .split_at_checked(cipher::NONCE_LENGTH)
            .ok_or_else(tampered)?;
        let sealed = Sealed {
            key_id: key_id.to_owned(),
            nonce: nonce.to_vec().into(),
            ciphertext: ciphertext.to_vec().into(),
        };
        let plain = zeroize::Zeroizing::new(cipher::open(&master.key, FIELD, &sealed)?);
        let mut key = DataKey::new([0; 32]);
        if plain.len() != key.len() {
            return Err(tampered());
        }
        key.copy_from_slice(&plain);
        Ok(key)
    }
}

fn fingerprint(key: &DataKey) -> String {
    let mut id = hex::encode(Sha256::digest(&key[..]));
    id.truncate(16);
    id
}

fn file_error(path: &Path, source: io::Error) -> MasterKeyError {
    MasterKeyError::File {
        path: path.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn line(byte: u8) -> String {
        hex::encode([byte; 32])
    }

    #[test]
    fn a_wrapped_key_unwraps_also_after_a_new_master_key_was_put_on_top() {
        let old = MasterKeys::parse(&line(1)).unwrap();
        let wrapped = old.wrap("shop/c1", &DataKey::new([9; 32])).unwrap();
        let new = MasterKeys::parse(&format!("# new\n{}\n\n{}\n", line(2), line(1))).unwrap();
        assert_eq!(*new.unwrap("shop/c1", &wrapped).unwrap(), [9; 32]);
    }

    #[test]
    fn an_unknown_master_key_is_named() {
        let wrapped = MasterKeys::parse(&line(1))
            .unwrap()
            .wrap("shop/c1", &DataKey::new([9; 32]))
            .unwrap();
        let other = MasterKeys::parse(&line(2)).unwrap();
        assert!(matches!(
            other.unwrap("shop/c1", &wrapped),
            Err(PrivacyError::MasterKeyMissing { .. })
        ));
    }

    #[test]
    fn a_key_wrapped_for_one_id_does_not_unwrap_for_another() {
        let keys = MasterKeys::parse(&line(1)).unwrap();
        let mut wrapped = keys.wrap("shop/c1", &DataKey::new([9; 32])).unwrap();
        assert!(matches!(
            keys.unwrap("shop/c2", &wrapped),
            Err(PrivacyError::Tampered { .. })
        ));
        wrapped.bytes.truncate(5);
        assert!(keys.unwrap("shop/c1", &wrapped).is_err());
    }

    #[test]
    fn a_malformed_line_is_named_by_its_number() {
        let text = format!("{}\nxyz", line(1));
        assert!(matches!(
            MasterKeys::parse(&text),
            Err(MasterKeyError::Malformed { line: 2 })
        ));
        assert!(matches!(
            MasterKeys::parse("# none"),
            Err(MasterKeyError::Empty)
        ));
    }

    #[test]
    fn a_missing_file_is_created_once_and_only_for_its_owner() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let wrapped = MasterKeys::read_or_create(&path)
            .unwrap()
            .wrap("a", &DataKey::new([3; 32]))
            .unwrap();
        let again = MasterKeys::read_or_create(&path).unwrap();
        assert_eq!(*again.unwrap("a", &wrapped).unwrap(), [3; 32]);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(MasterKeys::read(&folder.path().join("none")).is_err());
    }
}
