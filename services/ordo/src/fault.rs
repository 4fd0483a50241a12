//! Why a command failed, for people.

use std::fmt;

use tonic::Status;
use tonic_types::StatusExt as _;

/// A failure, told on standard error.
#[derive(Debug)]
pub enum Fault {
    /// A service said no.
    Refused(Box<Status>),
    /// Something on this side.
    Local(String),
}

impl Fault {
    /// A failure on this side.
    pub fn local(message: impl fmt::Display) -> Self {
        Self::Local(message.to_string())
    }

    /// What failed on this side, and how.
    pub fn because(what: &str, error: impl std::error::Error) -> Self {
        let mut text = format!("{what}: {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            text.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        Self::Local(text)
    }
}

impl From<Status> for Fault {
    fn from(status: Status) -> Self {
        Self::Refused(Box::new(status))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = match self {
            Self::Local(message) => return writeln!(f, "ordo: {message}"),
            Self::Refused(status) => status,
        };
        writeln!(f, "ordo: {}", status.message())?;
        let details = status.get_error_details();
        if let Some(bad) = details.bad_request() {
            for violation in &bad.field_violations {
                writeln!(f, "  {}: {}", violation.field, violation.description)?;
            }
        }
        if let Some(precondition) = details.precondition_failure() {
            for violation in &precondition.violations {
                writeln!(f, "  {}: {}", violation.subject, violation.description)?;
            }
        }
        if let Some(info) = details.error_info() {
            write!(f, "  reason: {}", info.reason)?;
            for (key, value) in &info.metadata {
                write!(f, ", {key}={value}")?;
            }
            writeln!(f, " (docs/ERRORS.md)")?;
        } else {
            writeln!(f, "  code: {:?}", status.code())?;
        }
        if status.code() == tonic::Code::Unavailable {
            writeln!(
                f,
                "  Is the cluster running? Start it with `deploy/up`, or name its folder with --home."
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_violation_is_told() {
        let mut details = tonic_types::ErrorDetails::new();
        details
            .add_bad_request_violation("lines[0].quantity", "must be at least 1")
            .add_bad_request_violation("channel", "must not be empty");
        let status = Status::with_error_details(tonic::Code::InvalidArgument, "2 faults", details);
        let text = Fault::from(status).to_string();
        assert!(
            text.contains("lines[0].quantity: must be at least 1"),
            "{text}"
        );
        assert!(text.contains("channel: must not be empty"), "{text}");
    }

    #[test]
    fn causes_are_told_in_order() {
        let error = std::io::Error::other("disk full");
        assert_eq!(
            Fault::because("writing", error).to_string(),
            "ordo: writing: disk full\n"
        );
    }
}
