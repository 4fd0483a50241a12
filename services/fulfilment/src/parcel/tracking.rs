//! What makes two scans the same, and which of them tells where the parcel is.

use ordo_proto::fulfilment::{TrackingRecorded, TrackingScan, TrackingStatus};
use prost_types::Timestamp;

/// Identity of a scan: the carrier's id where it gives one, otherwise what it says and when.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ScanKey {
    /// The carrier's own id.
    Id(String),
    /// Status, seconds and nanoseconds of the occurrence, description.
    Content(i32, i64, i32, String),
}

impl ScanKey {
    /// Identity of `scan`.
    pub fn of(scan: &TrackingRecorded) -> Self {
        if scan.scan_id.is_empty() {
            let (seconds, nanos) = moment(scan.occurred_at.as_ref());
            Self::Content(scan.status, seconds, nanos, scan.description.clone())
        } else {
            Self::Id(scan.scan_id.clone())
        }
    }
}

/// Status of the scan that occurred last, whatever the order of arrival; among equals the one that arrived last. Once a
/// parcel was delivered only its way back (or an exception) changes that: carriers also repeat `in transit` afterwards.
pub fn latest_status<'a>(scans: impl IntoIterator<Item = &'a TrackingScan>) -> TrackingStatus {
    let mut by_occurrence: Vec<_> = scans.into_iter().collect();
    by_occurrence.sort_by_key(|scan| moment(scan.occurred_at.as_ref()));
    let follow = |status: TrackingStatus, scan: &&TrackingScan| match (status, scan.status()) {
        (
            TrackingStatus::Delivered,
            TrackingStatus::Unspecified
            | TrackingStatus::NotFound
            | TrackingStatus::InfoReceived
            | TrackingStatus::InTransit
            | TrackingStatus::OutForDelivery
            | TrackingStatus::DeliveryAttempted
            | TrackingStatus::AvailableForPickup
            | TrackingStatus::Expired,
        ) => TrackingStatus::Delivered,
        (_, newer) => newer,
    };
    by_occurrence
        .iter()
        .fold(TrackingStatus::Unspecified, follow)
}

fn moment(time: Option<&Timestamp>) -> (i64, i32) {
    time.map_or((0, 0), |time| (time.seconds, time.nanos))
}
