use ordo_proto::{
    fulfilment::FulfilmentOrderCancelled,
    intake::{CancelOrderRequest, OrderStatus, PaymentStatus, RecordPaymentRequest},
    types::LineQuantity,
};
use ordo_testkit::eventually;
use tonic::Code;

use crate::{
    facts::{self, FulfilmentOrder},
    neighbours::{Asked, Trouble},
    requests::*,
    shop::{PATIENCE, Shop, reason, work},
};

fn cancel(order_id: &str, lines: Vec<LineQuantity>) -> CancelOrderRequest {
    CancelOrderRequest {
        header: header(""),
        order_id: order_id.into(),
        lines,
    }
}

#[tokio::test]
async fn a_cancelled_order_gives_back_stock_and_money_and_late_payments() {
    let shop = Shop::open().await;
    let order_id = shop.place(order("T-1")).await.order_id;
    let answer = shop
        .clerk()
        .cancel_order(cancel(&order_id, vec![]))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (answer.status(), answer.pending),
        (OrderStatus::Cancelled, false)
    );
    eventually(PATIENCE, async || shop.inventory.asked().len() == 2).await;
    let [Asked::Reserve(_), Asked::Release(release)] = &shop.inventory.asked()[..] else {
        panic!("first reserved, then released")
    };
    assert!(release.lines.is_empty(), "all of it");
    // What inventory tells too late changes nothing.
    shop.allocate(&order_id, 1, &[("1", "A", 2)]).await;
    let late = RecordPaymentRequest {
        header: header("late"),
        order_id: order_id.clone(),
        payment: Some(paid("p2", 500)),
    };
    let late = shop
        .clerk()
        .record_payment(late)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(late.payment_status(), PaymentStatus::Refunded);
    let order = shop.order(&order_id).await;
    assert_eq!((order.captured, order.refunded), (cny(3_300), cny(3_300)));
    shop.is_sound().await;
}

#[tokio::test]
async fn goods_at_the_warehouse_are_cancelled_once_it_has_stopped() {
    let shop = Shop::open().await;
    let order_id = shop.released("T-1").await;
    // The warehouse has not heard of it yet, then is away, then stops.
    shop.fulfilment.trouble([
        Trouble::Refused(Code::NotFound, "FULFILMENT_ORDER_UNKNOWN"),
        Trouble::After(Code::Unavailable),
    ]);
    shop.fulfilment.will_stop(everything());
    let answer = shop
        .clerk()
        .cancel_order(cancel(&order_id, vec![]))
        .await
        .unwrap()
        .into_inner();
    assert_eq!((answer.status(), answer.pending), (OrderStatus::Open, true));
    let order = shop
        .order_when(&order_id, |order| order.status() == OrderStatus::Cancelled)
        .await;
    assert_eq!(order.payment_status(), PaymentStatus::Refunded);
    assert_eq!(shop.fulfilment.asked().len(), 1);
    // The event of the same fact comes after the answer, and changes nothing.
    let told = FulfilmentOrderCancelled {
        fulfilment_order_id: format!("{order_id}-F1"),
        order_id: order_id.clone(),
        cause: "CUSTOMER".into(),
        lines: work(&everything()),
    };
    let version = order.version;
    let id = format!("{order_id}-F1");
    facts::tell::<FulfilmentOrder>(&shop.fulfilment_log, &shop.tenant, &id, told).await;
    assert_eq!(shop.order(&order_id).await.version, version);
    shop.is_sound().await;
}

#[tokio::test]
async fn a_part_of_what_the_warehouse_has_is_cancelled_and_the_rest_goes_on() {
    let shop = Shop::open().await;
    let order_id = shop.released("T-1").await;
    shop.fulfilment.will_stop(everything());
    shop.clerk()
        .cancel_order(cancel(&order_id, vec![units("1", 1)]))
        .await
        .unwrap();
    let order = shop
        .order_when(&order_id, |order| {
            order.lines[0]
                .quantities
                .is_some_and(|counted| counted.cancelled == 1)
        })
        .await;
    assert_eq!(order.amounts.unwrap().due, cny(1_800));
    assert_eq!(order.refunded, cny(1_000));
    assert_eq!(
        shop.story(&order_id).await[6..],
        [
            "CancellationRequested",
            "FulfilmentStopped",
            "LinesCancelled",
            "PaymentRefunded",
            "ReservationReleaseRequested",
            "FulfilmentRequested",
        ]
    );
    eventually(PATIENCE, async || shop.inventory.asked().len() == 2).await;
    let Asked::Release(release) = &shop.inventory.asked()[1] else {
        panic!("released")
    };
    assert_eq!(
        (release.site_id.as_str(), &release.lines[..]),
        ("HZ", &[units("1", 1)][..])
    );
}

#[tokio::test]
async fn what_has_left_cannot_be_cancelled_and_the_way_out_is_told() {
    let shop = Shop::open().await;
    let order_id = shop.released("T-1").await;
    shop.fulfilment.trouble([Trouble::Refused(
        Code::FailedPrecondition,
        "ALREADY_DISPATCHED",
    )]);
    let answer = shop
        .clerk()
        .cancel_order(cancel(&order_id, vec![]))
        .await
        .unwrap()
        .into_inner();
    assert!(answer.pending);
    eventually(PATIENCE, async || {
        shop.story(&order_id)
            .await
            .last()
            .is_some_and(|event| event == "CancellationRefused")
    })
    .await;
    shop.dispatch(&order_id, &everything()).await;
    shop.order_when(&order_id, |order| !order.parcels.is_empty())
        .await;
    let refused = shop.clerk().cancel_order(cancel(&order_id, vec![])).await;
    assert!(
        refused.as_ref().is_err_and(|status| {
            String::from_utf8_lossy(status.details()).contains("intercept")
        })
    );
    assert_eq!(reason(refused), "ALREADY_SHIPPED");
}
