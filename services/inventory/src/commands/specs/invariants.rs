//! Random commands in random order: the rules of `stock.conservation` hold after every one of them.

use std::collections::BTreeSet;

use ordo_event_log::{Halt, Timestamp};
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{backorder::Backorder, reservation::Part};

const SKUS: [&str; 4] = ["MUG", "POT", "CUP", "???"];
const SITES: [&str; 3] = ["W1", "W2", "DESK"];
const CONDITIONS: [StockCondition; 3] = [
    StockCondition::Sellable,
    StockCondition::Quarantine,
    StockCondition::Damaged,
];

#[derive(Clone, Debug)]
enum Step {
    Receive {
        site: usize,
        sku: usize,
        quantity: i64,
        condition: usize,
    },
    Reserve {
        order: usize,
        lines: Vec<(usize, i64)>,
        all: bool,
        wait: bool,
        split: bool,
        site: Option<usize>,
        expires: bool,
    },
    Repeat {
        order: usize,
    },
    ReleaseAll {
        order: usize,
    },
    Release {
        order: usize,
        line: usize,
        quantity: i64,
        site: Option<usize>,
    },
    Consume {
        order: usize,
        parcel: usize,
        site: usize,
        line: usize,
        quantity: i64,
    },
    Expire {
        order: usize,
    },
    Adjust {
        site: usize,
        sku: usize,
        delta: i64,
        condition: usize,
        order: Option<(usize, usize, i64)>,
        all: bool,
    },
    Restock {
        site: usize,
        sku: usize,
        quantity: i64,
        condition: usize,
    },
    Levels {
        site: usize,
        sku: usize,
        safety: i64,
        low: i64,
    },
    Serve {
        sku: usize,
        limit: u32,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let (site, sku, order, condition, line) =
        (0..3_usize, 0..4_usize, 0..6_usize, 0..3_usize, 0..3_usize);
    let some_site = proptest::option::weighted(0.2, 0..3_usize);
    let lines = vec((0..4_usize, 1..5_i64), 0..4);
    let flags = (
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        proptest::bool::weighted(0.2),
    );
    let taken_from = proptest::option::of((0..6_usize, 0..3_usize, 1..4_i64));
    prop_oneof![
        3 => (site.clone(), sku.clone(), 0..6_i64, condition.clone())
            .prop_map(|(site, sku, quantity, condition)| Step::Receive { site, sku, quantity, condition }),
        6 => (order.clone(), lines, flags, some_site.clone())
            .prop_map(|(order, lines, (all, wait, split, expires), site)| {
                Step::Reserve { order, lines, all, wait, split, site, expires }
            }),
        1 => order.clone().prop_map(|order| Step::Repeat { order }),
        1 => order.clone().prop_map(|order| Step::ReleaseAll { order }),
        2 => (order.clone(), line.clone(), 1..4_i64, proptest::option::of(0..3_usize))
            .prop_map(|(order, line, quantity, site)| Step::Release { order, line, quantity, site }),
        3 => (order.clone(), 0..4_usize, site.clone(), line, 1..4_i64)
            .prop_map(|(order, parcel, site, line, quantity)| Step::Consume { order, parcel, site, line, quantity }),
        1 => order.prop_map(|order| Step::Expire { order }),
        2 => (site.clone(), sku.clone(), -4..5_i64, condition.clone(), taken_from, any::<bool>())
            .prop_map(|(site, sku, delta, condition, order, all)| {
                Step::Adjust { site, sku, delta, condition, order, all: all && delta < 0 }
            }),
        1 => (site.clone(), sku.clone(), 1..4_i64, condition)
            .prop_map(|(site, sku, quantity, condition)| Step::Restock { site, sku, quantity, condition }),
        1 => (site, sku.clone(), 0..4_i64, 0..6_i64)
            .prop_map(|(site, sku, safety, low)| Step::Levels { site, sku, safety, low }),
        3 => (sku, 1..4_u32).prop_map(|(sku, limit)| Step::Serve { sku, limit }),
    ]
}

fn order_id(order: usize) -> String {
    format!("order-{order}")
}

fn parts(line: usize, quantity: i64) -> Vec<Part> {
    vec![Part {
        line_id: (line + 1).to_string().as_str().into(),
        quantity,
    }]
}

/// Does the step. A refusal is fine; it must change nothing, which `Memory::run` does and the check would show.
fn take(shop: &mut Shop, step: Step) -> Result<(), InventoryError> {
    let place = |sku: usize, site: usize| Place::new(&SKUS[sku].into(), &SITES[site].into());
    let quietly = |done: Result<(), Halt<InventoryError>>| done;
    match step {
        Step::Receive {
            site,
            sku,
            quantity,
            condition,
        } => {
            let line = ReceiptLine {
                sku: SKUS[sku].into(),
                quantity,
                condition: CONDITIONS[condition],
                lot: String::new(),
                unit_cost: None,
            };
            let site_id = SITES[site].into();
            let receipt = Receipt {
                site_id,
                lines: vec![line],
                cause_id: String::new(),
            };
            shop.memory.run(|streams| receive(streams, receipt))
        }
        Step::Reserve {
            order,
            lines,
            all,
            wait,
            split,
            site,
            expires,
        } => {
            let lines: Vec<(&str, i64)> = lines
                .iter()
                .map(|(sku, quantity)| (SKUS[*sku], *quantity))
                .collect();
            let request = ReservationRequested {
                attempt: shop.reservation(&order_id(order)).attempt() + 1,
                all_or_nothing: all,
                wait_for_stock: wait,
                split_allowed: split,
                site_id: site.map(|site| SITES[site].to_owned()).unwrap_or_default(),
                expires_at: expires.then(|| Timestamp(1).into()),
                ..wants(&order_id(order), &lines)
            };
            shop.reserve(request).map(drop)
        }
        Step::Repeat { order } => match shop.reservation(&order_id(order)).request().cloned() {
            Some(request) => {
                let events = shop.memory.events.len();
                shop.reserve(request)?;
                assert_eq!(
                    shop.memory.events.len(),
                    events,
                    "a repeated attempt moved something"
                );
                Ok(())
            }
            None => Ok(()),
        },
        Step::ReleaseAll { order } => {
            let id = order_id(order).as_str().into();
            shop.memory
                .run(|streams| quietly(release(streams, &id, vec![], None, "X".into()).map(drop)))
        }
        Step::Release {
            order,
            line,
            quantity,
            site,
        } => {
            let id = order_id(order).as_str().into();
            let site_id = site.map(|site| SITES[site].into());
            shop.memory.run(|streams| {
                release(streams, &id, parts(line, quantity), site_id, "X".into()).map(drop)
            })
        }
        Step::Consume {
            order,
            parcel,
            site,
            line,
            quantity,
        } => {
            let id = order_id(order).as_str().into();
            let parcel_id = format!("P{parcel}");
            let site_id = SITES[site].into();
            shop.memory
                .run(|streams| consume(streams, &id, parcel_id, site_id, parts(line, quantity)))
        }
        Step::Expire { order } => {
            let id = order_id(order).as_str().into();
            shop.memory
                .run(|streams| expire(streams, &id, Timestamp(2)))
        }
        Step::Adjust {
            site,
            sku,
            delta,
            condition,
            order,
            all,
        } => {
            let release = order.map(|(order, line, quantity)| {
                (
                    order_id(order).as_str().into(),
                    (line + 1).to_string().as_str().into(),
                    quantity,
                )
            });
            let adjustment = Adjustment {
                place: place(sku, site),
                delta,
                condition: CONDITIONS[condition],
                reason: "COUNT".into(),
                cause_id: String::new(),
                release,
                all_unpromised: all,
            };
            shop.memory
                .run(|streams| adjust(streams, adjustment).map(drop))
        }
        Step::Restock {
            site,
            sku,
            quantity,
            condition,
        } => {
            let restocking = Restocking {
                site_id: SITES[site].into(),
                lines: vec![(SKUS[sku].into(), quantity, CONDITIONS[condition])],
                case_id: "C".into(),
            };
            shop.memory.run(|streams| restock(streams, restocking))
        }
        Step::Levels {
            site,
            sku,
            safety,
            low,
        } => shop
            .memory
            .run(|streams| set_levels(streams, place(sku, site), safety, low)),
        Step::Serve { sku, limit } => shop
            .memory
            .run(|streams| serve_backorder(streams, &SKUS[sku].into(), limit).map(drop)),
    }
}

/// Once every queue is served, nobody who could be served waits, and serving again changes nothing.
fn nobody_who_could_be_served_waits(shop: &mut Shop) {
    for _ in 0..3 {
        for sku in SKUS {
            shop.serve(sku, 2);
        }
    }
    for order in 0..6 {
        let reservation = shop.reservation(&order_id(order));
        let Some(request) = reservation
            .request()
            .filter(|_| !reservation.wanted().is_empty())
        else {
            continue;
        };
        let named = Some(request.site_id.as_str()).filter(|site| !site.is_empty());
        let bound = !request.split_allowed && !reservation.open().is_empty();
        // Sites that may serve it, and whether several of them may do so together.
        let (sites, together): (BTreeSet<&str>, bool) = match named {
            Some(site) => (BTreeSet::from([site]), true),
            None if bound => {
                let serving = reservation.open().iter();
                let serving = serving.map(|open| open.site_id.as_str());
                (serving.filter(|site| *site != "DESK").collect(), true)
            }
            None => (BTreeSet::from(["W1", "W2"]), request.split_allowed),
        };
        let has = |shop: &mut Shop, sku: &Sku, sites: &[&str]| -> i64 {
            sites
                .iter()
                .map(|site| shop.stock(sku.as_str(), site).available())
                .sum()
        };
        let wanted = reservation.wanted_by_sku();
        if !request.all_or_nothing {
            for (sku, units) in &wanted {
                let there = has(shop, sku, &sites.iter().copied().collect::<Vec<_>>());
                assert_eq!(there, 0, "{order} waits for {units} of {sku}");
            }
            continue;
        }
        let groups: Vec<Vec<&str>> = if together {
            vec![sites.into_iter().collect()]
        } else {
            sites.into_iter().map(|site| vec![site]).collect()
        };
        for group in groups {
            let mut all = wanted.iter();
            let all_there = all.all(|(sku, units)| has(shop, sku, &group) >= *units);
            assert!(!all_there, "{order} waits, and {group:?} has everything");
        }
    }
    for sku in SKUS {
        assert!(!shop.memory.get::<Backorder>(sku).is_due());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ordo_testkit::cases(300)))]

    #[test]
    fn stock_is_conserved_and_never_oversold_whatever_happens(steps in vec(step(), 1..60)) {
        let mut shop = Shop::open();
        for step in steps {
            let events = shop.memory.events.len();
            if take(&mut shop, step).is_err() {
                prop_assert_eq!(shop.memory.events.len(), events, "a refused command moved something");
            }
            shop.check();
        }
        nobody_who_could_be_served_waits(&mut shop);
        shop.check();
    }
}
