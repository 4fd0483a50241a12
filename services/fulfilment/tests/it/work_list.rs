//! The list that pickers and robots work from.

use ordo_event_log::TenantId;
use ordo_proto::{
    fulfilment::{
        FulfilmentOrderStatus as Status, GetFulfilmentOrderRequest, ListWorkRequest,
        StartPickingRequest,
    },
    types::Page,
};
use ordo_rpc::role;
use ordo_testkit::{sqlite, stores};
use tonic::Code;

use crate::warehouse::{Warehouse, reason};

fn page(size: u32, token: &str) -> Option<Page> {
    Some(Page {
        size,
        token: token.to_owned(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_go_from_the_oldest_to_the_newest_on_every_store() {
    for store in stores().await.unwrap() {
        let warehouse = Warehouse::open(&store).await;
        let mut opened = Vec::new();
        for _ in 0..5 {
            opened.push(warehouse.open_order().await);
        }
        let mut desk = warehouse.desk(&[role::VIEWER]);
        let mut seen = Vec::new();
        let mut token = String::new();
        loop {
            let request = ListWorkRequest {
                page: page(2, &token),
                ..ListWorkRequest::default()
            };
            let answer = desk.list_work(request).await.unwrap().into_inner();
            assert!(answer.work.len() <= 2);
            seen.extend(
                answer
                    .work
                    .into_iter()
                    .map(|order| order.fulfilment_order_id),
            );
            token = answer.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, opened, "{}", store.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_combine() {
    let store = sqlite().unwrap();
    let warehouse = Warehouse::open(&store).await;
    let first = warehouse.open_order().await;
    let second = warehouse.open_order().await;
    let elsewhere = warehouse.new_order();
    let mut released = warehouse.released(&elsewhere, 1).await;
    released.site_id = "south".into();
    warehouse.open_work(released).await;
    let mut desk = warehouse.desk(&[role::PICKER]);
    let start = StartPickingRequest {
        fulfilment_order_id: second.clone(),
        worker: "chen".into(),
        ..StartPickingRequest::default()
    };
    desk.start_picking(start).await.unwrap();
    warehouse.when_status(&second, Status::Picking).await;

    let mut ids = async |filter: ListWorkRequest| {
        let work = desk.list_work(filter).await.unwrap().into_inner().work;
        work.into_iter()
            .map(|order| order.fulfilment_order_id)
            .collect::<Vec<_>>()
    };
    let all = ListWorkRequest::default;
    let north = ListWorkRequest {
        site_id: "north".into(),
        ..all()
    };
    assert_eq!(ids(north.clone()).await, [first.clone(), second.clone()]);
    let open_in_north = ListWorkRequest {
        statuses: vec![Status::Open.into()],
        ..north
    };
    assert_eq!(ids(open_in_north).await, [first]);
    assert_eq!(
        ids(ListWorkRequest {
            worker: "chen".into(),
            ..all()
        })
        .await,
        [second]
    );
    let one = ListWorkRequest {
        order_id: elsewhere.clone(),
        ..all()
    };
    assert_eq!(ids(one).await, [format!("{elsewhere}-F1")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_token_is_good_for_its_own_query_only() {
    let store = sqlite().unwrap();
    let warehouse = Warehouse::open(&store).await;
    warehouse.open_order().await;
    warehouse.open_order().await;
    let mut desk = warehouse.desk(&[role::VIEWER]);
    let request = ListWorkRequest {
        page: page(1, ""),
        ..ListWorkRequest::default()
    };
    let token = desk
        .list_work(request)
        .await
        .unwrap()
        .into_inner()
        .next_page_token;
    let other = ListWorkRequest {
        site_id: "south".into(),
        page: page(1, &token),
        ..ListWorkRequest::default()
    };
    assert_eq!(reason(desk.list_work(other).await), "PAGE_TOKEN_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tenant_never_sees_anothers_work() {
    let store = sqlite().unwrap();
    let warehouse = Warehouse::open(&store).await;
    let id = warehouse.open_order().await;
    let stranger = TenantId::new("shop-2").unwrap();
    let mut desk = warehouse.desk_of(&stranger, &[role::ADMIN]);
    let list = desk
        .list_work(ListWorkRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(list.work, []);
    let request = GetFulfilmentOrderRequest {
        fulfilment_order_id: id.clone(),
        at_least: None,
    };
    let refused = desk.get_fulfilment_order(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    let start = StartPickingRequest {
        fulfilment_order_id: id,
        ..StartPickingRequest::default()
    };
    assert_eq!(
        reason(desk.start_picking(start).await),
        "FULFILMENT_ORDER_NOT_FOUND"
    );
}
