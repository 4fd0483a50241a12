use ordo_event_log::TenantId;
use ordo_proto::{
    intake::{
        ChannelOrderKey, FulfilmentStatus, GetOrderRequest, HoldReason, OrderStatus,
        PlaceOrderRequest, WaitFor, get_order_request::Key,
    },
    types::Contact,
};
use ordo_rpc::role;
use ordo_testkit::eventually;
use tonic_types_reason::metadata_of;

use crate::{
    neighbours::Asked,
    requests::*,
    shop::{PATIENCE, Shop, order_as, reason},
};

mod tonic_types_reason {
    use tonic::Status;

    /// The text of a refusal's details, in which metadata values can be looked for.
    pub fn metadata_of(status: &Status) -> String {
        String::from_utf8_lossy(status.details()).into_owned()
    }
}

#[tokio::test]
async fn the_same_channel_order_is_one_order_however_often_and_by_whomever_it_is_pushed() {
    let shop = Shop::open().await;
    let pushes = (0..8).map(|_| {
        let mut adapter = shop.desk(&[role::CHANNEL]);
        tokio::spawn(async move {
            adapter
                .place_order(order("T-1"))
                .await
                .unwrap()
                .into_inner()
        })
    });
    let mut answers = Vec::new();
    for push in pushes.collect::<Vec<_>>() {
        answers.push(push.await.unwrap());
    }
    assert!(
        answers
            .iter()
            .all(|answer| answer.order_id == answers[0].order_id)
    );
    let first = |answer: &&ordo_proto::intake::PlaceOrderResponse| {
        !answer.receipt.as_ref().unwrap().duplicate
    };
    assert_eq!(answers.iter().filter(first).count(), 1);
    assert!(
        answers
            .iter()
            .all(|answer| answer.status() == OrderStatus::Open)
    );
    eventually(PATIENCE, async || !shop.inventory.asked().is_empty()).await;
    let [Asked::Reserve(reserve)] = &shop.inventory.asked()[..] else {
        panic!("reserved once")
    };
    assert_eq!(reserve.reservation_id, answers[0].order_id);
    assert_eq!(reserve.lines.len(), 2);
    shop.is_sound().await;
}

#[tokio::test]
async fn a_resend_without_a_customer_is_the_same_order_too() {
    let shop = Shop::open().await;
    let anonymous = PlaceOrderRequest {
        channel_customer_id: String::new(),
        ..order("T-1")
    };
    let first = shop.place(anonymous.clone()).await;
    let again = shop.place(anonymous).await;
    assert_eq!(first.order_id, again.order_id);
    assert!(again.receipt.unwrap().duplicate);
}

#[tokio::test]
async fn white_space_around_a_number_does_not_make_another_order() {
    let shop = Shop::open().await;
    let placed = shop.place(order("T-1")).await;
    for number in ["T-1 ", "\tT-1\r\n", "\u{3000}T-1"] {
        let again = shop
            .place(PlaceOrderRequest {
                channel_order_number: number.into(),
                ..order("T-1")
            })
            .await;
        assert_eq!(again.order_id, placed.order_id, "{number:?}");
        assert!(again.receipt.unwrap().duplicate);
        let mut clerk = shop.clerk();
        let found = clerk.get_order(GetOrderRequest {
            key: Some(Key::ChannelOrder(ChannelOrderKey {
                channel: "taobao".into(),
                channel_order_number: number.into(),
            })),
            at_least: placed.receipt.as_ref().and_then(|at| at.token.clone()),
        });
        let found = found.await.unwrap().into_inner().order.unwrap();
        assert_eq!(found.order_id, placed.order_id, "{number:?}");
        assert_eq!(found.channel_order_number, "T-1");
    }
}

#[tokio::test]
async fn a_changed_resend_is_told_with_the_order_that_it_is_about() {
    let shop = Shop::open().await;
    let placed = shop.place(order("T-1")).await;
    let mut changed = order("T-1");
    changed.contact.as_mut().unwrap().phone = "13900139000".into();
    let refused = shop.clerk().place_order(changed).await.unwrap_err();
    assert!(
        metadata_of(&refused).contains(&placed.order_id),
        "{refused:?}"
    );
    assert_eq!(reason::<()>(Err(refused)), "CHANNEL_ORDER_CHANGED");
}

#[tokio::test]
async fn an_incomplete_order_is_kept_and_everything_missing_is_named() {
    let shop = Shop::open().await;
    let bare = PlaceOrderRequest {
        channel: "phone".into(),
        channel_order_number: "7".into(),
        ..PlaceOrderRequest::default()
    };
    let placed = shop.place(bare).await;
    assert_eq!(placed.status(), OrderStatus::Received);
    let [incomplete] = &placed.holds[..] else {
        panic!("{:?}", placed.holds)
    };
    assert_eq!(incomplete.reason(), HoldReason::Incomplete);
    assert_eq!(
        incomplete.fields,
        ["delivery_method", "payment_terms", "lines"]
    );
}

#[tokio::test]
async fn a_malformed_order_is_refused_with_every_fault() {
    let shop = Shop::open().await;
    let mut malformed = order("");
    malformed.channel = "TAOBAO".into();
    malformed.lines[0].quantity = -2;
    let refused = shop.clerk().place_order(malformed).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    for field in ["channel:", "channel_order_number:", "lines[0].quantity:"] {
        assert!(refused.message().contains(field), "{}", refused.message());
    }
}

#[tokio::test]
async fn a_till_waits_until_the_stock_is_reserved() {
    let shop = Shop::open().await;
    let waiting = PlaceOrderRequest {
        wait_for: WaitFor::Reserved.into(),
        wait_timeout_ms: 20_000,
        ..order("T-1")
    };
    let mut till = shop.clerk();
    let placing =
        tokio::spawn(async move { till.place_order(waiting).await.unwrap().into_inner() });
    eventually(PATIENCE, async || !shop.inventory.asked().is_empty()).await;
    let [Asked::Reserve(reserve)] = &shop.inventory.asked()[..] else {
        panic!("reserved once")
    };
    assert!(!placing.is_finished(), "it is not known yet");
    shop.allocate(&reserve.reservation_id, 1, &[("1", "A", 2), ("2", "B", 1)])
        .await;
    let placed = placing.await.unwrap();
    assert!(placed.holds.is_empty());
    assert!(
        matches!(
            placed.fulfilment_status(),
            FulfilmentStatus::Reserved | FulfilmentStatus::Released
        ),
        "{placed:?}"
    );
    let order = shop.order(&placed.order_id).await;
    assert_eq!(order.allocations.len(), 2);
}

#[tokio::test]
async fn waiting_for_stock_ends_with_its_time() {
    let shop = Shop::open().await;
    let waiting = PlaceOrderRequest {
        wait_for: WaitFor::Reserved.into(),
        wait_timeout_ms: 50,
        ..order("T-1")
    };
    let placed = shop.place(waiting).await;
    assert_eq!(placed.status(), OrderStatus::Open);
    assert_eq!(placed.fulfilment_status(), FulfilmentStatus::Unreserved);
    assert!(placed.holds.is_empty());
}

#[tokio::test]
async fn nothing_personal_stands_in_the_log_in_clear() {
    let shop = Shop::open().await;
    let placed = shop.place(order("T-1")).await;
    let mut till = shop.clerk();
    let amend = ordo_proto::intake::AmendAddressRequest {
        header: header("amend"),
        order_id: placed.order_id.clone(),
        contact: Some(Contact {
            name: "Li Secretname".into(),
            ..contact()
        }),
        address: None,
    };
    till.amend_address(amend).await.unwrap();
    let log = ordo_event_log::EventLog::open(ordo_event_log::EventLogConfig::new(
        "intake",
        shop.store.store_url(),
    ))
    .await
    .unwrap();
    for partition in 0..log.partitions() {
        for event in log.read(partition, 0, 1_000).await.unwrap() {
            let text = String::from_utf8_lossy(&event.payload).into_owned();
            for secret in ["Secret", "secret", "138", "buyer-of"] {
                assert!(!text.contains(secret), "{} holds {secret}", event.type_name);
            }
        }
    }
    log.close().await;
}

#[tokio::test]
async fn personal_data_is_shown_to_those_who_need_it_and_masked_for_others() {
    let shop = Shop::open().await;
    let placed = shop.place(order("T-1")).await;
    let agent = order_as(&shop.desk(&[role::AGENT]), &placed.order_id).await;
    assert_eq!(
        (agent.contact, agent.address),
        (Some(contact()), Some(address()))
    );
    let viewer = order_as(&shop.desk(&[role::VIEWER]), &placed.order_id).await;
    let masked = viewer.contact.unwrap();
    assert_eq!(
        (masked.name.as_str(), masked.phone.as_str()),
        ("Z**", "861****8000")
    );
    assert_eq!(viewer.address.unwrap().street, "***");
}

#[tokio::test]
async fn one_tenant_never_sees_anothers_orders() {
    let shop = Shop::open().await;
    let placed = shop.place(order("T-1")).await;
    let other = TenantId::new("shop-2").unwrap();
    let mut stranger = shop.desk_of(&other, &[role::ADMIN]);
    for key in [
        Key::OrderId(placed.order_id.clone()),
        Key::ChannelOrder(ChannelOrderKey {
            channel: "taobao".into(),
            channel_order_number: "T-1".into(),
        }),
    ] {
        let request = GetOrderRequest {
            key: Some(key),
            at_least: placed.receipt.clone().unwrap().token,
        };
        assert_eq!(reason(stranger.get_order(request).await), "ORDER_UNKNOWN");
    }
    // The same number is another order there.
    let theirs = stranger
        .place_order(order("T-1"))
        .await
        .unwrap()
        .into_inner();
    assert_ne!(theirs.order_id, placed.order_id);
}

#[tokio::test]
async fn only_services_place_replacements() {
    let shop = Shop::open().await;
    let placed = shop.place(order("T-1")).await;
    let replacement = PlaceOrderRequest {
        channel: "exchange".into(),
        channel_order_number: format!("{}-C1", placed.order_id),
        lines: vec![ordo_proto::intake::PlaceOrderLine {
            no_charge: true,
            unit_price: cny(0),
            ..line("A", 1, 0)
        }],
        payment_terms: ordo_proto::intake::PaymentTerms::Prepaid.into(),
        replacement_for_case: format!("{}-C1", placed.order_id),
        await_return: true,
        ..PlaceOrderRequest::default()
    };
    let mut agent = shop.desk(&[role::AGENT]);
    assert_eq!(
        reason(agent.place_order(replacement.clone()).await),
        "SERVICE_FIELD"
    );
    let placed = shop.place(replacement).await;
    let reasons: Vec<_> = placed.holds.iter().map(|hold| hold.reason()).collect();
    assert_eq!(
        reasons,
        [HoldReason::AwaitingReturn],
        "its recipient is that of the replaced order"
    );
    let order = shop.order(&placed.order_id).await;
    assert_eq!(order.contact, Some(contact()));
    assert_eq!(
        order.customer_id,
        shop.order(placed.order_id.as_str()).await.customer_id
    );
}
