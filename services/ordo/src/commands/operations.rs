//! `ordo projection …`, `ordo verify`.

use std::{collections::BTreeMap, process::ExitCode};

use clap::{Args, Subcommand};
use futures::StreamExt as _;
use ordo_proto::ops::{
    ListProjectionsRequest, ListReactionsRequest, RebuildProjectionRequest, VerifyRequest,
    VerifyResponse,
};
use tonic::{Status, Streaming};
use tonic_types::StatusExt as _;

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
        #[arg(value_parser = crate::commands::parse::text)]
        name: String,
    },
}

/// What to check.
#[derive(Debug, Args)]
pub struct VerifyOptions {
    /// Only this service; may be given several times.
    #[arg(long = "service", value_parser = clap::builder::PossibleValuesParser::new(SERVICES))]
    services: Vec<String>,
    /// Only this check, such as log.hash_chain, of the services that have it; may be given several times.
    #[arg(long = "check", value_parser = crate::commands::parse::text)]
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
    // A check belongs to some services; one that none of them has is a mistake.
    let mut nowhere: BTreeMap<&str, (usize, Status)> = BTreeMap::new();
    for service in &services {
        let known = start_known(client, service, &options.checks, &mut nowhere).await?;
        let Some(outcomes) = known else { continue };
        let results = collect(outcomes, |result| {
            if client.json {
                return json_of(service, result);
            }
            let verdict = if result.ok { "ok  " } else { "FAIL" };
            say!(
                "{verdict} {service:<10} {:<32} {:>9}  {}",
                result.check,
                result.examined,
                result.difference
            )
        })
        .await?;
        if first_difference.is_none() {
            first_difference = results
                .into_iter()
                .find(|result| !result.ok)
                .map(|result| (*service, result));
        }
    }
    if let Some((service, result)) = first_difference {
        let difference = format!("{service}: {}: {}", result.check, result.difference);
        return Err(Fault::Check(difference));
    }
    let mut nowhere = nowhere.into_values();
    match nowhere.find(|(without, _)| *without == services.len()) {
        Some((_, status)) => Err(status.into()),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Starts those of the `wanted` checks that the service has, all of its own when none is named; `None`: it has none of them. Those
/// that it has not are counted in `nowhere`, with what it said.
async fn start_known<'a>(
    client: &Client,
    service: &str,
    wanted: &'a [String],
    nowhere: &mut BTreeMap<&'a str, (usize, Status)>,
) -> Result<Option<Streaming<VerifyResponse>>, Fault> {
    let mut left = wanted.to_vec();
    loop {
        let status = match start(client, service, &left).await {
            Ok(outcomes) => return Ok(Some(outcomes)),
            Err(Fault::Refused(status)) => status,
            Err(fault) => return Err(fault),
        };
        let Some(name) = unknown_check(&status, wanted) else {
            return Err(Fault::Refused(status));
        };
        left.retain(|left| left != name);
        nowhere.entry(name).or_insert((0, *status)).0 += 1;
        if left.is_empty() {
            return Ok(None);
        }
    }
}

/// Which of the `wanted` checks a service says that it does not have.
fn unknown_check<'a>(status: &Status, wanted: &'a [String]) -> Option<&'a str> {
    let info = status.get_details_error_info()?;
    let name = info.metadata.get("name")?;
    let wanted = wanted.iter().find(|wanted| *wanted == name);
    wanted
        .filter(|_| info.reason == ordo_rpc::shared::UNKNOWN_NAME.name)
        .map(String::as_str)
}

/// Runs all checks of one service.
pub async fn checks(client: &Client, service: &str) -> Result<Vec<VerifyResponse>, Fault> {
    collect(start(client, service, &[]).await?, |_| Ok(())).await
}

async fn start(
    client: &Client,
    service: &str,
    names: &[String],
) -> Result<Streaming<VerifyResponse>, Fault> {
    let request = VerifyRequest {
        checks: names.to_vec(),
    };
    let answers = client.operations(service)?.verify(request).await?;
    Ok(answers.into_inner())
}

async fn collect(
    mut outcomes: Streaming<VerifyResponse>,
    mut told: impl FnMut(&VerifyResponse) -> Result<(), Fault>,
) -> Result<Vec<VerifyResponse>, Fault> {
    let mut results = Vec::new();
    while let Some(result) = outcomes.next().await {
        let result = result?;
        told(&result)?;
        results.push(result);
    }
    Ok(results)
}
