//! Reads the sections of the file.

use std::collections::BTreeMap;

use ordo_bus::StreamLimits;

use super::{AuthConfig, KeysConfig, LogFormat, NatsConfig, TelemetryConfig, TlsConfig};
use crate::settings::Reader;

/// The other services, by name.
pub(super) fn peers(r: &mut Reader) -> BTreeMap<String, String> {
    let known = [
        (
            "intake",
            "Address of intake: `http://host:port` or `https://host:port`; of several replicas, separated by commas.",
        ),
        ("inventory", "Address of inventory."),
        ("fulfilment", "Address of fulfilment."),
        ("aftersales", "Address of aftersales."),
    ];
    let read = known.map(|(name, meaning)| (name, r.text(&format!("peers.{name}"), "", meaning)));
    read.into_iter()
        .filter(|(_, url)| !url.is_empty())
        .map(|(name, url)| (name.to_owned(), url))
        .collect()
}

impl NatsConfig {
    pub(super) fn read(r: &mut Reader) -> Option<Self> {
        let url = r.text(
            "nats.url",
            "",
            "The broker: `nats://host:port` or `tls://host:port`, several separated by commas. Empty: no broker; other services' logs are read over gRPC.",
        );
        let limits = StreamLimits::default();
        let nats = Self {
            url,
            user: r.text("nats.user", "", "User at the broker."),
            password_file: r.file("nats.password_file", "File with the user's password."),
            nkey_file: r.file("nats.nkey_file", "File with the seed of an nkey (`SU…`)."),
            creds_file: r.file("nats.creds_file", "NATS `.creds` file."),
            ca_file: r.file(
                "nats.ca_file",
                "Authority of the broker's certificate, PEM.",
            ),
            cert_file: r.file(
                "nats.cert_file",
                "Certificate presented to the broker, PEM.",
            ),
            key_file: r.file("nats.key_file", "Its key, PEM."),
            replicas: r.value(
                "nats.replicas",
                "1",
                "1, 3 or 5",
                "Copies of each stream within the broker's cluster.",
            ),
            prefix: r.text(
                "nats.prefix",
                "ordo",
                "First token of every subject; in upper case, of every stream's name.",
            ),
            inbox_prefix: r.text(
                "nats.inbox_prefix",
                "",
                "Subjects on which the broker answers this service; empty: `_INBOX`.",
            ),
            max_bytes: r.value(
                "nats.max_bytes",
                &limits.max_bytes.to_string(),
                "a count of bytes",
                "Bytes that each stream may hold; there is one for each partition. The broker sets them aside when it makes the stream, and drops the oldest messages beyond them. The owner's log keeps them.",
            ),
            max_age: r.duration(
                "nats.max_age",
                &format!("{}d", limits.max_age.as_secs() / 86_400),
                "Age at which the broker drops messages; `0s`: any. The owner's log keeps them.",
            ),
        };
        (!nats.url.is_empty()).then_some(nats)
    }
}

impl AuthConfig {
    pub(super) fn read(r: &mut Reader) -> Self {
        Self {
            jwks: r.text("auth.jwks", "", "The key set itself as JSON, instead of a file."),
            jwks_file: r.file(
                "auth.jwks_file",
                "JSON Web Key Set with the Ed25519 keys of tokens that are taken; read again when it changes. Without it, only tokens signed with `auth.signing_key_file` are taken.",
            ),
            issuer: r.text("auth.issuer", ordo_rpc::DEFAULT_ISSUER, "Required `iss` of tokens."),
            audience: r.text("auth.audience", ordo_rpc::DEFAULT_AUDIENCE, "Required `aud` of tokens."),
            signing_key_file: r.file(
                "auth.signing_key_file",
                "Ed25519 private key (PKCS#8 PEM or JWK) with which the service signs its own service tokens.",
            ),
            token_file: r.file(
                "auth.token_file",
                "Service token to present to other services, kept fresh by somebody else; instead of a signing key.",
            ),
        }
    }
}

impl KeysConfig {
    pub(super) fn read(r: &mut Reader) -> Self {
        Self {
            master_key_file: r.file(
                "keys.master_key_file",
                "Master keys that wrap the data keys, 32 bytes in hexadecimal each. The service that has it (intake) owns the key store; the others ask intake.",
            ),
            store: r
                .parsed("keys.store", "", "Where the key store is; empty: in `store`.", |text| match text {
                    "" => Ok(None),
                    text => text.parse().map(Some).map_err(|error: ordo_sql::SqlError| error.to_string()),
                })
                .flatten(),
        }
    }
}

impl TlsConfig {
    pub(super) fn read(r: &mut Reader) -> Self {
        Self {
            cert_file: r.file("tls.cert_file", "Certificate chain of the gRPC server, PEM. Empty: no TLS."),
            key_file: r.file("tls.key_file", "Its key, PEM."),
            client_ca_file: r.file(
                "tls.client_ca_file",
                "Authority whose certificates clients must present (mTLS), PEM. Empty: none needed.",
            ),
            peer_ca_file: r.file(
                "tls.peer_ca_file",
                "Authority of other services' certificates, PEM. Needed for `https` peers.",
            ),
            peer_cert_file: r.file("tls.peer_cert_file", "Certificate presented to other services, PEM."),
            peer_key_file: r.file("tls.peer_key_file", "Its key, PEM."),
            peer_domain: r.text(
                "tls.peer_domain",
                "",
                "Name expected in other services' certificates; empty: the host in the address.",
            ),
        }
    }
}

impl TelemetryConfig {
    pub(super) fn read(r: &mut Reader) -> Self {
        Self {
            log_format: r
                .parsed("telemetry.log_format", "human", "`human` or `json`.", |text| match text {
                    "human" => Ok(LogFormat::Human),
                    "json" => Ok(LogFormat::Json),
                    _ => Err("expected `human` or `json`".to_owned()),
                })
                .unwrap_or_default(),
            log_filter: r
                .parsed(
                    "telemetry.log_filter",
                    "info",
                    "What is logged: a `tracing` filter such as `info,ordo_bus=debug`.",
                    |text| match text.parse::<tracing_subscriber::filter::Targets>() {
                        Ok(_) => Ok(text.to_owned()),
                        Err(error) => Err(format!("not a log filter: {error}")),
                    },
                )
                .unwrap_or_default(),
            otlp_endpoint: r.optional(
                "telemetry.otlp_endpoint",
                "an address such as http://collector:4317",
                "OTLP collector (gRPC) that traces are sent to; empty: no traces are recorded.",
            ),
            sample_per_mille: r.value(
                "telemetry.sample_per_mille",
                "100",
                "a count from 0 to 1000",
                "How many of a thousand traces that begin here are recorded; a caller's choice is followed.",
            ),
        }
    }
}
