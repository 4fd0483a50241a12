use super::*;

#[test]
fn each_line_is_paid_its_exact_share_of_what_is_due() {
    // 150.00 of goods, 10.00 off the order, 5.01 freight: 145.01 due, two thirds and one third of it.
    given::<Purchase>([])
        .when(PurchaseCommand::Record(order(
            vec![ordered("1", 3, 10_000), ordered("2", 2, 5_000)],
            14_501,
        )))
        .then([recorded(
            vec![line("1", 3, 10_000, 9_667), line("2", 2, 5_000, 4_834)],
            14_501,
        )]);
}

#[test]
fn a_gift_among_paid_lines_is_worth_nothing() {
    given::<Purchase>([])
        .when(PurchaseCommand::Record(order(
            vec![ordered("1", 1, 900), ordered("2", 1, 0)],
            1_000,
        )))
        .then([recorded(
            vec![line("1", 1, 900, 1_000), line("2", 1, 0, 0)],
            1_000,
        )]);
}

#[test]
fn freight_on_goods_free_of_charge_goes_by_units() {
    given::<Purchase>([])
        .when(PurchaseCommand::Record(order(
            vec![ordered("1", 1, 0), ordered("2", 3, 0)],
            400,
        )))
        .then([recorded(
            vec![line("1", 1, 0, 100), line("2", 3, 0, 300)],
            400,
        )]);
}

#[test]
fn an_order_told_twice_is_recorded_once() {
    given::<Purchase>([bought()])
        .when(PurchaseCommand::Record(order(vec![ordered("9", 9, 9)], 9)))
        .then_nothing();
}

#[test]
fn completed_lines_replace_their_namesakes_and_all_shares_are_worked_out_anew() {
    given::<Purchase>([recorded(
        vec![line("1", 1, 100, 100), line("2", 1, 0, 0)],
        100,
    )])
    .when(PurchaseCommand::Complete {
        lines: vec![ordered("2", 1, 300)],
        due: Some(gbp(800)),
    })
    .then([recorded(
        vec![line("1", 1, 100, 200), line("2", 1, 300, 600)],
        800,
    )]);
}

#[test]
fn a_completion_can_add_a_line() {
    given::<Purchase>([recorded(vec![line("1", 1, 100, 100)], 100)])
        .when(PurchaseCommand::Complete {
            lines: vec![ordered("2", 1, 100)],
            due: Some(gbp(200)),
        })
        .then([recorded(
            vec![line("1", 1, 100, 100), line("2", 1, 100, 100)],
            200,
        )]);
}

#[test]
fn a_completion_of_other_things_changes_nothing() {
    given::<Purchase>([bought()])
        .when(PurchaseCommand::Complete {
            lines: vec![],
            due: None,
        })
        .then_nothing();
}

#[test]
fn a_completion_of_an_unknown_order_waits_for_the_order() {
    given::<Purchase>([])
        .when(PurchaseCommand::Complete {
            lines: vec![ordered("1", 1, 1)],
            due: None,
        })
        .then_nothing();
}

#[test]
fn goods_come_back_to_the_site_that_shipped_them() {
    let sourced = PurchaseSourced {
        fulfilment_order_id: "o1-F1".to_owned(),
        site_id: "north".to_owned(),
    };
    let source = PurchaseCommand::Source {
        fulfilment_order_id: "o1-F1".to_owned(),
        site_id: "north".to_owned(),
    };
    let ship = PurchaseCommand::Ship {
        fact_id: "e1".to_owned(),
        fulfilment_order_id: "o1-F1".to_owned(),
        lines: vec![units("1", 3)],
    };
    let shipped = PurchaseShipped {
        lines: vec![units("1", 3)],
        site_id: "north".to_owned(),
        fact_id: "e1".to_owned(),
    };
    let before = given::<Purchase>([bought()])
        .when(source.clone())
        .then([sourced.clone().into()]);
    assert_eq!(
        before.state.return_site(),
        "shop",
        "nothing left another site yet"
    );
    let after = given::<Purchase>([bought(), sourced.clone().into()])
        .when(ship.clone())
        .then([shipped.clone().into()]);
    assert_eq!(after.state.return_site(), "north");
    given::<Purchase>([sourced.clone().into()])
        .when(source)
        .then_nothing();
    given::<Purchase>([sourced.into(), shipped.into()])
        .when(ship)
        .then_nothing();
}

#[test]
fn a_payment_told_twice_counts_once() {
    let pay = PurchaseCommand::Pay {
        payment_id: "p1".to_owned(),
        amount: gbp(15_000),
    };
    let told = given::<Purchase>([bought()])
        .when(pay.clone())
        .then([paid("p1", 15_000)]);
    assert_eq!(told.state.captured(), 15_000);
    given::<Purchase>([bought(), paid("p1", 15_000)])
        .when(pay)
        .then_nothing();
}

#[test]
fn money_of_another_currency_pays_nothing() {
    given::<Purchase>([bought()])
        .when(PurchaseCommand::Pay {
            payment_id: "p1".to_owned(),
            amount: money("EUR", 15_000),
        })
        .then_nothing();
}

#[test]
fn a_delivery_told_twice_counts_once() {
    let deliver = PurchaseCommand::Deliver {
        fact_id: "e1".to_owned(),
        lines: vec![units("1", 3)],
    };
    given::<Purchase>([bought()])
        .when(deliver.clone())
        .then([delivered("e1", vec![units("1", 3)])]);
    given::<Purchase>([bought(), delivered("e1", vec![units("1", 3)])])
        .when(deliver)
        .then_nothing();
}

#[test]
fn a_delivery_that_arrives_before_its_order_counts_once_the_order_is_known() {
    given::<Purchase>([delivered("e1", vec![units("2", 2)]), bought()])
        .when(claim("o1-C1", vec![units("2", 2)]))
        .then([claimed("o1-C1", vec![worth("2", 2, 5_000)])]);
}

#[test]
fn cancelled_units_take_their_share_with_them() {
    given::<Purchase>([bought()])
        .when(cancel("e1", vec![units("1", 1)], Some(11_667)))
        .then([PurchaseCancelled {
            lines: vec![units("1", 1)],
            fact_id: "e1".to_owned(),
            due: Some(gbp(11_667)),
            // 66.66 of line 1 and 50.00 of line 2 weigh in.
            lines_now: vec![line("1", 3, 10_000, 6_667), line("2", 2, 5_000, 5_000)],
        }
        .into()]);
}

#[test]
fn a_cancellation_told_twice_counts_once() {
    let cancelled = PurchaseCancelled {
        lines: vec![units("1", 1)],
        fact_id: "e1".to_owned(),
        ..PurchaseCancelled::default()
    };
    given::<Purchase>([bought(), cancelled.into()])
        .when(cancel("e1", vec![units("1", 1)], None))
        .then_nothing();
}

#[test]
fn a_cancellation_that_arrives_before_its_order_shapes_the_order() {
    let cancelled = given::<Purchase>([])
        .when(cancel("e1", vec![units("1", 1)], Some(500)))
        .then([PurchaseCancelled {
            lines: vec![units("1", 1)],
            fact_id: "e1".to_owned(),
            due: Some(gbp(500)),
            lines_now: vec![],
        }
        .into()]);
    let order = order(vec![ordered("1", 1, 500), ordered("2", 1, 500)], 1_000);
    assert_eq!(
        Purchase::decide(&cancelled.state, PurchaseCommand::Record(order)).unwrap(),
        [recorded(
            vec![line("1", 1, 500, 0), line("2", 1, 500, 500)],
            500
        )]
    );
}
