//! Public keys that tokens are checked against.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant, SystemTime},
};

use jsonwebtoken::{
    DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, JwkSet},
};

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A JWKS that gives no usable keys.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// The file cannot be read.
    #[error("cannot read the key set {path}")]
    Read {
        /// File.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not a JWKS (RFC 7517).
    #[error("the key set is not valid JSON Web Key Set")]
    Parse(#[from] serde_json::Error),
    /// Nothing to check EdDSA signatures with.
    #[error("the key set holds no Ed25519 key with a `kid`")]
    NoKeys,
}

/// A set of Ed25519 public keys by key id: fixed, or a file that is read again when it changes.
#[derive(Debug)]
pub struct Jwks {
    keys: RwLock<Arc<KeySet>>,
    file: Option<Mutex<Watched>>,
}

/// The keys at one time; `generation` counts changes.
pub(crate) struct KeySet {
    pub(crate) generation: u64,
    keys: HashMap<String, DecodingKey>,
}

#[derive(Debug)]
struct Watched {
    path: PathBuf,
    looked: Instant,
    stamp: Stamp,
}

type Stamp = Option<(SystemTime, u64)>;

impl Jwks {
    /// Keys that never change.
    pub fn from_json(json: &str) -> Result<Self, JwksError> {
        Ok(Self {
            keys: RwLock::new(Arc::new(KeySet::parse(json, 0)?)),
            file: None,
        })
    }

    /// Keys in a file. A change is noticed within a second; a file that turns unreadable leaves the present keys in force
    /// and is logged.
    pub fn from_file(path: impl Into<PathBuf>) -> Result<Self, JwksError> {
        let path = path.into();
        let stamp = stamp(&path);
        let keys = KeySet::parse(&read(&path)?, 0)?;
        Ok(Self {
            keys: RwLock::new(Arc::new(keys)),
            file: Some(Mutex::new(Watched {
                path,
                looked: Instant::now(),
                stamp,
            })),
        })
    }

    /// The keys now in force.
    pub(crate) fn current(&self) -> Arc<KeySet> {
        self.reload_if_changed(false);
        self.snapshot()
    }

    /// The keys after looking at the file again, for a token whose key is unknown.
    pub(crate) fn refreshed(&self) -> Arc<KeySet> {
        self.reload_if_changed(true);
        self.snapshot()
    }

    fn snapshot(&self) -> Arc<KeySet> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn reload_if_changed(&self, at_once: bool) {
        let Some(file) = &self.file else { return };
        // Somebody else is looking already: their result is as good.
        let Ok(mut watched) = file.try_lock() else {
            return;
        };
        // Unknown keys are a caller's choice; they cause no more than ten looks a second.
        let patience = if at_once { LOOK_EVERY / 10 } else { LOOK_EVERY };
        if watched.looked.elapsed() < patience {
            return;
        }
        watched.looked = Instant::now();
        let now = stamp(&watched.path);
        if now == watched.stamp {
            return;
        }
        let next = self.snapshot().generation + 1;
        match read(&watched.path).and_then(|json| KeySet::parse(&json, next)) {
            Ok(keys) => {
                watched.stamp = now;
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
                tracing::info!(path = %watched.path.display(), "token keys read again");
            }
            Err(error) => {
                tracing::warn!(path = %watched.path.display(), error = %error, "token keys unreadable; the old ones stay");
            }
        }
    }
}

impl KeySet {
    fn parse(json: &str, generation: u64) -> Result<Self, JwksError> {
        let set: JwkSet = serde_json::from_str(json)?;
        let mut keys = HashMap::new();
        for jwk in set.keys {
            let AlgorithmParameters::OctetKeyPair(pair) = &jwk.algorithm else {
                continue;
            };
            let (EllipticCurve::Ed25519, Some(kid)) = (&pair.curve, jwk.common.key_id.clone())
            else {
                continue;
            };
            if let Ok(key) = DecodingKey::from_ed_components(&pair.x) {
                keys.insert(kid, key);
            }
        }
        if keys.is_empty() {
            return Err(JwksError::NoKeys);
        }
        Ok(Self { generation, keys })
    }

    pub(crate) fn get(&self, kid: &str) -> Option<&DecodingKey> {
        self.keys.get(kid)
    }
}

impl std::fmt::Debug for KeySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeySet")
            .field("generation", &self.generation)
            .field("kids", &self.keys.keys().collect::<Vec<_>>())
            .finish()
    }
}

fn read(path: &Path) -> Result<String, JwksError> {
    std::fs::read_to_string(path).map_err(|source| JwksError::Read {
        path: path.to_owned(),
        source,
    })
}

fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
