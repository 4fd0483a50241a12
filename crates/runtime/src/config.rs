//! What a service process is configured with. docs/CONFIGURATION.md is written from this file.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use ordo_rpc::RpcLimits;
use ordo_sql::StoreUrl;

use crate::settings::{ConfigFaults, Reader, Settings, Values};

/// Everything that a service process needs to know. Read from a TOML file, then the environment, then flags; the later
/// one wins.
#[derive(Clone, Debug)]
pub struct ServiceConfig {
    /// gRPC address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// A socket that is bound already, instead of `listen`: for tests and supervisors that hand out addresses first.
    pub listener: Option<Arc<std::net::TcpListener>>,
    /// Address of /metrics and /health; `None`: not served.
    pub metrics_listen: Option<SocketAddr>,
    /// Where the service's databases are.
    pub store: StoreUrl,
    /// Partitions of a log that is created; `None`: 1 on SQLite, 4 on Postgres.
    pub partitions: Option<u32>,
    /// Written when the service is ready: JSON with its addresses.
    pub ready_file: Option<PathBuf>,
    /// How long health says NOT_SERVING before the drain begins.
    pub shutdown_delay: Duration,
    /// How long a drain may take.
    pub shutdown_timeout: Duration,
    /// The broker; `None`: logs of other services are read over gRPC.
    pub nats: Option<NatsConfig>,
    /// Addresses of the other services by name.
    pub peers: BTreeMap<String, String>,
    /// How long a call to another service may take.
    pub peer_timeout: Duration,
    /// Whose tokens are taken, and what is presented to others.
    pub auth: AuthConfig,
    /// Where data keys are.
    pub keys: KeysConfig,
    /// Certificates.
    pub tls: TlsConfig,
    /// Logs, traces.
    pub telemetry: TelemetryConfig,
    /// Limits of the gRPC server.
    pub limits: RpcLimits,
}

/// The broker.
#[derive(Clone, Debug, Default)]
pub struct NatsConfig {
    /// `nats://host:port`, several separated by commas.
    pub url: String,
    /// Name of a user.
    pub user: String,
    /// File with the user's password.
    pub password_file: Option<PathBuf>,
    /// File with the seed of an nkey.
    pub nkey_file: Option<PathBuf>,
    /// `.creds` file.
    pub creds_file: Option<PathBuf>,
    /// Authority of the server's certificate, PEM.
    pub ca_file: Option<PathBuf>,
    /// Own certificate, PEM.
    pub cert_file: Option<PathBuf>,
    /// Key of the own certificate, PEM.
    pub key_file: Option<PathBuf>,
    /// Copies of a stream: 1, 3 or 5.
    pub replicas: u32,
    /// First token of subjects.
    pub prefix: String,
    /// Prefix of the inbox subjects.
    pub inbox_prefix: String,
    /// Bytes that a stream may hold.
    pub max_bytes: u64,
    /// Age of messages that are dropped; zero: any age.
    pub max_age: Duration,
}

/// Sign-in.
#[derive(Clone, Debug, Default)]
pub struct AuthConfig {
    /// Public keys of tokens that are taken, inline.
    pub jwks: String,
    /// Public keys of tokens that are taken.
    pub jwks_file: Option<PathBuf>,
    /// Required `iss`.
    pub issuer: String,
    /// Required `aud`.
    pub audience: String,
    /// Private key to sign own service tokens with.
    pub signing_key_file: Option<PathBuf>,
    /// Token to present, kept fresh by somebody else.
    pub token_file: Option<PathBuf>,
}

/// Keys of personal data.
#[derive(Clone, Debug, Default)]
pub struct KeysConfig {
    /// Master keys; a service that has them owns the key store.
    pub master_key_file: Option<PathBuf>,
    /// Where the key store is; `None`: with the other databases.
    pub store: Option<StoreUrl>,
}

/// TLS of the gRPC server, and towards other services.
#[derive(Clone, Debug, Default)]
pub struct TlsConfig {
    /// The server's certificate chain, PEM.
    pub cert_file: Option<PathBuf>,
    /// Its key, PEM.
    pub key_file: Option<PathBuf>,
    /// Authority whose client certificates are required (mTLS), PEM.
    pub client_ca_file: Option<PathBuf>,
    /// Authority of other services' certificates, PEM.
    pub peer_ca_file: Option<PathBuf>,
    /// Certificate presented to other services, PEM.
    pub peer_cert_file: Option<PathBuf>,
    /// Its key, PEM.
    pub peer_key_file: Option<PathBuf>,
    /// Name expected in other services' certificates.
    pub peer_domain: String,
}

/// Logs and traces.
#[derive(Clone, Debug)]
pub struct TelemetryConfig {
    /// Form of log lines.
    pub log_format: LogFormat,
    /// `tracing-subscriber` filter.
    pub log_filter: String,
    /// OTLP collector; `None`: no traces.
    pub otlp_endpoint: Option<String>,
    /// Share of new traces that are recorded, 0 to 1000 per thousand.
    pub sample_per_mille: u32,
}

/// Form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For eyes.
    #[default]
    Human,
    /// One JSON object per line.
    Json,
}

impl ServiceConfig {
    /// The configuration that `values` describe.
    pub fn from_values(values: Values) -> Result<Self, ConfigFaults> {
        Self::with::<()>(values).map(|(config, ())| config)
    }

    /// The configuration and a service's own settings.
    pub fn with<S: Settings>(values: Values) -> Result<(Self, S), ConfigFaults> {
        let mut reader = Reader::new(values);
        let config = Self::read(&mut reader);
        let own = S::read(&mut reader);
        reader.finish()?;
        Ok((config, own))
    }

    /// Written keys and values, for programs that start services themselves.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, ConfigFaults> {
        let mut values = Values::new();
        for (key, text) in pairs {
            values.set(key, text, "");
        }
        Self::from_values(values)
    }
}

impl Settings for ServiceConfig {
    fn read(r: &mut Reader) -> Self {
        let address = "an address such as 127.0.0.1:7101";
        let config = Self {
            listen: r
                .parsed("listen", "127.0.0.1:0", "Address of the gRPC server; port 0 takes a free one.", |text| {
                    text.parse().map_err(|_| format!("expected {address}"))
                })
                .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0))),
            listener: None,
            metrics_listen: r.optional(
                "metrics_listen",
                address,
                "Address of `/metrics`, `/health/live` and `/health/ready`; empty: not served.",
            ),
            store: r
                .parsed(
                    "store",
                    "sqlite:./data",
                    "Where the databases are: `sqlite:<folder>` or `postgres://user:password@host/database`.",
                    |text| text.parse().map_err(|error: ordo_sql::SqlError| error.to_string()),
                )
                .unwrap_or_else(|| StoreUrl::SqliteDir(PathBuf::new())),
            partitions: r.optional(
                "partitions",
                "a count from 1 to 1024",
                "Partitions of a log that is created; fixed from then on. Empty: 1 on SQLite, 4 on Postgres.",
            ),
            ready_file: r.optional(
                "ready_file",
                "a path",
                "Written when the service is ready: one JSON object with `service`, `grpc` and `metrics`. Removed at the end.",
            ),
            shutdown_delay: r.duration(
                "shutdown_delay",
                "0s",
                "How long health says NOT_SERVING before the drain begins, for load balancers to notice.",
            ),
            shutdown_timeout: r.duration(
                "shutdown_timeout",
                "30s",
                "How long calls, reactions and queued commands may take to end after the first signal.",
            ),
            nats: NatsConfig::read(r),
            peers: peers(r),
            peer_timeout: r.duration("peers.timeout", "5s", "Deadline of a call to another service."),
            auth: AuthConfig::read(r),
            keys: KeysConfig::read(r),
            tls: TlsConfig::read(r),
            telemetry: TelemetryConfig::read(r),
            limits: RpcLimits {
                max_in_flight: r.value(
                    "limits.max_in_flight",
                    "1024",
                    "a count",
                    "gRPC calls handled at once; more are answered RESOURCE_EXHAUSTED.",
                ),
                default_deadline: r.duration(
                    "limits.default_deadline",
                    "30s",
                    "Deadline of a call that sets none.",
                ),
                max_deadline: r.duration("limits.max_deadline", "120s", "Longest deadline of a call."),
            },
        };
        config.check(r);
        config
    }
}

impl ServiceConfig {
    /// What no single setting shows.
    fn check(&self, r: &mut Reader) {
        if self
            .partitions
            .is_some_and(|count| !(1..=1024).contains(&count))
        {
            r.fault("partitions", "expected a count from 1 to 1024");
        }
        if self.limits.max_in_flight == 0 {
            r.fault(
                "limits.max_in_flight",
                "at 0 no call would ever be answered",
            );
        }
        let tls = &self.tls;
        if tls.cert_file.is_some() != tls.key_file.is_some() {
            r.fault("tls.cert_file", "certificate and key belong together");
        }
        if tls.peer_cert_file.is_some() != tls.peer_key_file.is_some() {
            r.fault("tls.peer_cert_file", "certificate and key belong together");
        }
        if tls.client_ca_file.is_some() && tls.cert_file.is_none() {
            r.fault(
                "tls.client_ca_file",
                "needs `tls.cert_file` and `tls.key_file`",
            );
        }
        if self.auth.signing_key_file.is_some() && self.auth.token_file.is_some() {
            r.fault(
                "auth.token_file",
                "either a token file or a signing key, not both",
            );
        }
        if self.auth.jwks.is_empty()
            && self.auth.jwks_file.is_none()
            && self.auth.signing_key_file.is_none()
        {
            r.fault(
                "auth.jwks_file",
                "without keys nobody could sign in: name a key set or a signing key",
            );
        }
        let signs = self.auth.signing_key_file.is_some() || self.auth.token_file.is_some();
        if !self.peers.is_empty() && !signs {
            r.fault(
                "auth.signing_key_file",
                "other services take no call without a token: name a signing key or a token file",
            );
        }
        if !self.auth.jwks.is_empty() && self.auth.jwks_file.is_some() {
            r.fault("auth.jwks", "either a key set or a file of it, not both");
        }
        for (name, url) in &self.peers {
            if !url.starts_with("http://") && !url.starts_with("https://") {
                r.fault(
                    &format!("peers.{name}"),
                    "expected http://host:port or https://host:port",
                );
            }
        }
        if let Some(nats) = &self.nats {
            let ways = [
                !nats.user.is_empty(),
                nats.nkey_file.is_some(),
                nats.creds_file.is_some(),
            ];
            if ways.into_iter().filter(|way| *way).count() > 1 {
                r.fault("nats.user", "choose one of user, nkey file and creds file");
            }
            if nats.user.is_empty() == nats.password_file.is_some() {
                r.fault(
                    "nats.password_file",
                    "user and password file belong together",
                );
            }
            if nats.cert_file.is_some() != nats.key_file.is_some() {
                r.fault("nats.cert_file", "certificate and key belong together");
            }
            if ![1, 3, 5].contains(&nats.replicas) {
                r.fault("nats.replicas", "expected 1, 3 or 5");
            }
        }
    }
}

/// The other services, by name.
fn peers(r: &mut Reader) -> BTreeMap<String, String> {
    let known = [
        (
            "intake",
            "Address of intake: `http://host:port` or `https://host:port`.",
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
    fn read(r: &mut Reader) -> Option<Self> {
        let url = r.text(
            "nats.url",
            "",
            "The broker: `nats://host:port` or `tls://host:port`, several separated by commas. Empty: no broker; other services' logs are read over gRPC.",
        );
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
                "1073741824",
                "a count of bytes",
                "Bytes that each stream may hold.",
            ),
            max_age: r.duration(
                "nats.max_age",
                "30d",
                "Age at which the broker drops messages; `0s`: any. The owner's log keeps them.",
            ),
        };
        (!nats.url.is_empty()).then_some(nats)
    }
}

impl AuthConfig {
    fn read(r: &mut Reader) -> Self {
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
    fn read(r: &mut Reader) -> Self {
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
    fn read(r: &mut Reader) -> Self {
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
    fn read(r: &mut Reader) -> Self {
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

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
