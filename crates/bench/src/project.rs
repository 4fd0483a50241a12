//! `ordo bench project`: intake's order list built from a full log, and asked.
//!
//! The read model is a service's own, so the service itself is measured: a cluster is started in a temporary folder, its
//! services are stopped, intake's log is filled as intake would have written it, and intake is started again. The other
//! services stay down; the events are of kinds that ask nothing of them.

mod broker;
mod orders;
mod queries;
mod report;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use clap::Args;
use ordo_cluster::{Cluster, ClusterOptions, Lines, Ports, Programs, SERVICES};
use ordo_event_log::{EventLog, EventLogConfig, TenantId};
use ordo_proto::ops::{
    ListProjectionsRequest, RebuildProjectionRequest, operations_client::OperationsClient,
};
use ordo_rpc::{Call, MAX_MESSAGE, Remote, RemoteSettings, SignedChannel};
use ordo_sql::StoreUrl;

pub use report::{MemoryAt, ProjectReport, QueryFigures};

use crate::{
    error::{BenchError, During as _},
    latency::round,
    machine::{Machine, resident_bytes},
    options::Stores,
    store::Home,
};

/// What `ordo bench project` measures.
#[derive(Clone, Debug, Args)]
pub struct ProjectOptions {
    /// Where: `sqlite` or `sqlite:<folder>`, `postgres` (a server is started for it) or `postgres://…` (a database of its own
    /// on that server).
    #[arg(long, default_value = "sqlite", value_parser = Stores::OF_A_LOG)]
    pub store: String,
    /// Events of intake's log: eight for each order.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(8..=1_000_000_000))]
    pub events: u64,
    /// Orders instead of events, for the queries' sake.
    #[arg(long, conflicts_with = "events", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub orders: Option<u64>,
    /// Queries of each kind.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub queries: u32,
}

/// The shop.
const TENANT: &str = "bench";
/// The read model.
const PROJECTION: &str = "order_list";
/// How long one step may take.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Runs the benchmark. The services' programs are looked for as `ordo up` looks for them.
pub async fn run(options: ProjectOptions) -> Result<ProjectReport, BenchError> {
    let machine = Machine::look();
    let home = Home::open(&options.store).await?;
    let folder = tempfile::Builder::new()
        .prefix("ordo-bench-")
        .tempdir()
        .during("making a folder for the cluster")?;
    let measured = measure(&options, &home, folder.path()).await;
    let (kind, settings) = (home.kind(), home.settings().to_owned());
    let removed = home.remove().await;
    let mut report = measured?;
    removed?;
    report.store = kind;
    report.settings = settings;
    report.machine = machine.done();
    Ok(report)
}

async fn measure(
    options: &ProjectOptions,
    home: &Home,
    folder: &Path,
) -> Result<ProjectReport, BenchError> {
    let orders = options
        .orders
        .unwrap_or(options.events / orders::EVENTS_PER_ORDER);
    let database = home.whole("cluster").await?;
    let cluster = Cluster::start(
        ClusterOptions {
            home: folder.to_owned(),
            store: database.clone(),
            tenant: TENANT.to_owned(),
            ports: Ports::Free,
            programs: Programs::find().during("looking for the services' programs")?,
            settings: Vec::new(),
        },
        Lines::ignored(),
    )
    .await
    .during("starting a cluster")?;
    for service in SERVICES {
        cluster
            .take_down(service)
            .await
            .during(format_args!("stopping {service}"))?;
    }
    let store = match database {
        Some(url) => StoreUrl::Postgres(url),
        None => StoreUrl::SqliteDir(cluster.home().join("data")),
    };
    let tenant = TenantId::new(TENANT)
        .ok_or_else(|| BenchError::Wrong(format!("{TENANT} is no tenant's name")))?;
    let log = EventLog::open(EventLogConfig::new("intake", store))
        .await
        .during("opening intake's log")?;
    let broker = broker::measure(&log, &tenant, orders).await?;
    let events = orders * orders::EVENTS_PER_ORDER;
    log.close().await;

    let started = Instant::now();
    cluster.resume("intake").await.during("starting intake")?;
    let client = Client::new(&cluster, &tenant)?;
    client.caught_up(events).await?;
    let catch_up = events as f64 / started.elapsed().as_secs_f64();
    let pid = cluster
        .pid("intake")
        .during("looking for intake")?
        .ok_or_else(|| BenchError::Wrong("intake does not run".to_owned()))?;
    let (rebuild, memory) = client.rebuild(pid).await?;
    let queries = queries::measure(&client, orders, options.queries).await?;
    cluster.stop().await.during("stopping the cluster")?;
    Ok(ProjectReport {
        events_per_second: round(rebuild, 0),
        catch_up_per_second: round(catch_up, 0),
        log_feed_per_second: round(broker.log, 0),
        broker_feed_per_second: round(broker.broker, 0),
        events,
        orders,
        memory,
        queries,
        store: "",
        settings: String::new(),
        machine: Machine::look(),
    })
}

/// Clients of intake.
struct Client {
    remote: Remote,
    call: Call,
    operator: Remote,
}

impl Client {
    fn new(cluster: &Cluster, tenant: &TenantId) -> Result<Self, BenchError> {
        let connect = |tokens| {
            let settings = RemoteSettings {
                peers: cluster.file().services.clone(),
                timeout: Duration::from_secs(60),
                ..RemoteSettings::default()
            };
            Remote::new(settings, tokens).during("connecting to intake")
        };
        Ok(Self {
            remote: connect(cluster.keys().admin())?,
            call: Call::new(tenant),
            operator: connect(cluster.keys().operator())?,
        })
    }

    fn operations(&self) -> Result<OperationsClient<SignedChannel>, BenchError> {
        let channel = self
            .operator
            .stream_channel("intake", &Call::system())
            .during("connecting to intake")?;
        Ok(OperationsClient::new(channel).max_decoding_message_size(MAX_MESSAGE))
    }

    /// Waits until the read model holds so many events.
    async fn caught_up(&self, events: u64) -> Result<(), BenchError> {
        let end = Instant::now() + PATIENCE;
        let mut operations = self.operations()?;
        loop {
            let answer = operations
                .list_projections(ListProjectionsRequest {})
                .await
                .during("asking how far the order list is")?
                .into_inner();
            let status = answer
                .projections
                .into_iter()
                .find(|status| status.name == PROJECTION)
                .ok_or_else(|| BenchError::Wrong("intake has no order list".to_owned()))?;
            let applied: u64 = status
                .progress
                .iter()
                .filter(|progress| progress.service == "intake")
                .map(|progress| progress.position)
                .sum();
            if applied >= events && status.state == "SERVING" {
                return Ok(());
            }
            if Instant::now() >= end {
                return Err(BenchError::Wrong(format!(
                    "the order list has {applied} of {events} events: {status:?}"
                )));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Rebuilds the read model beside the serving one. Events per second until it is complete, and the service's memory
    /// meanwhile.
    async fn rebuild(&self, pid: u32) -> Result<(f64, Vec<MemoryAt>), BenchError> {
        let step = "rebuilding the order list";
        let mut memory = vec![MemoryAt::now(0, pid)];
        let started = Instant::now();
        let mut answers = self
            .operations()?
            .rebuild_projection(RebuildProjectionRequest {
                name: PROJECTION.to_owned(),
            })
            .await
            .during(step)?
            .into_inner();
        let mut complete = None;
        loop {
            let Some(answer) = answers.message().await.during(step)? else {
                return Err(BenchError::Wrong(
                    "the rebuild ended without a switch".to_owned(),
                ));
            };
            let percent = answer.events_applied * 100 / answer.events_total.max(1);
            for mark in [25, 50, 75, 100] {
                if percent >= mark && memory.iter().all(|seen| seen.percent < mark) {
                    memory.push(MemoryAt::now(mark, pid));
                }
            }
            if percent >= 100 && complete.is_none() {
                let seconds = started.elapsed().as_secs_f64();
                complete = Some(answer.events_total as f64 / seconds);
            }
            if answer.switched {
                if answer.rows_different > 0 {
                    return Err(BenchError::Wrong(format!(
                        "{} rows of the rebuilt order list differ",
                        answer.rows_different
                    )));
                }
                return Ok((complete.unwrap_or_default(), memory));
            }
        }
    }
}

impl MemoryAt {
    fn now(percent: u64, pid: u32) -> Self {
        let bytes = resident_bytes(pid).unwrap_or_default();
        Self {
            percent,
            resident_mb: round(bytes as f64 / 1e6, 1),
        }
    }
}
