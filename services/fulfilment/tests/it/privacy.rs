//! Who sees where the goods go.

use ordo_proto::fulfilment::GetFulfilmentOrderRequest;
use ordo_rpc::role;
use ordo_testkit::sqlite;

use crate::warehouse::Warehouse;

#[tokio::test(flavor = "multi_thread")]
async fn the_recipient_is_opened_for_those_who_write_labels_only() {
    let store = sqlite().unwrap();
    let warehouse = Warehouse::open(&store).await;
    let order_id = warehouse.new_order();
    let mut released = warehouse.released(&order_id, 1).await;
    let message = "Happy birthday".to_owned();
    released.wishes = Some(ordo_proto::intake::Wishes {
        gift_wrap: true,
        gift_message: Some(
            warehouse
                .vault
                .seal("shop-1", "anna", "gift_message", &message)
                .await
                .unwrap(),
        ),
        ..Default::default()
    });
    let id = warehouse.open_work(released).await;
    let request = || GetFulfilmentOrderRequest {
        fulfilment_order_id: id.clone(),
        at_least: None,
    };
    for labeller in [role::PACKER, role::WAREHOUSE, role::ADMIN, role::OPERATOR] {
        let answer = warehouse
            .desk(&[labeller])
            .get_fulfilment_order(request())
            .await
            .unwrap();
        let order = answer.into_inner().fulfilment_order.unwrap();
        assert_eq!(
            order.contact.unwrap().phone,
            "+44 20 7946 0000",
            "{labeller}"
        );
        assert_eq!(order.address.unwrap().street, "1 High Street");
        assert_eq!(order.gift_message, "Happy birthday");
    }
    for other in [role::PICKER, role::VIEWER, role::SERVICE, role::CLERK] {
        let answer = warehouse
            .desk(&[other])
            .get_fulfilment_order(request())
            .await
            .unwrap();
        let order = answer.into_inner().fulfilment_order.unwrap();
        assert_eq!(
            (order.contact, order.gift_message.as_str()),
            (None, ""),
            "{other}"
        );
        let address = order.address.unwrap();
        assert_eq!(
            (address.city.as_str(), address.street.as_str()),
            ("Leeds", "")
        );
        assert!(order.gift_wrap, "what is not personal is shown");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_erasure_nobody_can_read_the_recipient() {
    let store = sqlite().unwrap();
    let warehouse = Warehouse::open(&store).await;
    let id = warehouse.open_order().await;
    let mut key_in_memory = warehouse.when(&id, |_| true).await;
    assert!(key_in_memory.contact.take().is_some());
    warehouse.vault.erase("shop-1", "anna").await.unwrap();
    // Another process may use a key from memory for a while; a restarted one has none.
    let mut warehouse = warehouse;
    warehouse.stop().await;
    warehouse.start(Default::default()).await;
    let erased = warehouse.when(&id, |order| order.contact.is_none()).await;
    assert_eq!(erased.address, None);
    assert_eq!(erased.lines.len(), 2, "the work itself stays");
}
