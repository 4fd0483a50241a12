//! `ordo events …`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use futures::StreamExt as _;
use ordo_proto::{
    log::{Event, EventFilter, SubscribeRequest, subscribe_response::Item},
    types::LogPosition,
};

use super::order::order_id;
use crate::{
    client::{Client, SERVICES},
    fault::Fault,
    output::{say, time},
};

/// The event logs.
#[derive(Debug, Subcommand)]
pub enum EventsCommand {
    /// Print events as they are recorded, until Ctrl-C.
    #[command(after_help = TAIL_EXAMPLES)]
    Tail(TailOptions),
}

const TAIL_EXAMPLES: &str = "\
Example:
  ordo events tail --once --order phone/1001           # everything that happened to it, at all four services
  ordo events tail fulfilment --now --type ParcelDispatched --json";

/// Which events.
#[derive(Debug, Args)]
pub struct TailOptions {
    /// Service; all four when not given.
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(SERVICES))]
    service: Option<String>,
    /// Begin after this position of every partition; without it and --now, at the first event.
    #[arg(long, value_name = "POSITION")]
    after: Option<u64>,
    /// Begin at the present end.
    #[arg(long, conflicts_with = "after")]
    now: bool,
    /// Event type, such as OrderPlaced or ordo.intake.v1.OrderPlaced; may be given several times.
    #[arg(long = "type", value_name = "TYPE", value_parser = crate::commands::parse::text)]
    types: Vec<String>,
    /// Everything of this order (its id, or `CHANNEL/NUMBER`), at every service.
    #[arg(long, value_name = "ORDER", value_parser = crate::commands::parse::text)]
    order: Option<String>,
    /// Stop at the present end instead of waiting for more.
    #[arg(long)]
    once: bool,
}

/// Runs it.
pub async fn run(client: &Client, command: EventsCommand) -> Result<ExitCode, Fault> {
    let EventsCommand::Tail(mut options) = command;
    if let Some(order) = &options.order {
        options.order = Some(order_id(client, order).await?);
    }
    let services: Vec<&str> = match &options.service {
        Some(service) => vec![service],
        None => SERVICES.to_vec(),
    };
    check_types(&services, &options.types)?;
    if options.once {
        // One after the other would tell an order's life out of order: collect, then sort by time.
        let mut events = Vec::new();
        for service in services {
            collect(client, service, &options, &mut events).await?;
        }
        events.sort_by_key(|event| {
            let time = event.time.unwrap_or_default();
            (time.seconds, time.nanos)
        });
        for event in &events {
            print(client, event)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let tails = services
        .into_iter()
        .map(|service| tail(client, service, &options));
    tokio::select! {
        ended = futures::future::try_join_all(tails) => ended.map(|_| ExitCode::SUCCESS),
        _ = tokio::signal::ctrl_c() => Ok(ExitCode::SUCCESS),
    }
}

/// Every type is one that some service of these has: a mistyped one would be waited for for ever.
fn check_types(services: &[&str], types: &[String]) -> Result<(), Fault> {
    for name in types {
        let known = |service: &&str| {
            let full = full_name(service, name);
            full.starts_with(&format!("ordo.{service}."))
                && ordo_proto::json::descriptor(&full).is_ok()
        };
        if !services.iter().any(known) {
            let services = services.join(", ");
            return Err(Fault::usage(format_args!(
                "no event of {services} is named `{name}`; docs/EVENTS.md lists them"
            )));
        }
    }
    Ok(())
}

fn full_name(service: &str, name: &str) -> String {
    if name.contains('.') {
        name.to_owned()
    } else {
        format!("ordo.{service}.v1.{name}")
    }
}

async fn request(
    client: &Client,
    service: &str,
    options: &TailOptions,
) -> Result<SubscribeRequest, Fault> {
    let mut after = Vec::new();
    if let Some(position) = options.after {
        let heads = client
            .event_log(service)?
            .get_heads(ordo_proto::log::GetHeadsRequest {})
            .await?
            .into_inner();
        after.extend(heads.heads.iter().map(|head| LogPosition {
            service: service.to_owned(),
            partition: head.partition,
            position,
            epoch: head.epoch,
        }));
    }
    let types = options.types.iter().map(|name| full_name(service, name));
    Ok(SubscribeRequest {
        after,
        filter: Some(EventFilter {
            types: types.collect(),
            ..EventFilter::default()
        }),
        from_now: options.now,
        partitions: vec![],
    })
}

fn wanted(options: &TailOptions, event: &Event) -> bool {
    options
        .order
        .as_ref()
        .is_none_or(|order| event.aggregate_id.starts_with(order.as_str()))
}

async fn tail(client: &Client, service: &str, options: &TailOptions) -> Result<(), Fault> {
    let request = request(client, service, options).await?;
    let mut items = client
        .event_log(service)?
        .subscribe(request)
        .await?
        .into_inner();
    while let Some(item) = items.next().await {
        if let Some(Item::Event(event)) = item?.item
            && wanted(options, &event)
        {
            print(client, &event)?;
        }
    }
    Ok(())
}

/// Reads up to the end that each partition had when asked.
async fn collect(
    client: &Client,
    service: &str,
    options: &TailOptions,
    events: &mut Vec<Event>,
) -> Result<(), Fault> {
    let mut log = client.event_log(service)?;
    let heads = log
        .get_heads(ordo_proto::log::GetHeadsRequest {})
        .await?
        .into_inner();
    let filter = request(client, service, options).await?.filter;
    for head in heads.heads {
        let mut after = if options.now {
            head.position
        } else {
            options.after.unwrap_or(0)
        };
        while after < head.position {
            let request = ordo_proto::log::ReadRequest {
                partition: head.partition,
                after,
                limit: 1000,
                filter: filter.clone(),
            };
            let page = log.read(request).await?.into_inner();
            if page.scanned_to <= after {
                break;
            }
            after = page.scanned_to;
            events.extend(
                page.events
                    .into_iter()
                    .filter(|event| wanted(options, event)),
            );
        }
    }
    Ok(())
}

fn print(client: &Client, event: &Event) -> Result<(), Fault> {
    let payload = ordo_proto::json::from_bytes(&event.r#type, &event.payload)
        .map_err(|error| Fault::because("reading an event", error))?;
    if client.json {
        let mut envelope = ordo_proto::json::from_message(event)
            .map_err(|error| Fault::because("writing JSON", error))?;
        envelope["payload"] = payload;
        say!("{envelope}")?;
        return Ok(());
    }
    let kind = event.r#type.rsplit('.').next().unwrap_or(&event.r#type);
    let actor = event
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.actor.as_ref())
        .map_or("", |actor| actor.id.as_str());
    say!(
        "{} {:<10} {}:{:<6} {:<28} {}/{} v{} by {actor}",
        time(event.time.as_ref()),
        event.service,
        event.partition,
        event.position,
        kind,
        event.aggregate,
        event.aggregate_id,
        event.stream_version,
    )?;
    Ok(())
}
