//! The one place where errors become gRPC status.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::reason::Reason;

/// `ErrorInfo.domain` of everything here.
pub const DOMAIN: &str = "ordo";

/// How long a caller should wait before the next try, when nothing better is known.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// Why a call is refused, with what the caller needs to react. Becomes a [`Status`] whose details always hold `ErrorInfo`;
/// FAILED_PRECONDITION adds `PreconditionFailure`; ABORTED, UNAVAILABLE and RESOURCE_EXHAUSTED add `RetryInfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// gRPC code.
    pub code: Code,
    /// `ErrorInfo.reason`; listed in docs/ERRORS.md.
    pub reason: &'static str,
    /// For people; never holds personal data nor internal detail.
    pub message: String,
    /// `ErrorInfo.metadata`: ids and quantities that the message speaks of.
    pub metadata: BTreeMap<String, String>,
    /// What the caller can do.
    pub way_out: &'static str,
    /// When the same call may succeed.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal for a declared reason. `message` says what is wrong in this case.
    pub fn new(reason: &Reason, message: impl Into<String>) -> Self {
        let retries = matches!(
            reason.code,
            Code::Aborted | Code::Unavailable | Code::ResourceExhausted
        );
        Self {
            code: reason.code,
            reason: reason.name,
            message: message.into(),
            metadata: BTreeMap::new(),
            way_out: reason.way_out,
            retry_after: retries.then_some(RETRY_AFTER),
        }
    }

    /// Adds an id or a quantity to the metadata.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl ToString) -> Self {
        self.metadata.insert(key.to_owned(), value.to_string());
        self
    }

    /// When the same call may succeed.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let mut metadata: HashMap<String, String> = refusal.metadata.into_iter().collect();
        metadata.insert("way_out".into(), refusal.way_out.into());
        let subject = metadata.get("subject").cloned().unwrap_or_default();
        let mut details = ErrorDetails::with_error_info(refusal.reason, DOMAIN, metadata);
        if refusal.code == Code::FailedPrecondition {
            details.add_precondition_failure_violation(refusal.reason, subject, &refusal.message);
        }
        if let Some(delay) = refusal.retry_after {
            details.set_retry_info(Some(delay));
        }
        Status::with_error_details(refusal.code, refusal.message, details)
    }
}

/// The status of any error that has a place in the mapping: `execute(..).await.map_err(status)?`.
pub fn status(error: impl Into<Refusal>) -> Status {
    error.into().into()
}
