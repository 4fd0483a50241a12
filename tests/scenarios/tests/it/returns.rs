//! Back through the four services.

use ordo_proto::{
    aftersales::{CaseKind, OpenCaseRequest, RefundRequest, RefundStatus},
    intake::{ListOrdersRequest, PaymentStatus},
};
use ordo_scenarios::{
    Shop, Store, again, header,
    orders::{order, pence, quantities},
};
use tonic::Code;

#[tokio::test]
async fn a_return_is_restocked_and_refunded_on_sqlite() {
    returned(Store::Sqlite).await;
}

#[tokio::test]
async fn a_return_is_restocked_and_refunded_on_postgres() {
    returned(Store::Postgres).await;
}

async fn returned(store: Store) {
    let shop = Shop::open(store).await;
    shop.stock("TEA", 5).await;
    let id = shop.placed(order("1", &[("TEA", 3)])).await;
    shop.fulfil(&id).await;
    let case_id = shop.open_case(&id, CaseKind::Return, "1", 2).await;
    shop.receive_return(&case_id).await;
    let case = shop.closed_case(&case_id).await;
    assert_eq!(case.refunds.len(), 1);
    assert_eq!(case.refunds[0].status(), RefundStatus::Settled);
    assert_eq!(case.refunds[0].amount, Some(pence(2000)));
    let order = shop
        .order_when(&id, |order| quantities(order, |at| at.returned) == [2])
        .await;
    assert_eq!(order.payment_status(), PaymentStatus::PartlyRefunded);
    shop.available_when("TEA", |row| row.on_hand == 4 && row.available == 4)
        .await;

    let too_much = RefundRequest {
        header: header(),
        case_id: case_id.clone(),
        amount: Some(pence(5000)),
        ..RefundRequest::default()
    };
    let refused = again(|| async { shop.aftersales().refund(too_much.clone()).await })
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    shop.verify().await;
    shop.close().await;
}

#[tokio::test]
async fn more_than_was_delivered_cannot_be_claimed() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.stock("TEA", 5).await;
    let id = shop.placed(order("1", &[("TEA", 2)])).await;
    shop.fulfil(&id).await;
    shop.open_case(&id, CaseKind::Return, "1", 2).await;
    let request = OpenCaseRequest {
        header: header(),
        order_id: id,
        kind: CaseKind::Return.into(),
        lines: vec![ordo_proto::aftersales::CaseLine {
            line_id: "1".to_owned(),
            quantity: 1,
            reason: "CHANGED_MIND".to_owned(),
            ..Default::default()
        }],
        ..OpenCaseRequest::default()
    };
    let refused = again(|| async { shop.aftersales().open_case(request.clone()).await })
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
    shop.verify().await;
    shop.close().await;
}

#[tokio::test]
async fn an_exchange_reserves_a_replacement_and_ships_it_once_the_return_is_in() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.stock("TEA", 5).await;
    let id = shop.placed(order("1", &[("TEA", 1)])).await;
    shop.fulfil(&id).await;
    let case_id = shop.open_case(&id, CaseKind::Exchange, "1", 1).await;
    let case = shop
        .case_when(&case_id, |case| !case.replacement_order_id.is_empty())
        .await;
    let replacement = case.replacement_order_id;
    shop.available_when("TEA", |row| row.reserved == 1).await;
    let waiting = shop.get(&replacement).await.unwrap();
    assert!(
        !waiting.holds.is_empty(),
        "it must wait for the return: {waiting:?}"
    );
    let contact = waiting
        .contact
        .expect("the replacement goes to the same customer");
    assert_eq!(contact.name, ordo_scenarios::orders::NAME);

    let refused = shop.cancel(&replacement, vec![]).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");

    shop.receive_return(&case_id).await;
    shop.order_when(&replacement, |order| order.holds.is_empty())
        .await;
    shop.fulfil(&replacement).await;
    shop.closed_case(&case_id).await;
    let listed = shop
        .intake()
        .list_orders(ListOrdersRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(listed.orders.len(), 2);
    shop.available_when("TEA", |row| row.on_hand == 4 && row.reserved == 0)
        .await;
    shop.verify().await;
    shop.close().await;
}
