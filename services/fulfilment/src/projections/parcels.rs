//! Parcels on their way, found by id or by carrier and number.

use futures::future::BoxFuture;
use ordo_event_log::{Aggregate as _, RecordedEvent};
use ordo_projection::{Db, Projection, ProjectionError, Rows, Tx, table};
use ordo_proto::fulfilment::{Parcel as View, TrackingRecorded, TrackingScan};
use prost::Message as _;

use super::{known, work::ListError};
use crate::parcel::{Parcel, ParcelEvent as Event, latest_status};

table! {
    /// One parcel that has left.
    pub struct ParcelRow in "parcel" {
        key { tenant: String, parcel_id: String }
        /// See [`lookup_carrier`].
        carrier: String,
        /// See [`lookup_number`].
        tracking_number: String,
        /// `ordo.fulfilment.v1.Parcel`.
        stored: Vec<u8>,
    }
}

const SCHEMA: &[&str] = &[
    "create table parcel (
        tenant text not null,
        parcel_id text not null,
        carrier text not null,
        tracking_number text not null,
        stored bytea not null,
        primary key (tenant, parcel_id)
    )",
    "create index parcel_by_number on parcel (tenant, tracking_number, carrier)",
];

/// Keeps [`ParcelRow`]s.
#[derive(Debug)]
pub struct ParcelProjection;

impl Projection for ParcelProjection {
    fn name(&self) -> &'static str {
        "parcels"
    }

    fn version(&self) -> u32 {
        1
    }

    fn schema(&self) -> &'static [&'static str] {
        SCHEMA
    }

    fn apply<'a>(
        &'a self,
        tx: &'a mut Tx,
        events: &'a [RecordedEvent],
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async move {
            let ours = || {
                events
                    .iter()
                    .filter(|event| &*event.stream.aggregate == Parcel::NAME)
            };
            let key =
                |event: &RecordedEvent| (event.tenant.to_string(), event.stream.id.to_string());
            let mut rows = Rows::<ParcelRow>::load(tx, ours().map(key)).await?;
            for recorded in ours() {
                let Some(event) = known(recorded, Event::decode_event)? else {
                    continue;
                };
                let row = rows.entry(key(recorded));
                let mut view = View::decode(row.stored.as_slice())?;
                apply(&mut view, event, recorded);
                row.carrier = lookup_carrier(&view.carrier);
                row.tracking_number = lookup_number(&view.tracking_number);
                row.stored = view.encode_to_vec();
            }
            rows.save(tx).await?;
            Ok(())
        })
    }
}

fn apply(view: &mut View, event: Event, recorded: &RecordedEvent) {
    match event {
        Event::HandedOver(parcel) => {
            *view = View {
                parcel_id: parcel.parcel_id,
                fulfilment_order_id: parcel.fulfilment_order_id,
                order_id: parcel.order_id,
                carrier: parcel.carrier,
                tracking_number: parcel.tracking_number,
                lines: parcel.lines,
                dispatched_at: Some(recorded.time.into()),
                ..View::default()
            };
        }
        Event::NumberAssigned(assigned) => {
            view.carrier = assigned.carrier;
            view.tracking_number = assigned.tracking_number;
        }
        Event::TrackingRecorded(scan) => {
            view.scans.push(shown(scan));
            let status = latest_status(&view.scans);
            view.set_tracking_status(status);
        }
        Event::Delivered(delivered) => {
            view.delivered = true;
            view.delivered_at = delivered.delivered_at;
        }
    }
}

fn shown(scan: TrackingRecorded) -> TrackingScan {
    TrackingScan {
        status: scan.status,
        description: scan.description,
        place: scan.place,
        occurred_at: scan.occurred_at,
        scan_id: scan.scan_id,
    }
}

/// Carriers are told apart without regard to case.
pub fn lookup_carrier(carrier: &str) -> String {
    carrier.trim().to_lowercase()
}

/// Numbers are compared without spaces and hyphens, in capitals: people and carriers write them as they like.
pub fn lookup_number(number: &str) -> String {
    let written = number.chars().filter(|c| !c.is_whitespace() && *c != '-');
    written.flat_map(char::to_uppercase).collect()
}

/// One parcel.
pub async fn find(db: &Db, tenant: &str, parcel_id: &str) -> Result<Option<View>, ListError> {
    let sql = "select stored from parcel where tenant = $1 and parcel_id = $2";
    let row = db
        .fetch_optional(sql, &ordo_sql::params![tenant, parcel_id])
        .await?;
    row.map(|row| Ok(View::decode(row.bytes(0)?.as_slice())?))
        .transpose()
}

/// Parcels of a carrier's number, by id: several when they travel under one.
pub async fn find_by_number(
    db: &Db,
    tenant: &str,
    carrier: &str,
    number: &str,
) -> Result<Vec<View>, ListError> {
    let sql = "select stored from parcel where tenant = $1 and tracking_number = $2 and carrier = $3 order by parcel_id";
    let params = ordo_sql::params![tenant, lookup_number(number), lookup_carrier(carrier)];
    let rows = db.fetch_all(sql, &params).await?;
    rows.iter()
        .map(|row| Ok(View::decode(row.bytes(0)?.as_slice())?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_however_they_are_written() {
        assert_eq!(lookup_number(" sf-1234 5678"), "SF12345678");
        assert_eq!(lookup_carrier(" SF-Express "), "sf-express");
    }
}
