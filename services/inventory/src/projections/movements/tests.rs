#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::projections::testing::{event, tables_after, tenant};

fn received(sku: &str, site_id: &str, quantity: i64) -> StockReceived {
    StockReceived {
        sku: sku.into(),
        site_id: site_id.into(),
        quantity,
        condition: StockCondition::Sellable.into(),
        cause_id: "PO-1".into(),
        ..StockReceived::default()
    }
}

fn everything<'a>() -> MovementQuery<'a> {
    MovementQuery {
        sku: "",
        site_id: "",
        from: None,
        until: None,
        before: None,
        limit: 100,
    }
}

#[tokio::test]
async fn every_kind_of_movement_tells_its_change_its_cause_and_who_did_it() {
    let stream = ("stock", "MUG@W1");
    let (sku, site_id, reservation_id) =
        (|| "MUG".to_owned(), || "W1".to_owned(), || "A".to_owned());
    let events = [
        event(1, stream, &received("MUG", "W1", 5)),
        event(
            2,
            stream,
            &StockReserved {
                sku: sku(),
                site_id: site_id(),
                reservation_id: reservation_id(),
                quantity: 3,
            },
        ),
        event(
            3,
            stream,
            &StockReservationReleased {
                sku: sku(),
                site_id: site_id(),
                reservation_id: reservation_id(),
                quantity: 1,
                cause: "CUSTOMER".into(),
            },
        ),
        event(
            4,
            stream,
            &StockIssued {
                sku: sku(),
                site_id: site_id(),
                reservation_id: reservation_id(),
                quantity: 2,
                parcel_id: "P1".into(),
            },
        ),
        event(
            5,
            stream,
            &StockReturned {
                sku: sku(),
                site_id: site_id(),
                quantity: 1,
                condition: StockCondition::Quarantine.into(),
                case_id: "C1".into(),
            },
        ),
        event(
            6,
            stream,
            &StockAdjusted {
                sku: sku(),
                site_id: site_id(),
                delta: -1,
                condition: StockCondition::Sellable.into(),
                reason: "LOSS".into(),
                cause_id: "I1".into(),
            },
        ),
    ];
    for tables in tables_after(&MovementList, &events, 4).await {
        let (movements, next) = list(&tables.db, &tenant(), everything()).await.unwrap();
        let told: Vec<_> = movements
            .iter()
            .map(|m| {
                (
                    m.kind.as_str(),
                    m.delta,
                    m.reserved_delta,
                    m.cause_id.as_str(),
                    m.reason.as_str(),
                )
            })
            .collect();
        let expected = [
            ("ADJUSTED", -1, 0, "I1", "LOSS"),
            ("RETURNED", 1, 0, "C1", "because"),
            ("ISSUED", -2, -2, "P1", "because"),
            ("RELEASED", 0, -1, "A", "CUSTOMER"),
            ("RESERVED", 0, 3, "A", "because"),
            ("RECEIVED", 5, 0, "PO-1", "because"),
        ];
        assert_eq!(told, expected);
        assert_eq!(next, None);
        let newest = movements.first().unwrap();
        assert_eq!(newest.actor.as_ref().unwrap().id, "alice");
        assert_eq!(newest.time, Some(Timestamp(6).into()));
        assert_eq!(
            movements.get(1).unwrap().condition(),
            StockCondition::Quarantine
        );
    }
}

#[tokio::test]
async fn movements_are_asked_for_by_sku_site_time_and_page() {
    let events: Vec<_> = (1..=9_u64)
        .map(|n| {
            let (sku, site_id) = (
                ["MUG", "POT"][n as usize % 2],
                ["W1", "W2", "W3"][n as usize % 3],
            );
            event(n, ("stock", "x"), &received(sku, site_id, n as i64))
        })
        .collect();
    for tables in tables_after(&MovementList, &events, 100).await {
        let ask = async |query: MovementQuery<'_>| {
            let (movements, next) = list(&tables.db, &tenant(), query).await.unwrap();
            (movements.iter().map(|m| m.delta).collect::<Vec<_>>(), next)
        };
        assert_eq!(
            ask(MovementQuery {
                sku: "MUG",
                ..everything()
            })
            .await,
            (vec![8, 6, 4, 2], None)
        );
        assert_eq!(
            ask(MovementQuery {
                site_id: "W1",
                ..everything()
            })
            .await,
            (vec![9, 6, 3], None)
        );
        assert_eq!(
            ask(MovementQuery {
                sku: "MUG",
                site_id: "W1",
                ..everything()
            })
            .await,
            (vec![6], None)
        );
        let between = MovementQuery {
            from: Some(Timestamp(3)),
            until: Some(Timestamp(5)),
            ..everything()
        };
        assert_eq!(ask(between).await, (vec![4, 3], None));
        assert_eq!(
            ask(MovementQuery {
                limit: 4,
                ..everything()
            })
            .await,
            (vec![9, 8, 7, 6], Some(6))
        );
        let last = MovementQuery {
            limit: 5,
            before: Some(6),
            ..everything()
        };
        assert_eq!(ask(last).await, (vec![5, 4, 3, 2, 1], None));
    }
}
