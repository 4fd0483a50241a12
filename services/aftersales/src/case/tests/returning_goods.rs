use super::*;

#[test]
fn the_parcel_on_its_way_back_is_recorded() {
    let parcel = ReturnParcelRecorded {
        case_id: ID.to_owned(),
        carrier: "sf".to_owned(),
        tracking_number: "SF1".to_owned(),
    };
    given(returning())
        .when(CaseCommand::RecordReturnParcel {
            carrier: "sf".to_owned(),
            tracking_number: "SF1".to_owned(),
        })
        .then([parcel.into()]);
}

#[test]
fn nothing_is_received_before_approval() {
    given([opened(CaseKind::Return)])
        .when(CaseCommand::Receive(receipt(1, 0)))
        .then_error(CaseError::NotApproved);
}

#[test]
fn nothing_comes_back_when_only_money_was_asked_for() {
    let refund_only = [
        opened(CaseKind::RefundOnly),
        all_approved(CaseKind::RefundOnly),
    ];
    given(refund_only.clone())
        .when(CaseCommand::Receive(receipt(1, 0)))
        .then_error(CaseError::NoReturnExpected);
    given(refund_only)
        .when(CaseCommand::RecordReturnParcel {
            carrier: "sf".to_owned(),
            tracking_number: "SF1".to_owned(),
        })
        .then_error(CaseError::NoReturnExpected);
}

#[test]
fn what_came_back_is_refunded_at_once_in_either_condition() {
    let outcome = given(returning())
        .when(CaseCommand::Receive(receipt(2, 1)))
        .then([
            received(vec![back(2, 1)], false),
            granted(1, 10_000, 3, false),
        ]);
    assert_eq!(outcome.state.status(), Some(Status::Received));
}

#[test]
fn an_empty_receipt_means_everything_resellable() {
    let everything = Receipt {
        purse: FULL,
        refund: true,
        ..Receipt::default()
    };
    given(with(
        returning(),
        [
            received(vec![back(1, 0)], false),
            granted(1, 3_333, 1, false),
        ],
    ))
    .when(CaseCommand::Receive(everything))
    .then([
        received(vec![back(2, 0)], false),
        granted(2, 6_667, 2, false),
    ]);
}

#[test]
fn each_receipt_refunds_its_part_and_all_of_them_everything() {
    let first = [
        received(vec![back(1, 0)], false),
        granted(1, 3_333, 1, false),
    ];
    let second = [
        received(vec![back(1, 0)], false),
        granted(2, 3_333, 1, false),
    ];
    let one = given(returning())
        .when(CaseCommand::Receive(receipt(1, 0)))
        .then(first.clone());
    assert_eq!(one.state.status(), Some(Status::Approved));
    given(with(returning(), first.clone()))
        .when(CaseCommand::Receive(receipt(1, 0)))
        .then(second.clone());
    given(with(returning(), [first, second].concat()))
        .when(CaseCommand::Receive(receipt(0, 1)))
        .then([
            received(vec![back(0, 1)], false),
            granted(3, 3_334, 1, false),
        ]);
}

#[test]
fn without_the_shop_s_rule_a_person_decides_the_refund() {
    let by_hand = Receipt {
        refund: false,
        ..receipt(3, 0)
    };
    let outcome = given(returning())
        .when(CaseCommand::Receive(by_hand))
        .then([received(vec![back(3, 0)], false)]);
    assert_eq!(outcome.state.approved().unwrap().refundable(), 10_000);
}

#[test]
fn more_than_was_approved_is_not_received() {
    given(with(returning(), [received(vec![back(1, 0)], false)]))
        .when(CaseCommand::Receive(receipt(2, 1)))
        .then_error(CaseError::AboveApproved {
            line_id: "1".to_owned(),
            wanted: 3,
            expected: 2,
        });
}

#[test]
fn two_entries_of_one_receipt_are_added_up() {
    let mut twice = receipt(2, 0);
    twice.lines.push(twice.lines[0].clone());
    given(returning())
        .when(CaseCommand::Receive(twice))
        .then_error(CaseError::AboveApproved {
            line_id: "1".to_owned(),
            wanted: 2,
            expected: 1,
        });
}

#[test]
fn a_line_that_is_not_in_the_case_is_not_received() {
    let mut other = receipt(1, 0);
    other.lines[0].line_id = "2".to_owned();
    given(returning())
        .when(CaseCommand::Receive(other))
        .then_error(CaseError::UnknownLine {
            line_id: "2".to_owned(),
        });
}

#[test]
fn a_receipt_of_nothing_is_refused() {
    given(returning())
        .when(CaseCommand::Receive(receipt(0, 0)))
        .then_error(CaseError::NothingReceived);
}

#[test]
fn when_nothing_more_comes_the_case_ends_with_what_came() {
    let partly = with(
        returning(),
        [
            received(vec![back(1, 0)], false),
            granted(1, 3_333, 1, false),
            settled(1, 3_333),
        ],
    );
    given(partly)
        .when(CaseCommand::Receive(nothing_more()))
        .then([received(vec![], true), closed("REFUNDED")]);
}

#[test]
fn when_nothing_came_at_all_the_case_counts_as_taken_back() {
    given(returning())
        .when(CaseCommand::Receive(nothing_more()))
        .then([received(vec![], true), closed("WITHDRAWN")]);
}

#[test]
fn a_return_of_goods_free_of_charge_ends_with_its_receipt() {
    given([
        opened_as(OpenCase {
            values: vec![worth("1", 3, 0)],
            ..asking(CaseKind::Return)
        }),
        approved(CaseKind::Return, vec![worth("1", 3, 0)]),
    ])
    .when(CaseCommand::Receive(receipt(3, 0)))
    .then([received(vec![back(3, 0)], false), closed("REFUNDED")]);
}

#[test]
fn no_more_is_promised_than_the_order_can_pay_and_that_is_then_the_end_of_it() {
    let poor = Receipt {
        purse: Purse {
            left: 4_000,
            complete: true,
        },
        ..receipt(3, 0)
    };
    given(returning()).when(CaseCommand::Receive(poor)).then([
        received(vec![back(3, 0)], false),
        granted(1, 4_000, 3, true),
    ]);
}

#[test]
fn what_was_paid_back_before_ends_the_case_without_a_refund() {
    let empty = Receipt {
        purse: Purse {
            left: 0,
            complete: true,
        },
        ..receipt(3, 0)
    };
    given(returning())
        .when(CaseCommand::Receive(empty))
        .then([received(vec![back(3, 0)], false), closed("REFUNDED")]);
}

#[test]
fn goods_that_were_never_paid_for_keep_the_case_open_until_they_are() {
    let unpaid = Receipt {
        purse: Purse {
            left: 0,
            complete: false,
        },
        ..receipt(3, 0)
    };
    let outcome = given(returning())
        .when(CaseCommand::Receive(unpaid))
        .then([received(vec![back(3, 0)], false)]);
    assert_eq!(outcome.state.status(), Some(Status::Received));
}
