//! Whose tokens are taken, and what is presented to others.

use ordo_rpc::{Authenticator, AuthenticatorSettings, Jwks, TokenIssuer, TokenSource};

use super::HostError;
use crate::{config::AuthConfig, files};

pub(super) fn open(
    service: &str,
    config: &AuthConfig,
) -> Result<(Authenticator, TokenSource), HostError> {
    let issuer = match &config.signing_key_file {
        None => None,
        Some(path) => {
            let text = files::read(path).map_err(|source| HostError::File {
                path: path.clone(),
                source,
            })?;
            Some(TokenIssuer::from_text(&text)?.named(&config.issuer, &config.audience))
        }
    };
    let keys = match (&config.jwks_file, &issuer) {
        (Some(path), _) => Jwks::from_file(path)?,
        (None, Some(issuer)) if config.jwks.is_empty() => Jwks::from_json(&issuer.jwks())?,
        (None, _) => Jwks::from_json(&config.jwks)?,
    };
    let settings = AuthenticatorSettings {
        issuer: config.issuer.clone(),
        audience: config.audience.clone(),
        ..AuthenticatorSettings::default()
    };
    let tokens = match (issuer, &config.token_file) {
        (Some(issuer), _) => TokenSource::signed_by(issuer, service),
        (None, Some(path)) => TokenSource::file(path),
        (None, None) => TokenSource::none(),
    };
    Ok((Authenticator::new(keys, settings), tokens))
}
