//! What must hold once nothing goes wrong any more: everybody catches up, and every invariant that production checks, holds.

use std::{collections::BTreeMap, time::Duration};

use futures::StreamExt as _;
use ordo_proto::{
    log::{GetHeadsRequest, ReadRequest},
    ops::{
        ListParkedRequest, ListProjectionsRequest, ListReactionsRequest, VerifyRequest,
        VerifyResponse,
    },
};
use tonic::Status;

use crate::{broker::Nats, cluster::SERVICES, people::People, shop::Shop};

/// Virtual time in which everybody must have caught up.
const PATIENCE: Duration = Duration::from_secs(300);
/// Pause between two looks at who is behind.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Waits for everybody to catch up, then checks everything.
pub async fn judge(shop: &Shop, nats: &Nats) {
    let people = &shop.people;
    let world = &people.world;
    let end = tokio::time::Instant::now() + PATIENCE;
    // Twice in a row: what one service tells another may be under way.
    let mut quiet = 0;
    while quiet < 3 {
        let trouble = match unsettled(people, nats).await {
            Ok(None) => {
                quiet += 1;
                None
            }
            Ok(Some(trouble)) => Some(trouble),
            Err(status) => Some(status.to_string()),
        };
        if let Some(trouble) = trouble {
            quiet = 0;
            if tokio::time::Instant::now() > end {
                world.violated(format!("not caught up after {PATIENCE:?}: {trouble}"));
                break;
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    world.note("caught up", format_args!(""));
    for service in SERVICES {
        if let Err(status) = verify(people, service).await {
            world.violated(format!("{service} cannot be verified: {status}"));
        }
        if let Err(status) = heads(people, service).await {
            world.violated(format!("{service} does not tell its heads: {status}"));
        }
    }
    keep_promises(people).await;
    for order_id in shop.orders() {
        if shop.order(&order_id).await.is_none() {
            world.violated(format!("order {order_id} was taken and is not there"));
        }
    }
}

/// What is still under way.
async fn unsettled(people: &People, nats: &Nats) -> Result<Option<String>, Status> {
    for service in SERVICES {
        let mut operations = people.operations(service)?;
        let models = operations.list_projections(ListProjectionsRequest {});
        for model in models.await?.into_inner().projections {
            if !model.error.is_empty() {
                return Ok(Some(format!("{service}: {}: {}", model.name, model.error)));
            }
            if let Some(at) = model.progress.iter().find(|at| at.position < at.head) {
                return Ok(Some(format!(
                    "{service}: {} is behind at {at:?}",
                    model.name
                )));
            }
        }
        // A relay without events to publish looks after its copy only now and then.
        let mut log = people.log(service)?;
        let heads = log.get_heads(GetHeadsRequest {}).await?;
        for head in heads.into_inner().heads {
            let stream = format!("ORDO_{}_{}", service.to_uppercase(), head.partition);
            if !nats.is_whole(&stream, head.position) {
                return Ok(Some(format!("{stream} is no copy of its log")));
            }
        }
        let reactions = operations.list_reactions(ListReactionsRequest {});
        for reaction in reactions.await?.into_inner().reactions {
            if reaction.parked > 0 {
                let parked = operations.list_parked(ListParkedRequest::default());
                let parked = parked.await?.into_inner().parked;
                return Ok(Some(format!("{service}: parked: {parked:?}")));
            }
            if reaction.pending > 0 || reaction.progress.iter().any(|at| at.position < at.head) {
                let (name, at) = (&reaction.name, &reaction.progress);
                let pending = reaction.pending;
                return Ok(Some(format!(
                    "{service}: {name} has {pending} to do, at {at:?}"
                )));
            }
        }
    }
    Ok(None)
}

/// Runs every check that operators can run.
async fn verify(people: &People, service: &str) -> Result<(), Status> {
    let mut tries = 0;
    loop {
        let answers = match checks(people, service).await {
            Ok(answers) => answers,
            // A connection that was opened before all was calm may still break.
            Err(status) if tries < 5 => {
                tries += 1;
                people
                    .world
                    .note("again", format_args!("verify {:?}", status.code()));
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
            Err(status) => return Err(status),
        };
        if answers.len() < 4 {
            let count = answers.len();
            people
                .world
                .violated(format!("{service} has only {count} checks"));
        }
        for check in answers {
            people.world.note(
                "check",
                format_args!("{service} {} {} {}", check.check, check.ok, check.examined),
            );
            if !check.ok {
                let (name, difference) = (check.check, check.difference);
                people
                    .world
                    .violated(format!("{service}: {name}: {difference}"));
            }
        }
        return Ok(());
    }
}

async fn checks(people: &People, service: &str) -> Result<Vec<VerifyResponse>, Status> {
    let mut operations = people.operations(service)?;
    let mut stream = operations
        .verify(VerifyRequest::default())
        .await?
        .into_inner();
    let mut answers = Vec::new();
    while let Some(answer) = stream.next().await {
        answers.push(answer?);
    }
    Ok(answers)
}

/// The logs' ends are part of the trace: their hashes stand for everything that was recorded.
async fn heads(people: &People, service: &str) -> Result<(), Status> {
    let heads = people
        .again(|| async { people.log(service)?.get_heads(GetHeadsRequest {}).await })
        .await?;
    for head in heads.heads {
        people
            .world
            .note("head", format_args!("{service} {head:?}"));
    }
    Ok(())
}

/// Acknowledged commands stand where it was said.
async fn keep_promises(people: &People) {
    let mut places: BTreeMap<(String, u32, u64), Vec<String>> = BTreeMap::new();
    for promise in people.acknowledged() {
        let at = promise.at;
        if at.position > 0 {
            let place = (at.service, at.partition, at.position);
            places.entry(place).or_default().push(promise.command_id);
        }
    }
    for ((service, partition, position), commands) in places {
        let request = ReadRequest {
            partition,
            after: position - 1,
            limit: 1,
            filter: None,
        };
        let read = people
            .again(|| async { people.log(&service)?.read(request.clone()).await })
            .await;
        let there = match read {
            Ok(read) => read.events.first().map(|event| event.position) == Some(position),
            Err(_) => false,
        };
        if !there {
            people.world.violated(format!(
                "{commands:?} were acknowledged at {service} {partition}/{position}, where nothing is"
            ));
        }
    }
}
