#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use ordo_event_log::CodecError;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::*;
use crate::status;

crate::reasons! {
    /// Reasons of a service in these tests.
    const OWN = {
        /// The order is closed.
        ORDER_CLOSED(FailedPrecondition) => "Open a case instead.",
    };
}

struct Closed;

impl From<Closed> for Refusal {
    fn from(_: Closed) -> Self {
        Self::new(&ORDER_CLOSED, "order o-1 is closed").with("order_id", "o-1")
    }
}

fn map(error: ExecuteError<Closed>) -> Status {
    status(error)
}

fn reason(status: &Status) -> String {
    let info = status
        .get_details_error_info()
        .expect("every status carries ErrorInfo");
    assert_eq!(info.domain, "ordo");
    assert!(info.metadata.contains_key("way_out"));
    info.reason
}

#[test]
fn a_refused_command_carries_its_reason_and_the_precondition() {
    let status = map(ExecuteError::Refused(Closed));
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(reason(&status), "ORDER_CLOSED");
    let failure = status.get_details_precondition_failure().unwrap();
    assert_eq!(failure.violations[0].r#type, "ORDER_CLOSED");
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.metadata["order_id"], "o-1");
    assert_eq!(info.metadata["way_out"], "Open a case instead.");
    assert_eq!(OWN.len(), 1);
}

#[test]
fn every_fault_of_execute_has_its_code_and_reason() {
    let damaged = || StoreError::Damaged("a hash differs".into());
    let faults = [
        (
            ExecuteError::CommandIdReused {
                command_id: "c".into(),
            },
            Code::AlreadyExists,
            "COMMAND_ID_REUSED",
        ),
        (
            ExecuteError::Overloaded,
            Code::ResourceExhausted,
            "OVERLOADED",
        ),
        (ExecuteError::Closed, Code::Unavailable, "SHUTTING_DOWN"),
        (
            ExecuteError::Invalid("too many events".into()),
            Code::InvalidArgument,
            "COMMAND_TOO_LARGE",
        ),
        (
            ExecuteError::Codec(CodecError::UnknownType("x.Y".into())),
            Code::DataLoss,
            "STORED_DATA_UNREADABLE",
        ),
        (
            ExecuteError::Unavailable(Arc::new(StoreError::Timeout(Duration::from_secs(1)))),
            Code::Unavailable,
            "STORE_UNAVAILABLE",
        ),
        (
            ExecuteError::Unavailable(Arc::new(StoreError::Contended(9))),
            Code::Aborted,
            "CONFLICT",
        ),
        (
            ExecuteError::Unavailable(Arc::new(damaged())),
            Code::DataLoss,
            "STORED_DATA_UNREADABLE",
        ),
    ];
    for (error, code, expected) in faults {
        let status = map(error);
        assert_eq!((status.code(), reason(&status).as_str()), (code, expected));
        let retries = matches!(
            code,
            Code::Aborted | Code::Unavailable | Code::ResourceExhausted
        );
        assert_eq!(
            status.get_details_retry_info().is_some(),
            retries,
            "{expected}"
        );
    }
}

#[test]
fn internal_detail_stays_out_of_the_answer() {
    let status = map(ExecuteError::Unavailable(Arc::new(StoreError::Damaged(
        "row 7 of table secrets".into(),
    ))));
    assert!(!status.message().contains("secrets"));
}

#[test]
fn a_read_model_that_is_behind_asks_for_a_retry() {
    let status = status(NotYet::Behind {
        service: "intake".into(),
        partition: 0,
        wanted: 9,
        reached: 7,
    });
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(reason(&status), "READ_MODEL_BEHIND");
    assert!(status.get_details_retry_info().is_some());
}
