//! Signs tokens: for the one-machine start, for tests, and for services that sign their own.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{
    SigningKey,
    pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, spki::der::pem::LineEnding},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ordo_event_log::TenantId;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{Audience, Claims};

/// A private key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Neither a PKCS#8 PEM nor a private JWK with `crv` Ed25519.
    #[error("not an Ed25519 private key (PKCS#8 PEM or private JWK)")]
    NotEd25519,
    /// The token could not be signed.
    #[error("the token could not be signed")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

/// What a token grants.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Who: becomes the actor of every command.
    pub subject: String,
    /// Whose data. `None` only for services and for administrators of the whole system.
    pub tenant: Option<TenantId>,
    /// See [`role`](crate::role).
    pub roles: Vec<String>,
    /// How long the token is good for.
    pub lifetime: Duration,
}

impl Grant {
    /// A token of one hour.
    pub fn new(subject: &str, tenant: Option<&TenantId>, roles: &[&str]) -> Self {
        Self {
            subject: subject.to_owned(),
            tenant: tenant.cloned(),
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
            lifetime: Duration::from_secs(3600),
        }
    }

    /// Another lifetime.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }
}

/// Holds an Ed25519 private key and signs tokens with it.
pub struct TokenIssuer {
    key: SigningKey,
    encoding: EncodingKey,
    kid: String,
    issuer: String,
    audience: String,
}

/// The members of a private JWK (RFC 8037) that matter here.
#[derive(Deserialize)]
struct PrivateJwk {
    crv: String,
    d: String,
    kid: Option<String>,
}

impl TokenIssuer {
    /// A new key.
    pub fn generate() -> Self {
        let seed = Zeroizing::new(rand::random::<[u8; 32]>());
        Self::from_key(SigningKey::from_bytes(&seed), None)
    }

    /// A key from a PKCS#8 PEM (`openssl genpkey -algorithm ed25519`) or a private JWK.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        if text.trim_start().starts_with('{') {
            let jwk: PrivateJwk = serde_json::from_str(text).map_err(|_| KeyError::NotEd25519)?;
            let text = Zeroizing::new(jwk.d);
            let seed = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.as_bytes()).unwrap_or_default());
            let seed: &[u8; 32] = seed
                .as_slice()
                .try_into()
                .map_err(|_| KeyError::NotEd25519)?;
            if jwk.crv != "Ed25519" {
                return Err(KeyError::NotEd25519);
            }
            return Ok(Self::from_key(SigningKey::from_bytes(seed), jwk.kid));
        }
        let key = SigningKey::from_pkcs8_pem(text.trim()).map_err(|_| KeyError::NotEd25519)?;
        Ok(Self::from_key(key, None))
    }

    /// Signs for another issuer and audience than `ordo`.
    #[must_use]
    pub fn named(mut self, issuer: &str, audience: &str) -> Self {
        self.issuer = issuer.to_owned();
        self.audience = audience.to_owned();
        self
    }

    /// Signs a token.
    pub fn mint(&self, grant: &Grant) -> Result<String, KeyError> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let claims = Claims {
            sub: grant.subject.clone(),
            iss: self.issuer.clone(),
            aud: Audience::One(self.audience.clone()),
            exp: now + grant.lifetime.as_secs(),
            nbf: Some(now),
            iat: Some(now),
            tenant: grant.tenant.as_ref().map(ToString::to_string),
            roles: grant.roles.clone(),
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.kid.clone());
        Ok(jsonwebtoken::encode(&header, &claims, &self.encoding)?)
    }

    /// The key set that verifies this issuer's tokens, as JSON.
    pub fn jwks(&self) -> String {
        let x = URL_SAFE_NO_PAD.encode(self.key.verifying_key().as_bytes());
        let kid = &self.kid;
        serde_json::json!({"keys": [
            {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": x}
        ]})
        .to_string()
    }

    /// The private key as a PKCS#8 PEM, to be kept in a file that only the issuer reads.
    pub fn private_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        self.key
            .to_pkcs8_pem(LineEnding::LF)
            .map_err(|_| KeyError::NotEd25519)
    }

    fn from_key(key: SigningKey, kid: Option<String>) -> Self {
        let kid = kid.unwrap_or_else(|| thumbprint(&key));
        Self {
            encoding: EncodingKey::from_ed_der(&pkcs8(&key)),
            key,
            kid,
            issuer: super::DEFAULT_ISSUER.to_owned(),
            audience: super::DEFAULT_AUDIENCE.to_owned(),
        }
    }
}

impl std::fmt::Debug for TokenIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenIssuer")
            .field("kid", &self.kid)
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

/// PKCS#8 version 1 of an Ed25519 seed (RFC 8410 section 7): a fixed prefix and the 32 bytes.
fn pkcs8(key: &SigningKey) -> Zeroizing<Vec<u8>> {
    const PREFIX: [u8; 16] = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ];
    let mut der = Zeroizing::new(PREFIX.to_vec());
    der.extend_from_slice(key.as_bytes());
    der
}

/// Key id as RFC 8037 appendix A.3 derives it.
fn thumbprint(key: &SigningKey) -> String {
    let x = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(canonical))
}
