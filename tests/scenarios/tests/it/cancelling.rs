//! Cancelling at each stage.

use ordo_proto::{
    intake::{OrderStatus, PaymentStatus},
    types::LineQuantity,
};
use ordo_scenarios::{
    Shop, Store,
    orders::{order, quantities},
};
use tonic::Code;

#[tokio::test]
async fn a_held_order_is_cancelled_at_once_and_paid_back() {
    let shop = Shop::open(Store::Sqlite).await;
    let mut request = order("1", &[("TEA", 1)]);
    request.address = None;
    let id = shop.placed(request).await;
    shop.cancel(&id, vec![]).await.unwrap();
    let cancelled = shop
        .order_when(&id, |order| order.status() == OrderStatus::Cancelled)
        .await;
    assert_eq!(cancelled.payment_status(), PaymentStatus::Refunded);
    shop.verify().await;
    shop.close().await;
}

#[tokio::test]
async fn an_order_that_waits_for_stock_is_cancelled_and_stops_waiting() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.stock("TEA", 0).await;
    let id = shop.placed(order("1", &[("TEA", 1)])).await;
    shop.order_when(&id, |order| !order.holds.is_empty()).await;
    shop.cancel(&id, vec![]).await.unwrap();
    shop.order_when(&id, |order| order.status() == OrderStatus::Cancelled)
        .await;
    shop.settle().await;
    shop.receive("TEA", 1).await;
    shop.settle().await;
    let left = shop.available_when("TEA", |row| row.on_hand == 1).await;
    assert_eq!((left.reserved, left.backordered), (0, 0));
    shop.verify().await;
    shop.close().await;
}

#[tokio::test]
async fn an_order_at_the_warehouse_is_cancelled_with_its_consent_and_releases_stock() {
    for picked in [false, true] {
        let shop = Shop::open(Store::Sqlite).await;
        shop.stock("TEA", 5).await;
        let id = shop.placed(order("1", &[("TEA", 2)])).await;
        let work = shop.work_of(&id, 1).await;
        if picked {
            shop.pick(&work[0]).await;
        }
        shop.cancel(&id, vec![]).await.unwrap();
        let cancelled = shop
            .order_when(&id, |order| order.status() == OrderStatus::Cancelled)
            .await;
        assert_eq!(cancelled.payment_status(), PaymentStatus::Refunded);
        shop.available_when("TEA", |row| row.reserved == 0 && row.available == 5)
            .await;
        shop.verify().await;
        shop.close().await;
    }
}

#[tokio::test]
async fn part_of_an_order_is_cancelled_and_the_rest_is_delivered() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.stock("TEA", 5).await;
    shop.stock("CUP", 5).await;
    let id = shop.placed(order("1", &[("TEA", 2), ("CUP", 1)])).await;
    shop.work_of(&id, 1).await;
    let lines = vec![LineQuantity {
        line_id: "1".to_owned(),
        quantity: 1,
    }];
    shop.cancel(&id, lines).await.unwrap();
    shop.order_when(&id, |order| quantities(order, |at| at.cancelled) == [1, 0])
        .await;
    shop.settle().await;
    let delivered = shop.fulfil(&id).await;
    assert_eq!(quantities(&delivered, |at| at.delivered), [1, 1]);
    assert_eq!(
        delivered.refunded.as_ref().map(|money| money.minor_units),
        Some(1000)
    );
    shop.available_when("TEA", |row| row.on_hand == 4 && row.reserved == 0)
        .await;
    shop.verify().await;
    shop.close().await;
}

#[tokio::test]
async fn after_dispatch_cancelling_is_refused_with_the_way_out() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.stock("TEA", 5).await;
    let id = shop.placed(order("1", &[("TEA", 1)])).await;
    shop.fulfil(&id).await;
    let refused = shop.cancel(&id, vec![]).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let details = tonic_types::StatusExt::get_error_details(&refused);
    let way_out = &details.error_info().unwrap().metadata["way_out"];
    assert!(way_out.contains("return"), "{way_out}");
    shop.verify().await;
    shop.close().await;
}
