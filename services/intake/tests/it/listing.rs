use ordo_proto::{
    intake::{
        ChannelOrderKey, FulfilmentStatus, GetOrderRequest, HoldReason, ListOrdersRequest,
        OrderSort, OrderStatus, PlaceOrderRequest, get_order_request::Key,
    },
    types::{ConsistencyToken, Contact, Page, TimeRange},
};
use prost_types::Timestamp;

use crate::{
    requests::*,
    shop::{Shop, reason},
};

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

/// Five orders, an hour apart; numbers 1 to 5.
async fn five(shop: &Shop) -> (Vec<String>, Option<ConsistencyToken>) {
    let mut ids = Vec::new();
    let mut token = None;
    for n in 1..=5_i64 {
        let mut request = PlaceOrderRequest {
            channel: if n == 2 { "jd".into() } else { "taobao".into() },
            channel_customer_id: format!("buyer-{}", n % 2),
            ordered_at: at(1_700_000_000 + n * 3_600),
            due: None,
            ..order(&n.to_string())
        };
        if n == 3 {
            request.payments.clear();
        }
        if n == 4 {
            request.contact = Some(Contact {
                name: "Li  NA".into(),
                phone: "13900139000".into(),
                email: String::new(),
            });
            request.lines[0] = line("Z", 5, 1_000);
            request.payments = vec![paid("p1", 5_800)];
        }
        let placed = shop.place(request).await;
        ids.push(placed.order_id);
        token = placed.receipt.unwrap().token;
    }
    (ids, token)
}

async fn numbers(shop: &Shop, request: ListOrdersRequest) -> Vec<String> {
    let mut numbers = Vec::new();
    let mut page = String::new();
    loop {
        let request = ListOrdersRequest {
            page: Some(Page {
                size: 2,
                token: page,
            }),
            ..request.clone()
        };
        let answer = shop
            .clerk()
            .list_orders(request)
            .await
            .unwrap()
            .into_inner();
        assert!(answer.orders.len() <= 2);
        numbers.extend(
            answer
                .orders
                .into_iter()
                .map(|order| order.channel_order_number),
        );
        if answer.next_page_token.is_empty() {
            return numbers;
        }
        page = answer.next_page_token;
    }
}

#[tokio::test]
async fn orders_are_found_by_every_filter_in_every_order_page_by_page() {
    for store in ordo_testkit::stores().await.unwrap() {
        let shop = Shop::open_with(store, Default::default()).await;
        let (ids, token) = five(&shop).await;
        let all = || ListOrdersRequest {
            at_least: token.clone(),
            ..ListOrdersRequest::default()
        };
        let check = async |request: ListOrdersRequest, expected: &[&str]| {
            let text = format!("{request:?}");
            assert_eq!(numbers(&shop, request).await, expected, "{text}");
        };
        check(all(), &["5", "4", "3", "2", "1"]).await;
        let sorted = |sort: OrderSort| ListOrdersRequest {
            sort: sort.into(),
            ..all()
        };
        check(sorted(OrderSort::Oldest), &["1", "2", "3", "4", "5"]).await;
        assert_eq!(numbers(&shop, sorted(OrderSort::Amount)).await[0], "4");
        assert_eq!(numbers(&shop, sorted(OrderSort::Amount)).await.len(), 5);
        let received = vec![OrderStatus::Received.into()];
        check(
            ListOrdersRequest {
                statuses: received,
                ..all()
            },
            &["3"],
        )
        .await;
        let unpaid = vec![HoldReason::Unpaid.into()];
        check(
            ListOrdersRequest {
                holds: unpaid,
                ..all()
            },
            &["3"],
        )
        .await;
        let either = vec![HoldReason::Unpaid.into(), HoldReason::Review.into()];
        check(
            ListOrdersRequest {
                holds: either,
                ..all()
            },
            &["3"],
        )
        .await;
        check(
            ListOrdersRequest {
                channel: "jd".into(),
                ..all()
            },
            &["2"],
        )
        .await;
        let ordered = Some(TimeRange {
            from: at(1_700_000_000 + 2 * 3_600),
            until: at(1_700_000_000 + 4 * 3_600),
        });
        check(ListOrdersRequest { ordered, ..all() }, &["3", "2"]).await;
        check(
            ListOrdersRequest {
                sku: "Z".into(),
                ..all()
            },
            &["4"],
        )
        .await;
        check(
            ListOrdersRequest {
                sku: "B".into(),
                ..all()
            },
            &["5", "4", "3", "2", "1"],
        )
        .await;
        let by_sku = ListOrdersRequest {
            sku: "B".into(),
            sort: OrderSort::Oldest.into(),
            ..all()
        };
        check(by_sku, &["1", "2", "3", "4", "5"]).await;
        check(
            ListOrdersRequest {
                phone: "+86 139 0013 9000".into(),
                ..all()
            },
            &["4"],
        )
        .await;
        check(
            ListOrdersRequest {
                customer_name: "li na".into(),
                ..all()
            },
            &["4"],
        )
        .await;
        check(
            ListOrdersRequest {
                channel_order_number: "5".into(),
                ..all()
            },
            &["5"],
        )
        .await;
        check(
            ListOrdersRequest {
                due_from: Some(2_801),
                ..all()
            },
            &["4"],
        )
        .await;
        check(
            ListOrdersRequest {
                due_until: Some(2_800),
                sku: "Z".into(),
                ..all()
            },
            &[],
        )
        .await;
        let unreserved = vec![FulfilmentStatus::Unreserved.into()];
        check(
            ListOrdersRequest {
                fulfilment_statuses: unreserved,
                channel: "jd".into(),
                ..all()
            },
            &["2"],
        )
        .await;
        let customer_id = shop.order(&ids[0]).await.customer_id;
        check(
            ListOrdersRequest {
                customer_id,
                ..all()
            },
            &["5", "3", "1"],
        )
        .await;

        shop.allocate(&ids[0], 1, &[("1", "A", 2), ("2", "B", 1)])
            .await;
        shop.order_when(&ids[0], |order| {
            order.fulfilment_status() == FulfilmentStatus::Released
        })
        .await;
        shop.dispatch(&ids[0], &everything()).await;
        shop.order_when(&ids[0], |order| !order.parcels.is_empty())
            .await;
        let tracking_number = format!("SF-{}", ids[0]);
        let request = ListOrdersRequest {
            tracking_number,
            ..ListOrdersRequest::default()
        };
        ordo_testkit::eventually(crate::shop::PATIENCE, async || {
            numbers(&shop, request.clone()).await == ["1"]
        })
        .await;
        shop.is_sound().await;
    }
}

#[tokio::test]
async fn an_order_is_found_by_its_channels_number() {
    let shop = Shop::open().await;
    let placed = shop.place(order("T-1")).await;
    let key = ChannelOrderKey {
        channel: "taobao".into(),
        channel_order_number: "T-1".into(),
    };
    let request = GetOrderRequest {
        key: Some(Key::ChannelOrder(key)),
        at_least: placed.receipt.unwrap().token,
    };
    let order = shop
        .clerk()
        .get_order(request)
        .await
        .unwrap()
        .into_inner()
        .order
        .unwrap();
    assert_eq!(order.order_id, placed.order_id);
    assert_eq!(order.ordered_at, at(1_700_000_000));
    assert_eq!(
        reason(shop.clerk().get_order(GetOrderRequest::default()).await),
        "INVALID_REQUEST"
    );
}

#[tokio::test]
async fn a_page_token_is_good_for_its_query_only() {
    let shop = Shop::open().await;
    let (_, token) = five(&shop).await;
    let page = |token: String| Some(Page { size: 1, token });
    let first = ListOrdersRequest {
        page: page(String::new()),
        at_least: token,
        ..ListOrdersRequest::default()
    };
    let first = shop.clerk().list_orders(first).await.unwrap().into_inner();
    let other = ListOrdersRequest {
        channel: "jd".into(),
        page: page(first.next_page_token),
        ..ListOrdersRequest::default()
    };
    assert_eq!(
        reason(shop.clerk().list_orders(other).await),
        "PAGE_TOKEN_INVALID"
    );
}
