//! Why a service does not run.

use std::{net::SocketAddr, path::PathBuf};

/// Why a service does not run.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The log cannot be opened.
    #[error("the event log cannot be opened")]
    Log(#[from] ordo_event_log::OpenError),
    /// The keys of personal data cannot be opened.
    #[error("the key store cannot be opened")]
    Privacy(#[from] ordo_privacy::PrivacyError),
    /// The master key file is not usable.
    #[error("the master keys are not usable")]
    MasterKeys(#[from] ordo_privacy::MasterKeyError),
    /// A database cannot be opened.
    #[error("a database cannot be opened")]
    Sql(#[from] ordo_sql::SqlError),
    /// A read model cannot be opened.
    #[error("the read model `{name}` cannot be opened")]
    ReadModel {
        /// Its name.
        name: &'static str,
        /// Why.
        source: ordo_sql::SqlError,
    },
    /// A reaction's inbox cannot be opened.
    #[error("the reaction `{name}` cannot be opened")]
    Reaction {
        /// Its name.
        name: &'static str,
        /// Why.
        source: ordo_sql::SqlError,
    },
    /// The broker's configuration makes no sense, or it is too old.
    #[error("the broker cannot be used")]
    Bus(#[from] ordo_bus::BusError),
    /// The gRPC server cannot start.
    #[error("the gRPC server cannot start")]
    Gateway(#[from] crate::gateway::GatewayError),
    /// The gRPC server stopped by itself.
    #[error("the gRPC server failed: {0}")]
    ServerFailed(String),
    /// Another service's address makes no sense.
    #[error("another service's address is wrong")]
    Remote(#[from] ordo_rpc::RemoteError),
    /// The key set of tokens is not usable.
    #[error("tokens cannot be checked")]
    Jwks(#[from] ordo_rpc::JwksError),
    /// The signing key is not usable.
    #[error("own tokens cannot be signed")]
    SigningKey(#[from] ordo_rpc::KeyError),
    /// The OTLP exporter cannot be built.
    #[error("traces cannot be exported")]
    Telemetry(#[from] crate::telemetry::TelemetryError),
    /// The descriptors of the services do not fit together.
    #[error("reflection cannot be served: {0}")]
    Reflection(String),
    /// The address of the probes is taken or not ours.
    #[error("cannot serve probes on {address}")]
    Probes {
        /// As configured.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// A file that the configuration names cannot be read or written.
    #[error("cannot access {path}")]
    File {
        /// File.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Anything that a service itself finds wrong while it starts.
    #[error("{0}")]
    Service(String),
}
