//! What a parcel does, in sentences.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use ordo_decider::given;
use ordo_proto::fulfilment::{
    ParcelDelivered, ParcelHandedOver, TrackingNumberAssigned, TrackingRecorded, TrackingScan,
    TrackingStatus as Status, WorkLine,
};
use prost_types::Timestamp;

use super::{MAX_SCANS, Parcel, ParcelCommand, ParcelError, ParcelEvent};

fn left() -> ParcelHandedOver {
    ParcelHandedOver {
        parcel_id: "o-F1-P1".into(),
        fulfilment_order_id: "o-F1".into(),
        order_id: "o".into(),
        site_id: "north".into(),
        carrier: "swift".into(),
        tracking_number: "S1".into(),
        lines: vec![WorkLine {
            line_id: "1".into(),
            quantity: 2,
            ..WorkLine::default()
        }],
    }
}

/// A scan without an id, `hour` hours after the parcel left.
fn scan(status: Status, hour: i64) -> TrackingRecorded {
    TrackingRecorded {
        parcel_id: "o-F1-P1".into(),
        status: status.into(),
        description: format!("{status:?}"),
        place: "Leeds".into(),
        occurred_at: Some(Timestamp {
            seconds: hour * 3600,
            nanos: 0,
        }),
        scan_id: String::new(),
    }
}

fn latest_status<const N: usize>(scans: [&TrackingRecorded; N]) -> Status {
    let scans = scans.map(|scan| TrackingScan {
        status: scan.status,
        occurred_at: scan.occurred_at,
        ..TrackingScan::default()
    });
    super::latest_status(&scans)
}

fn with_id(scan: TrackingRecorded, id: &str) -> TrackingRecorded {
    TrackingRecorded {
        scan_id: id.into(),
        ..scan
    }
}

fn delivered(hour: i64) -> ParcelEvent {
    ParcelDelivered {
        parcel_id: "o-F1-P1".into(),
        order_id: "o".into(),
        fulfilment_order_id: "o-F1".into(),
        lines: left().lines,
        delivered_at: scan(Status::Delivered, hour).occurred_at,
    }
    .into()
}

fn record(scans: impl Into<Vec<TrackingRecorded>>) -> ParcelCommand {
    ParcelCommand::RecordScans(scans.into())
}

fn happened(events: impl IntoIterator<Item = ParcelEvent>) -> ordo_decider::Given<Parcel> {
    given(std::iter::once(left().into()).chain(events))
}

#[test]
fn a_parcel_that_left_is_known() {
    given::<Parcel>([])
        .when(ParcelCommand::HandOver(left()))
        .then([left().into()]);
}

#[test]
fn a_parcel_leaves_once() {
    happened([])
        .when(ParcelCommand::HandOver(left()))
        .then_nothing();
}

#[test]
fn scans_are_recorded_in_the_order_they_arrive() {
    let (late, early) = (scan(Status::OutForDelivery, 9), scan(Status::InTransit, 3));
    happened([])
        .when(record([late.clone(), early.clone()]))
        .then([late.into(), early.into()]);
}

#[test]
fn the_parcel_of_a_scan_is_filled_in() {
    let anonymous = TrackingRecorded {
        parcel_id: String::new(),
        ..scan(Status::InTransit, 3)
    };
    happened([])
        .when(record([anonymous]))
        .then([scan(Status::InTransit, 3).into()]);
}

#[test]
fn a_known_scan_is_passed_over() {
    let plain = scan(Status::InTransit, 3);
    happened([plain.clone().into()])
        .when(record([plain.clone(), plain]))
        .then_nothing();
}

#[test]
fn a_scan_with_an_id_is_known_by_it_whatever_it_says() {
    let first = with_id(scan(Status::InTransit, 3), "a");
    let reworded = with_id(scan(Status::OutForDelivery, 4), "a");
    let other = with_id(scan(Status::InTransit, 3), "b");
    happened([first.into()])
        .when(record([reworded, other.clone()]))
        .then([other.into()]);
}

#[test]
fn a_scan_without_an_id_is_new_when_status_time_or_words_differ() {
    let known = scan(Status::InTransit, 3);
    let reworded = TrackingRecorded {
        description: "left the depot".into(),
        ..known.clone()
    };
    let later = scan(Status::InTransit, 4);
    happened([known.into()])
        .when(record([reworded.clone(), later.clone()]))
        .then([reworded.into(), later.into()]);
}

#[test]
fn the_first_delivered_scan_delivers_the_parcel() {
    let scan = scan(Status::Delivered, 9);
    happened([])
        .when(record([scan.clone()]))
        .then([scan.into(), delivered(9)]);
}

#[test]
fn a_parcel_is_delivered_once() {
    let (first, second) = (scan(Status::Delivered, 9), scan(Status::Delivered, 8));
    happened([])
        .when(record([first.clone(), second.clone()]))
        .then([first.clone().into(), delivered(9), second.clone().into()]);
    happened([first.into(), delivered(9)])
        .when(record([second.clone()]))
        .then([second.into()]);
}

#[test]
fn a_late_scan_is_kept_and_undoes_no_delivery() {
    let (arrival, late) = (scan(Status::Delivered, 9), scan(Status::InTransit, 3));
    let outcome = happened([arrival.clone().into(), delivered(9)])
        .when(record([late.clone()]))
        .then([late.clone().into()]);
    assert_eq!(outcome.state.scans(), 2);
    assert_eq!(latest_status([&arrival, &late]), Status::Delivered);
}

#[test]
fn an_unknown_parcel_is_refused() {
    given::<Parcel>([])
        .when(record([scan(Status::InTransit, 1)]))
        .then_error(ParcelError::NotFound);
}

#[test]
fn scans_of_one_parcel_are_bounded() {
    let scans = |n: usize| {
        (0..n as i64)
            .map(|hour| scan(Status::InTransit, hour))
            .collect::<Vec<_>>()
    };
    happened([])
        .when(record(scans(MAX_SCANS)))
        .then_matching(|events| events.len() == MAX_SCANS);
    happened(scans(MAX_SCANS).into_iter().map(ParcelEvent::from))
        .when(record([scan(Status::Delivered, -1)]))
        .then_error(ParcelError::TooManyScans);
}

#[test]
fn the_carriers_number_may_come_later_and_be_corrected() {
    let assign = |number: &str| ParcelCommand::AssignTracking {
        carrier: "swift".into(),
        tracking_number: number.into(),
    };
    let assigned: ParcelEvent = TrackingNumberAssigned {
        parcel_id: "o-F1-P1".into(),
        fulfilment_order_id: "o-F1".into(),
        order_id: "o".into(),
        carrier: "swift".into(),
        tracking_number: "S2".into(),
    }
    .into();
    happened([]).when(assign("S1")).then_nothing();
    happened([]).when(assign("S2")).then([assigned.clone()]);
    happened([assigned]).when(assign("S2")).then_nothing();
    given::<Parcel>([])
        .when(assign("S2"))
        .then_error(ParcelError::NotFound);
}

#[test]
fn the_scan_that_occurred_last_tells_where_the_parcel_is() {
    let (first, last) = (scan(Status::InTransit, 3), scan(Status::OutForDelivery, 9));
    assert_eq!(latest_status([&last, &first]), Status::OutForDelivery);
    assert_eq!(latest_status([&first, &last]), Status::OutForDelivery);
    assert_eq!(latest_status([]), Status::Unspecified);
}

#[test]
fn after_delivery_only_the_way_back_or_an_exception_counts() {
    let delivered = scan(Status::Delivered, 9);
    for (next, expected) in [
        (Status::InTransit, Status::Delivered),
        (Status::Expired, Status::Delivered),
        (Status::Returning, Status::Returning),
        (Status::Exception, Status::Exception),
    ] {
        assert_eq!(latest_status([&delivered, &scan(next, 10)]), expected);
    }
}
