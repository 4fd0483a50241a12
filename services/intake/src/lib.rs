//! Intake: orders of every channel, their payments, and their way through the other services.
//!
//! The [order] decides; [grpc] takes wishes from channels and people, [reactions] carry facts between services,
//! [projections] answer lists. Personal data is sealed before it enters an event ([personal]).

pub mod audit;
pub mod checks;
pub mod config;
pub mod data_subject;
pub mod grpc;
pub mod order;
pub mod orders;
pub mod personal;
pub mod projections;
pub mod reactions;
pub mod refusals;
pub mod timeline;
pub mod view;

use ordo_proto::{intake::intake_server::IntakeServer, privacy::key_store_server::KeyStoreServer};
use ordo_runtime::{CancellationToken, Host, HostError, ServiceConfig};
use tonic::service::Routes;

pub use refusals::REASONS;

use crate::{
    audit::Audit,
    config::ShopRules,
    grpc::{IntakeService, KeyStoreService},
    orders::Orders,
    projections::{order_list::OrderList, sku_codes::SkuCodes},
    reactions::{
        cancel_fulfilment::CancelFulfilment, complete_delivered::CompleteDelivered,
        follow_aftersales::FollowAftersales, follow_catalogue::FollowCatalogue,
        follow_fulfilment::FollowFulfilment, follow_inventory::FollowInventory, reserve::Reserve,
    },
};

/// The service's name in logs, subjects, tokens and positions.
pub const SERVICE: &str = "intake";

/// Why the service ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// What every service stands on failed.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The audit trail cannot be opened.
    #[error("the audit trail cannot be opened")]
    Audit(#[from] ordo_sql::SqlError),
}

/// Runs the service until `shutdown`.
pub async fn run(
    config: ServiceConfig,
    rules: ShopRules,
    shutdown: CancellationToken,
) -> Result<(), RunError> {
    let mut host = Host::start(SERVICE, config).await?;
    let (orders, remote, vault) = (Orders::new(host.log()), host.remote(), host.vault());
    let audit = Audit::open(&host.config().store).await?;
    let own = host.own_source();
    let inventory = host.remote_source("inventory").await;
    let fulfilment = host.remote_source("fulfilment").await;
    let aftersales = host.remote_source("aftersales").await;

    let list = host
        .project(OrderList::new(vault.clone()), vec![own.clone()])
        .await?;
    let codes = host.project(SkuCodes, vec![inventory.clone()]).await?;

    host.react(Reserve::new(remote.clone()), vec![own.clone()])
        .await?;
    host.react(
        CancelFulfilment::new(orders.clone(), remote),
        vec![own.clone()],
    )
    .await?;
    let complete = CompleteDelivered::new(orders.clone(), rules.complete_after);
    host.react(complete, vec![own.clone()]).await?;
    host.react(
        FollowInventory::new(orders.clone()),
        vec![inventory.clone()],
    )
    .await?;
    host.react(FollowFulfilment::new(orders.clone()), vec![fulfilment])
        .await?;
    host.react(FollowAftersales::new(orders.clone()), vec![aftersales])
        .await?;
    let catalogue = FollowCatalogue::new(orders.clone(), list.clone(), codes.clone());
    host.react(catalogue, vec![inventory, own]).await?;
    checks::add(&mut host, &list);

    let keys = KeyStoreService::new(orders.log().clone(), vault.clone(), audit.clone());
    let intake = IntakeService::new(orders, vault, audit, list, codes, rules);
    let intake = IntakeServer::new(intake).max_decoding_message_size(ordo_rpc::MAX_MESSAGE);
    let routes = Routes::new(intake).add_service(KeyStoreServer::new(keys));
    host.serve(grpc::roles(), routes, shutdown.cancelled_owned())
        .await?;
    Ok(())
}
