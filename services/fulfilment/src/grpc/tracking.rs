//! What carriers say.

use std::collections::BTreeMap;

use ordo_event_log::{TenantId, Timestamp};
use ordo_proto::{
    fulfilment::{
        AssignTrackingRequest, AssignTrackingResponse, CarrierParcel, RecordTrackingRequest,
        RecordTrackingResponse, TrackingRecorded, TrackingScan, TrackingStatus,
        record_tracking_request,
    },
    types::{ConsistencyToken, LogPosition, Receipt},
};
use ordo_rpc::{Refusal, Violations};
use tonic::{Request, Response, Status};

use super::{FulfilmentService, fields, ready};
use crate::{
    SERVICE,
    commands::on_parcel,
    ids,
    parcel::{Parcel, ParcelCommand},
    projections::parcels,
    refusals::PARCEL_NOT_FOUND,
};

/// How far ahead of ours a carrier's clock may be: a day, because local time is often sent as UTC.
const CLOCK_TOLERANCE: i64 = 24 * 60 * 60 * 1_000_000;
/// 2000-01-01, in microseconds since 1970.
const OLDEST_SCAN: i64 = 946_684_800_000_000;

pub(super) async fn assign(
    service: &FulfilmentService,
    request: Request<AssignTrackingRequest>,
) -> Result<Response<AssignTrackingResponse>, Status> {
    let message = request.get_ref();
    let mut violations = Violations::new();
    let order_id = order_of(&message.parcel_id, &mut violations);
    fields::named(&message.carrier, 60, "carrier", &mut violations);
    fields::named(
        &message.tracking_number,
        60,
        "tracking_number",
        &mut violations,
    );
    violations.finish()?;

    let id = message.parcel_id.clone();
    let assign = ParcelCommand::AssignTracking {
        carrier: message.carrier.clone(),
        tracking_number: message.tracking_number.clone(),
    };
    let command = service
        .command(&request, message.header.as_ref(), &order_id)?
        .prefetch::<Parcel>(&id);
    let (_, receipt): (AssignTrackingResponse, _) = service
        .execute(command, move |unit| {
            on_parcel(unit, &id, assign.clone())?;
            Ok(AssignTrackingResponse::default())
        })
        .await?;
    Ok(Response::new(AssignTrackingResponse {
        receipt: Some(receipt),
    }))
}

pub(super) async fn record(
    service: &FulfilmentService,
    request: Request<RecordTrackingRequest>,
) -> Result<Response<RecordTrackingResponse>, Status> {
    let message = request.get_ref();
    let mut violations = Violations::new();
    match &message.parcel {
        None => violations.add(
            "parcel",
            "name the parcel by `parcel_id` or `carrier_parcel`",
        ),
        Some(record_tracking_request::Parcel::ParcelId(id)) => {
            order_of(id, &mut violations);
        }
        Some(record_tracking_request::Parcel::CarrierParcel(parcel)) => {
            fields::named(
                &parcel.carrier,
                60,
                "carrier_parcel.carrier",
                &mut violations,
            );
            fields::named(
                &parcel.tracking_number,
                60,
                "carrier_parcel.tracking_number",
                &mut violations,
            );
        }
    }
    violations.require(
        (1..=200).contains(&message.scans.len()),
        "scans",
        "must be 1 to 200",
    );
    for (n, scan) in message.scans.iter().enumerate() {
        check_scan(n, scan, &mut violations);
    }
    violations.finish()?;

    let tenant = ordo_rpc::tenant(&request)?;
    let parcel_ids = match &message.parcel {
        Some(record_tracking_request::Parcel::ParcelId(id)) => vec![id.clone()],
        Some(record_tracking_request::Parcel::CarrierParcel(parcel)) => {
            parcels_of(service, &tenant, parcel).await?
        }
        None => Vec::new(),
    };
    let scans: Vec<_> = message.scans.iter().map(recorded).collect();
    let mut answer = RecordTrackingResponse::default();
    let groups = by_order(&parcel_ids);
    let several = groups.len() > 1;
    // Parcels of different orders may travel under one number; they are in different partitions, so each order is a
    // command of its own, under an id of its own.
    for (order_id, parcel_ids) in groups {
        let mut command = service.command(&request, message.header.as_ref(), order_id)?;
        if let (true, Some(id)) = (several, &command.command_id) {
            let id = format!("{id}/{order_id}");
            command = command.id(id);
        }
        for id in &parcel_ids {
            command = command.prefetch::<Parcel>(id);
        }
        let scans = scans.clone();
        let (part, receipt) = service
            .execute(command, move |unit| {
                let mut recorded = 0;
                for id in &parcel_ids {
                    let before = unit.state::<Parcel>(id)?.scans();
                    let after =
                        on_parcel(unit, id, ParcelCommand::RecordScans(scans.clone()))?.scans();
                    recorded = recorded.max(after.saturating_sub(before));
                }
                Ok(RecordTrackingResponse {
                    recorded: u32::try_from(recorded).unwrap_or(u32::MAX),
                    ..RecordTrackingResponse::default()
                })
            })
            .await?;
        answer.recorded = answer.recorded.max(part.recorded);
        answer.receipt = Some(merged(answer.receipt, receipt));
    }
    Ok(Response::new(answer))
}

fn order_of(parcel_id: &str, violations: &mut Violations) -> String {
    match ids::orders_of_parcel(parcel_id) {
        Some((_, order_id)) => order_id.to_owned(),
        None => {
            violations.add(
                "parcel_id",
                "must be the id of a parcel, `<order id>-F<n>-P<m>`",
            );
            String::new()
        }
    }
}

fn by_order(parcel_ids: &[String]) -> BTreeMap<&str, Vec<String>> {
    let mut groups: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for id in parcel_ids {
        if let Some((_, order_id)) = ids::orders_of_parcel(id) {
            groups.entry(order_id).or_default().push(id.clone());
        }
    }
    groups
}

fn check_scan(n: usize, scan: &TrackingScan, violations: &mut Violations) {
    let field = |name: &str| format!("scans[{n}].{name}");
    violations.choice(scan.status, TrackingStatus::as_str_name, field("status"));
    let latest = Timestamp::now().0.saturating_add(CLOCK_TOLERANCE);
    let is_plausible =
        |time: &prost_types::Timestamp| (OLDEST_SCAN..=latest).contains(&Timestamp::from(time).0);
    violations.require(
        scan.occurred_at.as_ref().is_some_and(is_plausible),
        field("occurred_at"),
        "must be given, not before the year 2000 and not more than a day in the future",
    );
    fields::short(&scan.description, 500, &field("description"), violations);
    fields::short(&scan.place, 200, &field("place"), violations);
    fields::short(&scan.scan_id, 200, &field("scan_id"), violations);
}

fn recorded(scan: &TrackingScan) -> TrackingRecorded {
    TrackingRecorded {
        parcel_id: String::new(),
        status: scan.status,
        description: without_phone_numbers(&scan.description),
        place: scan.place.clone(),
        occurred_at: scan.occurred_at,
        scan_id: scan.scan_id.clone(),
    }
}

/// Carriers write the courier's and the recipient's numbers into their texts; events stay for ever and must not hold them. Runs
/// of seven or more digits lose all but the last two.
fn without_phone_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut digits = String::new();
    for c in text.chars().chain(['\0']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        match digits.len() {
            0..7 => out.push_str(&digits),
            length => {
                out.push_str("***");
                out.extend(digits.get(length - 2..));
            }
        }
        digits.clear();
        out.push(c);
    }
    out.pop();
    out
}

/// Ids of the carrier's parcels: of every order that travels under the number, also of one that was dispatched a moment ago,
/// because the read model first sees the present end of the log.
async fn parcels_of(
    service: &FulfilmentService,
    tenant: &TenantId,
    parcel: &CarrierParcel,
) -> Result<Vec<String>, Status> {
    ready(&service.parcels, Some(&present_end(service).await?)).await?;
    let db = service.parcels.db();
    let found = parcels::find_by_number(
        &db,
        tenant.as_str(),
        &parcel.carrier,
        &parcel.tracking_number,
    )
    .await;
    let found = found.map_err(ordo_rpc::status)?;
    if found.is_empty() {
        return Err(ordo_rpc::status(
            Refusal::new(&PARCEL_NOT_FOUND, PARCEL_NOT_FOUND.meaning)
                .with("carrier", &parcel.carrier)
                .with("tracking_number", &parcel.tracking_number),
        ));
    }
    Ok(found.into_iter().map(|parcel| parcel.parcel_id).collect())
}

async fn present_end(service: &FulfilmentService) -> Result<ConsistencyToken, Status> {
    let mut token = ConsistencyToken::default();
    for partition in 0..service.log.partitions() {
        let head = service
            .log
            .read_head(partition)
            .await
            .map_err(ordo_rpc::status)?;
        token.positions.push(LogPosition {
            service: SERVICE.to_owned(),
            partition,
            position: head.position,
            epoch: head.epoch,
        });
    }
    Ok(token)
}

/// One receipt for several commands: a repetition only if all of them were.
fn merged(so_far: Option<Receipt>, next: Receipt) -> Receipt {
    let Some(mut receipt) = so_far else {
        return next;
    };
    receipt.duplicate &= next.duplicate;
    let positions = next.token.map(|token| token.positions).unwrap_or_default();
    receipt
        .token
        .get_or_insert_default()
        .positions
        .extend(positions);
    receipt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phone_numbers_do_not_reach_the_log() {
        assert_eq!(
            without_phone_numbers("快递员 13812345678 正在派送"),
            "快递员 ***78 正在派送"
        );
        assert_eq!(without_phone_numbers("call 0044201234567"), "call ***67");
        assert_eq!(
            without_phone_numbers("gate 12, floor 3"),
            "gate 12, floor 3"
        );
        assert_eq!(without_phone_numbers(""), "");
    }
}
