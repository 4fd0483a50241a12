//! The life of a service process, from opening its log to flushing its traces.

mod copy_check;
mod error;
mod shutdown;
mod signing;

pub use error::HostError;

use std::{
    collections::BTreeMap,
    future::Future,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use ordo_bus::{Bus, BusConfig, Relay, RelaySettings};
use ordo_event_log::{EventLog, EventLogConfig, EventSource};
use ordo_lease::{LeaseSettings, Leases};
use ordo_privacy::Vault;
use ordo_projection::{
    Projection, Reaction, Reactor, ReactorSettings, ReadModel, ReadModelSettings, SharedSource,
};
use ordo_rpc::{
    Authenticator, CheckOutcome, Checks, EventLogService, MethodRoles, OperationsService, Remote,
    RemoteLog, RemoteSource, RpcLayer,
};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic_health::server::HealthService;

use crate::{
    config::ServiceConfig,
    connections,
    gateway::Gateway,
    probes::{self, Health},
    telemetry::Telemetry,
    vault,
};

/// How long [`Host::remote_source`] waits for another service to say how many partitions its log has.
const PEER_PATIENCE: Duration = Duration::from_secs(5);

/// A running service before it takes calls. Ends everything that it started when it is dropped, in no particular order;
/// [`Host::serve`] ends in order.
pub struct Host {
    service: &'static str,
    config: ServiceConfig,
    telemetry: Telemetry,
    authenticator: Arc<Authenticator>,
    health: Health,
    gateway: Gateway,
    metrics_address: Option<SocketAddr>,
    log: EventLog,
    own_source: Arc<SharedSource>,
    leases: Leases,
    vault: Vault,
    remote: Remote,
    bus: Option<Bus>,
    sources: BTreeMap<String, Arc<dyn EventSource>>,
    read_models: Vec<ReadModel>,
    reactors: Vec<Reactor>,
    checks: Checks,
    /// Ends subscriptions to the log.
    drain: CancellationToken,
    /// Ends probes and upkeep.
    stop: CancellationToken,
}

impl Host {
    /// Opens everything that `service` stands on: telemetry, log, keys, the gRPC server (health NOT_SERVING, the log
    /// readable), probes, and the broker, which may be away.
    pub async fn start(service: &'static str, config: ServiceConfig) -> Result<Self, HostError> {
        let telemetry = match config.plugs {
            None => Telemetry::install(service, &config.telemetry)?,
            Some(_) => Telemetry::none(),
        };
        tracing::info!(service, store = %config.store, "starting");
        let mut log = EventLogConfig::new(service, config.store.clone());
        log.partitions = config.partitions;
        let log = EventLog::open(log).await?;
        let leases = Leases::join(LeaseSettings::new(service, config.store.clone())).await?;
        let (authenticator, tokens) = signing::open(service, &config.auth)?;
        let authenticator = Arc::new(authenticator);
        let remote = Remote::new(connections::remote_settings(&config)?, tokens)?;
        let vault = vault::open(service, &config, &remote).await?;

        let (drain, stop) = (CancellationToken::new(), CancellationToken::new());
        let (reporter, _) = tonic_health::server::health_reporter();
        let health = Health::new(reporter).await;
        let roles = MethodRoles::starting();
        let layer = RpcLayer::new(Arc::clone(&authenticator), roles.clone(), config.limits);
        let shared = shared_routes(Routes::default(), &log, &health, &roles, &drain)?;
        let gateway = match &config.plugs {
            None => {
                let bound = config.listener.as_deref();
                Gateway::start(config.listen, bound, &config.tls, &layer, shared).await?
            }
            Some(plugs) => Gateway::start_on(config.listen, (plugs.listen)(), &layer, shared),
        };
        let metrics_address = match config.metrics_listen {
            None => None,
            Some(address) => Some(
                probes::serve(address, health.clone(), telemetry.clone(), stop.clone())
                    .await
                    .map_err(|source| HostError::Probes { address, source })?,
            ),
        };
        tokio::spawn(upkeep(telemetry.clone(), stop.clone()));

        let bus = match (&config.plugs, &config.nats) {
            (Some(plugs), _) => {
                let broker = Arc::clone(&plugs.broker);
                Some(Bus::plugged(broker, BusConfig::new("")))
            }
            (None, Some(nats)) => {
                let bus = connections::bus_config(service, nats)?;
                Some(config.background.run(Bus::connect(bus)).await?)
            }
            (None, None) => None,
        };
        let mut checks = Checks::new();
        checks.add_log(&log);
        if let Some(bus) = &bus {
            copy_check::add(&mut checks, bus, &log);
        }
        tracing::debug!(service, grpc = %gateway.address(), "the log is served");
        Ok(Self {
            service,
            config,
            telemetry,
            authenticator,
            health,
            gateway,
            metrics_address,
            own_source: Arc::new(SharedSource::new(Arc::new(log.clone()))),
            log,
            leases,
            vault,
            remote,
            bus,
            sources: BTreeMap::new(),
            read_models: Vec::new(),
            reactors: Vec::new(),
            checks,
            drain,
            stop,
        })
    }

    /// The service's own log.
    pub fn log(&self) -> EventLog {
        self.log.clone()
    }

    /// The service's own log, as a source for projections and reactions.
    pub fn own_source(&self) -> Arc<dyn EventSource> {
        Arc::clone(&self.own_source) as Arc<dyn EventSource>
    }

    /// Seals and opens personal data: with the service's own key store when it has master keys, otherwise with intake's.
    pub fn vault(&self) -> Vault {
        self.vault.clone()
    }

    /// Clients of the other services.
    pub fn remote(&self) -> Remote {
        self.remote.clone()
    }

    /// The configuration that the host was started with.
    pub fn config(&self) -> &ServiceConfig {
        &self.config
    }

    /// The gRPC address that is really bound.
    pub fn address(&self) -> SocketAddr {
        self.gateway.address()
    }

    /// Another service's events: through the broker when one is configured, otherwise from their owner. Neither has to be
    /// reachable now; an owner that is gets a few seconds to say how many partitions it has.
    pub async fn remote_source(&mut self, service: &str) -> Arc<dyn EventSource> {
        if let Some(source) = self.sources.get(service) {
            return Arc::clone(source);
        }
        let owner = Arc::new(RemoteLog::new(self.remote.clone(), service));
        if self.remote.knows(service) {
            wait_for_owner(service, &owner).await;
        } else {
            tracing::warn!(
                service,
                "no address is configured for a service whose events are followed"
            );
        }
        let copy = self
            .bus
            .as_ref()
            .map(|bus| Arc::new(bus.source(owner.clone())) as Arc<dyn EventSource>);
        let source = Arc::new(RemoteSource::new(owner, copy));
        let source: Arc<dyn EventSource> = Arc::new(SharedSource::new(source));
        self.sources.insert(service.to_owned(), Arc::clone(&source));
        source
    }

    /// Keeps a read model up to date from `sources`; operators see it, and `projection.<name>` checks it.
    pub async fn project(
        &mut self,
        projection: impl Projection,
        sources: Vec<Arc<dyn EventSource>>,
    ) -> Result<ReadModel, HostError> {
        let settings = ReadModelSettings {
            leases: Some(self.leases.clone()),
            ..ReadModelSettings::new(self.service, self.config.store.clone())
        };
        let name = projection.name();
        let start = ReadModel::start(settings, Arc::new(projection), sources);
        let model = (self.config.background.run(start).await)
            .map_err(|source| HostError::ReadModel { name, source })?;
        let checked = model.clone();
        self.checks.add(format!("projection.{name}"), move || {
            let model = checked.clone();
            async move { vec![compare(&model).await] }
        });
        self.read_models.push(model.clone());
        Ok(model)
    }

    /// Lets a reaction follow `sources`; operators see what it parks.
    pub async fn react(
        &mut self,
        reaction: impl Reaction,
        sources: Vec<Arc<dyn EventSource>>,
    ) -> Result<Reactor, HostError> {
        let settings = ReactorSettings {
            leases: Some(self.leases.clone()),
            ..ReactorSettings::new(self.service, self.config.store.clone())
        };
        let name = reaction.name();
        let mut targets = Vec::new();
        for service in reaction.commands() {
            targets.push(self.remote_source(service).await);
        }
        let start = Reactor::start_towards(settings, Arc::new(reaction), sources, targets);
        let reactor = (self.config.background.run(start).await)
            .map_err(|source| HostError::Reaction { name, source })?;
        self.reactors.push(reactor.clone());
        Ok(reactor)
    }

    /// Adds a check of the service's own, for operators.
    pub fn check<F, O>(&mut self, name: &str, run: F)
    where
        F: Fn() -> O + Send + Sync + 'static,
        O: Future<Output = Vec<CheckOutcome>> + Send + 'static,
    {
        self.checks.add(name, run);
    }

    /// Starts the relay, serves `routes` and says that it is ready; after `shutdown`, ends everything in order within the
    /// configured time.
    pub async fn serve(
        mut self,
        roles: MethodRoles,
        routes: Routes,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), HostError> {
        let relay = match &self.bus {
            None => None,
            Some(bus) => {
                let (bus, log, leases) = (bus.clone(), self.log.clone(), self.leases.clone());
                let share =
                    async move { Relay::share(&bus, log, RelaySettings::default(), &leases).await };
                Some(self.config.background.run(share).await?)
            }
        };
        let services = roles.services();
        let layer = RpcLayer::new(
            Arc::clone(&self.authenticator),
            roles.clone(),
            self.config.limits,
        );
        let operations = OperationsService::new(
            self.read_models.clone(),
            self.reactors.clone(),
            self.checks.clone(),
            self.drain.clone(),
        );
        let routes = routes.add_service(operations.into_server());
        let routes = shared_routes(routes, &self.log, &self.health, &roles, &self.drain)?;
        self.gateway.exchange(&layer, routes);
        self.health.set(true, &services).await;
        self.announce()?;
        let failure = tokio::select! {
            () = shutdown => None,
            fault = self.gateway.failed() => Some(fault),
        };
        self.end(&services, relay).await;
        match failure {
            None => Ok(()),
            Some(fault) => Err(HostError::ServerFailed(fault)),
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.drain.cancel();
        self.stop.cancel();
    }
}

/// Health, reflection (both versions: many clients only know the older one) and the log, beside `routes`.
fn shared_routes(
    routes: Routes,
    log: &EventLog,
    health: &Health,
    roles: &MethodRoles,
    drain: &CancellationToken,
) -> Result<Routes, HostError> {
    let reflection = || {
        let listed = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(ordo_proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .with_service_name("grpc.health.v1.Health")
            .with_service_name("grpc.reflection.v1.ServerReflection")
            .with_service_name("grpc.reflection.v1alpha.ServerReflection");
        let services = roles.services().into_iter();
        services.fold(listed, |listed, service| listed.with_service_name(service))
    };
    let failed = |error: tonic_reflection::server::Error| HostError::Reflection(error.to_string());
    let (v1, v1alpha) = (
        reflection().build_v1().map_err(failed)?,
        reflection().build_v1alpha().map_err(failed)?,
    );
    let health = HealthService::from_health_reporter(health.reporter());
    Ok(routes
        .add_service(tonic_health::pb::health_server::HealthServer::new(health))
        .add_service(v1)
        .add_service(v1alpha)
        .add_service(EventLogService::new(log.clone(), drain.clone()).into_server()))
}

async fn wait_for_owner(service: &str, owner: &RemoteLog) {
    let end = Instant::now() + PEER_PATIENCE;
    while let Err(error) = owner.learn_partitions().await {
        if Instant::now() >= end {
            tracing::warn!(service, %error, "a service whose events are followed is away; going on without it");
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn compare(model: &ReadModel) -> CheckOutcome {
    let name = format!("projection.{}", model.name());
    match model.verify().await {
        Ok(comparison) if comparison.is_equal() => {
            CheckOutcome::holds(name, comparison.rows_examined)
        }
        Ok(comparison) => CheckOutcome::differs(
            name,
            comparison.rows_examined,
            comparison
                .difference
                .unwrap_or_else(|| format!("{} rows differ", comparison.rows_different)),
        ),
        Err(error) => CheckOutcome::could_not_run(name, &error),
    }
}

async fn upkeep(telemetry: Telemetry, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(Duration::from_secs(5));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => telemetry.upkeep(),
        }
    }
}
