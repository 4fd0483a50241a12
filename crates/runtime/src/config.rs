//! What a service process is configured with. docs/CONFIGURATION.md is written from here.

mod sections;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use ordo_rpc::RpcLimits;
use ordo_sql::StoreUrl;

use crate::{
    background::Background,
    plugged::Plugs,
    settings::{ConfigFaults, Reader, Settings, Values},
};

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
    /// Addresses of the other services by name; several replicas' are separated by commas.
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
    /// In place of sockets; no setting.
    pub plugs: Option<Plugs>,
    /// Where read models, reactions and the relay run; no setting.
    pub background: Background,
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
            peers: sections::peers(r),
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
            plugs: None,
            background: Background::default(),
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
        let mut addresses = self
            .peers
            .values()
            .flat_map(|list| ordo_rpc::addresses(list));
        let secure = addresses.any(|url| url.starts_with("https://"));
        if secure && tls.peer_ca_file.is_none() {
            r.fault(
                "tls.peer_ca_file",
                "`https` peers need the authority of their certificates",
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
        for (name, list) in &self.peers {
            let is_known = |url: &str| url.starts_with("http://") || url.starts_with("https://");
            if !ordo_rpc::addresses(list).all(is_known) {
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

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
