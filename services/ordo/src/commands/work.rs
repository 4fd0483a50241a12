//! `ordo work …`

use std::process::ExitCode;

use clap::Subcommand;
use ordo_proto::{
    fulfilment::{
        AssignTrackingRequest, CancelFulfilmentRequest, DispatchRequest, FulfilmentOrder,
        FulfilmentOrderStatus, GetFulfilmentOrderRequest, GetParcelRequest, ListWorkRequest,
        PackParcel, PackRequest, RecordCheckRequest, RecordTrackingRequest, TrackingScan,
        TrackingStatus, get_parcel_request, record_tracking_request,
    },
    types::{ConsistencyToken, Page},
};

use super::{catalogue::done, order::order_id, parse};
use crate::{
    client::{Client, header},
    fault::Fault,
    output::{json, more, say, table, time, word},
};

mod pick;

pub use pick::still_to_pick;

/// The warehouse's work.
#[derive(Debug, Subcommand)]
pub enum WorkCommand {
    /// List fulfilment orders, oldest first.
    #[command(after_help = "Example: ordo work list --site main --status open --status picking")]
    List {
        /// Site.
        #[arg(long, default_value = "")]
        site: String,
        /// In this state; may be given several times.
        #[arg(long = "status", value_name = "STATUS", value_parser = parse::words(FulfilmentOrderStatus::as_str_name, "FULFILMENT_ORDER_STATUS_"))]
        statuses: Vec<FulfilmentOrderStatus>,
        /// Of this order: its id, or `CHANNEL/NUMBER`.
        #[arg(long, value_parser = parse::text)]
        order: Option<String>,
        /// How many, 1 to 500.
        #[arg(long, default_value_t = 50, value_parser = parse::page_size())]
        size: u32,
        /// `next_page_token` of the previous page.
        #[arg(long, default_value = "")]
        page: String,
    },
    /// Show a fulfilment order with its recipient.
    #[command(after_help = "Example: ordo work show 01kq-F1")]
    Show {
        /// Fulfilment order id.
        #[arg(value_parser = parse::text)]
        id: String,
    },
    /// Record what was picked, and what could not be found.
    #[command(after_help = pick::PICK_EXAMPLES)]
    Pick(pick::PickOptions),
    /// Record the check of what was picked.
    #[command(after_help = "Example: ordo work check 01kq-F1 --failed 1:1 --reason DAMAGED")]
    Check(pick::CheckOptions),
    /// Pack what was picked, into one parcel or several; what was not checked passes.
    #[command(after_help = "Example: ordo work pack 01kq-F1 --parcel 1:2 --parcel 1:1,2:1")]
    Pack {
        /// Fulfilment order id.
        #[arg(value_parser = parse::text)]
        id: String,
        /// `LINE:QUANTITY,…` of one parcel, once for each; one with everything when not given.
        #[arg(long = "parcel", value_name = "LINE:QUANTITY,…", value_parser = parcel_lines)]
        parcels: Vec<PackParcel>,
    },
    /// Record that packed parcels left.
    #[command(
        after_help = "Example: ordo work dispatch 01kq-F1 --carrier SF --tracking SF100200300"
    )]
    Dispatch {
        /// Fulfilment order id.
        #[arg(value_parser = parse::text)]
        id: String,
        /// Only this parcel; may be given several times.
        #[arg(long = "parcel", value_name = "PARCEL", value_parser = parse::text)]
        parcels: Vec<String>,
        /// Carrier, such as SF or ROYALMAIL; none only where the customer collects.
        #[arg(long, value_parser = parse::text)]
        carrier: Option<String>,
        /// Tracking number; while the carrier is out of reach, `assign` tells it later.
        #[arg(long, requires = "carrier", value_parser = parse::text)]
        tracking: Option<String>,
    },
    /// Give a parcel that left its carrier and number, or correct them.
    #[command(
        after_help = "Example: ordo work assign 01kq-F1-P1 --carrier SF --tracking SF100200300"
    )]
    Assign {
        /// Parcel id.
        #[arg(value_parser = parse::text)]
        parcel_id: String,
        /// Carrier, such as SF or ROYALMAIL.
        #[arg(long, value_parser = parse::text)]
        carrier: String,
        /// Tracking number.
        #[arg(long, value_parser = parse::text)]
        tracking: String,
    },
    /// Record a carrier's scan.
    #[command(after_help = "Example: ordo work track 01kq-F1-P1 out-for-delivery --place Hangzhou")]
    Track {
        /// Parcel id.
        #[arg(value_parser = parse::text)]
        parcel_id: String,
        /// What the carrier reports.
        #[arg(value_parser = parse::words(TrackingStatus::as_str_name, "TRACKING_STATUS_"))]
        status: TrackingStatus,
        /// Where.
        #[arg(long, value_parser = parse::text)]
        place: Option<String>,
        /// The carrier's words.
        #[arg(long, value_parser = parse::text)]
        description: Option<String>,
    },
    /// Show a parcel and its scans.
    #[command(after_help = "Example: ordo work parcel 01kq-F1-P1")]
    Parcel {
        /// Parcel id.
        #[arg(value_parser = parse::text)]
        parcel_id: String,
    },
    /// Stop a fulfilment order before dispatch.
    #[command(after_help = "Example: ordo work cancel 01kq-F1 --cause WAREHOUSE")]
    Cancel {
        /// Fulfilment order id.
        #[arg(value_parser = parse::text)]
        id: String,
        /// Why: an upper-case code.
        #[arg(long, default_value = "WAREHOUSE", value_parser = parse::text)]
        cause: String,
    },
}

fn parcel_lines(text: &str) -> Result<PackParcel, String> {
    let lines = text.split(',').map(parse::line_quantity);
    Ok(PackParcel {
        lines: lines.collect::<Result<_, _>>()?,
        ..PackParcel::default()
    })
}

/// Runs one of them.
pub async fn run(client: &Client, command: WorkCommand) -> Result<ExitCode, Fault> {
    let mut fulfilment = client.fulfilment()?;
    match command {
        WorkCommand::List {
            site,
            statuses,
            order,
            size,
            page,
        } => {
            let order_id = match order {
                Some(order) => order_id(client, &order).await?,
                None => String::new(),
            };
            let request = ListWorkRequest {
                site_id: site,
                statuses: statuses.into_iter().map(Into::into).collect(),
                order_id,
                page: Some(Page { size, token: page }),
                ..ListWorkRequest::default()
            };
            list(client, request).await?;
        }
        WorkCommand::Show { id } => {
            let order = get(client, id, None).await?;
            if client.json {
                json(&order)?;
            } else {
                print(&order)?;
            }
        }
        WorkCommand::Pick(options) => pick::pick(client, options).await?,
        WorkCommand::Check(options) => pick::check(client, options).await?,
        WorkCommand::Pack { id, parcels } => {
            if get(client, id.clone(), None).await?.status() == FulfilmentOrderStatus::Picked {
                let request = RecordCheckRequest {
                    header: header("record-check", None),
                    fulfilment_order_id: id.clone(),
                    lines: vec![],
                };
                fulfilment.record_check(request).await?;
            }
            let request = PackRequest {
                header: header("pack", None),
                fulfilment_order_id: id,
                parcels,
            };
            let answer = fulfilment.pack(request).await?.into_inner();
            if client.json {
                json(&answer)?;
            } else {
                say!("packed {}", answer.parcel_ids.join(", "))?;
            }
        }
        WorkCommand::Dispatch {
            id,
            parcels,
            carrier,
            tracking,
        } => {
            let request = DispatchRequest {
                header: header("dispatch", None),
                fulfilment_order_id: id,
                parcel_ids: parcels,
                carrier: carrier.unwrap_or_default(),
                tracking_number: tracking.unwrap_or_default(),
            };
            let answer = fulfilment.dispatch(request).await?.into_inner();
            if client.json {
                json(&answer)?;
            } else {
                say!("dispatched {}", answer.parcel_ids.join(", "))?;
            }
        }
        WorkCommand::Assign {
            parcel_id,
            carrier,
            tracking,
        } => {
            let request = AssignTrackingRequest {
                header: header("assign-tracking", None),
                parcel_id,
                carrier,
                tracking_number: tracking,
            };
            let answer = fulfilment.assign_tracking(request).await?.into_inner();
            done(client, &answer)?;
        }
        WorkCommand::Track {
            parcel_id,
            status,
            place,
            description,
        } => {
            let scan = TrackingScan {
                status: status.into(),
                description: description.unwrap_or_default(),
                place: place.unwrap_or_default(),
                occurred_at: Some(std::time::SystemTime::now().into()),
                scan_id: String::new(),
            };
            let request = RecordTrackingRequest {
                header: header("record-tracking", None),
                parcel: Some(record_tracking_request::Parcel::ParcelId(parcel_id)),
                scans: vec![scan],
            };
            let answer = fulfilment.record_tracking(request).await?.into_inner();
            done(client, &answer)?;
        }
        WorkCommand::Parcel { parcel_id } => parcel(client, parcel_id).await?,
        WorkCommand::Cancel { id, cause } => {
            let request = CancelFulfilmentRequest {
                header: header("cancel-fulfilment", None),
                fulfilment_order_id: id,
                cause,
            };
            let answer = fulfilment.cancel_fulfilment(request).await?.into_inner();
            done(client, &answer)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn get(
    client: &Client,
    fulfilment_order_id: String,
    at_least: Option<ConsistencyToken>,
) -> Result<FulfilmentOrder, Fault> {
    let request = GetFulfilmentOrderRequest {
        fulfilment_order_id,
        at_least,
    };
    let answer = client
        .fulfilment()?
        .get_fulfilment_order(request)
        .await?
        .into_inner();
    Ok(answer.fulfilment_order.unwrap_or_default())
}

async fn list(client: &Client, request: ListWorkRequest) -> Result<(), Fault> {
    let answer = client.fulfilment()?.list_work(request).await?.into_inner();
    if client.json {
        return json(&answer);
    }
    let mut rows = table(&[
        "fulfilment order",
        "order",
        "site",
        "status",
        "lines",
        "units",
        "worker",
        "opened",
    ]);
    for order in &answer.work {
        let units: i64 = order
            .lines
            .iter()
            .filter_map(|view| view.line.as_ref())
            .map(|line| line.quantity)
            .sum();
        rows.add_row([
            order.fulfilment_order_id.clone(),
            format!("{}/{}", order.channel, order.channel_order_number),
            order.site_id.clone(),
            word(order.status().as_str_name(), "FULFILMENT_ORDER_STATUS_"),
            order.lines.len().to_string(),
            units.to_string(),
            order.worker.clone(),
            time(order.opened_at.as_ref()),
        ]);
    }
    say!("{rows}")?;
    more(&answer.next_page_token)
}

fn print(order: &FulfilmentOrder) -> Result<(), Fault> {
    say!(
        "{}  {}  at {}",
        order.fulfilment_order_id,
        word(order.status().as_str_name(), "FULFILMENT_ORDER_STATUS_"),
        order.site_id
    )?;
    if let Some(contact) = &order.contact {
        say!("recipient {} {}", contact.name, contact.phone)?;
    }
    if let Some(address) = &order.address {
        let parts = [
            &address.street,
            &address.district,
            &address.city,
            &address.province,
            &address.postcode,
            &address.country_code,
        ];
        let parts: Vec<&str> = parts.into_iter().map(String::as_str).collect();
        let given: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        say!("address   {}", given.join(", "))?;
    }
    let mut rows = table(&[
        "line",
        "SKU",
        "title",
        "wanted",
        "picked",
        "short",
        "checked",
        "packed",
        "dispatched",
    ]);
    for view in &order.lines {
        let line = view.line.clone().unwrap_or_default();
        rows.add_row([
            line.line_id,
            line.sku,
            line.title,
            line.quantity.to_string(),
            view.picked.to_string(),
            view.short_picked.to_string(),
            view.checked.to_string(),
            view.packed.to_string(),
            view.dispatched.to_string(),
        ]);
    }
    say!("{rows}")?;
    if !order.parcel_ids.is_empty() {
        say!("parcels {}", order.parcel_ids.join(", "))?;
    }
    Ok(())
}

async fn parcel(client: &Client, parcel_id: String) -> Result<(), Fault> {
    let request = GetParcelRequest {
        parcel: Some(get_parcel_request::Parcel::ParcelId(parcel_id)),
        at_least: None,
    };
    let answer = client.fulfilment()?.get_parcel(request).await?.into_inner();
    if client.json {
        return json(&answer);
    }
    let parcel = answer.parcel.unwrap_or_default();
    say!(
        "{}  {} {}  {}",
        parcel.parcel_id,
        parcel.carrier,
        parcel.tracking_number,
        word(parcel.tracking_status().as_str_name(), "TRACKING_STATUS_")
    )?;
    let mut rows = table(&["time", "status", "place", "carrier says"]);
    for scan in parcel.scans {
        rows.add_row([
            time(scan.occurred_at.as_ref()),
            word(scan.status().as_str_name(), "TRACKING_STATUS_"),
            scan.place,
            scan.description,
        ]);
    }
    say!("{rows}")?;
    Ok(())
}
