use super::*;

fn all_back() -> Vec<CaseEvent> {
    with(returning(), [received(vec![back(3, 0)], false)])
}

#[test]
fn everything_refundable_is_promised_when_no_amount_is_named() {
    given(all_back())
        .when(grant(None, false))
        .then([granted(1, 10_000, 3, false)]);
}

#[test]
fn a_part_is_promised_and_the_rest_stays_refundable() {
    let outcome = given(all_back())
        .when(grant(Some(8_000), false))
        .then([granted(1, 8_000, 3, false)]);
    assert_eq!(outcome.state.approved().unwrap().refundable(), 2_000);
}

#[test]
fn a_part_can_be_the_last_word() {
    let outcome = given(all_back())
        .when(grant(Some(8_000), true))
        .then([granted(1, 8_000, 3, true)]);
    assert_eq!(outcome.state.approved().unwrap().refundable(), 0);
    given(with(all_back(), [granted(1, 8_000, 3, true)]))
        .when(settle(1, 8_000))
        .then([settled(1, 8_000), closed("REFUNDED")]);
}

#[test]
fn nothing_is_refunded_before_something_came_back() {
    given(returning())
        .when(grant(None, false))
        .then_error(CaseError::NothingRefundable);
    given([opened(CaseKind::Return)])
        .when(grant(None, false))
        .then_error(CaseError::NotApproved);
}

#[test]
fn no_more_is_refunded_than_what_came_back_is_worth() {
    given(with(returning(), [received(vec![back(1, 0)], false)]))
        .when(grant(Some(3_334), false))
        .then_error(CaseError::AboveRefundable {
            wanted: 3_334,
            refundable: 3_333,
            currency: "GBP".to_owned(),
        });
}

#[test]
fn an_amount_in_another_currency_is_refused() {
    given(all_back())
        .when(CaseCommand::Grant(Grant {
            amount: Some(money("EUR", 1)),
            last: false,
            purse: FULL,
        }))
        .then_error(CaseError::OtherCurrency {
            expected: "GBP".to_owned(),
            actual: "EUR".to_owned(),
        });
}

#[test]
fn an_exchange_gives_no_money() {
    given(exchanging(true))
        .when(grant(None, false))
        .then_error(CaseError::NoRefundInExchange);
}

#[test]
fn money_without_return_is_refunded_up_to_what_was_asked_for() {
    let asked = OpenCase {
        amount: Some(gbp(2_500)),
        ..asking(CaseKind::RefundOnly)
    };
    let events = [opened_as(asked), all_approved(CaseKind::RefundOnly)];
    given(events.clone())
        .when(grant(Some(2_501), false))
        .then_error(CaseError::AboveRefundable {
            wanted: 2_501,
            refundable: 2_500,
            currency: "GBP".to_owned(),
        });
    given(events.clone())
        .when(grant(None, false))
        .then([granted(1, 2_500, 3, false)]);
    given(with(events.to_vec(), [granted(1, 2_500, 3, false)]))
        .when(settle(1, 2_500))
        .then([settled(1, 2_500), closed("REFUNDED")]);
}

#[test]
fn the_case_ends_when_the_money_has_moved() {
    given(with(all_back(), [granted(1, 10_000, 3, false)]))
        .when(settle(1, 10_000))
        .then([settled(1, 10_000), closed("REFUNDED")]);
}

#[test]
fn the_case_does_not_end_while_goods_are_on_their_way() {
    given(with(
        returning(),
        [
            received(vec![back(1, 0)], false),
            granted(1, 3_333, 1, false),
        ],
    ))
    .when(settle(1, 3_333))
    .then([settled(1, 3_333)]);
}

#[test]
fn a_refund_that_failed_is_granted_again_under_a_new_id() {
    let fail = CaseCommand::FailRefund {
        refund_id: format!("{ID}-R1"),
        failure: "REFUND_REFUSED".to_owned(),
    };
    given(with(all_back(), [granted(1, 10_000, 3, false)]))
        .when(fail.clone())
        .then([failed(1)]);
    let after = with(all_back(), [granted(1, 10_000, 3, false), failed(1)]);
    given(after.clone())
        .when(grant(None, false))
        .then([granted(2, 10_000, 3, false)]);
    given(after).when(fail).then_nothing();
}

#[test]
fn a_settlement_told_twice_changes_nothing() {
    given(with(
        all_back(),
        [
            granted(1, 10_000, 3, false),
            settled(1, 10_000),
            closed("REFUNDED"),
        ],
    ))
    .when(settle(1, 10_000))
    .then_nothing();
}

#[test]
fn a_refund_that_was_never_granted_cannot_settle() {
    given(all_back())
        .when(settle(1, 1))
        .then_error(CaseError::UnknownRefund {
            refund_id: format!("{ID}-R1"),
        });
    given([]).when(settle(1, 1)).then_error(CaseError::Unknown);
}

#[test]
fn a_person_can_end_a_case_that_nothing_more_can_be_paid_for() {
    let end = |last| {
        CaseCommand::Grant(Grant {
            amount: None,
            last,
            purse: Purse::default(),
        })
    };
    given(all_back())
        .when(end(false))
        .then_error(CaseError::NothingRefundable);
    given(all_back()).when(end(true)).then([closed("REFUNDED")]);
}

#[test]
fn a_closed_case_refunds_no_more() {
    given(with(
        all_back(),
        [
            granted(1, 10_000, 3, false),
            settled(1, 10_000),
            closed("REFUNDED"),
        ],
    ))
    .when(grant(Some(1), false))
    .then_error(CaseError::Over {
        outcome: "REFUNDED".to_owned(),
    });
}
