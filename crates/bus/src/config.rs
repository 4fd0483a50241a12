//! How the broker is reached and what its streams may hold.

use std::{fmt, path::PathBuf, time::Duration};

/// How to reach the broker. [`BusConfig::new`] gives the defaults.
#[derive(Clone, Debug)]
pub struct BusConfig {
    /// One or more `nats://host:port` or `tls://host:port`, separated by commas.
    pub url: String,
    /// Who we are.
    pub credentials: Credentials,
    /// Shown in the broker's list of connections.
    pub client_name: String,
    /// First token of every subject, and in upper case of every stream's name. Default `ordo`.
    pub prefix: String,
    /// Prefix of the subjects on which answers come back; `None`: `_INBOX`. One per user keeps users from reading each
    /// other's answers.
    pub inbox_prefix: Option<String>,
    /// Certificates of the authority that signed the server's, as a PEM file.
    pub root_certificates: Option<PathBuf>,
    /// Our own certificate and its key, as PEM files, for mutual TLS.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// Refuse to speak without TLS.
    pub require_tls: bool,
    /// Copies of a stream within a cluster: 1, 3 or 5.
    pub replicas: usize,
    /// What each stream may hold.
    pub limits: StreamLimits,
    /// How long [`Bus::connect`](crate::Bus::connect) waits for a broker that does not answer before it goes on
    /// without.
    pub connect_wait: Duration,
    /// How long a request to the broker may take.
    pub request_timeout: Duration,
}

impl BusConfig {
    /// The defaults for the broker at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            credentials: Credentials::None,
            client_name: "ordo".into(),
            prefix: "ordo".into(),
            inbox_prefix: None,
            root_certificates: None,
            client_certificate: None,
            require_tls: false,
            replicas: 1,
            limits: StreamLimits::default(),
            connect_wait: Duration::from_secs(2),
            request_timeout: Duration::from_secs(5),
        }
    }
}

/// Who we are to the broker.
#[derive(Clone, Default)]
pub enum Credentials {
    /// Nobody.
    #[default]
    None,
    /// A name and its password.
    UserPassword {
        /// Name.
        user: String,
        /// Password.
        password: String,
    },
    /// A secret that is all there is.
    Token(String),
    /// Seed of an Ed25519 key pair (`SU…`); the server knows the public half.
    NKey(String),
    /// A `.creds` file: a JWT and the seed of its key.
    File(PathBuf),
}

impl fmt::Debug for Credentials {
    /// Without the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::UserPassword { user, .. } => write!(f, "UserPassword({user:?})"),
            Self::Token(_) => f.write_str("Token"),
            Self::NKey(_) => f.write_str("NKey"),
            Self::File(path) => write!(f, "File({path:?})"),
        }
    }
}

/// When the broker drops old messages. They stay in the owner's log, from where readers get them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    /// Bytes per stream, before compression. The broker sets this much aside when the stream is created.
    pub max_bytes: u64,
    /// Age, from when the broker took the message. Zero: any age.
    pub max_age: Duration,
}

impl Default for StreamLimits {
    /// 256 MiB and 30 days: sixteen streams (four services of four partitions) fit on a laptop's disk.
    fn default() -> Self {
        Self {
            max_bytes: 256 << 20,
            max_age: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}
