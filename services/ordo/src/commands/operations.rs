//! `ordo projection …`, `ordo verify`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use futures::StreamExt as _;
use ordo_proto::ops::{
    ListProjectionsRequest, ListReactionsRequest, RebuildProjectionRequest, VerifyRequest,
    VerifyResponse,
};
use tonic::Code;

use crate::{
    client::{Client, SERVICES},
    fault::Fault,
    output::{json, json_of, say, table},
};

/// Read models.
#[derive(Debug, Subcommand)]
pub enum ProjectionCommand {
    /// List read models and reactions, and how far they are.
    #[command(after_help = "Example: ordo projection list")]
    List,
    /// Build a read model anew beside the one that serves, compare, and switch.
    #[command(after_help = "Example: ordo projection rebuild intake order_list")]
    Rebuild {
        /// Service.
        #[arg(value_parser = clap::builder::PossibleValuesParser::new(SERVICES))]
        service: String,
        /// Read model.
        name: String,
    },
}

/// What to check.
#[derive(Debug, Args)]
pub struct VerifyOptions {
    /// Only this service; may be given several times.
    #[arg(long = "service", value_parser = clap::builder::PossibleValuesParser::new(SERVICES))]
    services: Vec<String>,
    /// Only this check, such as log.hash_chain; may be given several times.
    #[arg(long = "check")]
    checks: Vec<String>,
}

/// Runs a command on read models.
pub async fn projection(client: &Client, command: ProjectionCommand) -> Result<ExitCode, Fault> {
    match command {
        ProjectionCommand::List => {
            let mut rows = table(&[
                "service", "reads", "kind", "name", "state", "position", "behind", "pending",
                "parked", "timers",
            ]);
            for service in SERVICES {
                let mut operations = client.operations(service)?;
                let projections = operations
                    .list_projections(ListProjectionsRequest {})
                    .await?
                    .into_inner();
                let reactions = operations
                    .list_reactions(ListReactionsRequest {})
                    .await?
                    .into_inner();
                if client.json {
                    json_of(service, &projections)?;
                    json_of(service, &reactions)?;
                    continue;
                }
                for projection in projections.projections {
                    for at in &projection.progress {
                        rows.add_row([
                            service.to_owned(),
                            format!("{}/{}", at.service, at.partition),
                            "read model".to_owned(),
                            format!(
                                "{} v{} g{}",
                                projection.name, projection.version, projection.generation
                            ),
                            projection.state.to_ascii_lowercase(),
                            at.position.to_string(),
                            at.head.saturating_sub(at.position).to_string(),
                        ]);
                    }
                }
                for reaction in reactions.reactions {
                    for at in &reaction.progress {
                        rows.add_row([
                            service.to_owned(),
                            format!("{}/{}", at.service, at.partition),
                            "reaction".to_owned(),
                            reaction.name.clone(),
                            String::new(),
                            at.position.to_string(),
                            at.head.saturating_sub(at.position).to_string(),
                            reaction.pending.to_string(),
                            reaction.parked.to_string(),
                            reaction.timers.to_string(),
                        ]);
                    }
                }
            }
            if !client.json {
                say!("{rows}")?;
            }
        }
        ProjectionCommand::Rebuild { service, name } => {
            let request = RebuildProjectionRequest { name: name.clone() };
            let mut progress = client
                .operations(&service)?
                .rebuild_projection(request)
                .await?
                .into_inner();
            let bar = indicatif::ProgressBar::new(0);
            let mut last = None;
            while let Some(step) = progress.next().await {
                let step = step?;
                bar.set_length(step.events_total);
                bar.set_position(step.events_applied);
                last = Some(step);
            }
            bar.finish_and_clear();
            let last = last.unwrap_or_default();
            if client.json {
                json(&last)?;
            } else {
                say!(
                    "{name}: {} events applied, {} rows differ from the replaced one, {}",
                    last.events_applied,
                    last.rows_different,
                    if last.switched {
                        "switched"
                    } else {
                        "not switched"
                    }
                )?;
            }
            if !last.switched {
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs the checks and prints their verdicts.
pub async fn verify(client: &Client, options: &VerifyOptions) -> Result<ExitCode, Fault> {
    let services: Vec<&str> = if options.services.is_empty() {
        SERVICES.to_vec()
    } else {
        options.services.iter().map(String::as_str).collect()
    };
    let mut first_difference = None;
    let mut unknown = None;
    let mut told = 0;
    for service in services {
        let results = checks(client, service, &options.checks, |result| {
            told += 1;
            if client.json {
                return json_of(service, result);
            }
            let verdict = if result.ok { "ok  " } else { "FAIL" };
            say!(
                "{verdict} {service:<10} {:<32} {:>9}  {}",
                result.check,
                result.examined,
                result.difference
            )?;
            Ok(())
        })
        .await;
        let results = match results {
            // A check belongs to some services; only one that none of them has is a mistake.
            Err(Fault::Refused(status))
                if status.code() == Code::NotFound && options.services.is_empty() =>
            {
                unknown = Some(Fault::Refused(status));
                continue;
            }
            results => results?,
        };
        if first_difference.is_none() {
            first_difference = results
                .into_iter()
                .find(|result| !result.ok)
                .map(|result| (service, result));
        }
    }
    match first_difference {
        None => match unknown {
            Some(unknown) if told == 0 => Err(unknown),
            _ => Ok(ExitCode::SUCCESS),
        },
        Some((service, result)) => {
            let difference = format!("{service}: {}: {}", result.check, result.difference);
            Err(Fault::Check(difference))
        }
    }
}

/// Runs one service's checks.
pub async fn checks(
    client: &Client,
    service: &str,
    names: &[String],
    mut told: impl FnMut(&VerifyResponse) -> Result<(), Fault>,
) -> Result<Vec<VerifyResponse>, Fault> {
    let request = VerifyRequest {
        checks: names.to_vec(),
    };
    let mut answers = client
        .operations(service)?
        .verify(request)
        .await?
        .into_inner();
    let mut results = Vec::new();
    while let Some(result) = answers.next().await {
        let result = result?;
        told(&result)?;
        results.push(result);
    }
    Ok(results)
}
