//! What carriers say, by the parcel's id or by their own number.

use ordo_proto::fulfilment::{
    AssignTrackingRequest, CarrierParcel, GetParcelRequest, Parcel, RecordTrackingRequest,
    RecordTrackingResponse, TrackingScan, TrackingStatus as Status, get_parcel_request,
    record_tracking_request,
};
use ordo_rpc::role;
use ordo_testkit::{sqlite, stores};
use prost_types::Timestamp;

use crate::warehouse::{Warehouse, header, reason, token};

/// A scan on 1 March 2026 at this hour.
fn scan(status: Status, hour: i64) -> TrackingScan {
    TrackingScan {
        status: status.into(),
        description: format!("{status:?}"),
        occurred_at: Some(Timestamp {
            seconds: 1_772_323_200 + hour * 3600,
            nanos: 0,
        }),
        ..TrackingScan::default()
    }
}

fn number(carrier: &str, tracking_number: &str) -> CarrierParcel {
    CarrierParcel {
        carrier: carrier.into(),
        tracking_number: tracking_number.into(),
    }
}

async fn record(
    warehouse: &Warehouse,
    parcel: CarrierParcel,
    scans: &[TrackingScan],
) -> RecordTrackingResponse {
    let request = RecordTrackingRequest {
        parcel: Some(record_tracking_request::Parcel::CarrierParcel(parcel)),
        scans: scans.to_vec(),
        ..RecordTrackingRequest::default()
    };
    let mut carrier = warehouse.desk(&[role::CHANNEL]);
    carrier.record_tracking(request).await.unwrap().into_inner()
}

async fn parcel(warehouse: &Warehouse, id: &str, after: &RecordTrackingResponse) -> Parcel {
    let request = GetParcelRequest {
        parcel: Some(get_parcel_request::Parcel::ParcelId(id.to_owned())),
        at_least: token(&after.receipt),
    };
    let mut desk = warehouse.desk(&[role::AGENT]);
    desk.get_parcel(request)
        .await
        .unwrap()
        .into_inner()
        .parcel
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn scans_in_any_order_tell_where_the_parcel_is_on_every_store() {
    for store in stores().await.unwrap() {
        let warehouse = Warehouse::open(&store).await;
        let id = warehouse.dispatched_order("Swift", "SW-123 456").await;
        let written = || number("swift", "sw123456");
        let (transit, door) = (scan(Status::InTransit, 8), scan(Status::Delivered, 12));
        let first = record(&warehouse, written(), &[door.clone(), transit.clone()]).await;
        assert_eq!(first.recorded, 2, "{}", store.name);
        let late = record(
            &warehouse,
            written(),
            &[scan(Status::OutForDelivery, 10), transit, door],
        )
        .await;
        assert_eq!(late.recorded, 1);
        let parcel = parcel(&warehouse, &id, &late).await;
        assert_eq!(parcel.tracking_status(), Status::Delivered);
        assert!(parcel.delivered);
        assert_eq!(parcel.delivered_at, scan(Status::Delivered, 12).occurred_at);
        assert_eq!(parcel.scans.len(), 3);
        warehouse.expect_sound(&["projection.parcels"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parcels_of_several_orders_may_travel_under_one_number() {
    let store = sqlite().unwrap();
    let warehouse = Warehouse::open(&store).await;
    let first = warehouse.dispatched_order("Swift", "S1").await;
    let second = warehouse.dispatched_order("Swift", "S1").await;
    let request = RecordTrackingRequest {
        header: header("push-1"),
        parcel: Some(record_tracking_request::Parcel::CarrierParcel(number(
            "Swift", "S1",
        ))),
        scans: vec![scan(Status::InTransit, 8)],
    };
    let mut carrier = warehouse.desk(&[role::CHANNEL]);
    let answer = carrier
        .record_tracking(request.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.recorded, 1);
    for id in [&first, &second] {
        assert_eq!(parcel(&warehouse, id, &answer).await.scans.len(), 1);
    }
    let again = carrier.record_tracking(request).await.unwrap().into_inner();
    assert!(again.receipt.unwrap().duplicate);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parcel_that_left_without_a_number_gets_one_later() {
    let store = sqlite().unwrap();
    let warehouse = Warehouse::open(&store).await;
    let id = warehouse.dispatched_order("Swift", "").await;
    let mut packer = warehouse.desk(&[role::PACKER]);
    let assign = AssignTrackingRequest {
        parcel_id: id.clone(),
        carrier: "Swift".into(),
        tracking_number: "S9".into(),
        ..AssignTrackingRequest::default()
    };
    packer.assign_tracking(assign).await.unwrap();
    // Known by its number at once, although the read model may not have seen the assignment yet.
    let answer = record(
        &warehouse,
        number("Swift", "S9"),
        &[scan(Status::InTransit, 8)],
    )
    .await;
    let parcel = parcel(&warehouse, &id, &answer).await;
    assert_eq!(
        (parcel.carrier.as_str(), parcel.tracking_number.as_str()),
        ("Swift", "S9")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn scans_of_unknown_parcels_and_impossible_scans_are_refused() {
    let store = sqlite().unwrap();
    let warehouse = Warehouse::open(&store).await;
    let mut carrier = warehouse.desk(&[role::CHANNEL]);
    let request = |scans: Vec<TrackingScan>| RecordTrackingRequest {
        parcel: Some(record_tracking_request::Parcel::CarrierParcel(number(
            "Swift", "none",
        ))),
        scans,
        ..RecordTrackingRequest::default()
    };
    let unknown = carrier
        .record_tracking(request(vec![scan(Status::InTransit, 8)]))
        .await;
    assert_eq!(reason(unknown), "PARCEL_NOT_FOUND");
    let timeless = TrackingScan {
        occurred_at: None,
        ..scan(Status::Unspecified, 0)
    };
    let refused = carrier
        .record_tracking(request(vec![timeless]))
        .await
        .unwrap_err();
    let details = tonic_types::StatusExt::get_details_bad_request(&refused).unwrap();
    let fields: Vec<_> = details
        .field_violations
        .iter()
        .map(|violation| violation.field.as_str())
        .collect();
    assert_eq!(fields, ["scans[0].status", "scans[0].occurred_at"]);
}
