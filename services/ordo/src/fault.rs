//! Why a command failed: for people, and with `--json` for programs.

use std::{collections::BTreeMap, fmt, io, process::ExitCode};

use ordo_rpc::{code_name, is_unanswered};
use serde::Serialize;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use self::hints::in_commands;
use crate::client::sent;

mod hints;

/// What the exit status says, beside 0.
pub mod exit {
    /// A check found a difference, a rebuilt read model was not switched to, or something failed on this machine.
    pub const FAILED: u8 = 1;
    /// The arguments, or a file that they name, are wrong; nothing was sent.
    pub const USAGE: u8 = 2;
    /// A service refused: the same again gets the same answer.
    pub const REFUSED: u8 = 3;
    /// The token is not taken, or its roles do not allow it.
    pub const FORBIDDEN: u8 = 4;
    /// No cluster, no answer, too late or too busy: the same again may succeed.
    pub const UNAVAILABLE: u8 = 5;
    /// A fault of a service.
    pub const BROKEN: u8 = 6;
    /// Whoever read standard output has left; what a shell reports for a program that SIGPIPE ended.
    pub const CLOSED: u8 = 141;
}

/// A failure, told on standard error.
#[derive(Debug)]
pub enum Fault {
    /// A service said no, or did not answer.
    Refused(Box<Status>),
    /// Arguments that do not go together, or a file that they name and that does not hold what it should.
    Usage {
        /// What is wrong.
        message: String,
        /// The argument that is wrong, when it is one.
        argument: Option<String>,
    },
    /// There is no cluster where one was looked for.
    NoCluster(String),
    /// A check found a difference.
    Check(String),
    /// Something else on this side.
    Local(String),
    /// Nobody reads standard output any more.
    Closed,
}

/// Reason of a failure that has none of a service: the call was too late, or the connection ended in the midst of the answer.
const NO_ANSWER: &str = "NO_ANSWER";

/// What programs read of a failure: the parts of `google.rpc.Status` and its details, in one object.
#[derive(Debug, Default, Serialize)]
struct Told {
    code: &'static str,
    reason: String,
    domain: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<Field>,
    #[serde(skip_serializing_if = "String::is_empty")]
    way_out: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u128>,
    /// Repeats what may have been done or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    command_id: Option<&'static str>,
    exit_status: u8,
}

/// A field that is wrong, or a thing that is in the wrong state.
#[derive(Debug, Serialize)]
struct Field {
    field: String,
    description: String,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.description)
    }
}

impl Fault {
    /// A failure on this side.
    pub fn local(message: impl fmt::Display) -> Self {
        Self::Local(message.to_string())
    }

    /// Wrong arguments, found after they were parsed.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::Usage {
            message: message.to_string(),
            argument: None,
        }
    }

    /// What a service would refuse, found before it was asked. `reason` is one of docs/ERRORS.md.
    pub fn refused(reason: &str, message: impl fmt::Display) -> Self {
        let mut details = tonic_types::ErrorDetails::new();
        details.set_error_info(reason, "ordo", std::collections::HashMap::new());
        let code = match reason {
            "UNKNOWN_NAME" | "UNKNOWN_SKU" => Code::NotFound,
            _ => Code::FailedPrecondition,
        };
        Status::with_error_details(code, message.to_string(), details).into()
    }

    /// What failed on this side, and how.
    pub fn because(what: &str, error: impl std::error::Error) -> Self {
        Self::Local(with_causes(what, &error))
    }

    /// What is wrong with something that the arguments name, and how.
    pub fn usage_because(what: &str, error: impl std::error::Error) -> Self {
        Self::usage(with_causes(what, &error))
    }

    /// The same, of wrong arguments, with the one that it is about.
    pub fn about(self, argument: &str) -> Self {
        match self {
            Self::Usage { message, .. } => Self::Usage {
                message: format!("{argument}: {message}"),
                argument: Some(argument.to_owned()),
            },
            other => other,
        }
    }

    /// Standard output cannot be written.
    pub fn output(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::because("writing to standard output", error),
        }
    }

    /// The exit status that tells it.
    pub fn exit_status(&self) -> u8 {
        let status = match self {
            Self::Refused(status) => status,
            Self::Usage { .. } => return exit::USAGE,
            Self::NoCluster(_) => return exit::UNAVAILABLE,
            Self::Local(_) | Self::Check(_) => return exit::FAILED,
            Self::Closed => return exit::CLOSED,
        };
        match code(status) {
            Code::Unauthenticated | Code::PermissionDenied => exit::FORBIDDEN,
            Code::Unavailable
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Aborted
            | Code::Cancelled
            // No service says so: the connection ended in the midst of the answer.
            | Code::Unknown => exit::UNAVAILABLE,
            Code::Internal | Code::DataLoss | Code::Unimplemented => exit::BROKEN,
            Code::Ok
            | Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::FailedPrecondition
            | Code::OutOfRange => exit::REFUSED,
        }
    }

    /// Tells it on standard error, as text or as one JSON object on a line.
    pub fn tell(&self, json: bool) -> ExitCode {
        use io::Write as _;
        if !matches!(self, Self::Closed) {
            let text = if json {
                format!("{}\n", self.to_json())
            } else {
                self.to_string()
            };
            // Nobody is left to be told.
            let _ = io::stderr().lock().write_all(text.as_bytes());
        }
        ExitCode::from(self.exit_status())
    }

    /// `{"error": …}`.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "error": self.told() })
    }

    fn told(&self) -> Told {
        let (code, reason, message) = match self {
            Self::Refused(status) => return refused(status, self.exit_status()),
            Self::Usage { message, .. } => ("INVALID_ARGUMENT", "USAGE", message.as_str()),
            Self::NoCluster(message) => ("UNAVAILABLE", "NO_CLUSTER", message.as_str()),
            Self::Check(message) => ("DATA_LOSS", "CHECK_FAILED", message.as_str()),
            Self::Local(message) => ("UNKNOWN", "LOCAL", message.as_str()),
            Self::Closed => ("CANCELLED", "OUTPUT_CLOSED", "nobody reads the output"),
        };
        let fields = match self {
            Self::Usage {
                argument: Some(argument),
                ..
            } => vec![Field {
                field: argument.clone(),
                description: message.to_owned(),
            }],
            _ => Vec::new(),
        };
        Told {
            code,
            reason: reason.to_owned(),
            domain: "ordo.cli",
            message: message.to_owned(),
            fields,
            exit_status: self.exit_status(),
            ..Told::default()
        }
    }
}

/// The code that is told: what broke on the way is no fault of a service, even where the transport calls it INTERNAL.
fn code(status: &Status) -> Code {
    match status.code() {
        Code::Internal if is_unanswered(status) => Code::Unavailable,
        code => code,
    }
}

fn refused(status: &Status, exit_status: u8) -> Told {
    let details = status.get_error_details();
    let bad = details.bad_request().map(|bad| &bad.field_violations);
    let mut fields: Vec<Field> = (bad.into_iter().flatten())
        .map(|violation| Field {
            field: violation.field.clone(),
            description: violation.description.clone(),
        })
        .collect();
    let only_fields = status.message() == joined(&fields);
    for field in &mut fields {
        field.description = in_commands(&field.description);
    }
    let message = match only_fields {
        true => joined(&fields),
        false => status.message().to_owned(),
    };
    let info = details.error_info();
    let mut metadata: BTreeMap<String, String> = info
        .map(|info| info.metadata.clone().into_iter().collect())
        .unwrap_or_default();
    if let Some(hint) = metadata.get_mut("hint") {
        *hint = in_commands(hint);
    }
    let delay = details.retry_info().and_then(|info| info.retry_delay);
    let (reason, domain) = match info {
        Some(info) => (info.reason.clone(), "ordo"),
        None => (NO_ANSWER.to_owned(), "ordo.cli"),
    };
    Told {
        code: code_name(code(status)),
        reason,
        domain,
        message,
        fields,
        way_out: in_commands(&metadata.remove("way_out").unwrap_or_default()),
        metadata,
        retry_after_ms: delay.map(|delay| delay.as_millis()),
        command_id: sent().filter(|_| exit_status == exit::UNAVAILABLE),
        exit_status,
    }
}

/// As services put it in the message.
fn joined(fields: &[Field]) -> String {
    let fields: Vec<String> = fields.iter().map(Field::to_string).collect();
    fields.join("; ")
}

fn with_causes(what: &str, error: &dyn std::error::Error) -> String {
    let mut text = format!("{what}: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

impl From<Status> for Fault {
    fn from(status: Status) -> Self {
        Self::Refused(Box::new(status))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = match self {
            Self::Usage { message, .. }
            | Self::NoCluster(message)
            | Self::Check(message)
            | Self::Local(message) => {
                return writeln!(f, "ordo: {message}");
            }
            Self::Closed => return Ok(()),
            Self::Refused(status) => status,
        };
        let told = refused(status, self.exit_status());
        if !told.fields.is_empty() && told.message == joined(&told.fields) {
            writeln!(f, "ordo: the request is not acceptable:")?;
        } else {
            writeln!(f, "ordo: {}", told.message)?;
        }
        for field in &told.fields {
            writeln!(f, "  {field}")?;
        }
        if !told.way_out.is_empty() {
            writeln!(f, "  what to do: {}", told.way_out)?;
        }
        write!(f, "  reason: {}", told.reason)?;
        for (key, value) in &told.metadata {
            write!(f, ", {key}={value}")?;
        }
        if told.reason == NO_ANSWER {
            write!(f, ", code={}", told.code)?;
        }
        writeln!(f, " (docs/ERRORS.md)")?;
        if told.reason == ordo_rpc::shared::SERVICE_UNREACHABLE.name {
            writeln!(
                f,
                "  Is the cluster running? Start it with `deploy/up`, or name its folder with --home."
            )?;
        }
        if let Some(id) = told.command_id {
            writeln!(
                f,
                "  It may have been done or not. The same again with `--command-id {id}` makes sure that it is done once."
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal() -> Fault {
        let mut details = tonic_types::ErrorDetails::new();
        let metadata = [("way_out", "Correct them."), ("order_id", "o-1")];
        let metadata = metadata.map(|(key, value)| (key.to_owned(), value.to_owned()));
        details
            .add_bad_request_violation("lines[0].quantity", "must be at least 1")
            .add_bad_request_violation("channel", "must not be empty")
            .set_error_info("INVALID_REQUEST", "ordo", metadata)
            .set_retry_info(Some(std::time::Duration::from_millis(100)));
        Status::with_error_details(Code::InvalidArgument, "2 faults", details).into()
    }

    #[test]
    fn every_violation_is_told() {
        let text = refusal().to_string();
        for part in [
            "lines[0].quantity: must be at least 1",
            "channel: must not be empty",
            "what to do: Correct them.",
            "reason: INVALID_REQUEST, order_id=o-1",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn a_program_reads_every_part_of_a_refusal_in_one_object() {
        let expected = serde_json::json!({ "error": {
            "code": "INVALID_ARGUMENT",
            "reason": "INVALID_REQUEST",
            "domain": "ordo",
            "message": "2 faults",
            "fields": [
                { "field": "lines[0].quantity", "description": "must be at least 1" },
                { "field": "channel", "description": "must not be empty" },
            ],
            "way_out": "Correct them.",
            "metadata": { "order_id": "o-1" },
            "retry_after_ms": 100,
            "exit_status": 3,
        }});
        assert_eq!(refusal().to_json(), expected);
    }

    #[test]
    fn what_is_wrong_with_a_field_is_told_in_commands() {
        let says = "must be the id of a hold; GetOrder lists them";
        let mut details = tonic_types::ErrorDetails::new();
        details.add_bad_request_violation("hold_id", says);
        let message = format!("hold_id: {says}");
        let status = Status::with_error_details(Code::InvalidArgument, message, details);
        let told = Fault::from(status).to_json();
        let says = "must be the id of a hold; `ordo order show` lists them";
        assert_eq!(told["error"]["fields"][0]["description"], says);
        assert_eq!(told["error"]["message"], format!("hold_id: {says}"));
    }

    #[test]
    fn a_failure_without_a_reason_of_a_service_has_one_of_its_own() {
        let late = Fault::from(Status::new(Code::DeadlineExceeded, "Timeout expired"));
        let told = late.to_json();
        assert_eq!(told["error"]["reason"], "NO_ANSWER");
        assert_eq!(told["error"]["domain"], "ordo.cli");
        assert!(
            late.to_string()
                .contains("NO_ANSWER, code=DEADLINE_EXCEEDED"),
            "{late}"
        );
    }

    #[test]
    fn what_broke_on_the_way_may_have_been_done_and_a_fault_of_a_service_has_its_reason() {
        let broken = Status::new(Code::Internal, "h2 protocol error: http2 error");
        let command = crate::client::header("place", None);
        let told = Fault::from(broken).to_json()["error"].take();
        let said = ["code", "reason", "exit_status"].map(|key| told[key].clone());
        let expected = serde_json::json!(["UNAVAILABLE", "NO_ANSWER", 5]);
        assert_eq!(serde_json::json!(said), expected);
        let id = told["command_id"].as_str().unwrap_or_default();
        let command = command.map(|header| header.command_id);
        assert_eq!(command, Some(format!("{id}:place")));

        let fault = ordo_rpc::Refusal::new(&ordo_rpc::shared::INTERNAL, "broken");
        let told = Fault::from(Status::from(fault)).to_json()["error"].take();
        let said = ["code", "reason", "exit_status"].map(|key| told[key].clone());
        let expected = serde_json::json!(["INTERNAL", "INTERNAL", 6]);
        assert_eq!(serde_json::json!(said), expected);
        assert!(told["command_id"].is_null(), "{told}");
    }

    #[test]
    fn exit_statuses_tell_what_a_script_can_do() {
        let of = |code| Fault::from(Status::new(code, "")).exit_status();
        assert_eq!(of(Code::NotFound), exit::REFUSED);
        assert_eq!(of(Code::PermissionDenied), exit::FORBIDDEN);
        assert_eq!(of(Code::Aborted), exit::UNAVAILABLE);
        assert_eq!(of(Code::DataLoss), exit::BROKEN);
        assert_eq!(Fault::usage("x").exit_status(), exit::USAGE);
        assert_eq!(Fault::local("x").exit_status(), exit::FAILED);
    }

    #[test]
    fn causes_are_told_in_order() {
        let error = std::io::Error::other("disk full");
        assert_eq!(
            Fault::because("writing", error).to_string(),
            "ordo: writing: disk full\n"
        );
    }

    #[test]
    fn a_reader_that_left_is_no_failure_worth_a_word() {
        let gone = Fault::output(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((gone.to_string().as_str(), gone.exit_status()), ("", 141));
    }
}
