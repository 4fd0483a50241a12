//! Signing tokens, checking them, and presenting one's own.

mod issuer;
mod jwks;
mod source;
mod verifier;

pub use issuer::{Grant, KeyError, TokenIssuer};
pub use jwks::{Jwks, JwksError};
pub use source::{TokenSource, TokenSourceError};
pub use verifier::{Authenticator, AuthenticatorSettings};

use serde::{Deserialize, Serialize};

/// `iss` of tokens unless configured otherwise.
pub const DEFAULT_ISSUER: &str = "ordo";
/// `aud` of tokens unless configured otherwise.
pub const DEFAULT_AUDIENCE: &str = "ordo";

/// What a token says. Times are seconds since 1970.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Claims {
    sub: String,
    iss: String,
    aud: Audience,
    exp: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iat: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
}

/// RFC 7519 allows one audience or a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}
