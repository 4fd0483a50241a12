use ordo_proto::fulfilment::FulfilmentOrderStatus;

use super::*;
use crate::fulfilment_order::{CheckedLine, FulfilmentOrderError};

fn check(lines: impl Into<Vec<CheckedLine>>) -> FulfilmentOrderCommand {
    FulfilmentOrderCommand::RecordCheck {
        lines: lines.into(),
    }
}

fn line(line_id: &str, passed: i64, failed: i64) -> CheckedLine {
    CheckedLine {
        line_id: line_id.into(),
        passed,
        failed,
        reason: if failed > 0 {
            "SCRATCHED".into()
        } else {
            String::new()
        },
    }
}

#[test]
fn a_check_without_lines_passes_everything_picked() {
    let outcome = given(all_picked())
        .when(check([]))
        .then([checked("1", 3, 0), checked("2", 1, 0)]);
    assert_eq!(outcome.state.status(), FulfilmentOrderStatus::Checked);
}

#[test]
fn units_are_checked_while_others_are_still_picked() {
    let outcome = given([opened(), started("wang"), picked("1", 2)])
        .when(check([]))
        .then([checked("1", 2, 0)]);
    assert_eq!(outcome.state.status(), FulfilmentOrderStatus::Picking);
}

#[test]
fn a_failed_unit_goes_back_to_picking() {
    let outcome = given(all_picked())
        .when(check([line("1", 2, 1)]))
        .then([checked("1", 2, 1)]);
    assert_eq!(outcome.state.status(), FulfilmentOrderStatus::Picking);
    let quantities = outcome.state.work().unwrap().lines[0].quantities;
    assert_eq!((quantities.to_pick(), quantities.checked()), (1, 2));
}

#[test]
fn no_more_is_checked_than_was_picked_even_over_several_mentions() {
    let too_many = |reported| FulfilmentOrderError::TooManyChecked {
        line_id: "1".into(),
        reported,
        picked: 3,
    };
    given(all_picked())
        .when(check([line("1", 4, 0)]))
        .then_error(too_many(4));
    given(all_picked())
        .when(check([line("1", 2, 0), line("1", 1, 1)]))
        .then_error(too_many(4));
}

#[test]
fn packed_units_are_not_checked_any_more() {
    given(two_parcels())
        .when(check([]))
        .then_error(FulfilmentOrderError::NothingToCheck);
}

#[test]
fn without_picked_units_there_is_nothing_to_check() {
    given([opened()])
        .when(check([]))
        .then_error(FulfilmentOrderError::NothingToCheck);
}

#[test]
fn a_failure_needs_a_reason() {
    let unexplained = CheckedLine {
        reason: String::new(),
        ..line("1", 0, 1)
    };
    given(all_picked()).when(check([unexplained])).then_error(
        FulfilmentOrderError::CheckReasonMissing {
            line_id: "1".into(),
        },
    );
}

#[test]
fn a_checked_line_must_exist_and_count_something() {
    given(all_picked())
        .when(check([line("9", 1, 0)]))
        .then_error(FulfilmentOrderError::UnknownLine {
            line_id: "9".into(),
        });
    for (passed, failed) in [(0, 0), (-1, 2), (2, -1)] {
        given(all_picked())
            .when(check([line("1", passed, failed)]))
            .then_error(FulfilmentOrderError::BadQuantity {
                line_id: "1".into(),
            });
    }
}
