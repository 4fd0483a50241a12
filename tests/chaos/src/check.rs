//! Whether everything is as it must be, once nothing is wrong any more.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::{Duration, Instant},
};

use ordo_cluster::SERVICES;
use ordo_event_log::TenantId;
use ordo_proto::{
    intake::{ListOrdersRequest, OrderPlaced},
    log::{GetHeadsRequest, ReadRequest},
    ops::{ListParkedRequest, ListProjectionsRequest, ListReactionsRequest},
    types::Page,
};
use ordo_rpc::Call;
use ordo_scenarios::TENANT;
use prost::Message as _;
use tokio::process::Command;
use tonic::Status;

use crate::{error::ChaosError, history::Found, world::World};

/// How long the cluster may take to catch up.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a check found.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Everything that is not as it must be; empty when all is well.
    pub faults: Vec<String>,
    /// Entities that wait for an operator. After a restore there may be some: what a lost order's parcel says has nowhere to go.
    pub parked: Vec<String>,
    /// Time until everybody had caught up, for `ordo verify`, and for the comparison.
    pub took: [Duration; 3],
}

impl World {
    /// Heals everything, waits until everybody has caught up, verifies, and compares with the history.
    pub async fn check(&self, ordo: &Path, restored: bool) -> Result<Verdict, ChaosError> {
        let _closed = self.shop.gate.write().await;
        let started = Instant::now();
        self.heal().await?;
        let mut verdict = Verdict::default();
        match self.settle().await {
            Ok(parked) => {
                if restored {
                    verdict.parked = parked;
                } else {
                    let parked = parked.into_iter().map(|what| format!("parked: {what}"));
                    verdict.faults.extend(parked);
                }
            }
            Err(what) => verdict.faults.push(format!(
                "not caught up within {} s: {what}",
                PATIENCE.as_secs()
            )),
        }
        let settled = started.elapsed();
        verdict.faults.extend(self.verify(ordo).await?);
        let verified = started.elapsed();
        verdict.faults.extend(self.compare().await?);
        verdict.took = [settled, verified - settled, started.elapsed() - verified];
        Ok(verdict)
    }

    /// Waits until no read model is behind and no reaction has work. Gives what is parked.
    async fn settle(&self) -> Result<Vec<String>, String> {
        let end = Instant::now() + PATIENCE;
        let mut quiet = 0;
        loop {
            let unsettled = match self.unsettled().await {
                Ok((None, parked)) => {
                    quiet += 1;
                    if quiet == 2 {
                        return Ok(parked);
                    }
                    String::new()
                }
                Ok((Some(what), _)) => what,
                Err(status) => status.to_string(),
            };
            if !unsettled.is_empty() {
                quiet = 0;
                if Instant::now() > end {
                    return Err(unsettled);
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await; // Not a wait: the pause of a polling loop.
        }
    }

    async fn unsettled(&self) -> Result<(Option<String>, Vec<String>), Status> {
        let mut parked = Vec::new();
        for service in SERVICES {
            let mut operations = self.operator.operations(service, &Call::system())?;
            let models = operations
                .list_projections(ListProjectionsRequest {})
                .await?
                .into_inner()
                .projections;
            for model in models {
                if model.state != "SERVING" || !model.error.is_empty() {
                    let what =
                        format!("{service}: {}: {} {}", model.name, model.state, model.error);
                    return Ok((Some(what), parked));
                }
                if let Some(at) = model.progress.iter().find(|at| at.position != at.head) {
                    let what = format!("{service}: read model {} is behind: {at:?}", model.name);
                    return Ok((Some(what), parked));
                }
            }
            let reactions = operations
                .list_reactions(ListReactionsRequest {})
                .await?
                .into_inner()
                .reactions;
            for reaction in reactions {
                let behind = reaction.progress.iter().find(|at| at.position != at.head);
                if reaction.pending > 0 || behind.is_some() {
                    let what = format!(
                        "{service}: reaction {} has {} pending, is behind: {behind:?}",
                        reaction.name, reaction.pending
                    );
                    return Ok((Some(what), parked));
                }
            }
            let listed = operations
                .list_parked(ListParkedRequest::default())
                .await?
                .into_inner();
            parked.extend(listed.parked.into_iter().map(|parked| {
                format!(
                    "{service}: {} {}: {} ({})",
                    parked.reaction, parked.entity, parked.error, parked.event_type
                )
            }));
        }
        Ok((None, parked))
    }

    /// `ordo verify`, as an operator runs it.
    async fn verify(&self, ordo: &Path) -> Result<Vec<String>, ChaosError> {
        let command = Command::new(ordo)
            .arg("verify")
            .arg("--home")
            .arg(&self.folder)
            .kill_on_drop(true)
            .output();
        let Ok(output) = tokio::time::timeout(PATIENCE, command).await else {
            return Ok(vec!["`ordo verify` did not end".to_owned()]);
        };
        let output = output.map_err(|error| ChaosError::failed("running `ordo verify`", error))?;
        if output.status.success() {
            return Ok(Vec::new());
        }
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        let failed = said.lines().filter(|line| !line.starts_with("ok"));
        Ok(failed
            .chain(errors.lines())
            .map(|line| format!("ordo verify: {line}"))
            .collect())
    }

    /// The history against the logs, and against the list of orders.
    async fn compare(&self) -> Result<Vec<String>, ChaosError> {
        let mut faults = Vec::new();
        let mut placed = BTreeMap::new();
        for service in SERVICES {
            let (log, orders) = self.read_log(service).await?;
            faults.extend(self.shop.history.disagreements(service, &log));
            placed.extend(orders);
        }
        for (number, count) in &placed {
            if *count > 1 {
                faults.push(format!("order {number} was placed {count} times"));
            }
        }
        let listed = self.list_orders().await?;
        for number in &listed.1 {
            faults.push(format!("order {number} is listed twice"));
        }
        for id in self.shop.history.acknowledged_ids("place") {
            let number = id.trim_start_matches("place:web:");
            if !listed.0.contains(number) {
                faults.push(format!("order {number} was acknowledged and is not listed"));
            }
        }
        for number in &listed.0 {
            if !placed.contains_key(number) {
                faults.push(format!("order {number} is listed and not in the log"));
            }
        }
        Ok(faults)
    }

    /// Places of all events by command id, and how often each order was placed.
    #[allow(clippy::type_complexity)]
    async fn read_log(
        &self,
        service: &str,
    ) -> Result<(BTreeMap<String, Vec<Found>>, BTreeMap<String, u64>), ChaosError> {
        let failed = |source| ChaosError::call(format!("reading {service}'s log"))(source);
        let mut client = self.direct.event_log(service, &call()).map_err(failed)?;
        let heads = client
            .get_heads(GetHeadsRequest {})
            .await
            .map_err(failed)?
            .into_inner()
            .heads;
        let mut found: BTreeMap<String, Vec<Found>> = BTreeMap::new();
        let mut orders = BTreeMap::new();
        for head in heads {
            let mut after = 0;
            while after < head.position {
                let request = ReadRequest {
                    partition: head.partition,
                    after,
                    limit: 1000,
                    filter: None,
                };
                let read = client.read(request).await.map_err(failed)?.into_inner();
                for event in read.events {
                    if event.r#type == "ordo.intake.v1.OrderPlaced" {
                        let event = OrderPlaced::decode(&*event.payload)
                            .map_err(|error| ChaosError::failed("decoding an order", error))?;
                        *orders.entry(event.channel_order_number).or_default() += 1;
                    }
                    let id = event.metadata.unwrap_or_default().command_id;
                    found.entry(id).or_default().push(Found {
                        partition: event.partition,
                        position: event.position,
                    });
                }
                after = read.scanned_to.max(after + 1);
            }
        }
        Ok((found, orders))
    }

    /// Numbers of the orders that the list shows, and those that it shows more than once.
    async fn list_orders(&self) -> Result<(BTreeSet<String>, Vec<String>), ChaosError> {
        let failed = |source| ChaosError::call("listing orders")(source);
        let mut client = self.direct.intake(&call()).map_err(failed)?;
        let (mut listed, mut twice) = (BTreeSet::new(), Vec::new());
        let mut token = String::new();
        loop {
            let request = ListOrdersRequest {
                page: Some(Page { size: 200, token }),
                ..ListOrdersRequest::default()
            };
            let page = client
                .list_orders(request)
                .await
                .map_err(failed)?
                .into_inner();
            for order in page.orders {
                if let Some(again) = listed.replace(order.channel_order_number) {
                    twice.push(again);
                }
            }
            token = page.next_page_token;
            if token.is_empty() {
                return Ok((listed, twice));
            }
        }
    }
}

fn call() -> Call {
    TenantId::new(TENANT)
        .map(|tenant| Call::new(&tenant))
        .unwrap_or_default()
}
