//! From the configuration to the settings of the broker and of other services' clients.

use std::path::Path;

use ordo_bus::{BusConfig, Credentials, StreamLimits};
use ordo_rpc::RemoteSettings;
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use crate::{
    config::{NatsConfig, ServiceConfig, TlsConfig},
    files,
    host::HostError,
};

pub(crate) fn remote_settings(config: &ServiceConfig) -> Result<RemoteSettings, HostError> {
    Ok(RemoteSettings {
        peers: config.peers.clone(),
        tls: client_tls(&config.tls)?,
        timeout: config.peer_timeout,
        connector: config.plugs.as_ref().map(|plugs| plugs.connector.clone()),
    })
}

fn client_tls(tls: &TlsConfig) -> Result<Option<ClientTlsConfig>, HostError> {
    let Some(authority) = &tls.peer_ca_file else {
        return Ok(None);
    };
    let mut config = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(text(authority)?));
    if let (Some(cert), Some(key)) = (&tls.peer_cert_file, &tls.peer_key_file) {
        config = config.identity(Identity::from_pem(text(cert)?, text(key)?));
    }
    if !tls.peer_domain.is_empty() {
        config = config.domain_name(&tls.peer_domain);
    }
    Ok(Some(config))
}

pub(crate) fn bus_config(service: &str, nats: &NatsConfig) -> Result<BusConfig, HostError> {
    let credentials = if let Some(path) = &nats.creds_file {
        Credentials::File(path.clone())
    } else if let Some(path) = &nats.nkey_file {
        Credentials::NKey(text(path)?.trim().to_owned())
    } else if let Some(path) = &nats.password_file {
        Credentials::UserPassword {
            user: nats.user.clone(),
            password: text(path)?.trim_end_matches(['\r', '\n']).to_owned(),
        }
    } else {
        Credentials::None
    };
    let mut config = BusConfig::new(&nats.url);
    config.credentials = credentials;
    config.client_name = format!("ordo-{service}");
    config.prefix.clone_from(&nats.prefix);
    config.inbox_prefix = (!nats.inbox_prefix.is_empty()).then(|| nats.inbox_prefix.clone());
    config.root_certificates.clone_from(&nats.ca_file);
    config.client_certificate = nats.cert_file.clone().zip(nats.key_file.clone());
    config.require_tls = nats.ca_file.is_some();
    config.replicas = usize::try_from(nats.replicas).unwrap_or(1);
    config.limits = StreamLimits {
        max_bytes: nats.max_bytes,
        max_age: nats.max_age,
    };
    Ok(config)
}

fn text(path: &Path) -> Result<String, HostError> {
    files::read(path).map_err(|source| HostError::File {
        path: path.to_owned(),
        source,
    })
}
