//! The token that a service presents to other services.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::issuer::{Grant, KeyError, TokenIssuer};
use crate::identity::role;

/// Lifetime of tokens that a service signs for itself; they are renewed at half of it.
const OWN_LIFETIME: Duration = Duration::from_secs(600);
/// How often a token file is read again.
const READ_EVERY: Duration = Duration::from_secs(5);

/// No token to present.
#[derive(Debug, thiserror::Error)]
pub enum TokenSourceError {
    /// None is configured.
    #[error("neither a token file nor a signing key is configured")]
    None,
    /// The token file cannot be read.
    #[error("cannot read the token file {path}")]
    Read {
        /// File.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Signing failed.
    #[error("cannot sign a service token")]
    Sign(#[from] KeyError),
}

/// Where a caller's token comes from. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TokenSource(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    held: Mutex<Option<(Arc<str>, Instant)>>,
}

#[derive(Debug)]
enum Kind {
    None,
    Fixed(Arc<str>),
    File(PathBuf),
    Signed(Box<(TokenIssuer, Grant)>),
}

impl TokenSource {
    /// Always the same token: for tests and command-line callers.
    pub fn fixed(token: impl Into<Arc<str>>) -> Self {
        Self::of(Kind::Fixed(token.into()))
    }

    /// No token: every call fails before it is sent.
    pub fn none() -> Self {
        Self::of(Kind::None)
    }

    /// A file that somebody else keeps fresh; read again every five seconds.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::of(Kind::File(path.into()))
    }

    /// Signs short-lived tokens with role `service` and no tenant.
    pub fn signed_by(issuer: TokenIssuer, service: &str) -> Self {
        let grant = Grant::new(service, None, &[role::SERVICE]).lifetime(OWN_LIFETIME);
        Self::of(Kind::Signed(Box::new((issuer, grant))))
    }

    /// The token to present now.
    pub fn token(&self) -> Result<Arc<str>, TokenSourceError> {
        let Inner { kind, held } = &*self.0;
        if let Kind::Fixed(token) = kind {
            return Ok(Arc::clone(token));
        }
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((token, until)) = &*held
            && Instant::now() < *until
        {
            return Ok(Arc::clone(token));
        }
        let (token, keep): (Arc<str>, _) = match kind {
            Kind::None => return Err(TokenSourceError::None),
            Kind::Fixed(token) => return Ok(Arc::clone(token)),
            Kind::File(path) => match std::fs::read_to_string(path) {
                Ok(text) => (text.trim().into(), READ_EVERY),
                Err(source) => {
                    return Err(TokenSourceError::Read {
                        path: path.clone(),
                        source,
                    });
                }
            },
            Kind::Signed(signed) => {
                let (issuer, grant) = &**signed;
                (issuer.mint(grant)?.into(), OWN_LIFETIME / 2)
            }
        };
        *held = Some((Arc::clone(&token), Instant::now() + keep));
        Ok(token)
    }

    fn of(kind: Kind) -> Self {
        Self(Arc::new(Inner {
            kind,
            held: Mutex::new(None),
        }))
    }
}
