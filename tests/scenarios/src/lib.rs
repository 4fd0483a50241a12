//! A shop on a real cluster, for the scenarios in `tests/it`.
//!
//! [`Shop::open`] starts nats-server and the four services as processes of their own, in a temporary folder, on SQLite or
//! Postgres, and speaks to them as channels, warehouse systems and people do. Waiting is always for a condition.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

pub mod observing;
pub mod orders;
pub mod program;
pub mod stock;
pub mod warehouse;

use std::{fmt::Debug, time::Duration};

use futures::StreamExt as _;
use ordo_cluster::{Cluster, ClusterOptions, Lines, Ports, Programs, SERVICES};
use ordo_event_log::TenantId;
use ordo_proto::{
    aftersales::aftersales_client::AftersalesClient,
    fulfilment::fulfilment_client::FulfilmentClient,
    intake::intake_client::IntakeClient,
    inventory::inventory_client::InventoryClient,
    log::{GetHeadsRequest, event_log_client::EventLogClient},
    ops::{
        ListProjectionsRequest, ListReactionsRequest, VerifyRequest,
        operations_client::OperationsClient,
    },
    types::CommandHeader,
};
use ordo_rpc::{Call, Remote, RemoteSettings, SignedChannel, TokenSource};
use ordo_testkit::{Postgres, eventually};
use tonic::{Response, Status};

/// Longest time anything may take, on a machine that runs other tests as well.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Tenant of the shop.
pub const TENANT: &str = "shop";

/// Which databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// One file for each log and read model.
    Sqlite,
    /// A database of its own on the test process's server.
    Postgres,
}

/// A shop with one warehouse.
pub struct Shop {
    /// Its cluster.
    pub cluster: Cluster,
    remote: Remote,
    operator: Remote,
    _folder: tempfile::TempDir,
}

impl Shop {
    /// Opens a shop on `store`.
    pub async fn open(store: Store) -> Self {
        Self::open_with(store, &[]).await
    }

    /// Opens a shop whose services have further settings.
    pub async fn open_with(store: Store, settings: &[(&str, &str)]) -> Self {
        Self::open_as(store, 1, settings).await
    }

    /// Opens a shop on Postgres with several processes of each service.
    pub async fn open_replicated(replicas: usize) -> Self {
        Self::open_as(Store::Postgres, replicas, &[]).await
    }

    async fn open_as(store: Store, replicas: usize, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("ordo-shop-")
            .tempdir()
            .unwrap();
        let store = match store {
            Store::Sqlite => None,
            Store::Postgres => {
                let server = Postgres::start_shared().await.unwrap();
                Some(server.fresh_database().await.unwrap())
            }
        };
        let options = ClusterOptions {
            home: folder.path().to_owned(),
            store,
            tenant: TENANT.to_owned(),
            ports: Ports::Free,
            programs: Programs::find().unwrap(),
            settings: settings
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
        };
        let cluster = Cluster::start_replicated(options, replicas, Lines::ignored())
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let operator = remote(&cluster, cluster.keys().operator());
        let remote = remote(&cluster, cluster.keys().admin());
        let shop = Self {
            cluster,
            remote,
            operator,
            _folder: folder,
        };
        shop.put_site("main").await;
        shop
    }

    /// Orders.
    pub fn intake(&self) -> IntakeClient<SignedChannel> {
        self.remote.intake(&call()).unwrap()
    }

    /// Catalogue and stock.
    pub fn inventory(&self) -> InventoryClient<SignedChannel> {
        self.remote.inventory(&call()).unwrap()
    }

    /// Warehouse work.
    pub fn fulfilment(&self) -> FulfilmentClient<SignedChannel> {
        self.remote.fulfilment(&call()).unwrap()
    }

    /// Cases.
    pub fn aftersales(&self) -> AftersalesClient<SignedChannel> {
        self.remote.aftersales(&call()).unwrap()
    }

    /// A service's log.
    pub fn event_log(&self, service: &str) -> EventLogClient<SignedChannel> {
        self.remote.event_log(service, &call()).unwrap()
    }

    /// A service's operator interface.
    pub fn operations(&self, service: &str) -> OperationsClient<SignedChannel> {
        let channel = self.operator.stream_channel(service, &Call::system());
        OperationsClient::new(channel.unwrap())
    }

    /// Clients that present another token.
    pub fn as_caller(&self, subject: &str, tenant: &str, roles: &[&str]) -> Remote {
        let tenant = TenantId::new(tenant).unwrap();
        let token = self.cluster.keys().token(subject, &tenant, roles).unwrap();
        remote(&self.cluster, TokenSource::fixed(token))
    }

    /// Waits until no read model is behind and no reaction has work, and fails when something is parked.
    pub async fn settle(&self) {
        let mut last = String::new();
        eventually(PATIENCE, async || match self.unsettled().await {
            Ok(None) => true,
            Ok(Some(what)) => {
                assert!(!what.contains("parked"), "{what}");
                last = what;
                false
            }
            Err(status) => {
                last = status.to_string();
                false
            }
        })
        .await;
    }

    async fn unsettled(&self) -> Result<Option<String>, Status> {
        for service in SERVICES {
            let mut operations = self.operations(service);
            for model in operations
                .list_projections(ListProjectionsRequest {})
                .await?
                .into_inner()
                .projections
            {
                if model.progress.iter().any(|at| at.position < at.head) {
                    return Ok(Some(format!("{service}: {} is behind", model.name)));
                }
            }
            for reaction in operations
                .list_reactions(ListReactionsRequest {})
                .await?
                .into_inner()
                .reactions
            {
                if reaction.parked > 0 {
                    let parked = operations
                        .list_parked(ordo_proto::ops::ListParkedRequest::default())
                        .await?;
                    return Ok(Some(format!(
                        "{service}: parked: {:?}",
                        parked.into_inner().parked
                    )));
                }
                if reaction.pending > 0 || reaction.progress.iter().any(|at| at.position < at.head)
                {
                    return Ok(Some(format!("{service}: {} is behind", reaction.name)));
                }
            }
        }
        Ok(None)
    }

    /// Settles, then runs every check of every service; all must pass.
    pub async fn verify(&self) {
        self.settle().await;
        for service in SERVICES {
            let mut checks = self
                .operations(service)
                .verify(VerifyRequest::default())
                .await
                .unwrap()
                .into_inner();
            let mut count = 0;
            while let Some(check) = checks.next().await {
                let check = check.unwrap();
                assert!(check.ok, "{service}: {}: {}", check.check, check.difference);
                count += 1;
            }
            assert!(count >= 4, "{service} has only {count} checks");
        }
    }

    /// Events in a service's log.
    pub async fn events(&self, service: &str) -> u64 {
        let heads = self
            .event_log(service)
            .get_heads(GetHeadsRequest {})
            .await
            .unwrap()
            .into_inner();
        heads.heads.iter().map(|head| head.position).sum()
    }

    /// Ends the cluster in order.
    pub async fn close(self) {
        self.cluster
            .stop()
            .await
            .unwrap_or_else(|error| panic!("{error}"));
    }
}

fn remote(cluster: &Cluster, tokens: TokenSource) -> Remote {
    let settings = RemoteSettings {
        peers: cluster.file().services.clone(),
        timeout: Duration::from_secs(40),
        ..RemoteSettings::default()
    };
    Remote::new(settings, tokens).unwrap()
}

fn call() -> Call {
    Call::new(&TenantId::new(TENANT).unwrap())
}

/// A header with an id of its own.
pub fn header() -> Option<CommandHeader> {
    named(&uuid::Uuid::now_v7().to_string())
}

/// A header with this id.
pub fn named(command_id: &str) -> Option<CommandHeader> {
    Some(CommandHeader {
        command_id: command_id.to_owned(),
        reason: String::new(),
    })
}

/// What `ask` answers once `condition` holds. Read models follow their logs by themselves: another service may tell of the same step
/// sooner.
pub async fn seen_when<T: Debug>(
    mut ask: impl AsyncFnMut() -> T,
    mut condition: impl FnMut(&T) -> bool,
) -> T {
    let mut seen = None;
    let mut tries = 0_u32;
    eventually(PATIENCE, async || {
        let now = seen.insert(ask().await);
        tries += 1;
        if tries.is_multiple_of(200) {
            eprintln!("still waiting: {now:?}");
        }
        condition(now)
    })
    .await;
    seen.unwrap()
}

/// Asks again while the service is away or busy, as any client does; the request must carry a command id.
pub async fn again<T, F, R>(mut call: F) -> Result<T, Status>
where
    F: FnMut() -> R,
    R: Future<Output = Result<Response<T>, Status>>,
{
    use tonic::Code::{
        Aborted, Cancelled, DeadlineExceeded, ResourceExhausted, Unavailable, Unknown,
    };
    let end = std::time::Instant::now() + PATIENCE;
    loop {
        match call().await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status)
                if matches!(
                    status.code(),
                    Unavailable
                        | Aborted
                        | DeadlineExceeded
                        | ResourceExhausted
                        | Cancelled
                        | Unknown
                ) && std::time::Instant::now() < end =>
            {
                // Not a wait: the pause before asking again.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(status) => return Err(status),
        }
    }
}
