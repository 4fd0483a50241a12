use super::*;

#[test]
fn a_request_is_recorded_with_what_its_units_are_worth() {
    let outcome = given([])
        .when(CaseCommand::Open(asking(CaseKind::Return)))
        .then([opened(CaseKind::Return)]);
    assert_eq!(outcome.state.status(), Some(Status::Requested));
}

#[test]
fn money_alone_can_be_asked_for_without_a_return() {
    let open = OpenCase {
        lines: vec![],
        values: vec![],
        amount: Some(gbp(500)),
        site_id: String::new(),
        ..asking(CaseKind::RefundOnly)
    };
    given([])
        .when(CaseCommand::Open(open.clone()))
        .then([opened_as(open)]);
}

#[test]
fn a_case_is_opened_once() {
    given([opened(CaseKind::Return)])
        .when(CaseCommand::Open(asking(CaseKind::Return)))
        .then_error(CaseError::OpenAlready);
}

#[test]
fn a_return_of_nothing_is_refused() {
    let open = OpenCase {
        lines: vec![],
        values: vec![],
        ..asking(CaseKind::Return)
    };
    given([])
        .when(CaseCommand::Open(open))
        .then_error(CaseError::NothingAsked);
}

#[test]
fn a_return_is_worth_its_goods_and_no_other_amount() {
    let open = OpenCase {
        amount: Some(gbp(1)),
        ..asking(CaseKind::Return)
    };
    given([])
        .when(CaseCommand::Open(open))
        .then_error(CaseError::AmountNotAllowed);
}

#[test]
fn more_than_the_units_are_worth_cannot_be_asked_for() {
    let open = OpenCase {
        amount: Some(gbp(10_001)),
        ..asking(CaseKind::RefundOnly)
    };
    given([])
        .when(CaseCommand::Open(open))
        .then_error(CaseError::AmountAboveWorth {
            asked: 10_001,
            worth: 10_000,
            currency: "GBP".to_owned(),
        });
}

#[test]
fn goods_need_somewhere_to_come_back_to() {
    let open = OpenCase {
        site_id: String::new(),
        ..asking(CaseKind::Return)
    };
    given([])
        .when(CaseCommand::Open(open))
        .then_error(CaseError::NoSite);
}
