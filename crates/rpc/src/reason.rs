//! Every reason that a service gives for saying no, in tables that tests and docs/ERRORS.md share.

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use tonic::Code;

/// One reason for which a call can fail. Declared with [`reasons!`](crate::reasons), never built ad hoc, so that the
/// tables are complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// SCREAMING_SNAKE name: `ErrorInfo.reason`.
    pub name: &'static str,
    /// gRPC code it travels with.
    pub code: Code,
    /// What is wrong.
    pub meaning: &'static str,
    /// What the caller can do about it.
    pub way_out: &'static str,
}

/// Declares the reasons of a service as constants and as one table.
///
/// ```
/// ordo_rpc::reasons! {
///     /// Why the lighthouse refuses.
///     pub const REASONS = {
///         /// Nobody lit the lamp.
///         LAMP_IS_OUT(FailedPrecondition) => "Light it first.",
///     };
/// }
/// assert_eq!(REASONS.len(), 1);
/// assert_eq!(LAMP_IS_OUT.meaning, "Nobody lit the lamp.");
/// ```
#[macro_export]
macro_rules! reasons {
    (
        $(#[$table_doc:meta])* $vis:vis const $table:ident = {
            $($(#[doc = $meaning:literal])+ $name:ident($code:ident) => $way_out:literal),+ $(,)?
        };
    ) => {
        $(
            $(#[doc = $meaning])+
            $vis const $name: $crate::Reason = $crate::Reason {
                name: stringify!($name),
                code: $crate::Code::$code,
                meaning: const { $crate::__private_trim(concat!($($meaning),+)) },
                way_out: $way_out,
            };
        )+
        $(#[$table_doc])*
        $vis const $table: &[$crate::Reason] = &[$($name),+];
    };
}

/// A doc comment's text without the blank before it. For [`reasons!`](crate::reasons) only.
#[doc(hidden)]
pub const fn trim(text: &'static str) -> &'static str {
    text.trim_ascii()
}

reasons! {
    /// What any service may answer, whatever the method.
    pub const SHARED_REASONS = {
        /// One or more fields of the request are not acceptable; `BadRequest` names every one of them.
        INVALID_REQUEST(InvalidArgument) => "Correct the named fields.",
        /// The call carries no `authorization: Bearer <token>` metadata.
        TOKEN_MISSING(Unauthenticated) => "Send a token.",
        /// The token is not a JWT that this system issues: form, algorithm (EdDSA only) or claims.
        TOKEN_MALFORMED(Unauthenticated) => "Get a token from the issuer that the service is configured with.",
        /// The token names a signing key that the service does not know.
        TOKEN_KEY_UNKNOWN(Unauthenticated) => "Get a fresh token, or add the key to the service's JWKS file.",
        /// The token's signature is wrong.
        TOKEN_SIGNATURE(Unauthenticated) => "Get a fresh token; this one was altered or signed by somebody else.",
        /// The token's `exp` has passed.
        TOKEN_EXPIRED(Unauthenticated) => "Get a fresh token.",
        /// The token's `nbf` is in the future.
        TOKEN_NOT_YET_VALID(Unauthenticated) => "Wait, or set the clocks right.",
        /// The token is meant for somebody else (`aud`).
        TOKEN_AUDIENCE(Unauthenticated) => "Get a token for this system.",
        /// The token comes from an issuer that the service does not trust (`iss`).
        TOKEN_ISSUER(Unauthenticated) => "Get a token from the issuer that the service is configured with.",
        /// None of the token's roles may call the method.
        ROLE_MISSING(PermissionDenied) => "Ask an administrator for one of the roles in `allowed_roles`.",
        /// The method is not open to anybody.
        METHOD_CLOSED(PermissionDenied) => "Check the method's name; it has no entry in the service's role table.",
        /// The call concerns a tenant, and neither the token nor `ordo-tenant` names one.
        TENANT_REQUIRED(InvalidArgument) => "Use a tenant's token; a service token names the tenant in `ordo-tenant` metadata.",
        /// `ordo-tenant` names another tenant than the token.
        TENANT_MISMATCH(PermissionDenied) => "Leave `ordo-tenant` out; only service and administrator tokens without a tenant may choose.",
        /// The command id was used before for a command with other content.
        COMMAND_ID_REUSED(AlreadyExists) => "Choose a new command id for new content.",
        /// The command can never be recorded: too many or too large events.
        COMMAND_TOO_LARGE(InvalidArgument) => "Split it into smaller commands.",
        /// Somebody else changed the same thing at the same moment, again and again.
        CONFLICT(Aborted) => "Send the same command again.",
        /// More commands or calls are waiting than the service accepts.
        OVERLOADED(ResourceExhausted) => "Wait for the delay in RetryInfo, then send the same call again.",
        /// The service is starting and not ready for this call.
        STARTING(Unavailable) => "Send the same call again after the delay in RetryInfo.",
        /// The service is shutting down.
        SHUTTING_DOWN(Unavailable) => "Send the same call again; another replica or the restarted one takes it.",
        /// The service's database does not answer.
        STORE_UNAVAILABLE(Unavailable) => "Send the same call again; a command id makes that safe.",
        /// The read model is being built, or has not yet seen the positions that the query asked for with `at_least`.
        READ_MODEL_BEHIND(Unavailable) => "Ask again after the delay in RetryInfo, or without `at_least` where there is one.",
        /// The call took longer than its deadline. A command may still have been recorded.
        DEADLINE(DeadlineExceeded) => "Send the same call again; a command id makes that safe.",
        /// The service has no address for another service that this call needs.
        PEER_NOT_CONFIGURED(FailedPrecondition) => "Set `peers.<service>` in the configuration.",
        /// The connection to the service could not be made, or ended under the call. Said by our own clients, with `peer` and `address`.
        SERVICE_UNREACHABLE(Unavailable) => "See whether the service runs; then send the same call again. A command id makes that safe.",
        /// The service has no valid token of its own to call another service with.
        OWN_TOKEN_UNAVAILABLE(Unavailable) => "Look at `auth.token_file` or `auth.signing_key_file` in the configuration.",
        /// The request's bytes are no message of the method, or cannot be unpacked.
        REQUEST_UNREADABLE(InvalidArgument) => "Encode the request with the published protos of this version.",
        /// The request is longer than the service takes.
        REQUEST_TOO_LARGE(OutOfRange) => "Split it; the message says how long it may be.",
        /// Nothing by that name: a read model, reaction, check or parked entity that the service does not have.
        UNKNOWN_NAME(NotFound) => "List what there is; the metadata names what was asked for.",
        /// The page token is not one that this method gave out for this query.
        PAGE_TOKEN_INVALID(InvalidArgument) => "Begin at the first page.",
        /// The partition asked for does not exist.
        UNKNOWN_PARTITION(OutOfRange) => "GetHeads lists the partitions.",
        /// The position asked for belongs to a history that the log no longer has.
        LOG_DIVERGED(DataLoss) => "Start over from the beginning of the partition.",
        /// Stored data cannot be read. A fault of the service, not of the call.
        STORED_DATA_UNREADABLE(DataLoss) => "Tell the operator; `ordo verify` shows what is damaged.",
        /// A fault of the service, not of the call. Its log says more under the same trace.
        INTERNAL(Internal) => "Tell the operator.",
    };
}

/// The table of `reasons` as it stands in docs/ERRORS.md.
pub fn markdown(reasons: &[Reason]) -> String {
    let mut out = String::from("| reason | code | meaning | way out |\n|---|---|---|---|\n");
    for reason in reasons {
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} |",
            reason.name,
            code_name(reason.code),
            reason.meaning,
            reason.way_out
        );
    }
    out
}

/// What is wrong with the section `section` of the document `path` (docs/ERRORS.md) or with the table itself. `None` when
/// they agree. With the environment variable `UPDATE_DOCS` set, writes the section instead.
///
/// A section stands between `<!-- reasons: NAME -->` and `<!-- end -->`; a missing one is put at the end.
pub fn check_document(path: &Path, section: &str, reasons: &[Reason]) -> Option<String> {
    let mut seen = BTreeSet::new();
    for reason in reasons {
        let shape = reason
            .name
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        if !shape || !seen.insert(reason.name) || reason.code == Code::Ok {
            return Some(format!(
                "the reason `{}` is misnamed, doubled or has code OK",
                reason.name
            ));
        }
    }
    let document = std::fs::read_to_string(path).unwrap_or_default();
    let begin = format!("<!-- reasons: {section} -->\n");
    let end = "<!-- end -->";
    let wanted = format!("{begin}\n{}\n", markdown(reasons));
    let present = document.find(&begin).and_then(|from| {
        let length = document.get(from..)?.find(end)?;
        Some(from..from + length)
    });
    if present.clone().and_then(|range| document.get(range)) == Some(wanted.as_str()) {
        return None;
    }
    if std::env::var_os("UPDATE_DOCS").is_none() {
        return Some(format!(
            "section `{section}` of {} is out of date; run the test again with UPDATE_DOCS=1",
            path.display()
        ));
    }
    let mut document = document;
    match present {
        Some(range) => document.replace_range(range, &wanted),
        None => {
            let _ = write!(document, "\n## {section}\n\n{wanted}{end}\n");
        }
    }
    std::fs::write(path, document)
        .err()
        .map(|error| format!("{}: {error}", path.display()))
}

/// The code's name as the gRPC specification and `google.rpc.Code` write it: `INVALID_ARGUMENT`.
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_lists_the_shared_reasons() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ERRORS.md");
        assert_eq!(check_document(&path, "every service", SHARED_REASONS), None);
    }

    #[test]
    fn a_misnamed_or_doubled_reason_is_a_fault() {
        let reason = SHARED_REASONS[0];
        let path = Path::new("/nonexistent/ERRORS.md");
        assert!(
            check_document(
                path,
                "x",
                &[Reason {
                    name: "lower",
                    ..reason
                }]
            )
            .is_some()
        );
        assert!(check_document(path, "x", &[reason, reason]).is_some());
        assert!(check_document(path, "x", &[reason]).is_some());
    }
}
