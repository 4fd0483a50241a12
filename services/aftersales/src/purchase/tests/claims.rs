use super::*;

#[test]
fn units_are_claimed_with_what_was_paid_for_them() {
    given::<Purchase>([bought(), delivered("e1", vec![units("1", 3)])])
        .when(claim("o1-C1", vec![units("1", 2)]))
        .then([claimed("o1-C1", vec![worth("1", 2, 6_666)])]);
}

#[test]
fn the_last_unit_is_worth_all_that_is_left() {
    given::<Purchase>([
        bought(),
        delivered("e1", vec![units("1", 3)]),
        claimed("o1-C1", vec![worth("1", 2, 6_666)]),
    ])
    .when(claim("o1-C2", vec![units("1", 1)]))
    .then([claimed("o1-C2", vec![worth("1", 1, 3_334)])]);
}

#[test]
fn claims_on_one_line_are_added_up_before_they_are_compared() {
    given::<Purchase>([bought(), delivered("e1", vec![units("1", 3)])])
        .when(claim("o1-C1", vec![units("1", 2), units("1", 2)]))
        .then_error(PurchaseError::NotClaimable {
            line_id: "1".to_owned(),
            wanted: 4,
            claimable: 3,
        });
}

#[test]
fn a_claim_on_money_alone_counts_as_a_case() {
    let outcome = given::<Purchase>([bought()])
        .when(claim("o1-C1", vec![]))
        .then([claimed("o1-C1", vec![])]);
    assert_eq!(outcome.state.cases(), 1);
}

#[test]
fn an_order_that_nobody_told_of_cannot_be_claimed() {
    given::<Purchase>([])
        .when(claim("o1-C1", vec![]))
        .then_error(PurchaseError::Unknown);
}

#[test]
fn a_line_that_the_order_does_not_have_cannot_be_claimed() {
    given::<Purchase>([bought()])
        .when(claim("o1-C1", vec![units("7", 1)]))
        .then_error(PurchaseError::UnknownLine {
            line_id: "7".to_owned(),
        });
}

#[test]
fn what_was_not_delivered_cannot_be_claimed() {
    given::<Purchase>([bought(), delivered("e1", vec![units("1", 1)])])
        .when(claim("o1-C1", vec![units("1", 2)]))
        .then_error(PurchaseError::NotClaimable {
            line_id: "1".to_owned(),
            wanted: 2,
            claimable: 1,
        });
}

#[test]
fn what_another_case_holds_cannot_be_claimed() {
    given::<Purchase>([
        bought(),
        delivered("e1", vec![units("1", 3)]),
        claimed("o1-C1", vec![worth("1", 3, 10_000)]),
    ])
    .when(claim("o1-C2", vec![units("1", 1)]))
    .then_error(PurchaseError::NotClaimable {
        line_id: "1".to_owned(),
        wanted: 1,
        claimable: 0,
    });
}

#[test]
fn units_given_back_can_be_claimed_again_for_the_same_worth() {
    let outcome = given::<Purchase>([
        bought(),
        delivered("e1", vec![units("1", 3)]),
        claimed("o1-C1", vec![worth("1", 3, 10_000)]),
    ])
    .when(unclaim("o1-C1", vec![units("1", 1)]))
    .then([unclaimed("o1-C1", vec![worth("1", 1, 3_334)])]);
    assert_eq!(outcome.state.claim("o1-C1", "1"), (2, 6_666));
    let line = outcome.state.line("1").unwrap();
    assert_eq!(outcome.state.worth(line, 1), 3_334);
}

#[test]
fn giving_nothing_back_is_no_event() {
    given::<Purchase>([bought()])
        .when(unclaim("o1-C1", vec![units("1", 0)]))
        .then_nothing();
}

#[test]
fn a_case_cannot_give_back_what_it_does_not_hold() {
    given::<Purchase>([bought(), delivered("e1", vec![units("1", 3)])])
        .when(unclaim("o1-C1", vec![units("1", 1)]))
        .then_error(PurchaseError::NotHeld {
            line_id: "1".to_owned(),
            wanted: 1,
            held: 0,
        });
}

#[test]
fn money_is_promised_up_to_what_was_captured() {
    given::<Purchase>([bought(), paid("p1", 15_000)])
        .when(grant(gbp(15_000)))
        .then([granted("o1-C1-R1", 15_000)]);
    given::<Purchase>([bought(), paid("p1", 15_000), granted("o1-C1-R0", 10_000)])
        .when(grant(gbp(5_001)))
        .then_error(PurchaseError::AboveCaptured {
            wanted: 5_001,
            left: 5_000,
            currency: "GBP".to_owned(),
        });
}

#[test]
fn nothing_is_promised_of_an_order_that_nobody_told_of() {
    given::<Purchase>([])
        .when(grant(gbp(1)))
        .then_error(PurchaseError::Unknown);
}

#[test]
fn money_of_another_currency_cannot_be_promised() {
    given::<Purchase>([bought(), paid("p1", 15_000)])
        .when(grant(money("EUR", 1)))
        .then_error(PurchaseError::OtherCurrency {
            expected: "GBP".to_owned(),
            actual: "EUR".to_owned(),
        });
}

#[test]
fn a_cancellation_paid_back_by_intake_is_money_gone() {
    given::<Purchase>([
        bought(),
        paid("p1", 15_000),
        PurchaseRefunded {
            refund_id: "cancel-1".to_owned(),
            amount: Some(gbp(10_000)),
        }
        .into(),
    ])
    .when(grant(gbp(5_001)))
    .then_error(PurchaseError::AboveCaptured {
        wanted: 5_001,
        left: 5_000,
        currency: "GBP".to_owned(),
    });
}

#[test]
fn a_promise_that_was_kept_is_not_counted_twice() {
    let refunded = PurchaseRefunded {
        refund_id: "o1-C1-R1".to_owned(),
        amount: Some(gbp(4_000)),
    };
    let record = PurchaseCommand::RecordRefund {
        refund_id: "o1-C1-R1".to_owned(),
        amount: gbp(4_000),
    };
    let outcome = given::<Purchase>([bought(), paid("p1", 15_000), granted("o1-C1-R1", 4_000)])
        .when(record.clone())
        .then([refunded.clone().into()]);
    assert_eq!(outcome.state.money_left(), 11_000);
    assert_eq!(outcome.state.refunded(), 4_000);
    given::<Purchase>([bought(), refunded.into()])
        .when(record)
        .then_nothing();
}

#[test]
fn money_that_could_not_be_moved_can_be_promised_again() {
    let fail = PurchaseCommand::FailRefund {
        refund_id: "o1-C1-R1".to_owned(),
    };
    let failed = PurchaseRefundFailed {
        refund_id: "o1-C1-R1".to_owned(),
    };
    let outcome = given::<Purchase>([bought(), paid("p1", 15_000), granted("o1-C1-R1", 15_000)])
        .when(fail.clone())
        .then([failed.into()]);
    assert_eq!(outcome.state.money_left(), 15_000);
    given::<Purchase>([bought()]).when(fail).then_nothing();
}
