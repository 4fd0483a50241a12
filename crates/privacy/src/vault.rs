//! Seals and opens personal data, erases it, and indexes it blindly.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use hmac::{Hmac, KeyInit as _, Mac as _};
use ordo_proto::types::Sealed;
use prost::Message;
use quick_cache::sync::Cache;
use sha2::Sha256;

use crate::{DataKey, KeyStore, PrivacyError, cipher, key_store::NamedKey, normalise};

/// How long a key may be used from memory. After an erasure elsewhere, data stays readable at most this long.
pub const KEY_LIFETIME: Duration = Duration::from_secs(60);

/// Keys kept in memory.
const CACHED_KEYS: usize = 50_000;

/// Tenant under which the key of the blind indexes is stored; no shop can have this name.
const INDEX_TENANT: &str = "*";

/// Where a vault without a key store of its own gets data keys from: the service that has one.
pub trait KeySource: Send + Sync + 'static {
    /// The keys that exist among `key_ids`; erased ones are absent. `purpose` goes into the audit trail.
    fn fetch<'a>(
        &'a self,
        key_ids: &'a [String],
        purpose: &'a str,
    ) -> BoxFuture<'a, Result<HashMap<String, DataKey>, PrivacyError>>;
}

/// Seals and opens personal data. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    inner: Arc<Inner>,
}

struct Inner {
    keys: Keys,
    /// By key id.
    opened: Cache<String, (Instant, DataKey)>,
    /// By `<tenant>/<subject>`.
    current: Cache<String, (Instant, NamedKey)>,
}

enum Keys {
    Local { store: KeyStore, index: DataKey },
    Remote(Box<dyn KeySource>),
}

impl Vault {
    /// A vault that owns its keys.
    pub async fn local(store: KeyStore) -> Result<Self, PrivacyError> {
        let index = store.key_of(INDEX_TENANT, "blind-index").await?.key;
        Ok(Self::new(Keys::Local { store, index }))
    }

    /// A vault that asks another service for keys: it opens, but does not seal for new subjects, index or erase.
    pub fn remote(source: impl KeySource) -> Self {
        Self::new(Keys::Remote(Box::new(source)))
    }

    fn new(keys: Keys) -> Self {
        Self {
            inner: Arc::new(Inner {
                keys,
                opened: Cache::new(CACHED_KEYS),
                current: Cache::new(CACHED_KEYS),
            }),
        }
    }

    /// Seals `message` as `field` under the subject's key, which is made (durably) when there is none.
    pub async fn seal<M: Message>(
        &self,
        tenant: &str,
        subject: &str,
        field: &'static str,
        message: &M,
    ) -> Result<Sealed, PrivacyError> {
        let key = self.current_key(tenant, subject).await?;
        let plaintext = zeroize::Zeroizing::new(message.encode_to_vec());
        cipher::seal(&key.key_id, &key.key, field, &plaintext)
    }

    /// Opens what was sealed as `field`. `None` when its key was erased.
    pub async fn open<M: Message + Default>(
        &self,
        sealed: &Sealed,
        field: &'static str,
        purpose: &str,
    ) -> Result<Option<M>, PrivacyError> {
        let opened = self
            .open_many(std::slice::from_ref(sealed), field, purpose)
            .await?;
        Ok(opened.into_iter().next().flatten())
    }

    /// Opens many at once, with one request for all keys that are not in memory. In the order of `sealed`.
    pub async fn open_many<M: Message + Default>(
        &self,
        sealed: &[Sealed],
        field: &'static str,
        purpose: &str,
    ) -> Result<Vec<Option<M>>, PrivacyError> {
        let keys = self.keys(sealed, purpose).await?;
        sealed
            .iter()
            .map(|sealed| {
                let Some(key) = keys.get(&sealed.key_id) else {
                    return Ok(None);
                };
                let plaintext = zeroize::Zeroizing::new(cipher::open(key, field, sealed)?);
                M::decode(&plaintext[..])
                    .map(Some)
                    .map_err(|_| PrivacyError::Decode {
                        key_id: sealed.key_id.clone(),
                        field,
                    })
            })
            .collect()
    }

    /// The keys themselves, for the service that hands them to others.
    pub async fn data_keys(
        &self,
        key_ids: &[String],
    ) -> Result<HashMap<String, DataKey>, PrivacyError> {
        match &self.inner.keys {
            Keys::Local { store, .. } => store.keys(key_ids).await,
            Keys::Remote(_) => Err(PrivacyError::NoKeyStore),
        }
    }

    /// Destroys the subject's keys for ever. False when there was none (any more).
    pub async fn erase(&self, tenant: &str, subject: &str) -> Result<bool, PrivacyError> {
        let Keys::Local { store, .. } = &self.inner.keys else {
            return Err(PrivacyError::NoKeyStore);
        };
        let erased = store.erase(tenant, subject).await?;
        self.inner.current.remove(&subject_key(tenant, subject));
        let prefix = format!("{tenant}/{subject}/");
        self.inner
            .opened
            .retain(|key_id, _| !key_id.starts_with(&prefix));
        Ok(erased)
    }

    /// A keyed fingerprint of `value` by which it is found again without being stored: HMAC-SHA256, 32 hexadecimal digits. The
    /// `kind` (`phone`, `name`, `email` …) decides the value's normal form.
    pub fn blind_index(
        &self,
        tenant: &str,
        kind: &str,
        value: &str,
    ) -> Result<String, PrivacyError> {
        let value = normalise::by_kind(kind, value);
        let digest = self.mac(&["blind-index", tenant, kind], value.as_bytes())?;
        Ok(hex::encode(&digest[..16]))
    }

    /// A keyed fingerprint of a request's content, by which a retry is told from another request, without a plain hash of
    /// personal data.
    pub fn fingerprint(&self, tenant: &str, content: &[u8]) -> Result<[u8; 32], PrivacyError> {
        self.mac(&["fingerprint", tenant], content)
    }

    fn mac(&self, labels: &[&str], content: &[u8]) -> Result<[u8; 32], PrivacyError> {
        let Keys::Local { index, .. } = &self.inner.keys else {
            return Err(PrivacyError::NoKeyStore);
        };
        // HMAC takes a key of any length.
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&index[..]).map_err(|_| PrivacyError::NoKeyStore)?;
        for label in labels {
            mac.update(&(label.len() as u64).to_be_bytes());
            mac.update(label.as_bytes());
        }
        mac.update(content);
        Ok(mac.finalize().into_bytes().into())
    }

    async fn current_key(&self, tenant: &str, subject: &str) -> Result<NamedKey, PrivacyError> {
        let Keys::Local { store, .. } = &self.inner.keys else {
            return Err(PrivacyError::NoKeyStore);
        };
        let name = subject_key(tenant, subject);
        if let Some((since, key)) = self.inner.current.get(&name)
            && since.elapsed() < KEY_LIFETIME
        {
            return Ok(key);
        }
        let since = Instant::now();
        let key = store.key_of(tenant, subject).await?;
        self.inner.current.insert(name, (since, key.clone()));
        Ok(key)
    }

    async fn keys(
        &self,
        sealed: &[Sealed],
        purpose: &str,
    ) -> Result<HashMap<String, DataKey>, PrivacyError> {
        let mut keys = HashMap::with_capacity(sealed.len());
        let mut missing = Vec::new();
        for Sealed { key_id, .. } in sealed {
            match self.inner.opened.get(key_id) {
                Some((since, key)) if since.elapsed() < KEY_LIFETIME => {
                    keys.insert(key_id.clone(), key);
                }
                _ => missing.push(key_id.clone()),
            }
        }
        missing.sort_unstable();
        missing.dedup();
        if !missing.is_empty() {
            let since = Instant::now();
            let fetched = match &self.inner.keys {
                Keys::Local { store, .. } => store.keys(&missing).await?,
                Keys::Remote(source) => source.fetch(&missing, purpose).await?,
            };
            for (key_id, key) in fetched {
                self.inner
                    .opened
                    .insert(key_id.clone(), (since, key.clone()));
                keys.insert(key_id, key);
            }
        }
        Ok(keys)
    }
}

fn subject_key(tenant: &str, subject: &str) -> String {
    format!("{tenant}/{subject}")
}
