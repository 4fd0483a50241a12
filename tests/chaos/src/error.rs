//! Why the campaign itself cannot go on, other than by a finding.

use std::{io, path::Path};

use ordo_cluster::ClusterError;
use ordo_testkit::ServerError;

/// Why the campaign itself cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ChaosError {
    /// A program of the cluster did not do what it should.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The database server did not.
    #[error("{0}")]
    Server(String),
    /// A file or process operation failed.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A service did not answer though everything was healed.
    #[error("{what}: {source}")]
    Call {
        /// What was asked.
        what: String,
        /// The answer.
        source: Box<tonic::Status>,
    },
    /// A program that the campaign runs failed.
    #[error("{0}")]
    Failed(String),
}

impl ChaosError {
    /// For a call that had to succeed.
    pub fn call(what: impl Into<String>) -> impl FnOnce(tonic::Status) -> Self {
        let what = what.into();
        move |source| Self::Call {
            what,
            source: Box::new(source),
        }
    }

    /// For whatever cannot be told apart further.
    pub fn failed(what: &str, error: impl std::fmt::Display) -> Self {
        Self::Failed(format!("{what}: {error}"))
    }
}

impl From<ServerError> for ChaosError {
    fn from(error: ServerError) -> Self {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        Self::Server(format!("{error}: {}", source.unwrap_or_default()))
    }
}

/// Says what was tried.
pub trait Context<T> {
    /// Says what was tried with `path`.
    fn context(self, what: &str, path: &Path) -> Result<T, ChaosError>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, what: &str, path: &Path) -> Result<T, ChaosError> {
        self.map_err(|source| ChaosError::Io {
            what: format!("{what} {}", path.display()),
            source,
        })
    }
}

/// An error with everything that caused it.
pub struct Chain<'a>(pub &'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
