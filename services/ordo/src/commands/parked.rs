//! `ordo parked …`

use std::process::ExitCode;

use clap::{Subcommand, builder::PossibleValuesParser};
use ordo_proto::{
    ops::{
        DropParkedRequest, ListDroppedRequest, ListDroppedResponse, ListParkedRequest,
        ListParkedResponse, ParkedEntity, ReplayParkedRequest,
    },
    types::Page,
};

use crate::{
    client::{Client, SERVICES, every_page},
    fault::Fault,
    output::{json, json_of, say, table, time},
    table::Rows,
};

/// Work that gave up.
#[derive(Debug, Subcommand)]
pub enum ParkedCommand {
    /// List what is parked, and why.
    #[command(after_help = "Example: ordo parked list")]
    List,
    /// Try again.
    #[command(after_help = "Example: ordo parked replay aftersales restock demo/01kq-C1")]
    Replay {
        /// Service.
        #[arg(value_parser = PossibleValuesParser::new(SERVICES))]
        service: String,
        /// Reaction.
        #[arg(value_parser = crate::commands::parse::text)]
        reaction: String,
        /// Entity; every one of the reaction when not given.
        #[arg(value_parser = crate::commands::parse::text)]
        entity: Option<String>,
    },
    /// Give up on the event that parked an entity: it is never tried again, and what waits behind it goes on.
    #[command(
        after_help = "Example: ordo parked drop aftersales restock demo/01kq-C1 --reason \"booked in by hand\""
    )]
    Drop {
        /// Service.
        #[arg(value_parser = PossibleValuesParser::new(SERVICES))]
        service: String,
        /// Reaction.
        #[arg(value_parser = crate::commands::parse::text)]
        reaction: String,
        /// Entity.
        #[arg(value_parser = crate::commands::parse::text)]
        entity: String,
        /// Why; on record for ever, with who you are.
        #[arg(long, value_parser = crate::commands::parse::text)]
        reason: String,
        /// Only if this event (or timer) is what parked it; what `list` shows now when not given.
        #[arg(long, value_name = "EVENT", value_parser = crate::commands::parse::text)]
        event: Option<String>,
    },
    /// List what was dropped, by whom and why.
    #[command(after_help = "Example: ordo parked dropped")]
    Dropped,
}

/// Runs one of them.
pub async fn run(client: &Client, command: ParkedCommand) -> Result<ExitCode, Fault> {
    match command {
        ParkedCommand::List => list(client).await?,
        ParkedCommand::Replay {
            service,
            reaction,
            entity,
        } => {
            let request = ReplayParkedRequest {
                reaction,
                entity: entity.clone().unwrap_or_default(),
            };
            let answer = client
                .operations(&service)?
                .replay_parked(request)
                .await?
                .into_inner();
            if client.json {
                json(&answer)?;
            } else {
                say!("{} will be tried again", answer.replayed)?;
            }
            if let (0, Some(entity)) = (answer.replayed, entity) {
                return Err(Fault::refused(
                    "UNKNOWN_NAME",
                    format_args!("{entity} is not parked there; `ordo parked list` shows what is"),
                ));
            }
        }
        ParkedCommand::Drop {
            service,
            reaction,
            entity,
            reason,
            event,
        } => {
            let event_id = match event {
                Some(event) => event,
                None => parked(client, &service, &reaction, &entity).await?.event_id,
            };
            let request = DropParkedRequest {
                reaction,
                entity,
                event_id,
                reason,
            };
            let answer = client
                .operations(&service)?
                .drop_parked(request)
                .await?
                .into_inner();
            if client.json {
                json(&answer)?;
            } else {
                let dropped = answer.dropped.unwrap_or_default();
                say!(
                    "dropped {} {}; what waits behind it goes on",
                    dropped.event_type,
                    dropped.event_id
                )?;
            }
        }
        ParkedCommand::Dropped => dropped(client).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(client: &Client) -> Result<(), Fault> {
    let mut rows = table(&[
        "entity", "service", "reaction", "event", "attempts", "since", "waiting", "why",
    ]);
    for service in SERVICES {
        let ask = async |page| list_parked(client, service, "", page).await;
        every_page(ask, |answer| {
            if client.json {
                json_of(service, &answer)?;
            }
            for parked in answer.parked {
                rows.add_row([
                    parked.entity,
                    service.to_owned(),
                    parked.reaction,
                    parked.event_type,
                    parked.attempts.to_string(),
                    time(parked.parked_at.as_ref()),
                    parked.waiting.to_string(),
                    parked.error,
                ]);
            }
            Ok(answer.next_page_token)
        })
        .await?;
    }
    tell(client, &rows, "nothing is parked")
}

async fn list_parked(
    client: &Client,
    service: &str,
    reaction: &str,
    page: Option<Page>,
) -> Result<ListParkedResponse, Fault> {
    let request = ListParkedRequest {
        reaction: reaction.to_owned(),
        page,
    };
    let answer = client.operations(service)?.list_parked(request).await?;
    Ok(answer.into_inner())
}

/// What is parked under that name.
async fn parked(
    client: &Client,
    service: &str,
    reaction: &str,
    entity: &str,
) -> Result<ParkedEntity, Fault> {
    let mut found = None;
    let ask = async |page| list_parked(client, service, reaction, page).await;
    every_page(ask, |answer| {
        let mut parked = answer.parked.into_iter();
        found = parked.find(|parked| parked.entity == entity);
        Ok(match found {
            Some(_) => String::new(),
            None => answer.next_page_token,
        })
    })
    .await?;
    found.ok_or_else(|| {
        Fault::refused(
            "UNKNOWN_NAME",
            format_args!(
                "{entity} is not parked at {service} {reaction}; `ordo parked list` shows what is"
            ),
        )
    })
}

async fn dropped(client: &Client) -> Result<(), Fault> {
    let mut rows = table(&[
        "entity",
        "service",
        "reaction",
        "event",
        "dropped",
        "by",
        "reason",
        "failed with",
    ]);
    for service in SERVICES {
        let ask = async |page| list_dropped(client, service, page).await;
        every_page(ask, |answer| {
            if client.json {
                json_of(service, &answer)?;
            }
            for dropped in answer.dropped {
                rows.add_row([
                    dropped.entity,
                    service.to_owned(),
                    dropped.reaction,
                    dropped.event_type,
                    time(dropped.dropped_at.as_ref()),
                    dropped.actor,
                    dropped.reason,
                    dropped.error,
                ]);
            }
            Ok(answer.next_page_token)
        })
        .await?;
    }
    tell(client, &rows, "nothing was dropped")
}

async fn list_dropped(
    client: &Client,
    service: &str,
    page: Option<Page>,
) -> Result<ListDroppedResponse, Fault> {
    let request = ListDroppedRequest {
        reaction: String::new(),
        page,
    };
    let answer = client.operations(service)?.list_dropped(request).await?;
    Ok(answer.into_inner())
}

/// Prints the table, unless JSON has been printed instead.
fn tell(client: &Client, rows: &Rows, nothing: &str) -> Result<(), Fault> {
    if client.json {
        return Ok(());
    }
    if rows.is_empty() {
        return say!("{nothing}");
    }
    say!("{rows}")
}
