//! Clients: how everybody outside calls the services, and what they remember of the answers.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ordo_event_log::TenantId;
use ordo_proto::{
    aftersales::aftersales_client::AftersalesClient,
    fulfilment::fulfilment_client::FulfilmentClient,
    intake::intake_client::IntakeClient,
    inventory::inventory_client::InventoryClient,
    log::event_log_client::EventLogClient,
    ops::operations_client::OperationsClient,
    types::{CommandHeader, LogPosition, Receipt},
};
use ordo_rpc::{Call, Grant, Remote, RemoteSettings, SignedChannel, TokenSource, role};
use tonic::{Code, Response, Status};

use crate::{
    cluster::{Cluster, SERVICES},
    world::World,
};

/// Whose shop it is.
pub const TENANT: &str = "shop";

/// A caller with every role.
#[derive(Clone)]
pub struct People {
    /// Dice and trace.
    pub world: Arc<World>,
    remote: Remote,
    operator: Remote,
    tenant: TenantId,
    /// Commands that were acknowledged, and where.
    acknowledged: Arc<Mutex<Vec<Acknowledged>>>,
}

/// What a service promised.
#[derive(Clone, Debug)]
pub struct Acknowledged {
    /// The command.
    pub command_id: String,
    /// Where its last event stands.
    pub at: LogPosition,
}

impl People {
    /// Callers of `cluster`.
    pub fn new(cluster: &Arc<Cluster>) -> Result<Self, String> {
        let world = Arc::clone(&cluster.world);
        let life = world.born("people", true);
        let tenant = TenantId::new(TENANT).ok_or("the tenant's name")?;
        let remote = |tenant: Option<&TenantId>| {
            let grant =
                Grant::new("alice", tenant, role::ALL).lifetime(Duration::from_secs(24 * 3600));
            let token = cluster
                .issuer
                .mint(&grant)
                .map_err(|error| error.to_string())?;
            let peers = SERVICES.map(|name| (name.to_owned(), format!("http://{name}")));
            let settings = RemoteSettings {
                peers: peers.into_iter().collect(),
                connector: Some(cluster.network.connector(&life)),
                ..RemoteSettings::default()
            };
            Remote::new(settings, TokenSource::fixed(token)).map_err(|error| error.to_string())
        };
        Ok(Self {
            remote: remote(Some(&tenant))?,
            operator: remote(None)?,
            world,
            tenant,
            acknowledged: Arc::default(),
        })
    }

    fn call(&self) -> Call {
        Call::new(&self.tenant)
    }

    /// Orders.
    pub fn intake(&self) -> Result<IntakeClient<SignedChannel>, Status> {
        self.remote.intake(&self.call())
    }

    /// Catalogue and stock.
    pub fn inventory(&self) -> Result<InventoryClient<SignedChannel>, Status> {
        self.remote.inventory(&self.call())
    }

    /// The warehouse.
    pub fn fulfilment(&self) -> Result<FulfilmentClient<SignedChannel>, Status> {
        self.remote.fulfilment(&self.call())
    }

    /// Returns.
    pub fn aftersales(&self) -> Result<AftersalesClient<SignedChannel>, Status> {
        self.remote.aftersales(&self.call())
    }

    /// A service's log.
    pub fn log(&self, service: &str) -> Result<EventLogClient<SignedChannel>, Status> {
        self.operator.event_log(service, &Call::system())
    }

    /// A service's operator interface, also for what takes its time.
    pub fn operations(&self, service: &str) -> Result<OperationsClient<SignedChannel>, Status> {
        let call = Call::system();
        Ok(OperationsClient::new(
            self.operator.stream_channel(service, &call)?,
        ))
    }

    /// Asks again while the service is away or busy, as any client does.
    pub async fn again<T, F, R>(&self, mut call: F) -> Result<T, Status>
    where
        F: FnMut() -> R,
        R: Future<Output = Result<Response<T>, Status>>,
    {
        loop {
            let answer = tokio::time::timeout(Duration::from_secs(20), call()).await;
            let status = match answer {
                Ok(Ok(answer)) => return Ok(answer.into_inner()),
                Ok(Err(status)) => status,
                Err(_) => Status::deadline_exceeded("the client waits no longer"),
            };
            match status.code() {
                Code::Unavailable
                | Code::Aborted
                | Code::DeadlineExceeded
                | Code::ResourceExhausted
                | Code::Cancelled
                | Code::Unknown => {
                    self.world
                        .note("again", format_args!("{:?}", status.code()));
                    let pause = 100 + self.world.below(400);
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
                Code::Internal if is_broken_connection(&status) => {
                    self.world.note("again", format_args!("Internal"));
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Code::Internal
                | Code::DataLoss
                | Code::Unauthenticated
                | Code::PermissionDenied
                | Code::Unimplemented => {
                    self.world
                        .violated(format!("a call was answered with {status}"));
                    return Err(status);
                }
                code => {
                    self.world
                        .note("refusal", format_args!("{code:?} {}", status.message()));
                    return Err(status);
                }
            }
        }
    }

    /// Notes where a command's events are promised to stand.
    pub fn acknowledge(&self, header: Option<&CommandHeader>, receipt: Option<&Receipt>) {
        let Some(header) = header else { return };
        let positions = receipt
            .and_then(|receipt| receipt.token.clone())
            .map(|token| token.positions)
            .unwrap_or_default();
        let mut acknowledged = self
            .acknowledged
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for at in positions {
            self.world.note(
                "acknowledged",
                format_args!(
                    "{} {} {}/{}",
                    header.command_id, at.service, at.partition, at.position
                ),
            );
            acknowledged.push(Acknowledged {
                command_id: header.command_id.clone(),
                at,
            });
        }
    }

    /// Everything that was promised.
    pub fn acknowledged(&self) -> Vec<Acknowledged> {
        let acknowledged = self
            .acknowledged
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        acknowledged.clone()
    }

    /// A header with an id of its own.
    pub fn header(&self) -> Option<CommandHeader> {
        Some(CommandHeader {
            command_id: format!("c-{:016x}", self.world.below(u64::MAX)),
            reason: String::new(),
        })
    }
}

/// A stream of HTTP/2 that was cut off is an internal error of the client's library, with a source; a service's own says why.
fn is_broken_connection(status: &Status) -> bool {
    std::error::Error::source(status).is_some() || status.details().is_empty()
}

/// Calls a method with a request that holds a header, asks again as long as needed, and notes the receipt.
#[macro_export]
macro_rules! command {
    ($people:expr, $client:ident . $method:ident ($request:expr)) => {{
        let (people, request) = (&$people, $request);
        let answer = people
            .again(|| {
                let (client, request) = (people.$client(), request.clone());
                async move { client?.$method(request).await }
            })
            .await;
        if let Ok(answer) = &answer {
            people.acknowledge(request.header.as_ref(), answer.receipt.as_ref());
        }
        answer
    }};
}

/// Calls a method that only reads, as long as it takes.
#[macro_export]
macro_rules! query {
    ($people:expr, $client:ident . $method:ident ($request:expr)) => {{
        let (people, request) = (&$people, $request);
        people
            .again(|| {
                let (client, request) = (people.$client(), request.clone());
                async move { client?.$method(request).await }
            })
            .await
    }};
}
