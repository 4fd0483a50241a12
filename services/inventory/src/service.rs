//! The running service.

use ordo_event_log::EventLog;
use ordo_rpc::{CheckOutcome, MethodRoles};
use ordo_runtime::{CancellationToken, Host, HostError, ServiceConfig};
use tonic::service::Routes;

use crate::{
    SERVICE, conservation,
    grpc::{InventoryService, METHOD_ROLES},
    projections::{availability::AvailabilityList, catalogue::Catalogue, movements::MovementList},
    reactions::{ExpireReservations, OpenSite, RetryWaiting},
};

/// Name of the check of [`conservation`].
const CONSERVATION: &str = "stock.conservation";

/// Serves until `shutdown`.
pub async fn run(config: ServiceConfig, shutdown: CancellationToken) -> Result<(), HostError> {
    let mut host = Host::start(SERVICE, config).await?;
    let log = host.log();
    let own = || vec![host.own_source()];
    let sources = (own(), own(), own(), own(), own(), own());
    let service = InventoryService {
        log: log.clone(),
        availability: host.project(AvailabilityList, sources.0).await?,
        movements: host.project(MovementList, sources.1).await?,
        catalogue: host.project(Catalogue, sources.2).await?,
    };
    host.react(RetryWaiting::new(log.clone()), sources.3)
        .await?;
    host.react(ExpireReservations::new(log.clone()), sources.4)
        .await?;
    host.react(
        OpenSite::new(log.clone(), service.availability.clone()),
        sources.5,
    )
    .await?;
    host.check(CONSERVATION, move || check_conservation(log.clone()));
    let routes = Routes::new(service.into_server());
    host.serve(
        MethodRoles::new(METHOD_ROLES),
        routes,
        shutdown.cancelled_owned(),
    )
    .await
}

async fn check_conservation(log: EventLog) -> Vec<CheckOutcome> {
    let mut examined = 0;
    for partition in 0..log.partitions() {
        match conservation::check(&log, partition).await {
            Err(error) => return vec![CheckOutcome::could_not_run(CONSERVATION, &error)],
            Ok(finding) => {
                examined += finding.examined;
                if let Some(difference) = finding.difference {
                    return vec![CheckOutcome::differs(CONSERVATION, examined, difference)];
                }
            }
        }
    }
    vec![CheckOutcome::holds(CONSERVATION, examined)]
}
