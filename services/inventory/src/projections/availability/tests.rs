#![allow(clippy::unwrap_used, clippy::expect_used)]

use ordo_proto::inventory::StockCondition::{Damaged, Quarantine, Sellable};

use super::*;
use crate::projections::testing::{Tables, event, tables_after, tenant};

fn received(sku: &str, site_id: &str, quantity: i64, condition: StockCondition) -> StockReceived {
    StockReceived {
        sku: sku.into(),
        site_id: site_id.into(),
        quantity,
        condition: condition.into(),
        ..StockReceived::default()
    }
}

fn queued(sku: &str, reservation_id: &str, quantity: i64, site_id: &str) -> BackorderQueued {
    BackorderQueued {
        sku: sku.into(),
        reservation_id: reservation_id.into(),
        quantity,
        site_id: site_id.into(),
    }
}

fn history() -> Vec<RecordedEvent> {
    let stock = ("stock", "MUG@W1");
    let (sku, site_id) = (|| "MUG".to_owned(), || "W1".to_owned());
    vec![
        event(1, stock, &received("MUG", "W1", 10, Sellable)),
        event(2, stock, &received("MUG", "W1", 2, Damaged)),
        event(3, ("stock", "MUG@W2"), &received("MUG", "W2", 1, Sellable)),
        event(
            4,
            ("stock", "POT@W1"),
            &received("POT", "W1", 3, Quarantine),
        ),
        event(
            5,
            stock,
            &StockReserved {
                sku: sku(),
                site_id: site_id(),
                reservation_id: "A".into(),
                quantity: 5,
            },
        ),
        event(
            6,
            stock,
            &StockReservationReleased {
                sku: sku(),
                site_id: site_id(),
                reservation_id: "A".into(),
                quantity: 1,
                cause: "CUSTOMER".into(),
            },
        ),
        event(
            7,
            stock,
            &StockIssued {
                sku: sku(),
                site_id: site_id(),
                reservation_id: "A".into(),
                quantity: 2,
                parcel_id: "P".into(),
            },
        ),
        event(
            8,
            stock,
            &StockAdjusted {
                sku: sku(),
                site_id: site_id(),
                delta: -1,
                condition: Sellable.into(),
                reason: "LOSS".into(),
                cause_id: String::new(),
            },
        ),
        event(
            9,
            stock,
            &StockLevelsSet {
                sku: sku(),
                site_id: site_id(),
                safety: 3,
                low_stock_level: 0,
            },
        ),
        event(
            10,
            ("stock", "POT@W1"),
            &StockReturned {
                sku: "POT".into(),
                site_id: site_id(),
                quantity: 1,
                condition: Sellable.into(),
                case_id: "C".into(),
            },
        ),
    ]
}

async fn all(tables: &Tables) -> Vec<Availability> {
    let everything = AvailabilityQuery {
        skus: &[],
        site_id: "",
        after: None,
        limit: 500,
    };
    list(&tables.db, &tenant(), everything).await.unwrap().0
}

fn row(sku: &str, site_id: &str) -> Availability {
    Availability {
        sku: sku.into(),
        site_id: site_id.into(),
        ..Availability::default()
    }
}

#[tokio::test]
async fn movements_become_units_by_sku_and_site_however_they_are_batched() {
    for size in [1, 3, 100] {
        for tables in tables_after(&AvailabilityList, &history(), size).await {
            let mug = Availability {
                on_hand: 7,
                reserved: 2,
                safety: 3,
                available: 2,
                damaged: 2,
                ..row("MUG", "W1")
            };
            let other = Availability {
                on_hand: 1,
                available: 1,
                ..row("MUG", "W2")
            };
            let pot = Availability {
                on_hand: 1,
                available: 1,
                quarantine: 3,
                ..row("POT", "W1")
            };
            assert_eq!(all(&tables).await, [mug, other, pot], "in pieces of {size}");
        }
    }
}

#[tokio::test]
async fn who_waits_is_counted_where_it_waits() {
    let queue = ("backorder", "MUG");
    let left = |id: &str| BackorderLeft {
        sku: "MUG".into(),
        reservation_id: id.into(),
    };
    let events = [
        event(1, queue, &queued("MUG", "A", 3, "")),
        event(2, queue, &queued("MUG", "B", 2, "W1")),
        event(3, queue, &queued("MUG", "C", 1, "")),
        event(4, queue, &queued("MUG", "A", 1, "")),
        event(5, queue, &left("C")),
    ];
    for size in [1, 2, 100] {
        for tables in tables_after(&AvailabilityList, &events, size).await {
            let anywhere = Availability {
                backordered: 1,
                ..row("MUG", "")
            };
            let at_w1 = Availability {
                backordered: 2,
                ..row("MUG", "W1")
            };
            assert_eq!(all(&tables).await, [anywhere, at_w1], "in pieces of {size}");
        }
    }
    let moved = [
        events.as_slice(),
        &[
            event(6, queue, &queued("MUG", "A", 1, "W1")),
            event(7, queue, &left("B")),
        ],
    ]
    .concat();
    for tables in tables_after(&AvailabilityList, &moved, 4).await {
        assert_eq!(
            all(&tables).await,
            [Availability {
                backordered: 1,
                ..row("MUG", "W1")
            }]
        );
    }
}

#[tokio::test]
async fn rows_are_asked_for_by_sku_site_or_page() {
    for tables in tables_after(&AvailabilityList, &history(), 100).await {
        let ids = |rows: &[Availability]| -> Vec<String> {
            rows.iter()
                .map(|row| format!("{}@{}", row.sku, row.site_id))
                .collect()
        };
        let ask =
            async |skus: &[String], site_id: &str, after: Option<(&str, &str)>, limit: u32| {
                let query = AvailabilityQuery {
                    skus,
                    site_id,
                    after,
                    limit,
                };
                let (rows, more) = list(&tables.db, &tenant(), query).await.unwrap();
                (ids(&rows), more)
            };
        let mug = ["MUG".to_owned(), "MUG".to_owned(), "NONE".to_owned()];
        assert_eq!(
            ask(&mug, "", None, 1).await,
            (vec!["MUG@W1".into(), "MUG@W2".into()], false)
        );
        assert_eq!(
            ask(&mug, "W2", None, 1).await,
            (vec!["MUG@W2".into()], false)
        );
        assert_eq!(
            ask(&[], "W1", None, 9).await,
            (vec!["MUG@W1".into(), "POT@W1".into()], false)
        );
        assert_eq!(
            ask(&[], "", None, 2).await,
            (vec!["MUG@W1".into(), "MUG@W2".into()], true)
        );
        assert_eq!(
            ask(&[], "", Some(("MUG", "W2")), 2).await,
            (vec!["POT@W1".into()], false)
        );
        let other = TenantId::new("other").unwrap();
        let everything = AvailabilityQuery {
            skus: &[],
            site_id: "",
            after: None,
            limit: 9,
        };
        assert_eq!(
            list(&tables.db, &other, everything).await.unwrap().0,
            [],
            "another tenant sees nothing"
        );
    }
}

#[tokio::test]
async fn what_a_site_could_give_to_those_who_wait_is_known() {
    let events = [
        history(),
        vec![
            event(11, ("backorder", "MUG"), &queued("MUG", "A", 1, "")),
            event(12, ("backorder", "CUP"), &queued("CUP", "A", 1, "")),
        ],
    ]
    .concat();
    for tables in tables_after(&AvailabilityList, &events, 100).await {
        assert_eq!(
            waited_for_at(&tables.db, &tenant(), "W1").await.unwrap(),
            ["MUG"]
        );
        assert_eq!(
            waited_for_at(&tables.db, &tenant(), "W9").await.unwrap(),
            Vec::<String>::new()
        );
    }
}
