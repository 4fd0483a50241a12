use super::*;

#[test]
fn all_of_a_return_is_approved() {
    let outcome = given([opened(CaseKind::Return)])
        .when(CaseCommand::Approve {
            values: vec![worth("1", 3, 10_000)],
        })
        .then([all_approved(CaseKind::Return)]);
    assert_eq!(outcome.state.status(), Some(Status::Approved));
}

#[test]
fn an_approved_exchange_asks_for_its_replacement() {
    given([opened(CaseKind::Exchange)])
        .when(CaseCommand::Approve {
            values: vec![worth("1", 3, 10_000)],
        })
        .then([
            all_approved(CaseKind::Exchange),
            replacement_requested(true),
        ]);
}

#[test]
fn a_replacement_sent_in_advance_waits_for_nothing() {
    let open = OpenCase {
        ship_in_advance: true,
        ..asking(CaseKind::Exchange)
    };
    given([opened_as(open)])
        .when(CaseCommand::Approve {
            values: vec![worth("1", 3, 10_000)],
        })
        .then([
            all_approved(CaseKind::Exchange),
            replacement_requested(false),
        ]);
}

#[test]
fn the_customer_gets_the_goods_named_for_the_exchange() {
    let mut open = asking(CaseKind::Exchange);
    open.lines[0].replacement_sku = "SKU-XL".to_owned();
    given([opened_as(open)])
        .when(CaseCommand::Approve {
            values: vec![worth("1", 2, 6_666)],
        })
        .then_matching(|events| {
            matches!(&events[1], CaseEvent::ReplacementRequested(r)
                if r.lines[0].replacement_sku == "SKU-XL" && r.lines[0].quantity == 2)
        });
}

#[test]
fn no_more_is_approved_than_was_asked_for() {
    given([opened(CaseKind::Return)])
        .when(CaseCommand::Approve {
            values: vec![worth("1", 4, 10_000)],
        })
        .then_error(CaseError::AboveRequested {
            line_id: "1".to_owned(),
            wanted: 4,
            requested: 3,
        });
}

#[test]
fn a_line_that_was_not_asked_for_is_not_approved() {
    given([opened(CaseKind::Return)])
        .when(CaseCommand::Approve {
            values: vec![worth("2", 1, 1)],
        })
        .then_error(CaseError::UnknownLine {
            line_id: "2".to_owned(),
        });
}

#[test]
fn approving_no_unit_is_refused() {
    given([opened(CaseKind::Return)])
        .when(CaseCommand::Approve {
            values: vec![worth("1", 0, 0)],
        })
        .then_error(CaseError::NothingApproved);
}

#[test]
fn a_rejected_case_is_over() {
    let reject = CaseCommand::Reject {
        reason: "worn".to_owned(),
    };
    let rejected = CaseRejected {
        case_id: ID.to_owned(),
        order_id: "o1".to_owned(),
        reason: "worn".to_owned(),
    };
    let outcome = given([opened(CaseKind::Return)])
        .when(reject.clone())
        .then([rejected.clone().into(), closed("REJECTED")]);
    assert_eq!(outcome.state.status(), Some(Status::Rejected));
    let over = [
        opened(CaseKind::Return),
        rejected.into(),
        closed("REJECTED"),
    ];
    given(over.clone())
        .when(reject)
        .then_error(CaseError::DecidedAlready {
            status: Status::Rejected,
        });
    given(over)
        .when(CaseCommand::Receive(receipt(1, 0)))
        .then_error(CaseError::Over {
            outcome: "REJECTED".to_owned(),
        });
}

#[test]
fn a_case_is_decided_once() {
    given(returning())
        .when(CaseCommand::Approve {
            values: vec![worth("1", 3, 10_000)],
        })
        .then_error(CaseError::DecidedAlready {
            status: Status::Approved,
        });
}

#[test]
fn an_unknown_case_cannot_be_decided() {
    given([])
        .when(CaseCommand::Reject {
            reason: "worn".to_owned(),
        })
        .then_error(CaseError::Unknown);
    given([])
        .when(CaseCommand::Withdraw)
        .then_error(CaseError::Unknown);
}

#[test]
fn a_request_can_be_taken_back() {
    given([opened(CaseKind::Return)])
        .when(CaseCommand::Withdraw)
        .then([closed("WITHDRAWN")]);
    given(returning())
        .when(CaseCommand::Withdraw)
        .then([closed("WITHDRAWN")]);
}

#[test]
fn the_replacement_of_an_exchange_is_taken_back_with_it() {
    given(with(exchanging(true), [replacement_ordered()]))
        .when(CaseCommand::Withdraw)
        .then([replacement_withdrawn("o2"), closed("WITHDRAWN")]);
}

#[test]
fn a_replacement_placed_while_its_exchange_was_taken_back_is_named_once_more() {
    given(with(
        exchanging(true),
        [replacement_withdrawn(""), closed("WITHDRAWN")],
    ))
    .when(ordered())
    .then([replacement_withdrawn("o2")]);
}

#[test]
fn what_moved_already_cannot_be_taken_back() {
    given(with(returning(), [received(vec![back(1, 0)], false)]))
        .when(CaseCommand::Withdraw)
        .then_error(CaseError::TooLateToWithdraw);
    given(exchanging(false))
        .when(CaseCommand::Withdraw)
        .then_error(CaseError::TooLateToWithdraw);
}
