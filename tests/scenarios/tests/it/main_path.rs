//! From a channel to the customer's door.

use std::collections::HashSet;

use futures::future::join_all;
use ordo_proto::{
    intake::{
        CompleteInformationRequest, FulfilmentStatus, GetTimelineRequest, HoldReason,
        ListOrdersRequest, OrderStatus, PaymentStatus, RecordPaymentRequest, WaitFor,
    },
    log::ReadRequest,
};
use ordo_scenarios::{
    Shop, Store, again, header,
    orders::{address, contact, order, pence, quantities},
};
use tonic::Code;

#[tokio::test]
async fn an_order_goes_from_a_channel_to_the_customers_door_on_sqlite() {
    happy_path(Store::Sqlite).await;
}

#[tokio::test]
async fn an_order_goes_from_a_channel_to_the_customers_door_on_postgres() {
    happy_path(Store::Postgres).await;
}

async fn happy_path(store: Store) {
    let shop = Shop::open(store).await;
    shop.stock("TEA", 10).await;
    shop.stock("CUP", 10).await;
    let id = shop.placed(order("1001", &[("TEA", 2), ("CUP", 1)])).await;
    let delivered = shop.fulfil(&id).await;

    assert_eq!(delivered.payment_status(), PaymentStatus::Paid);
    assert_eq!(quantities(&delivered, |at| at.delivered), [2, 1]);
    assert_eq!(delivered.parcels.len(), 1);
    assert!(delivered.parcels[0].delivered);
    let tea = shop.available_when("TEA", |row| row.on_hand == 8).await;
    assert_eq!((tea.reserved, tea.available), (0, 8));

    let timeline = shop
        .intake()
        .get_timeline(GetTimelineRequest {
            order_id: id.clone(),
            at_least: None,
        })
        .await
        .unwrap()
        .into_inner();
    let told: Vec<&str> = timeline
        .entries
        .iter()
        .map(|entry| entry.event.as_str())
        .collect();
    for step in [
        "OrderPlaced",
        "OrderOpened",
        "StockReserved",
        "LinesShipped",
        "LinesDelivered",
    ] {
        assert!(told.contains(&step), "{step} is missing from {told:?}");
    }
    assert!(
        timeline
            .entries
            .iter()
            .all(|entry| !entry.text_en.is_empty() && !entry.text_zh.is_empty())
    );
    assert!(
        timeline
            .entries
            .windows(2)
            .all(|pair| pair[0].version < pair[1].version)
    );
    shop.verify().await;
    shop.close().await;
}

#[tokio::test]
async fn a_till_that_waits_for_the_reservation_hears_of_it() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.stock("TEA", 1).await;
    let mut request = order("1", &[("TEA", 1)]);
    request.wait_for = WaitFor::Reserved.into();
    let answer = shop.place(request).await.unwrap();
    let seen = shop.get(&answer.order_id).await.unwrap();
    assert!(
        matches!(
            seen.fulfilment_status(),
            FulfilmentStatus::Reserved | FulfilmentStatus::Released
        ),
        "{seen:?}"
    );
    shop.close().await;
}

#[tokio::test]
async fn thirty_two_adapters_that_push_one_order_at_once_make_one_order() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.stock("TEA", 100).await;
    let request = order("77", &[("TEA", 1)]);
    let answers = join_all((0..32).map(|n| {
        let mut request = request.clone();
        // Every adapter has command ids of its own; the channel's number is what counts.
        request.header = ordo_scenarios::named(&format!("adapter-{n}"));
        shop.place(request)
    }))
    .await;
    let ids: HashSet<String> = answers
        .into_iter()
        .map(|answer| answer.unwrap().order_id)
        .collect();
    assert_eq!(ids.len(), 1);
    shop.settle().await;
    let listed = shop
        .intake()
        .list_orders(ListOrdersRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(listed.orders.len(), 1);
    shop.verify().await;
    shop.close().await;
}

#[tokio::test]
async fn a_changed_resend_is_reported_and_changes_nothing() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.stock("TEA", 100).await;
    let id = shop.placed(order("77", &[("TEA", 1)])).await;
    let refused = shop.place(order("77", &[("TEA", 2)])).await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
    let details = tonic_types::StatusExt::get_error_details(&refused);
    assert_eq!(
        details.error_info().unwrap().reason,
        "CHANNEL_ORDER_CHANGED"
    );
    assert_eq!(
        quantities(&shop.get(&id).await.unwrap(), |at| at.ordered),
        [1]
    );
    shop.close().await;
}

#[tokio::test]
async fn an_incomplete_order_is_kept_and_goes_on_once_it_is_completed() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.stock("TEA", 5).await;
    let mut request = order("5", &[("TEA", 1)]);
    request.contact = None;
    request.address = None;
    let answer = shop.place(request).await.unwrap();
    assert_eq!(answer.status(), OrderStatus::Received);
    let hold = &answer.holds[0];
    assert_eq!(hold.reason(), HoldReason::Incomplete);
    for field in ["contact.name", "contact.phone", "address.street"] {
        assert!(
            hold.fields.iter().any(|missing| missing == field),
            "{field} is not named in {:?}",
            hold.fields
        );
    }

    let complete = CompleteInformationRequest {
        header: header(),
        order_id: answer.order_id.clone(),
        contact: Some(contact()),
        address: Some(address()),
        ..CompleteInformationRequest::default()
    };
    let completed = again(|| async { shop.intake().complete_information(complete.clone()).await })
        .await
        .unwrap();
    assert!(completed.holds.is_empty(), "{:?}", completed.holds);
    shop.fulfil(&answer.order_id).await;
    shop.verify().await;
    shop.close().await;
}

#[tokio::test]
async fn an_unpaid_order_waits_for_its_payment() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.stock("TEA", 5).await;
    let mut request = order("6", &[("TEA", 1)]);
    let mut payment = request.payments.remove(0);
    let answer = shop.place(request).await.unwrap();
    assert_eq!(answer.holds[0].reason(), HoldReason::Unpaid);
    payment.amount = Some(pence(1000));
    let pay = RecordPaymentRequest {
        header: header(),
        order_id: answer.order_id.clone(),
        payment: Some(payment),
    };
    let paid = again(|| async { shop.intake().record_payment(pay.clone()).await })
        .await
        .unwrap();
    assert!(paid.holds.is_empty(), "{:?}", paid.holds);
    shop.fulfil(&answer.order_id).await;
    shop.close().await;
}

#[tokio::test]
async fn bad_input_is_refused_with_every_violation_at_once() {
    let shop = Shop::open(Store::Sqlite).await;
    let mut request = order("", &[("TEA", 1)]);
    request.channel = String::new();
    request.lines[0].quantity = -1;
    let refused = shop.place(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let details = tonic_types::StatusExt::get_error_details(&refused);
    let fields: Vec<String> = details
        .bad_request()
        .unwrap()
        .field_violations
        .iter()
        .map(|violation| violation.field.clone())
        .collect();
    for field in ["channel", "channel_order_number", "lines[0].quantity"] {
        assert!(
            fields.iter().any(|violated| violated == field),
            "{field} is not among {fields:?}"
        );
    }
    shop.close().await;
}

#[tokio::test]
async fn a_log_read_over_grpc_tells_an_orders_life_in_order() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.stock("TEA", 5).await;
    let id = shop.placed(order("9", &[("TEA", 1)])).await;
    shop.fulfil(&id).await;
    let page = shop
        .event_log("intake")
        .read(ReadRequest {
            limit: 1000,
            ..ReadRequest::default()
        })
        .await
        .unwrap()
        .into_inner();
    let positions: Vec<u64> = page.events.iter().map(|event| event.position).collect();
    assert_eq!(positions, (1..=positions.len() as u64).collect::<Vec<_>>());
    let of_order: Vec<u64> = page
        .events
        .iter()
        .filter(|event| event.aggregate_id == id)
        .map(|event| event.stream_version)
        .collect();
    assert_eq!(of_order, (1..=of_order.len() as u64).collect::<Vec<_>>());
    shop.close().await;
}
