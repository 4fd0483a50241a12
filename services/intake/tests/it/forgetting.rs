use ordo_event_log::{EventLog, EventLogConfig};
use ordo_intake::audit::Audit;
use ordo_proto::{
    intake::{ListOrdersRequest, OrderPlaced},
    privacy::{EraseSubjectRequest, GetDataKeysRequest},
};
use ordo_rpc::role;
use ordo_testkit::eventually;
use prost::Message as _;

use crate::{
    requests::*,
    shop::{PATIENCE, Shop, reason},
};

fn by_phone() -> ListOrdersRequest {
    ListOrdersRequest {
        phone: "13800138000".into(),
        ..ListOrdersRequest::default()
    }
}

async fn found(shop: &Shop, request: ListOrdersRequest) -> Vec<String> {
    let answer = shop
        .clerk()
        .list_orders(request)
        .await
        .unwrap()
        .into_inner();
    answer
        .orders
        .into_iter()
        .map(|order| order.order_id)
        .collect()
}

#[tokio::test]
async fn a_forgotten_customer_cannot_be_read_or_found_any_more_and_the_order_stays() {
    for store in ordo_testkit::stores().await.unwrap() {
        let shop = Shop::open_with(store, Default::default()).await;
        let placed = shop.place(order("T-1")).await;
        let order_id = placed.order_id.clone();
        let token = placed.receipt.unwrap().token;
        let request = ListOrdersRequest {
            at_least: token,
            ..by_phone()
        };
        assert_eq!(found(&shop, request).await, std::slice::from_ref(&order_id));
        let subject = shop.order(&order_id).await.customer_id;
        let erase = EraseSubjectRequest {
            subject: subject.clone(),
        };
        let mut keys = shop.key_store(&[role::SERVICE]);
        assert!(
            keys.erase_subject(erase.clone())
                .await
                .unwrap()
                .into_inner()
                .erased
        );
        let shown = shop.order(&order_id).await;
        assert!(shown.personal_data_erased && shown.contact.is_none() && shown.address.is_none());
        assert_eq!(shown.lines.len(), 2);
        eventually(PATIENCE, async || found(&shop, by_phone()).await.is_empty()).await;
        assert!(
            !keys.erase_subject(erase).await.unwrap().into_inner().erased,
            "nothing is left to erase"
        );
        // Somebody who comes back is somebody new.
        let back = ordo_proto::intake::PlaceOrderRequest {
            channel_customer_id: "buyer-of-T-1".into(),
            ..order("T-2")
        };
        let back = shop.place(back).await;
        assert_eq!(shop.order(&back.order_id).await.contact, Some(contact()));
        let request = ListOrdersRequest {
            at_least: back.receipt.unwrap().token,
            ..by_phone()
        };
        assert_eq!(found(&shop, request).await, [back.order_id]);
        shop.is_sound().await;
    }
}

#[tokio::test]
async fn keys_are_for_services_and_every_look_is_written_down() {
    let shop = Shop::open().await;
    let placed = shop.place(order("T-1")).await;
    shop.order(&placed.order_id).await;
    let key_id = key_of(&shop).await;
    let request = |purpose: &str| GetDataKeysRequest {
        key_ids: vec![key_id.clone()],
        purpose: purpose.into(),
    };
    let mut viewer = shop.key_store(&[role::VIEWER]);
    assert_eq!(
        reason(viewer.get_data_keys(request("label")).await),
        "ROLE_MISSING"
    );
    let mut service = shop.key_store(&[role::SERVICE]);
    assert_eq!(
        reason(service.get_data_keys(request("")).await),
        "INVALID_REQUEST"
    );
    let foreign = GetDataKeysRequest {
        key_ids: vec!["shop-2/x/1".into()],
        purpose: "label".into(),
    };
    assert_eq!(
        reason(service.get_data_keys(foreign).await),
        "KEY_OF_OTHER_TENANT"
    );
    service.get_data_keys(request("label")).await.unwrap();
    let audit = Audit::open(&shop.store.store_url()).await.unwrap();
    let looks: Vec<_> = audit
        .looks(&key_id, 10)
        .await
        .unwrap()
        .into_iter()
        .map(|(actor, purpose, _)| (actor, purpose))
        .collect();
    let look = |purpose: &str| ("alice".to_owned(), purpose.to_owned());
    assert_eq!(looks, [look("label"), look("order")]);
}

/// The key that seals the only order's contact.
async fn key_of(shop: &Shop) -> String {
    let config = EventLogConfig::new("intake", shop.store.store_url());
    let log = EventLog::open(config).await.unwrap();
    let first = log.read(0, 0, 1).await.unwrap().remove(0);
    log.close().await;
    let placed = OrderPlaced::decode(first.payload).unwrap();
    placed.contact.unwrap().key_id
}
