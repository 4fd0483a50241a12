//! Orders that wait, and the deliveries that serve them.

use ordo_proto::inventory::{
    GetAvailabilityRequest, PutSiteRequest, ReceiveStockLine, ReceiveStockRequest, SiteKind,
};
use ordo_testkit::{eventually, sqlite, stores};

use crate::shop::{PATIENCE, Shop, token, waits_for};

#[tokio::test(flavor = "multi_thread")]
async fn a_short_order_is_served_when_stock_arrives_first_come_first_served() {
    for store in stores().await.unwrap() {
        let shop = Shop::open(store).await;
        let first = shop
            .admin()
            .reserve(waits_for("A", "MUG", 2))
            .await
            .unwrap()
            .into_inner();
        assert!(first.waiting && first.allocations.is_empty());
        let second = shop
            .admin()
            .reserve(waits_for("B", "MUG", 2))
            .await
            .unwrap()
            .into_inner();
        let request = GetAvailabilityRequest {
            skus: vec!["MUG".into()],
            at_least: token(&second.receipt),
            ..GetAvailabilityRequest::default()
        };
        let rows = shop
            .admin()
            .get_availability(request)
            .await
            .unwrap()
            .into_inner()
            .availability;
        let told: Vec<_> = rows
            .iter()
            .map(|row| (row.site_id.as_str(), row.backordered))
            .collect();
        assert_eq!(told, [("", 4)], "{}", shop.store_name);

        shop.receive("MUG", 3).await;
        eventually(PATIENCE, async || shop.held("B").await == 1).await;
        assert_eq!(shop.held("A").await, 2);
        shop.receive("MUG", 1).await;
        eventually(PATIENCE, async || shop.held("B").await == 2).await;
        shop.expect_sound().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_wait_are_served_after_a_restart_too() {
    let mut shop = Shop::open(sqlite().unwrap()).await;
    shop.admin()
        .reserve(waits_for("A", "MUG", 2))
        .await
        .unwrap();
    // The delivery is booked and the process ends before anything can follow from it.
    shop.receive("MUG", 2).await;
    shop.stop().await;
    shop.start().await;
    eventually(PATIENCE, async || shop.held("A").await == 2).await;
    shop.expect_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_queue_is_served_to_its_end() {
    let shop = Shop::open(sqlite().unwrap()).await;
    let mut client = shop.admin();
    for number in 0..230 {
        client
            .reserve(waits_for(&format!("o{number}"), "MUG", 1))
            .await
            .unwrap();
    }
    shop.receive("MUG", 229).await;
    eventually(PATIENCE, async || shop.held("o228").await == 1).await;
    assert_eq!((shop.held("o0").await, shop.held("o229").await), (1, 0));
    shop.expect_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_begins_to_serve_orders_serves_those_who_wait() {
    let shop = Shop::open(sqlite().unwrap()).await;
    let desk = PutSiteRequest {
        site_id: "DESK".into(),
        name: "Front desk".into(),
        kind: SiteKind::Shop.into(),
        serves_no_orders: true,
        ..PutSiteRequest::default()
    };
    shop.admin().put_site(desk.clone()).await.unwrap();
    let delivery = ReceiveStockRequest {
        site_id: "DESK".into(),
        lines: vec![ReceiveStockLine {
            sku: "MUG".into(),
            quantity: 1,
            ..ReceiveStockLine::default()
        }],
        ..ReceiveStockRequest::default()
    };
    shop.admin().receive_stock(delivery).await.unwrap();
    assert!(
        shop.admin()
            .reserve(waits_for("A", "MUG", 1))
            .await
            .unwrap()
            .into_inner()
            .waiting
    );
    let serving = PutSiteRequest {
        serves_no_orders: false,
        ..desk
    };
    shop.admin().put_site(serving).await.unwrap();
    eventually(PATIENCE, async || shop.held("A").await == 1).await;
    shop.expect_sound().await;
}
