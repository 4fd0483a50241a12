//! Read models, tokens, streams.

use futures::StreamExt as _;
use ordo_proto::{
    intake::{GetOrderRequest, ListOrdersRequest, OrderStatus, get_order_request::Key},
    log::{EventFilter, SubscribeRequest, subscribe_response::Item},
    ops::{ListProjectionsRequest, RebuildProjectionRequest},
    types::Page,
};
use ordo_scenarios::{
    Shop, Store, again,
    orders::{NAME, PHONE, order},
};

#[tokio::test]
async fn a_read_model_is_rebuilt_while_it_serves_and_nothing_differs() {
    for store in [Store::Sqlite, Store::Postgres] {
        let shop = Shop::open(store).await;
        shop.stock("TEA", 100).await;
        for number in 0..20 {
            shop.placed(order(&number.to_string(), &[("TEA", 1)])).await;
        }
        shop.settle().await;
        for service in ordo_cluster::SERVICES {
            let models = shop
                .operations(service)
                .list_projections(ListProjectionsRequest {})
                .await
                .unwrap()
                .into_inner()
                .projections;
            assert!(!models.is_empty());
            for model in models {
                let request = RebuildProjectionRequest {
                    name: model.name.clone(),
                };
                let mut steps = shop
                    .operations(service)
                    .rebuild_projection(request)
                    .await
                    .unwrap()
                    .into_inner();
                // It serves meanwhile.
                shop.placed(order(&format!("{service}-{}", model.name), &[("TEA", 1)]))
                    .await;
                let mut last = None;
                while let Some(step) = steps.next().await {
                    last = Some(step.unwrap());
                }
                let last = last.unwrap();
                assert!(last.switched, "{service}.{}", model.name);
                assert_eq!(last.rows_different, 0, "{service}.{}", model.name);
            }
        }
        shop.verify().await;
        shop.close().await;
    }
}

#[tokio::test]
async fn a_query_with_the_commands_token_sees_the_command() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.stock("TEA", 100).await;
    for number in 0..20 {
        let answer = shop
            .place(order(&number.to_string(), &[("TEA", 1)]))
            .await
            .unwrap();
        let token = answer.receipt.unwrap().token;
        let list = ListOrdersRequest {
            channel_order_number: number.to_string(),
            at_least: token.clone(),
            ..ListOrdersRequest::default()
        };
        let listed = again(|| async { shop.intake().list_orders(list.clone()).await })
            .await
            .unwrap();
        assert_eq!(listed.orders.len(), 1);
        let get = GetOrderRequest {
            key: Some(Key::OrderId(answer.order_id)),
            at_least: token,
        };
        again(|| async { shop.intake().get_order(get.clone()).await })
            .await
            .unwrap();
    }
    shop.close().await;
}

#[tokio::test]
async fn orders_are_found_by_every_filter_and_paged() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.stock("TEA", 100).await;
    for number in 0..7 {
        shop.placed(order(&number.to_string(), &[("TEA", 1)])).await;
    }
    let mut other = order("x", &[("CUP", 1)]);
    other.channel = "phone".to_owned();
    other.address = None;
    shop.placed(other).await;
    shop.settle().await;
    let count = async |request: ListOrdersRequest| {
        again(|| async { shop.intake().list_orders(request.clone()).await })
            .await
            .unwrap()
            .orders
            .len()
    };
    let all = ListOrdersRequest::default();
    assert_eq!(count(all.clone()).await, 8);
    assert_eq!(
        count(ListOrdersRequest {
            channel: "phone".into(),
            ..all.clone()
        })
        .await,
        1
    );
    assert_eq!(
        count(ListOrdersRequest {
            sku: "TEA".into(),
            ..all.clone()
        })
        .await,
        7
    );
    assert_eq!(
        count(ListOrdersRequest {
            phone: PHONE.replace(' ', "-"),
            ..all.clone()
        })
        .await,
        8
    );
    assert_eq!(
        count(ListOrdersRequest {
            customer_name: NAME.to_uppercase(),
            ..all.clone()
        })
        .await,
        8
    );
    assert_eq!(
        count(ListOrdersRequest {
            phone: "999".into(),
            ..all.clone()
        })
        .await,
        0
    );
    let received = vec![OrderStatus::Received.into()];
    assert_eq!(
        count(ListOrdersRequest {
            statuses: received,
            ..all.clone()
        })
        .await,
        1
    );

    let mut seen = Vec::new();
    let mut token = String::new();
    loop {
        let page = Some(Page { size: 3, token });
        let request = ListOrdersRequest {
            page,
            ..all.clone()
        };
        let answer = again(|| async { shop.intake().list_orders(request.clone()).await })
            .await
            .unwrap();
        seen.extend(answer.orders.into_iter().map(|order| order.order_id));
        token = answer.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen.len(), 8);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 8);
    shop.close().await;
}

#[tokio::test]
async fn a_dashboard_follows_a_stream_across_a_restart_with_nothing_missed_and_nothing_twice() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.stock("TEA", 100).await;
    let mut after = Vec::new();
    let mut seen = Vec::new();
    for round in 0..3 {
        let id = shop.placed(order(&round.to_string(), &[("TEA", 1)])).await;
        let request = SubscribeRequest {
            after: after.clone(),
            filter: Some(EventFilter {
                types: vec!["ordo.intake.v1.OrderPlaced".to_owned()],
                ..EventFilter::default()
            }),
            ..SubscribeRequest::default()
        };
        let mut items = shop
            .event_log("intake")
            .subscribe(request)
            .await
            .unwrap()
            .into_inner();
        while let Some(Ok(item)) = items.next().await {
            match item.item {
                Some(Item::Event(event)) => seen.push(event.aggregate_id),
                Some(Item::Progress(progress)) => {
                    after = vec![progress];
                    if seen.last() == Some(&id) {
                        break;
                    }
                }
                None => {}
            }
        }
        shop.cluster.kill("intake").unwrap();
        shop.cluster.wait_until_ready("intake").await.unwrap();
    }
    assert_eq!(seen.len(), 3);
    seen.dedup();
    assert_eq!(seen.len(), 3);
    shop.close().await;
}
