//! Stopping in time, new addresses, and goods that the customer has in hand.

use ordo_proto::{
    fulfilment::{
        CancelFulfilmentRequest, FulfilmentOrderStatus as Status, GetParcelRequest, TrackingStatus,
        get_parcel_request,
    },
    intake::{AddressAmended, DeliveryMethod},
    types::{Address, Region},
};
use ordo_rpc::role;
use ordo_testkit::{eventually, sqlite};
use tonic::Code;

use crate::warehouse::{PATIENCE, Warehouse, reason};

fn cancel(id: &str) -> CancelFulfilmentRequest {
    CancelFulfilmentRequest {
        fulfilment_order_id: id.to_owned(),
        cause: "CUSTOMER".into(),
        ..CancelFulfilmentRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_not_left_can_be_stopped() {
    let store = sqlite().unwrap();
    let warehouse = Warehouse::open(&store).await;
    let id = warehouse.picked_order().await;
    let mut intake = warehouse.desk(&[role::SERVICE]);
    let answer = intake
        .cancel_fulfilment(cancel(&id))
        .await
        .unwrap()
        .into_inner();
    let units: Vec<_> = answer
        .lines
        .iter()
        .map(|line| (line.line_id.as_str(), line.quantity))
        .collect();
    assert_eq!(units, [("1", 2), ("2", 1)]);
    let again = intake
        .cancel_fulfilment(cancel(&id))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(again.lines, answer.lines);
    warehouse.when_status(&id, Status::Cancelled).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_left_cannot_be_stopped_and_the_way_out_is_named() {
    let store = sqlite().unwrap();
    let warehouse = Warehouse::open(&store).await;
    let parcel_id = warehouse.dispatched_order("Swift", "1").await;
    let id = parcel_id.trim_end_matches("-P1");
    let refused = warehouse
        .desk(&[role::SERVICE])
        .cancel_fulfilment(cancel(id))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let info = tonic_types::StatusExt::get_details_error_info(&refused).unwrap();
    assert_eq!(info.reason, "ALREADY_DISPATCHED");
    assert_eq!(info.metadata["parcel_ids"], parcel_id);
    assert!(info.metadata["way_out"].contains("intercept"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_faster_than_the_release_is_asked_to_wait() {
    let store = sqlite().unwrap();
    let warehouse = Warehouse::open(&store).await;
    let unknown = format!("{}-F1", warehouse.new_order());
    let refused = warehouse
        .desk(&[role::SERVICE])
        .cancel_fulfilment(cancel(&unknown))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    let person = warehouse
        .desk(&[role::WAREHOUSE])
        .cancel_fulfilment(cancel(&unknown))
        .await;
    assert_eq!(reason(person), "FULFILMENT_ORDER_NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_address_reaches_what_has_not_left() {
    let store = sqlite().unwrap();
    let warehouse = Warehouse::open(&store).await;
    let parcel_id = warehouse.dispatched_order("Swift", "1").await;
    let gone = parcel_id.trim_end_matches("-P1");
    let order_id = gone.trim_end_matches("-F1");
    let second = warehouse.released(order_id, 2).await;
    let waiting = warehouse.open_work(second).await;

    let address = Address {
        country_code: "GB".into(),
        city: "York".into(),
        street: "2 Low Road".into(),
        ..Address::default()
    };
    let amended = AddressAmended {
        contact: None,
        address: Some(
            warehouse
                .vault
                .seal("shop-1", "anna", "address", &address)
                .await
                .unwrap(),
        ),
        region: Some(Region {
            city: "York".into(),
            ..Region::default()
        }),
    };
    warehouse.intake_tells(order_id, amended).await;
    let is_york = |city: &str| city == "York";
    let moved = warehouse
        .when(&waiting, |order| {
            order
                .region
                .as_ref()
                .is_some_and(|region| is_york(&region.city))
        })
        .await;
    assert_eq!(moved.status(), Status::Open);
    assert_eq!(moved.address.unwrap().street, "2 Low Road");
    assert_eq!(
        moved.contact.unwrap().name,
        "Anna Example",
        "what was not amended stays"
    );
    let left = warehouse.when(gone, |_| true).await;
    assert_eq!(left.address.unwrap().street, "1 High Street");
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_handed_over_at_the_till_are_done_at_once() {
    let store = sqlite().unwrap();
    let warehouse = Warehouse::open(&store).await;
    let order_id = warehouse.new_order();
    let mut released = warehouse.released(&order_id, 1).await;
    released.delivery_method = DeliveryMethod::TakeAway.into();
    let id = warehouse.open_work(released).await;
    warehouse.when_status(&id, Status::Dispatched).await;
    let mut desk = warehouse.desk(&[role::VIEWER]);
    let request = GetParcelRequest {
        parcel: Some(get_parcel_request::Parcel::ParcelId(format!("{id}-P1"))),
        at_least: None,
    };
    eventually(PATIENCE, async || {
        let parcel = desk.get_parcel(request.clone()).await;
        parcel.is_ok_and(|answer| {
            answer
                .into_inner()
                .parcel
                .is_some_and(|parcel| parcel.delivered)
        })
    })
    .await;
    let parcel = desk
        .get_parcel(request)
        .await
        .unwrap()
        .into_inner()
        .parcel
        .unwrap();
    assert_eq!(parcel.tracking_status(), TrackingStatus::Delivered);
    eventually(PATIENCE, async || warehouse.stock.consumed().len() == 1).await;
    warehouse.expect_sound(&["fulfilment.quantities"]).await;
}
