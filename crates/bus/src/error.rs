//! Why the broker cannot be used.

use async_nats::{RequestError, RequestErrorKind};
use tokio::time::error::Elapsed;

use crate::version::{OLDEST_SERVER, ServerVersion};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why the broker cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// Addresses, credentials or certificates make no sense.
    #[error("the broker's configuration is wrong: {0}")]
    Config(String),
    /// It would ignore settings that the copy's exactness depends on.
    #[error("nats-server {found} is too old; {OLDEST_SERVER} or newer is needed (atomic batches)")]
    ServerTooOld {
        /// Its version.
        found: ServerVersion,
    },
    /// It does not say what it is.
    #[error("the broker's version `{0}` is not one that is known")]
    UnknownServer(String),
    /// No connection; try again.
    #[error("no connection to the broker")]
    Disconnected,
    /// A request failed or was not answered in time; try again. Requests that are not allowed are not answered.
    #[error("the broker did not {what}")]
    Request {
        /// What was asked.
        what: String,
        /// Why not.
        #[source]
        source: Source,
    },
    /// The stream is not there.
    #[error("the broker has no stream {0}")]
    NoStream(String),
}

impl BusError {
    /// Whether the broker has said nothing at all.
    pub(crate) fn is_silence(&self) -> bool {
        let Self::Request { source, .. } = self else {
            return false;
        };
        let timed_out = |error: &RequestError| error.kind() == RequestErrorKind::TimedOut;
        source.is::<Elapsed>() || source.downcast_ref().is_some_and(timed_out)
    }

    pub(crate) fn request(what: impl Into<String>) -> impl FnOnce(async_nats::Error) -> Self {
        let what = what.into();
        move |source| Self::Request { what, source }
    }
}
