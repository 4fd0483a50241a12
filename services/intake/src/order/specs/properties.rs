//! Whatever happens in whatever order, these hold.

use ordo_decider::Decider;
use ordo_event_log::Aggregate;
use ordo_proto::intake::{PaymentTerms, ShortStockPolicy};
use proptest::prelude::*;

use super::fixtures::*;
use crate::order::*;

fn some_units() -> impl Strategy<Value = Vec<ordo_proto::types::LineQuantity>> {
    prop_oneof![
        Just(vec![]),
        (1_i64..3).prop_map(|n| vec![units("1", n)]),
        Just(vec![units("2", 1)]),
        Just(everything()),
    ]
}

fn site() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("HZ"), Just("BJ")]
}

fn intent() -> impl Strategy<Value = Intent> {
    let parcel = || (1_u32..4, some_units());
    prop_oneof![
        some_units().prop_map(cancel),
        (1_i64..3_000, 1_u32..4)
            .prop_map(|(amount, n)| { Intent::RecordPayment(paid(&format!("p{n}"), amount)) }),
        (1_i64..3_000).prop_map(|amount| Intent::RecordPayment(failed("p9", amount))),
        (1_i64..3_000, 1_u32..9).prop_map(|(amount, n)| refund(&format!("r{n}"), amount, vec![])),
        Just(Intent::Hold(Hold::default())),
        (1_u32..3).prop_map(|n| Intent::ReleaseHold(ReleaseHold {
            hold_id: format!("REVIEW-{n}"),
            note: String::new()
        })),
        Just(Intent::ReleaseHold(ReleaseHold {
            hold_id: "CUSTOMER_DECISION-1".into(),
            note: String::new()
        })),
        (1_u32..4, 1_i64..3, site()).prop_map(|(attempt, n, site)| reserved(
            attempt,
            0,
            vec![allocation("1", "A", site, n)]
        )),
        (1_u32..4, site()).prop_map(|(attempt, site)| reserved(
            attempt,
            0,
            vec![allocation("2", "B", site, 1)]
        )),
        Just(all_reserved()),
        (1_u32..4, any::<bool>(), 1_i64..3).prop_map(|(attempt, waiting, n)| {
            short(attempt, 0, waiting, vec![shortage("1", "A", n)])
        }),
        (1_u32..3, 1_i64..3).prop_map(|(n, missing)| Intent::RecordShortPick(RecordShortPick {
            fulfilment_order_id: format!("o1-F{n}"),
            line_id: "1".into(),
            missing,
        })),
        (1_u32..3, some_units()).prop_map(|(n, lines)| {
            Intent::RecordFulfilmentStopped(RecordFulfilmentStopped {
                fulfilment_order_id: format!("o1-F{n}"),
                lines,
                cause: "CUSTOMER".into(),
            })
        }),
        (1_u32..3).prop_map(
            |n| Intent::RecordCancellationRefused(RecordCancellationRefused {
                cancellation_id: format!("o1-X{n}"),
                fulfilment_order_id: "o1-F1".into(),
                detail: String::new(),
            })
        ),
        parcel().prop_map(|(n, lines)| shipped(n, lines)),
        parcel().prop_map(|(n, lines)| delivered(n, lines)),
        any::<bool>().prop_map(|accepted| Intent::ConfirmDelivery(ConfirmDelivery { accepted })),
        Just(Intent::Complete(Complete::default())),
        Just(Intent::Reject(Reject::default())),
        (1_i64..3, 1_u32..3).prop_map(|(n, case)| Intent::RecordReturned(ReturnedLines {
            case_id: format!("o1-C{case}"),
            lines: vec![units("1", n)],
        })),
    ]
}

fn policy() -> impl Strategy<Value = ShortStockPolicy> {
    prop_oneof![
        Just(ShortStockPolicy::Wait),
        Just(ShortStockPolicy::ShipAvailable),
        Just(ShortStockPolicy::Ask),
        Just(ShortStockPolicy::Cancel),
    ]
}

fn assert_invariants(order: &Order) {
    let (phase, body) = order.placed().expect("placed");
    assert!(
        body.refunded() <= body.captured(),
        "refunded more than captured: {body:?}"
    );
    assert!(
        body.payments
            .iter()
            .all(|payment| payment.refunded <= payment.captured),
        "{body:?}"
    );
    for line in &body.lines {
        let q = body.quantities(line);
        let counts = [
            q.cancelled,
            q.reserved,
            q.backordered,
            q.released,
            q.shipped,
            q.delivered,
            q.returned,
        ];
        assert!(counts.iter().all(|count| *count >= 0), "{q:?}");
        assert!(q.cancelled + q.shipped <= q.ordered, "{q:?}");
        assert!(
            q.released <= q.reserved || phase.ended(),
            "{q:?} in {body:?}"
        );
        assert!(q.delivered <= q.shipped && q.returned <= q.shipped, "{q:?}");
        assert!(q.cancelled + q.shipped + q.reserved <= q.ordered, "{q:?}");
    }
    if phase == Phase::Cancelled || phase == Phase::Rejected {
        assert_eq!(body.paid(), 0, "an order that ended badly keeps no money");
    }
    if phase.ended() {
        assert!(body.holds.is_empty());
    }
    if phase == Phase::Received {
        assert!(
            !body.holds.is_empty(),
            "nothing holds it, but it is not open"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ordo_testkit::cases(512)))]
    #[test]
    fn money_and_units_always_add_up(
        policy in policy(),
        cash in any::<bool>(),
        split_allowed in any::<bool>(),
        intents in proptest::collection::vec(intent(), 0..24),
    ) {
        let mut place = with_policy(policy);
        place.wishes.split_allowed = split_allowed;
        if cash {
            place.payment_terms = PaymentTerms::CashOnDelivery;
            place.payments = vec![];
        }
        let mut events = history(place, []);
        let mut order = state(&events);
        for intent in intents {
            let Ok(more) = Order::decide(&order, command(intent.clone())) else { continue };
            order = more.iter().fold(order, Order::evolve);
            events.extend(more);
            assert_invariants(&order);
        }
        prop_assert_eq!(&state(&events), &order);
        prop_assert_eq!(&Order::from_bytes(&order.to_bytes()).unwrap(), &order);
        for event in &events {
            let stored = Order::encode(event);
            prop_assert_eq!(&Order::decode(stored.type_name, &stored.payload).unwrap(), event);
        }
    }
}
