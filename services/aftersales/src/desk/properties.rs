//! Whatever the desk is asked in whatever order, it never claims what was not delivered nor promises what was not captured.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use ordo_proto::aftersales::ReceiptLine;
use proptest::prelude::*;

use super::*;
use crate::{
    ids::CaseId,
    purchase::{OrderedLine, OrderedPurchase},
};

#[derive(Clone, Debug)]
enum Step {
    Record,
    Complete(usize, i64),
    Pay(u8, i64),
    Deliver(u8, usize, i64),
    Cancel(u8, usize, i64, i64),
    CancellationRefund(u8, i64),
    Open {
        kind: CaseKind,
        lines: Vec<(usize, i64)>,
        amount: Option<i64>,
        approve: bool,
        advance: bool,
    },
    Approve(usize, Vec<(usize, i64)>),
    Reject(usize),
    Withdraw(usize),
    Receive(usize, Vec<(usize, i64, i64)>, bool, bool),
    Refund(usize, Option<i64>, bool),
    Settle(usize, usize),
    Fail(usize, usize),
    Replace(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let line = 0..3_usize;
    let case = 0..4_usize;
    let kind = prop_oneof![
        Just(CaseKind::Return),
        Just(CaseKind::RefundOnly),
        Just(CaseKind::Exchange)
    ];
    let lines = prop::collection::vec((0..3_usize, 0..4_i64), 0..4);
    let step = prop_oneof![
        1 => Just(Step::Record),
        1 => (line.clone(), 0..500_i64).prop_map(|(l, t)| Step::Complete(l, t)),
        3 => (any::<u8>(), 1..900_i64).prop_map(|(p, a)| Step::Pay(p, a)),
        4 => (any::<u8>(), line.clone(), 1..4_i64).prop_map(|(f, l, q)| Step::Deliver(f, l, q)),
        1 => (any::<u8>(), line, 1..3_i64, 0..900_i64).prop_map(|(f, l, q, d)| Step::Cancel(f, l, q, d)),
        1 => (any::<u8>(), 1..50_i64).prop_map(|(r, a)| Step::CancellationRefund(r, a)),
        6 => (kind, lines.clone(), prop::option::of(1..400_i64), any::<bool>(), any::<bool>()).prop_map(
            |(kind, lines, amount, approve, advance)| Step::Open {
                kind,
                lines,
                amount: amount.filter(|_| kind == CaseKind::RefundOnly),
                approve,
                advance,
            }
        ),
        3 => (case.clone(), lines).prop_map(|(c, l)| Step::Approve(c, l)),
        1 => case.clone().prop_map(Step::Reject),
        1 => case.clone().prop_map(Step::Withdraw),
        6 => (
            case.clone(),
            prop::collection::vec((0..3_usize, 0..3_i64, 0..2_i64), 0..3),
            prop::bool::weighted(0.2),
            any::<bool>()
        )
            .prop_map(|(c, l, last, refund)| Step::Receive(c, l, last, refund)),
        3 => (case.clone(), prop::option::of(1..400_i64), prop::bool::weighted(0.2))
            .prop_map(|(c, a, last)| Step::Refund(c, a, last)),
        3 => (case.clone(), 1..3_usize).prop_map(|(c, r)| Step::Settle(c, r)),
        2 => (case.clone(), 1..3_usize).prop_map(|(c, r)| Step::Fail(c, r)),
        2 => case.prop_map(Step::Replace),
    ];
    prop::collection::vec(step, 1..80)
}

struct World {
    purchase: PurchaseState,
    cases: Vec<CaseState>,
}

impl World {
    fn tell(&mut self, fact: PurchaseCommand) {
        let events = Purchase::decide(&self.purchase, fact).expect("a fact is never refused");
        for event in events {
            self.purchase = Purchase::evolve(std::mem::take(&mut self.purchase), &event);
        }
    }

    fn ask(&mut self, case: usize, command: DeskCommand) {
        let Some(state) = self.cases.get(case) else {
            return;
        };
        if let Ok(decision) = decide(&self.purchase, state, command) {
            self.purchase = decision.purchase;
            self.cases[case] = decision.case;
        }
    }

    fn open(&mut self, opening: Opening) {
        if let Ok(decision) = decide(
            &self.purchase,
            &CaseState::Unopened,
            DeskCommand::Open(opening),
        ) {
            self.purchase = decision.purchase;
            self.cases.push(decision.case);
        }
    }

    fn refund_id(&self, case: usize, number: usize) -> String {
        CaseId::new("o1", u32::try_from(case).unwrap() + 1).refund(number)
    }

    fn refund_amount(&self, case: usize, refund_id: &str) -> Money {
        let approved = self.cases.get(case).and_then(CaseState::approved);
        let refund = approved.and_then(|a| a.refunds.iter().find(|r| r.refund_id == refund_id));
        gbp(refund.map_or(1, |refund| refund.amount))
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Record => self.tell(PurchaseCommand::Record(order())),
            Step::Complete(index, total) => self.tell(PurchaseCommand::Complete {
                lines: vec![OrderedLine {
                    line_id: line_id(index),
                    sku: "S".to_owned(),
                    title: String::new(),
                    quantity: 5,
                    total,
                }],
                due: None,
            }),
            Step::Pay(payment, amount) => self.tell(PurchaseCommand::Pay {
                payment_id: payment.to_string(),
                amount: gbp(amount),
            }),
            Step::Deliver(fact, index, quantity) => self.tell(PurchaseCommand::Deliver {
                fact_id: format!("d{fact}"),
                lines: vec![units_of(index, quantity)],
            }),
            Step::Cancel(fact, index, quantity, due) => {
                // Intake cancels nothing that was delivered.
                let line = self.purchase.line(&line_id(index));
                let free = line.map_or(0, |line| line.remaining() - line.delivered);
                if free >= quantity {
                    self.tell(PurchaseCommand::Cancel {
                        fact_id: format!("c{fact}"),
                        lines: vec![units_of(index, quantity)],
                        due: Some(gbp(due)),
                    });
                }
            }
            Step::CancellationRefund(refund, amount) => {
                // Intake refunds no more than it captured; what is promised here but not moved it cannot know.
                if self.purchase.money_left() >= amount {
                    self.tell(PurchaseCommand::RecordRefund {
                        refund_id: format!("x{refund}"),
                        amount: gbp(amount),
                    });
                }
            }
            Step::Open {
                kind,
                lines,
                amount,
                approve,
                advance,
            } => {
                let wanted = lines.iter().map(|(index, quantity)| CaseLine {
                    line_id: line_id(*index),
                    quantity: *quantity,
                    ..CaseLine::default()
                });
                self.open(Opening {
                    case_id: CaseId::new("o1", self.purchase.cases() + 1).to_string(),
                    order_id: "o1".to_owned(),
                    kind,
                    lines: wanted.collect(),
                    amount: amount.map(gbp),
                    ship_in_advance: advance,
                    site_id: "shop".to_owned(),
                    approve,
                });
            }
            Step::Approve(case, lines) => {
                let lines = lines
                    .iter()
                    .map(|(index, quantity)| units_of(*index, *quantity))
                    .collect();
                self.ask(case, DeskCommand::Approve { lines });
            }
            Step::Reject(case) => self.ask(
                case,
                DeskCommand::Reject {
                    reason: "worn".to_owned(),
                },
            ),
            Step::Withdraw(case) => self.ask(case, DeskCommand::Withdraw),
            Step::Receive(case, lines, last, refund) => {
                let lines = lines
                    .iter()
                    .map(|(index, resellable, not_resellable)| ReceiptLine {
                        line_id: line_id(*index),
                        resellable: *resellable,
                        not_resellable: *not_resellable,
                        ..ReceiptLine::default()
                    });
                let receipt = Receipt {
                    lines: lines.collect(),
                    last,
                    refund,
                    ..Receipt::default()
                };
                self.ask(case, DeskCommand::Receive(receipt));
            }
            Step::Refund(case, amount, last) => self.ask(
                case,
                DeskCommand::Refund {
                    amount: amount.map(gbp),
                    last,
                },
            ),
            Step::Settle(case, number) => {
                let refund_id = self.refund_id(case, number);
                let amount = self.refund_amount(case, &refund_id);
                self.ask(case, DeskCommand::SettleRefund { refund_id, amount });
            }
            Step::Fail(case, number) => self.ask(
                case,
                DeskCommand::FailRefund {
                    refund_id: self.refund_id(case, number),
                    failure: "REFUSED".to_owned(),
                },
            ),
            Step::Replace(case) => self.ask(
                case,
                DeskCommand::RecordReplacement {
                    replacement_order_id: "o2".to_owned(),
                },
            ),
        }
    }
}

fn gbp(minor_units: i64) -> Money {
    money("GBP", minor_units)
}

fn line_id(index: usize) -> String {
    (index + 1).to_string()
}

fn units_of(index: usize, quantity: i64) -> LineQuantity {
    LineQuantity {
        line_id: line_id(index),
        quantity,
    }
}

fn order() -> OrderedPurchase {
    let lines = (0..3).map(|index: usize| OrderedLine {
        line_id: line_id(index),
        sku: format!("SKU-{index}"),
        title: String::new(),
        quantity: 5,
        total: [333, 100, 0][index],
    });
    OrderedPurchase {
        order_id: "o1".to_owned(),
        lines: lines.collect(),
        due: gbp(401),
        ..OrderedPurchase::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ordo_testkit::cases(400)))]

    #[test]
    fn nothing_is_claimed_above_delivered_nor_promised_above_captured(steps in steps()) {
        let mut world = World { purchase: PurchaseState::default(), cases: Vec::new() };
        for step in steps {
            let told = format!("{step:?}");
            world.step(step);
            prop_assert_eq!(invariants::of_purchase(&world.purchase), None, "after {}", told);
            for case in &world.cases {
                prop_assert_eq!(invariants::of_case(case), None, "after {}", told);
            }
            let promised: i64 = world.cases.iter().filter_map(CaseState::approved).map(|case| case.granted()).sum();
            prop_assert!(promised <= world.purchase.granted(), "every promise is known to the purchase");
            for line in world.purchase.lines() {
                let held: i64 = world
                    .cases
                    .iter()
                    .filter_map(CaseState::request)
                    .map(|request| world.purchase.claim(&request.case_id, &line.line_id).0)
                    .sum();
                prop_assert_eq!(held, world.purchase.claimed(&line.line_id), "claims belong to cases");
            }
        }
    }

    #[test]
    fn a_line_returned_bit_by_bit_pays_back_exactly_what_was_paid(paid in 1..100_000_i64, parts in prop::collection::vec(1..4_i64, 1..6)) {
        let quantity: i64 = parts.iter().sum();
        let mut world = World { purchase: PurchaseState::default(), cases: Vec::new() };
        world.tell(PurchaseCommand::Record(OrderedPurchase {
            order_id: "o1".to_owned(),
            lines: vec![OrderedLine { line_id: "1".to_owned(), quantity, total: paid, ..OrderedLine::default() }],
            due: gbp(paid),
            ..OrderedPurchase::default()
        }));
        world.tell(PurchaseCommand::Pay { payment_id: "p".to_owned(), amount: gbp(paid) });
        world.tell(PurchaseCommand::Deliver { fact_id: "d".to_owned(), lines: vec![units_of(0, quantity)] });
        for (case, part) in parts.into_iter().enumerate() {
            world.step(Step::Open { kind: CaseKind::Return, lines: vec![(0, part)], amount: None, approve: true, advance: false });
            world.step(Step::Receive(case, vec![], false, true));
        }
        prop_assert_eq!(world.purchase.granted(), paid);
    }
}
