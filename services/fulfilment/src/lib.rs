//! Fulfilment: picking, packing, parcels and tracking.
//!
//! Intake releases goods to a warehouse; each release becomes a [fulfilment order](fulfilment_order) that is picked, checked,
//! packed and dispatched line by line, and each [parcel] that leaves is followed to the door. Warehouse systems start from
//! the events and answer over gRPC.
//!
//! | follows | and then |
//! |---|---|
//! | intake: `FulfilmentRequested` | opens the fulfilment order |
//! | intake: `AddressAmended`, `InformationCompleted` | changes the recipient of what has not left |
//! | own: `ParcelDispatched` | has inventory consume the reservation |
//! | own: `LineShortPicked`, `LineChecked` | has inventory correct the stock |
//! | inventory: `SkuPut` | knows what barcodes mean |

pub mod checks;
pub mod commands;
mod config;
pub mod fulfilment_order;
#[cfg(test)]
mod golden;
pub mod grpc;
pub mod ids;
pub mod parcel;
pub mod projections;
pub mod reactions;
pub mod refusals;

pub use config::FulfilmentConfig;
use ordo_rpc::MethodRoles;
use ordo_runtime::{CancellationToken, Host, HostError, ServiceConfig};
use tonic::service::Routes;

use crate::{
    grpc::FulfilmentService,
    projections::{barcodes::BarcodeProjection, parcels::ParcelProjection, work::WorkProjection},
    reactions::{
        consume_reservation::ConsumeReservation, correct_stock::CorrectStock,
        follow_intake::FollowIntake,
    },
};

/// Name of the service: of its log, its read models and in tokens.
pub const SERVICE: &str = "fulfilment";

/// Runs the service until `shutdown`.
pub async fn run(
    config: ServiceConfig,
    own: FulfilmentConfig,
    shutdown: CancellationToken,
) -> Result<(), HostError> {
    let mut host = Host::start(SERVICE, config).await?;
    let intake = host.remote_source("intake").await;
    let inventory = host.remote_source("inventory").await;
    let work = host
        .project(WorkProjection, vec![host.own_source()])
        .await?;
    let parcels = host
        .project(ParcelProjection, vec![host.own_source()])
        .await?;
    let barcodes = host.project(BarcodeProjection, vec![inventory]).await?;
    host.react(FollowIntake::new(host.log()), vec![intake])
        .await?;
    host.react(
        ConsumeReservation::new(host.remote()),
        vec![host.own_source()],
    )
    .await?;
    host.react(CorrectStock::new(host.remote()), vec![host.own_source()])
        .await?;
    let log = host.log();
    host.check(checks::QUANTITIES, move || {
        let log = log.clone();
        async move { vec![checks::quantities(&log).await] }
    });
    let service = FulfilmentService {
        log: host.log(),
        work,
        parcels,
        barcodes,
        vault: host.vault(),
        check: own.check,
    };
    let routes = Routes::new(service.into_server());
    host.serve(
        MethodRoles::new(grpc::METHOD_ROLES),
        routes,
        shutdown.cancelled_owned(),
    )
    .await
}
