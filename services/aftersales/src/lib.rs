//! Aftersales: returns, exchanges and refunds.
//!
//! A [purchase] holds the facts of an order that intake tells of; a [case] is one request of a customer.
//! The [desk] decides over both at once. What follows elsewhere (stock, money, a replacement) is done by
//! [reactions].

pub mod case;
mod checks;
pub mod commands;
pub mod config;
pub mod desk;
#[cfg(test)]
mod golden;
pub mod grpc;
pub mod ids;
pub mod money;
pub mod projections;
pub mod purchase;
pub mod reactions;
pub mod refusals;

use ordo_proto::aftersales::aftersales_server::AftersalesServer;
use ordo_runtime::{CancellationToken, Host, HostError, ServiceConfig};
use tonic::service::Routes;

use crate::{
    config::Rules,
    grpc::AftersalesService,
    projections::case_list::CaseList,
    reactions::{
        follow_intake::FollowIntake, replacements::Replacements, restock::Restock,
        settle_refund::SettleRefund,
    },
};

/// The service's name in logs, subjects, tokens and positions.
pub const SERVICE: &str = "aftersales";

/// Runs the service until `shutdown`.
pub async fn run(
    config: ServiceConfig,
    rules: Rules,
    shutdown: CancellationToken,
) -> Result<(), HostError> {
    let mut host = Host::start(SERVICE, config).await?;
    let (log, remote) = (host.log(), host.remote());
    let own = host.own_source();
    let intake = host.remote_source("intake").await;

    let cases = host.project(CaseList, vec![own.clone()]).await?;
    let following = host
        .react(FollowIntake::new(log.clone()), vec![intake])
        .await?;
    host.react(Restock::new(remote.clone()), vec![own.clone()])
        .await?;
    host.react(
        SettleRefund::new(log.clone(), remote.clone()),
        vec![own.clone()],
    )
    .await?;
    host.react(Replacements::new(log.clone(), remote), vec![own])
        .await?;
    checks::add(&mut host);

    let service = AftersalesServer::new(AftersalesService::new(log, cases, following, rules))
        .max_decoding_message_size(ordo_rpc::MAX_MESSAGE);
    let routes = Routes::new(service);
    host.serve(grpc::roles(), routes, shutdown.cancelled_owned())
        .await
}
