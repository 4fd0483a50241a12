//! What a failed call to another service means for the caller.

use ordo_projection::ReactionError;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::refusal::DOMAIN;

/// How to go on after a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was decided, or nobody knows: send the same command, with the same id, again later.
    Retry,
    /// The other service decided: no. `reason` is from docs/ERRORS.md.
    Refused {
        /// gRPC code.
        code: Code,
        /// `ErrorInfo.reason`.
        reason: String,
    },
    /// A fault that time does not heal: wrong role, unknown method, damaged data. For a person.
    Fatal,
}

/// Classifies a failed call.
///
/// UNAVAILABLE, DEADLINE_EXCEEDED, ABORTED, RESOURCE_EXHAUSTED, CANCELLED and UNKNOWN are worth a retry, and whatever else
/// [no service said](is_unanswered); so is UNAUTHENTICATED, because keys and tokens are renewed while services run. A code that
/// carries one of our reasons is a decision; the rest is fatal.
pub fn classify(status: &Status) -> Verdict {
    match status.code() {
        _ if is_unanswered(status) => Verdict::Retry,
        Code::Unavailable
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::ResourceExhausted
        | Code::Cancelled
        | Code::Unknown
        | Code::Unauthenticated => Verdict::Retry,
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::OutOfRange => match reason(status) {
            Some(reason) => Verdict::Refused {
                code: status.code(),
                reason,
            },
            None => Verdict::Fatal,
        },
        Code::Ok
        | Code::PermissionDenied
        | Code::Unimplemented
        | Code::Internal
        | Code::DataLoss => Verdict::Fatal,
    }
}

/// Whether it was made on the way, and by no service, so that nobody knows what became of the call. A service's own INTERNAL has
/// a reason, as all that it says; one without comes from the transport, which says so of a connection that breaks.
pub fn is_unanswered(status: &Status) -> bool {
    let of_the_way = matches!(
        status.code(),
        Code::Unavailable | Code::Cancelled | Code::Unknown | Code::Internal
    );
    of_the_way && reason(status).is_none()
}

/// The reason inside a status of ours.
pub fn reason(status: &Status) -> Option<String> {
    let info = status.get_details_error_info()?;
    (info.domain == DOMAIN).then_some(info.reason)
}

/// How a reaction that cannot handle `status` itself goes on: wait and retry; park at once on a decision that it did not
/// expect; try a few times on a fault, then park.
pub fn reaction_error(status: Status) -> ReactionError {
    match classify(&status) {
        Verdict::Retry => ReactionError::retry(status),
        Verdict::Refused { reason, .. } => {
            ReactionError::park(format!("refused: {reason}: {}", status.message()))
        }
        Verdict::Fatal => ReactionError::failed(status),
    }
}
