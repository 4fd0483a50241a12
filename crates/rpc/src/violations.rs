//! Field checks that report everything wrong at once.

use tonic::Status;
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::{reason::INVALID_REQUEST, refusal::DOMAIN};

/// Collects what is wrong with a request's fields.
///
/// ```
/// let mut violations = ordo_rpc::Violations::new();
/// violations.require(false, "lines[0].quantity", "must be at least 1");
/// violations.add("channel", "must not be empty");
/// let status = violations.finish().unwrap_err();
/// assert_eq!(status.code(), tonic::Code::InvalidArgument);
/// ```
#[derive(Debug, Default)]
#[must_use = "call `finish`"]
pub struct Violations {
    found: Vec<FieldViolation>,
}

impl Violations {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records a fault. `field` is the path in the request message, for example `lines[2].quantity`.
    pub fn add(&mut self, field: impl Into<String>, description: impl Into<String>) {
        self.found.push(FieldViolation::new(field, description));
    }

    /// Records a fault unless `ok`; hands `ok` back.
    pub fn require(
        &mut self,
        ok: bool,
        field: impl Into<String>,
        description: impl Into<String>,
    ) -> bool {
        if !ok {
            self.add(field, description);
        }
        ok
    }

    /// True when nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// `INVALID_ARGUMENT` with every violation, or nothing.
    pub fn finish(self) -> Result<(), Status> {
        if self.found.is_empty() {
            return Ok(());
        }
        let message = self
            .found
            .iter()
            .map(|violation| format!("{}: {}", violation.field, violation.description))
            .collect::<Vec<_>>()
            .join("; ");
        let metadata = [("way_out".to_owned(), INVALID_REQUEST.way_out.to_owned())];
        let mut details = ErrorDetails::with_error_info(INVALID_REQUEST.name, DOMAIN, metadata);
        details.set_bad_request(self.found);
        Err(Status::with_error_details(
            INVALID_REQUEST.code,
            message,
            details,
        ))
    }
}

#[cfg(test)]
#[path = "violations_tests.rs"]
mod tests;
