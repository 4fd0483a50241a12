//! Why a benchmark did not come to its end.

use std::{error::Error, fmt::Display};

/// Why a benchmark did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// An option that makes no sense.
    #[error("{0}")]
    Option(String),
    /// A step failed.
    #[error("{step}")]
    Step {
        /// What was being done.
        step: String,
        /// Why it failed.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A step ran, and its outcome is not what it must be.
    #[error("{0}")]
    Wrong(String),
}

/// Says what was being done when something failed.
pub(crate) trait During<T> {
    fn during(self, step: impl Display) -> Result<T, BenchError>;
}

impl<T, E: Into<Box<dyn Error + Send + Sync>>> During<T> for Result<T, E> {
    fn during(self, step: impl Display) -> Result<T, BenchError> {
        self.map_err(|source| BenchError::Step {
            step: step.to_string(),
            source: source.into(),
        })
    }
}
