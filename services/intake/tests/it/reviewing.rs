use ordo_intake::{
    config::ShopRules,
    order::{ReviewRule, ReviewRules},
};
use ordo_proto::{
    intake::{
        AmendAddressRequest, CompleteInformationRequest, HoldOrderRequest, HoldReason, OrderStatus,
        PlaceOrderRequest, RecordPaymentRequest, RejectOrderRequest, ReleaseHoldRequest,
    },
    types::{Address, Contact},
};
use ordo_rpc::role;

use crate::{
    requests::*,
    shop::{Shop, reason},
};

#[tokio::test]
async fn a_rule_holds_an_order_until_a_reviewer_releases_it() {
    let rule = ReviewRule {
        name: "large order".into(),
        currency: "CNY".into(),
        due_from: Some(2_800),
        ..ReviewRule::default()
    };
    let rules = ShopRules {
        review: ReviewRules(vec![rule]).into(),
        ..ShopRules::default()
    };
    let shop = Shop::open_with(ordo_testkit::sqlite().unwrap(), rules).await;
    let placed = shop.place(order("T-1")).await;
    assert!(placed.holds[0].detail.contains("large order"));
    let release = ReleaseHoldRequest {
        header: header("release"),
        order_id: placed.order_id.clone(),
        hold_id: placed.holds[0].hold_id.clone(),
    };
    let mut clerk = shop.desk(&[role::CLERK]);
    assert_eq!(
        reason(clerk.release_hold(release.clone()).await),
        "ROLE_MISSING"
    );
    let mut reviewer = shop.desk(&[role::REVIEWER]);
    let open = reviewer.release_hold(release).await.unwrap().into_inner();
    assert_eq!(open.status(), OrderStatus::Open);
}

#[tokio::test]
async fn what_was_missing_is_supplied_piece_by_piece() {
    let shop = Shop::open().await;
    let lacking = PlaceOrderRequest {
        contact: Some(Contact {
            name: "Zhang".into(),
            ..Contact::default()
        }),
        address: Some(Address {
            street: String::new(),
            ..address()
        }),
        payments: vec![],
        ..order("T-1")
    };
    let placed = shop.place(lacking).await;
    let order_id = placed.order_id.clone();
    assert_eq!(placed.holds[0].fields, ["contact.phone", "address.street"]);
    let supply = |contact, address| CompleteInformationRequest {
        header: header(""),
        order_id: order_id.clone(),
        contact,
        address,
        ..CompleteInformationRequest::default()
    };
    let mut desk = shop.clerk();
    let phone = Contact {
        phone: "13800138000".into(),
        ..Contact::default()
    };
    let answer = desk
        .complete_information(supply(Some(phone), None))
        .await
        .unwrap()
        .into_inner();
    let incomplete = answer
        .holds
        .iter()
        .find(|hold| hold.reason() == HoldReason::Incomplete)
        .unwrap();
    assert_eq!(incomplete.fields, ["address.street"]);
    let street = Address {
        street: "Secretstreet 2".into(),
        ..Address::default()
    };
    desk.complete_information(supply(None, Some(street)))
        .await
        .unwrap();
    let pay = RecordPaymentRequest {
        header: header("pay"),
        order_id: order_id.clone(),
        payment: Some(paid("p1", 2_800)),
    };
    assert_eq!(
        desk.record_payment(pay)
            .await
            .unwrap()
            .into_inner()
            .status(),
        OrderStatus::Open
    );
    let order = shop.order(&order_id).await;
    let (contact, address) = (order.contact.unwrap(), order.address.unwrap());
    assert_eq!(
        (contact.name.as_str(), contact.phone.as_str()),
        ("Zhang", "13800138000")
    );
    assert_eq!(
        (address.city.as_str(), address.street.as_str()),
        ("杭州市", "Secretstreet 2")
    );
}

#[tokio::test]
async fn a_retried_command_is_answered_the_same_and_changes_nothing() {
    let shop = Shop::open().await;
    let order_id = shop.place(order("T-1")).await.order_id;
    let amend = AmendAddressRequest {
        header: header("amend-1"),
        order_id: order_id.clone(),
        contact: None,
        address: Some(Address {
            street: "Elsewhere 3".into(),
            ..Address::default()
        }),
    };
    let mut desk = shop.clerk();
    desk.amend_address(amend.clone()).await.unwrap();
    let version = shop.order(&order_id).await.version;
    let again = desk
        .amend_address(amend.clone())
        .await
        .unwrap()
        .into_inner();
    assert!(again.receipt.unwrap().duplicate);
    assert_eq!(shop.order(&order_id).await.version, version);
    let other = AmendAddressRequest {
        address: Some(address()),
        ..amend
    };
    assert_eq!(reason(desk.amend_address(other).await), "COMMAND_ID_REUSED");
}

#[tokio::test]
async fn a_person_holds_and_rejects_an_order() {
    let shop = Shop::open().await;
    let order_id = shop.place(order("T-1")).await.order_id;
    let hold = HoldOrderRequest {
        header: header("h"),
        order_id: order_id.clone(),
        detail: "odd".into(),
    };
    let held = shop.clerk().hold_order(hold).await.unwrap().into_inner();
    assert_eq!(held.hold_id, "REVIEW-1");
    let reject = RejectOrderRequest {
        header: header("r"),
        order_id: order_id.clone(),
        detail: "fraud".into(),
    };
    let rejected = shop
        .clerk()
        .reject_order(reject)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(rejected.status(), OrderStatus::Rejected);
    assert_eq!(shop.order(&order_id).await.refunded, cny(2_800));
    let silent = HoldOrderRequest {
        header: header("h-2"),
        order_id: order_id.clone(),
        detail: " ".into(),
    };
    assert_eq!(
        reason(shop.clerk().hold_order(silent).await),
        "INVALID_REQUEST"
    );
    let unknown = HoldOrderRequest {
        order_id: "nope".into(),
        detail: "odd".into(),
        ..HoldOrderRequest::default()
    };
    assert_eq!(
        reason(shop.clerk().hold_order(unknown).await),
        "ORDER_UNKNOWN"
    );
}
