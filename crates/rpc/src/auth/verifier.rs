//! Checks tokens.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use http::HeaderMap;
use jsonwebtoken::{Algorithm, Validation, errors::ErrorKind};
use ordo_event_log::TenantId;
use ordo_proto::types::ActorKind;
use quick_cache::sync::Cache;

use super::{Claims, jwks::Jwks};
use crate::{
    identity::{Identity, role},
    reason::{
        Reason, TENANT_MISMATCH, TENANT_REQUIRED, TOKEN_AUDIENCE, TOKEN_EXPIRED, TOKEN_ISSUER,
        TOKEN_KEY_UNKNOWN, TOKEN_MALFORMED, TOKEN_MISSING, TOKEN_NOT_YET_VALID, TOKEN_SIGNATURE,
    },
    refusal::Refusal,
};

/// Clocks may differ by this many seconds.
const LEEWAY: u64 = 30;
/// Longest token taken, in bytes.
const MAX_TOKEN: usize = 8192;
/// Metadata in which a token without a tenant names one.
pub(crate) const TENANT_HEADER: &str = "ordo-tenant";

/// Whose tokens are taken.
#[derive(Clone, Debug)]
pub struct AuthenticatorSettings {
    /// Required `iss`.
    pub issuer: String,
    /// Required `aud`.
    pub audience: String,
    /// Verified tokens remembered, so that a signature is checked once and not per call. Default 10 000.
    pub remembered: usize,
}

impl Default for AuthenticatorSettings {
    fn default() -> Self {
        Self {
            issuer: super::DEFAULT_ISSUER.to_owned(),
            audience: super::DEFAULT_AUDIENCE.to_owned(),
            remembered: 10_000,
        }
    }
}

/// Checks the token of every call. Shared by all connections.
#[derive(Debug)]
pub struct Authenticator {
    keys: Jwks,
    validation: Validation,
    verified: Cache<Arc<str>, Arc<Verified>>,
}

/// A token whose signature was right.
#[derive(Debug)]
struct Verified {
    generation: u64,
    not_before: u64,
    expires: u64,
    identity: Identity,
}

impl Authenticator {
    /// Takes EdDSA tokens of `settings.issuer` signed with one of `keys`.
    pub fn new(keys: Jwks, settings: AuthenticatorSettings) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.set_issuer(&[settings.issuer]);
        validation.set_audience(&[settings.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        Self {
            keys,
            validation,
            verified: Cache::new(settings.remembered.max(1)),
        }
    }

    /// The caller behind the metadata `authorization` and `ordo-tenant`.
    pub fn authenticate(&self, headers: &HeaderMap) -> Result<Identity, Refusal> {
        let token = bearer(headers)?;
        let verified = self.verified(token)?;
        let mut identity = verified.identity.clone();
        if let Some(named) = headers.get(TENANT_HEADER) {
            identity.tenant = Some(chosen_tenant(&identity, named)?);
        }
        Ok(identity)
    }

    fn verified(&self, token: &str) -> Result<Arc<Verified>, Refusal> {
        let keys = self.keys.current();
        if let Some(known) = self.verified.get(token)
            && known.generation == keys.generation
        {
            return match unix_now() {
                now if now > known.expires + LEEWAY => Err(refuse(&TOKEN_EXPIRED)),
                now if now + LEEWAY < known.not_before => Err(refuse(&TOKEN_NOT_YET_VALID)),
                _ => Ok(known),
            };
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| refuse(&TOKEN_MALFORMED))?;
        if header.alg != Algorithm::EdDSA {
            return Err(refuse(&TOKEN_MALFORMED).with("alg", format!("{:?}", header.alg)));
        }
        let kid = header.kid.unwrap_or_default();
        let keys = match keys.get(&kid) {
            Some(_) => keys,
            None => self.keys.refreshed(),
        };
        let key = keys.get(&kid).ok_or_else(|| refuse(&TOKEN_KEY_UNKNOWN))?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &self.validation)
            .map_err(|error| refuse(reason_of(error.kind())))?
            .claims;
        let verified = Arc::new(Verified {
            generation: keys.generation,
            not_before: claims.nbf.unwrap_or_default(),
            expires: claims.exp,
            identity: identity_of(claims)?,
        });
        self.verified.insert(token.into(), Arc::clone(&verified));
        Ok(verified)
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
    let value = headers
        .get(http::header::AUTHORIZATION)
        .ok_or_else(|| refuse(&TOKEN_MISSING))?;
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .ok_or_else(|| refuse(&TOKEN_MALFORMED))?;
    if !scheme.eq_ignore_ascii_case("bearer") || token.len() > MAX_TOKEN {
        return Err(refuse(&TOKEN_MALFORMED));
    }
    Ok(token.trim())
}

fn identity_of(claims: Claims) -> Result<Identity, Refusal> {
    let tenant = match claims.tenant.as_deref() {
        None | Some("") => None,
        Some(text) => Some(TenantId::new(text).ok_or_else(|| refuse(&TOKEN_MALFORMED))?),
    };
    let holds = |role: &str| claims.roles.iter().any(|held| held == role);
    let kind = if holds(role::SERVICE) {
        ActorKind::Service
    } else if holds(role::CHANNEL) {
        ActorKind::Channel
    } else {
        ActorKind::Person
    };
    let system_wide = holds(role::SERVICE) || holds(role::ADMIN) || holds(role::OPERATOR);
    let proper = (1..=200).contains(&claims.sub.len()) && (tenant.is_some() || system_wide);
    if !proper {
        return Err(refuse(&TOKEN_MALFORMED));
    }
    Ok(Identity {
        subject: claims.sub,
        kind,
        tenant,
        roles: claims.roles,
    })
}

fn chosen_tenant(identity: &Identity, named: &http::HeaderValue) -> Result<TenantId, Refusal> {
    let chosen = named
        .to_str()
        .ok()
        .and_then(TenantId::new)
        .ok_or_else(|| Refusal::new(&TENANT_REQUIRED, "`ordo-tenant` is not a tenant id"))?;
    match &identity.tenant {
        Some(own) if *own != chosen => Err(refuse(&TENANT_MISMATCH)),
        _ => Ok(chosen),
    }
}

fn reason_of(kind: &ErrorKind) -> &'static Reason {
    match kind {
        ErrorKind::InvalidSignature => &TOKEN_SIGNATURE,
        ErrorKind::ExpiredSignature => &TOKEN_EXPIRED,
        ErrorKind::ImmatureSignature => &TOKEN_NOT_YET_VALID,
        ErrorKind::InvalidAudience => &TOKEN_AUDIENCE,
        ErrorKind::InvalidIssuer => &TOKEN_ISSUER,
        _ => &TOKEN_MALFORMED,
    }
}

fn refuse(reason: &Reason) -> Refusal {
    Refusal::new(reason, reason.meaning)
}

fn unix_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}
