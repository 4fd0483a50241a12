//! Deliveries, corrections, returns, levels, the list of movements.

use ordo_proto::{
    inventory::{
        AdjustStockRequest, GetAvailabilityRequest, ListMovementsRequest, ReceiveStockLine,
        ReceiveStockRequest, RestockLine, RestockRequest, SetStockLevelsRequest, StockCondition,
    },
    types::{CommandHeader, Page},
};
use ordo_rpc::role;
use ordo_testkit::{sqlite, stores};
use tonic_types::StatusExt as _;

use crate::shop::{Shop, fields, header, reason, token, wants};

fn line(sku: &str, quantity: i64) -> ReceiveStockLine {
    ReceiveStockLine {
        sku: sku.into(),
        quantity,
        ..ReceiveStockLine::default()
    }
}

fn delivery(lines: Vec<ReceiveStockLine>) -> ReceiveStockRequest {
    ReceiveStockRequest {
        site_id: "W1".into(),
        lines,
        cause_id: "PO-1".into(),
        ..ReceiveStockRequest::default()
    }
}

fn correction(delta: i64) -> AdjustStockRequest {
    AdjustStockRequest {
        sku: "MUG".into(),
        site_id: "W1".into(),
        delta,
        reason: "LOSS".into(),
        ..AdjustStockRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_in_and_goes_out_is_counted_and_listed_with_who_did_it() {
    for store in stores().await.unwrap() {
        let shop = Shop::open(store).await;
        let mut keeper = shop.client(&[role::WAREHOUSE]);
        keeper
            .receive_stock(delivery(vec![line("MUG", 10), line("POT", 2)]))
            .await
            .unwrap();
        let levels = SetStockLevelsRequest {
            sku: "MUG".into(),
            site_id: "W1".into(),
            safety: 2,
            low_stock_level: 3,
            ..SetStockLevelsRequest::default()
        };
        keeper.set_stock_levels(levels).await.unwrap();
        shop.admin().reserve(wants("A", "MUG", 4)).await.unwrap();
        let back = RestockRequest {
            site_id: "W1".into(),
            case_id: "Z-C1".into(),
            lines: vec![
                RestockLine {
                    sku: "MUG".into(),
                    quantity: 1,
                    condition: StockCondition::Sellable.into(),
                },
                RestockLine {
                    sku: "MUG".into(),
                    quantity: 2,
                    condition: StockCondition::Quarantine.into(),
                },
            ],
            ..RestockRequest::default()
        };
        keeper.restock(back).await.unwrap();
        let loss = AdjustStockRequest {
            header: Some(CommandHeader {
                command_id: "loss-1".into(),
                reason: "fell off the rack".into(),
            }),
            ..correction(-1)
        };
        let adjusted = keeper.adjust_stock(loss).await.unwrap().into_inner();
        assert_eq!(adjusted.on_hand, 10);

        let now = shop.availability("MUG", token(&adjusted.receipt)).await;
        assert_eq!(
            (
                now.on_hand,
                now.reserved,
                now.safety,
                now.available,
                now.quarantine
            ),
            (10, 4, 2, 4, 2)
        );
        let list = ListMovementsRequest {
            sku: "MUG".into(),
            at_least: token(&adjusted.receipt),
            page: Some(Page {
                size: 2,
                token: String::new(),
            }),
            ..ListMovementsRequest::default()
        };
        let first = keeper
            .list_movements(list.clone())
            .await
            .unwrap()
            .into_inner();
        let kinds: Vec<_> = first
            .movements
            .iter()
            .map(|one| (one.kind.as_str(), one.delta))
            .collect();
        assert_eq!(
            kinds,
            [("ADJUSTED", -1), ("RETURNED", 2)],
            "{}",
            shop.store_name
        );
        assert_eq!(first.movements[0].actor.as_ref().unwrap().id, "li");
        let rest = ListMovementsRequest {
            page: Some(Page {
                size: 9,
                token: first.next_page_token,
            }),
            ..list
        };
        let rest = keeper.list_movements(rest).await.unwrap().into_inner();
        let kinds: Vec<_> = rest
            .movements
            .iter()
            .map(|one| (one.kind.as_str(), one.reserved_delta))
            .collect();
        assert_eq!(kinds, [("RETURNED", 0), ("RESERVED", 4), ("RECEIVED", 0)]);
        assert_eq!(rest.next_page_token, "");
        shop.expect_sound().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_comes_in_once_however_often_it_is_sent() {
    let shop = Shop::open(sqlite().unwrap()).await;
    let once = ReceiveStockRequest {
        header: header("delivery-1"),
        ..delivery(vec![line("MUG", 5)])
    };
    let first = shop
        .admin()
        .receive_stock(once.clone())
        .await
        .unwrap()
        .into_inner()
        .receipt
        .unwrap();
    let again = shop
        .admin()
        .receive_stock(once.clone())
        .await
        .unwrap()
        .into_inner()
        .receipt
        .unwrap();
    assert!(!first.duplicate && again.duplicate);
    assert_eq!(first.token, again.token);
    let other = ReceiveStockRequest {
        header: header("delivery-1"),
        ..delivery(vec![line("MUG", 6)])
    };
    assert_eq!(
        reason(shop.admin().receive_stock(other).await),
        "COMMAND_ID_REUSED"
    );
    assert_eq!(shop.availability("MUG", again.token).await.on_hand, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_with_a_line_that_cannot_be_booked_is_not_booked_at_all() {
    let shop = Shop::open(sqlite().unwrap()).await;
    let unknown = shop
        .admin()
        .receive_stock(delivery(vec![line("MUG", 5), line("X", 1), line("Y", 1)]))
        .await;
    let status = unknown.unwrap_err();
    assert_eq!(ordo_rpc::reason_of(&status).as_deref(), Some("UNKNOWN_SKU"));
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.metadata.get("skus").map(String::as_str), Some("X,Y"));
    let faulty = ReceiveStockRequest {
        site_id: "?".into(),
        ..delivery(vec![
            line("MUG", 0),
            line("", 1),
            ReceiveStockLine {
                condition: 9,
                ..line("MUG", 1)
            },
        ])
    };
    let named = fields(shop.admin().receive_stock(faulty).await);
    assert_eq!(
        named,
        [
            "site_id",
            "lines[0].quantity",
            "lines[1].sku",
            "lines[2].condition"
        ]
    );
    assert_eq!(
        fields(shop.admin().receive_stock(delivery(vec![])).await),
        ["lines"]
    );
    let nowhere = ReceiveStockRequest {
        site_id: "W9".into(),
        ..delivery(vec![line("MUG", 1)])
    };
    assert_eq!(
        reason(shop.admin().receive_stock(nowhere).await),
        "UNKNOWN_SITE"
    );
    assert_eq!(shop.availability("MUG", None).await.on_hand, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_correction_says_how_many_units_may_be_taken() {
    let shop = Shop::open(sqlite().unwrap()).await;
    shop.receive("MUG", 5).await;
    shop.admin().reserve(wants("A", "MUG", 3)).await.unwrap();
    let status = shop.admin().adjust_stock(correction(-3)).await.unwrap_err();
    assert_eq!(
        ordo_rpc::reason_of(&status).as_deref(),
        Some("ADJUSTMENT_TAKES_TOO_MANY")
    );
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.metadata.get("may_take").map(String::as_str), Some("2"));
    let faulty = AdjustStockRequest {
        reason: "fell down".into(),
        ..correction(0)
    };
    assert_eq!(
        fields(shop.admin().adjust_stock(faulty).await),
        ["delta", "reason"]
    );
    let release = AdjustStockRequest {
        released_quantity: 4,
        ..correction(-3)
    };
    assert_eq!(
        fields(shop.admin().adjust_stock(release).await),
        ["reservation_id", "line_id", "released_quantity"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_pick_takes_the_orders_own_units() {
    let shop = Shop::open(sqlite().unwrap()).await;
    shop.receive("MUG", 3).await;
    shop.admin().reserve(wants("A", "MUG", 3)).await.unwrap();
    let short = AdjustStockRequest {
        reason: "SHORT_PICK".into(),
        reservation_id: "A".into(),
        line_id: "1".into(),
        released_quantity: 2,
        ..correction(-2)
    };
    let adjusted = shop.admin().adjust_stock(short).await.unwrap().into_inner();
    assert_eq!((adjusted.on_hand, shop.held("A").await), (1, 1));
    shop.expect_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_bin_keeps_only_what_other_orders_were_promised() {
    let shop = Shop::open(sqlite().unwrap()).await;
    shop.receive("MUG", 9).await;
    for order in ["A", "B"] {
        shop.admin().reserve(wants(order, "MUG", 2)).await.unwrap();
    }
    let empty = AdjustStockRequest {
        reason: "SHORT_PICK".into(),
        reservation_id: "A".into(),
        line_id: "1".into(),
        released_quantity: 2,
        all_unpromised: true,
        ..correction(-2)
    };
    let adjusted = shop.admin().adjust_stock(empty).await.unwrap().into_inner();
    assert_eq!(adjusted.on_hand, 2);
    assert_eq!((shop.held("A").await, shop.held("B").await), (0, 2));
    shop.expect_sound().await;
    let found = AdjustStockRequest {
        all_unpromised: true,
        ..correction(1)
    };
    assert_eq!(
        fields(shop.admin().adjust_stock(found).await),
        ["all_unpromised"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn availability_is_listed_page_by_page() {
    let shop = Shop::open(sqlite().unwrap()).await;
    for number in 0..5 {
        shop.put_sku(&format!("S{number}")).await;
    }
    let lines = (0..5)
        .map(|number| line(&format!("S{number}"), number + 1))
        .collect();
    let received = shop
        .admin()
        .receive_stock(delivery(lines))
        .await
        .unwrap()
        .into_inner();
    let mut page = Page {
        size: 2,
        token: String::new(),
    };
    let mut seen = Vec::new();
    loop {
        let request = GetAvailabilityRequest {
            page: Some(page.clone()),
            at_least: token(&received.receipt),
            ..GetAvailabilityRequest::default()
        };
        let answer = shop
            .admin()
            .get_availability(request)
            .await
            .unwrap()
            .into_inner();
        seen.extend(
            answer
                .availability
                .into_iter()
                .map(|row| (row.sku, row.on_hand)),
        );
        if answer.next_page_token.is_empty() {
            break;
        }
        page.token = answer.next_page_token;
    }
    let expected: Vec<_> = (0..5)
        .map(|number| (format!("S{number}"), number + 1))
        .collect();
    assert_eq!(seen, expected);
    let elsewhere = GetAvailabilityRequest {
        site_id: "W1".into(),
        page: Some(page),
        ..GetAvailabilityRequest::default()
    };
    assert_eq!(
        reason(shop.admin().get_availability(elsewhere).await),
        "PAGE_TOKEN_INVALID"
    );
}
