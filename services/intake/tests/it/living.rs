//! The whole life of an order, on both databases.

use std::time::Duration;

use ordo_intake::config::ShopRules;
use ordo_proto::{
    aftersales::{CaseApproved, CaseKind, ReceivedLine, ReturnReceived},
    fulfilment::LineShortPicked,
    intake::{
        ConfirmDeliveryRequest, FulfilmentStatus, GetTimelineRequest, HoldReason, OrderStatus,
        PaymentStatus, RefundPaymentRequest,
    },
    inventory::{ReservationAllocation, ReservationShortage, ReservationUnitsLost},
};
use ordo_testkit::eventually;
use tonic::Code;

use crate::{
    facts::{self, Case, FulfilmentOrder, Reservation},
    neighbours::{Asked, Trouble},
    requests::*,
    shop::{PATIENCE, Shop, reason},
};

#[tokio::test]
async fn an_order_goes_from_the_channel_to_the_customer_and_back() {
    for store in ordo_testkit::stores().await.unwrap() {
        let rules = ShopRules {
            complete_after: Duration::from_millis(200),
            ..ShopRules::default()
        };
        let shop = Shop::open_with(store, rules).await;
        // Inventory is away twice, and once its answer is lost.
        shop.inventory.trouble([
            Trouble::Before(Code::Unavailable),
            Trouble::After(Code::DeadlineExceeded),
        ]);
        let order_id = shop.released("T-1").await;
        eventually(PATIENCE, async || shop.inventory.tries() >= 3).await;
        assert_eq!(
            shop.inventory.asked().len(),
            1,
            "asked three times, done once"
        );

        shop.dispatch(&order_id, &everything()).await;
        let order = shop
            .order_when(&order_id, |order| {
                order.fulfilment_status() == FulfilmentStatus::Shipped
            })
            .await;
        assert_eq!(order.parcels[0].tracking_number, format!("SF-{order_id}"));
        shop.deliver(&order_id, &everything()).await;
        let order = shop
            .order_when(&order_id, |order| order.status() == OrderStatus::Completed)
            .await;
        assert_eq!(order.fulfilment_status(), FulfilmentStatus::Delivered);
        assert!(order.placed_at.is_some() && order.updated_at.is_some() && order.version > 5);

        comes_back(&shop, &order_id).await;
        shop.is_sound().await;
    }
}

/// One unit is returned and its money paid back, after completion.
async fn comes_back(shop: &Shop, order_id: &str) {
    let case_id = format!("{order_id}-C1");
    let approved = CaseApproved {
        case_id: case_id.clone(),
        order_id: order_id.into(),
        lines: vec![units("1", 1)],
        kind: CaseKind::Return.into(),
        ..CaseApproved::default()
    };
    facts::tell::<Case>(&shop.aftersales_log, &shop.tenant, &case_id, approved).await;
    let received = ReturnReceived {
        case_id: case_id.clone(),
        order_id: order_id.into(),
        site_id: "HZ".into(),
        lines: vec![ReceivedLine {
            line_id: "1".into(),
            sku: "A".into(),
            resellable: 1,
            ..ReceivedLine::default()
        }],
        ..ReturnReceived::default()
    };
    facts::tell::<Case>(&shop.aftersales_log, &shop.tenant, &case_id, received).await;
    shop.order_when(order_id, |order| {
        order.lines[0]
            .quantities
            .as_ref()
            .is_some_and(|counted| counted.returned == 1)
    })
    .await;
    let refund = |refund_id: &str, amount| RefundPaymentRequest {
        header: header(refund_id),
        order_id: order_id.into(),
        refund_id: format!("{case_id}-{refund_id}"),
        case_id: case_id.clone(),
        amount: cny(amount),
        lines: vec![units("1", 1)],
    };
    let mut desk = shop.clerk();
    let first = desk
        .refund_payment(refund("R1", 1_000))
        .await
        .unwrap()
        .into_inner();
    let again = desk
        .refund_payment(refund("R1", 1_000))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(first.refunded, again.refunded);
    assert!(again.receipt.unwrap().duplicate);
    assert_eq!(
        reason(desk.refund_payment(refund("R2", 1_801)).await),
        "REFUND_ABOVE_PAID"
    );
    let order = shop.order(order_id).await;
    assert_eq!(order.payment_status(), PaymentStatus::PartlyRefunded);
    assert_eq!(order.refunded, cny(1_000));
}

#[tokio::test]
async fn the_customer_can_follow_every_step() {
    let shop = Shop::open().await;
    let order_id = shop.released("T-1").await;
    shop.dispatch(&order_id, &everything()).await;
    shop.order_when(&order_id, |order| {
        order.fulfilment_status() == FulfilmentStatus::Shipped
    })
    .await;
    let confirm = ConfirmDeliveryRequest {
        header: header("confirm"),
        order_id: order_id.clone(),
        accepted: true,
    };
    let confirmed = shop
        .clerk()
        .confirm_delivery(confirm)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(confirmed.status(), OrderStatus::Completed);
    let request = GetTimelineRequest {
        order_id: order_id.clone(),
        at_least: None,
    };
    let timeline = shop
        .clerk()
        .get_timeline(request)
        .await
        .unwrap()
        .into_inner()
        .entries;
    let events: Vec<_> = timeline.iter().map(|entry| entry.event.as_str()).collect();
    assert_eq!(
        events,
        [
            "OrderPlaced",
            "PaymentCaptured",
            "OrderOpened",
            "ReservationRequested",
            "StockReserved",
            "FulfilmentRequested",
            "LinesShipped",
            "LinesDelivered",
            "OrderCompleted",
        ]
    );
    let shipped = &timeline[6];
    assert!(
        shipped.text_en.contains(&format!("SF-{order_id}")) && shipped.text_zh.contains("包裹")
    );
    assert_eq!(timeline[0].actor.as_ref().unwrap().id, "alice");
    assert_eq!(timeline[4].actor.as_ref().unwrap().id, "intake");
    assert_eq!(timeline[8].reason, "because");
    assert!(
        timeline
            .windows(2)
            .all(|pair| pair[0].version + 1 == pair[1].version)
    );
}

#[tokio::test]
async fn a_delivery_that_overtakes_its_shipment_is_not_lost() {
    let shop = Shop::open().await;
    let order_id = shop.released("T-1").await;
    shop.deliver(&order_id, &everything()).await;
    shop.order_when(&order_id, |order| {
        order.fulfilment_status() == FulfilmentStatus::Delivered
    })
    .await;
    shop.dispatch(&order_id, &everything()).await;
    let order = shop
        .order_when(&order_id, |order| !order.parcels[0].carrier.is_empty())
        .await;
    assert_eq!(order.fulfilment_status(), FulfilmentStatus::Delivered);
    assert_eq!(order.lines[0].quantities.unwrap().shipped, 2);
}

#[tokio::test]
async fn an_order_waits_for_stock_and_goes_on_when_it_comes() {
    let shop = Shop::open().await;
    let order_id = shop.place(order("T-1")).await.order_id;
    let missing = ReservationShortage {
        line_id: "2".into(),
        sku: "B".into(),
        missing: 1,
        unknown_sku: false,
    };
    shop.lack(&order_id, 1, true, vec![missing]).await;
    let held = shop
        .order_when(&order_id, |order| !order.holds.is_empty())
        .await;
    assert_eq!(held.holds[0].reason(), HoldReason::ShortStock);
    shop.allocate(&order_id, 1, &[("1", "A", 2), ("2", "B", 1)])
        .await;
    let order = shop
        .order_when(&order_id, |order| {
            order.fulfilment_status() == FulfilmentStatus::Released
        })
        .await;
    assert!(order.holds.is_empty());
}

#[tokio::test]
async fn units_that_were_not_found_are_sourced_again_and_not_released_twice() {
    let shop = Shop::open().await;
    let order_id = shop.released("T-1").await;
    let told = LineShortPicked {
        fulfilment_order_id: format!("{order_id}-F1"),
        order_id: order_id.clone(),
        site_id: "HZ".into(),
        line_id: "1".into(),
        sku: "A".into(),
        missing: 1,
        ..LineShortPicked::default()
    };
    let id = format!("{order_id}-F1");
    facts::tell::<FulfilmentOrder>(&shop.fulfilment_log, &shop.tenant, &id, told).await;
    shop.order_when(&order_id, |order| !order.holds.is_empty())
        .await;
    assert_eq!(shop.inventory.asked().len(), 1, "before the loss is booked");
    let booked = ReservationUnitsLost {
        reservation_id: order_id.clone(),
        allocations: vec![ReservationAllocation {
            line_id: "1".into(),
            sku: "A".into(),
            site_id: "HZ".into(),
            quantity: 1,
        }],
        cause: "SHORT_PICK".into(),
    };
    facts::tell::<Reservation>(&shop.inventory_log, &shop.tenant, &order_id, booked).await;
    eventually(PATIENCE, async || shop.inventory.asked().len() == 2).await;
    let Asked::Reserve(again) = &shop.inventory.asked()[1] else {
        panic!("asked to reserve again")
    };
    assert_eq!(
        (again.attempt, again.lines[0].quantity, again.lines.len()),
        (2, 1, 1)
    );
    assert_eq!(
        shop.order(&order_id).await.holds[0].reason(),
        HoldReason::ShortPick
    );
    shop.allocate(&order_id, 2, &[("1", "A", 1)]).await;
    shop.order_when(&order_id, |order| order.holds.is_empty())
        .await;
    shop.is_sound().await;
}
