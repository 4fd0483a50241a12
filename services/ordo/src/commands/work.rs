//! `ordo work …`

use std::process::ExitCode;

use clap::Subcommand;
use ordo_proto::{
    fulfilment::{
        CancelFulfilmentRequest, DispatchRequest, FulfilmentOrder, FulfilmentOrderStatus,
        GetFulfilmentOrderRequest, GetParcelRequest, ListWorkRequest, PackRequest,
        RecordCheckRequest, RecordPickRequest, RecordTrackingRequest, StartPickingRequest,
        TrackingScan, TrackingStatus, get_parcel_request, record_tracking_request,
    },
    types::{ConsistencyToken, LineQuantity, Page},
};

use super::{catalogue::done, parse};
use crate::{
    client::{Client, header},
    fault::Fault,
    output::{json, table, time, word},
};

/// The warehouse's work.
#[derive(Debug, Subcommand)]
pub enum WorkCommand {
    /// List fulfilment orders, oldest first.
    List {
        /// Site.
        #[arg(long, default_value = "")]
        site: String,
        /// open, picking, picked, checked, packed, dispatched or cancelled.
        #[arg(long = "status", value_name = "STATUS")]
        statuses: Vec<String>,
        /// Of this order.
        #[arg(long, default_value = "")]
        order: String,
        /// How many, 1 to 500.
        #[arg(long, default_value_t = 50)]
        size: u32,
        /// `next_page_token` of the previous page.
        #[arg(long, default_value = "")]
        page: String,
    },
    /// Show a fulfilment order with its recipient.
    Show {
        /// Fulfilment order id.
        id: String,
    },
    /// Pick lines; everything still to be picked when none is given.
    Pick {
        /// Fulfilment order id.
        id: String,
        /// `LINE:QUANTITY`.
        #[arg(long = "line", value_parser = parse::line_quantity)]
        lines: Vec<LineQuantity>,
        /// Who picks; the caller when not given.
        #[arg(long, default_value = "")]
        worker: String,
    },
    /// Check what was picked, all passed, and pack it into one parcel.
    Pack {
        /// Fulfilment order id.
        id: String,
    },
    /// Record that the packed parcels left.
    Dispatch {
        /// Fulfilment order id.
        id: String,
        /// Carrier, such as SF or ROYALMAIL.
        #[arg(long)]
        carrier: String,
        /// Tracking number.
        #[arg(long)]
        tracking: String,
    },
    /// Record a carrier's scan.
    Track {
        /// Parcel id.
        parcel_id: String,
        /// in-transit, out-for-delivery, delivered, exception …
        status: String,
        /// Where.
        #[arg(long, default_value = "")]
        place: String,
        /// The carrier's words.
        #[arg(long, default_value = "")]
        description: String,
    },
    /// Show a parcel and its scans.
    Parcel {
        /// Parcel id.
        parcel_id: String,
    },
    /// Stop a fulfilment order before dispatch.
    Cancel {
        /// Fulfilment order id.
        id: String,
        /// Why.
        #[arg(long, default_value = "WAREHOUSE")]
        cause: String,
    },
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
            let statuses = statuses
                .iter()
                .map(|text| {
                    parse::enum_value(
                        text,
                        "FULFILMENT_ORDER_STATUS_",
                        FulfilmentOrderStatus::from_str_name,
                    )
                    .map(Into::into)
                })
                .collect::<Result<_, _>>()
                .map_err(Fault::local)?;
            let request = ListWorkRequest {
                site_id: site,
                statuses,
                order_id: order,
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
                print(&order);
            }
        }
        WorkCommand::Pick { id, lines, worker } => pick(client, id, lines, worker).await?,
        WorkCommand::Pack { id } => {
            if get(client, id.clone(), None).await?.status() == FulfilmentOrderStatus::Picked {
                let request = RecordCheckRequest {
                    header: header(None, None),
                    fulfilment_order_id: id.clone(),
                    lines: vec![],
                };
                fulfilment.record_check(request).await?;
            }
            let request = PackRequest {
                header: header(None, None),
                fulfilment_order_id: id,
                parcels: vec![],
            };
            let answer = fulfilment.pack(request).await?.into_inner();
            if client.json {
                json(&answer)?;
            } else {
                println!("packed {}", answer.parcel_ids.join(", "));
            }
        }
        WorkCommand::Dispatch {
            id,
            carrier,
            tracking,
        } => {
            let request = DispatchRequest {
                header: header(None, None),
                fulfilment_order_id: id,
                parcel_ids: vec![],
                carrier,
                tracking_number: tracking,
            };
            let answer = fulfilment.dispatch(request).await?.into_inner();
            if client.json {
                json(&answer)?;
            } else {
                println!("dispatched {}", answer.parcel_ids.join(", "));
            }
        }
        WorkCommand::Track {
            parcel_id,
            status,
            place,
            description,
        } => {
            let status =
                parse::enum_value(&status, "TRACKING_STATUS_", TrackingStatus::from_str_name)
                    .map_err(Fault::local)?;
            let scan = TrackingScan {
                status: status.into(),
                description,
                place,
                occurred_at: Some(std::time::SystemTime::now().into()),
                scan_id: String::new(),
            };
            let request = RecordTrackingRequest {
                header: header(None, None),
                parcel: Some(record_tracking_request::Parcel::ParcelId(parcel_id)),
                scans: vec![scan],
            };
            let answer = fulfilment.record_tracking(request).await?.into_inner();
            done(client, &answer)?;
        }
        WorkCommand::Parcel { parcel_id } => parcel(client, parcel_id).await?,
        WorkCommand::Cancel { id, cause } => {
            let request = CancelFulfilmentRequest {
                header: header(None, None),
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
    println!("{rows}");
    if !answer.next_page_token.is_empty() {
        println!("more: --page {}", answer.next_page_token);
    }
    Ok(())
}

fn print(order: &FulfilmentOrder) {
    println!(
        "{}  {}  at {}",
        order.fulfilment_order_id,
        word(order.status().as_str_name(), "FULFILMENT_ORDER_STATUS_"),
        order.site_id
    );
    if let Some(contact) = &order.contact {
        println!("recipient {} {}", contact.name, contact.phone);
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
        println!("address   {}", given.join(", "));
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
    println!("{rows}");
    if !order.parcel_ids.is_empty() {
        println!("parcels {}", order.parcel_ids.join(", "));
    }
}

async fn pick(
    client: &Client,
    id: String,
    lines: Vec<LineQuantity>,
    worker: String,
) -> Result<(), Fault> {
    let mut fulfilment = client.fulfilment()?;
    let order = get(client, id.clone(), None).await?;
    if order.status() == FulfilmentOrderStatus::Open {
        let request = StartPickingRequest {
            header: header(None, None),
            fulfilment_order_id: id.clone(),
            worker,
            take_over: false,
        };
        fulfilment.start_picking(request).await?;
    }
    let lines = if lines.is_empty() {
        still_to_pick(&order)
    } else {
        lines
    };
    if lines.is_empty() {
        return Err(Fault::local(format_args!(
            "nothing is left to pick on {id}"
        )));
    }
    let mut picked = None;
    for LineQuantity { line_id, quantity } in lines {
        let request = RecordPickRequest {
            header: header(None, None),
            fulfilment_order_id: id.clone(),
            line_id,
            quantity,
            ..RecordPickRequest::default()
        };
        let answer = fulfilment.record_pick(request).await?.into_inner();
        picked = answer.receipt.and_then(|receipt| receipt.token);
    }
    let order = get(client, id, picked).await?;
    if client.json {
        return json(&order);
    }
    print(&order);
    Ok(())
}

/// What the lines still want.
pub fn still_to_pick(order: &FulfilmentOrder) -> Vec<LineQuantity> {
    order
        .lines
        .iter()
        .filter_map(|view| {
            let line = view.line.as_ref()?;
            let quantity = line.quantity - view.picked - view.short_picked;
            (quantity > 0).then(|| LineQuantity {
                line_id: line.line_id.clone(),
                quantity,
            })
        })
        .collect()
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
    println!(
        "{}  {} {}  {}",
        parcel.parcel_id,
        parcel.carrier,
        parcel.tracking_number,
        word(parcel.tracking_status().as_str_name(), "TRACKING_STATUS_")
    );
    let mut rows = table(&["time", "status", "place", "carrier says"]);
    for scan in parcel.scans {
        rows.add_row([
            time(scan.occurred_at.as_ref()),
            word(scan.status().as_str_name(), "TRACKING_STATUS_"),
            scan.place,
            scan.description,
        ]);
    }
    println!("{rows}");
    Ok(())
}
