//! `ordo.inventory.v1.Inventory`.

mod catalogue;
mod fields;
mod queries;
mod reservations;
mod roles;
mod stock;

use std::time::Duration;

use ordo_event_log::{Command, EventLog, Halt, TenantId, Unit};
use ordo_projection::ReadModel;
use ordo_proto::{
    inventory::{
        AdjustStockRequest, AdjustStockResponse, ConsumeReservationRequest,
        ConsumeReservationResponse, GetAvailabilityRequest, GetAvailabilityResponse,
        GetReservationRequest, GetReservationResponse, GetSkuRequest, GetSkuResponse,
        ListMovementsRequest, ListMovementsResponse, ListSitesRequest, ListSitesResponse,
        PutProductRequest, PutProductResponse, PutSiteRequest, PutSiteResponse, PutSkuRequest,
        PutSkuResponse, ReceiveStockRequest, ReceiveStockResponse, ReleaseReservationRequest,
        ReleaseReservationResponse, ReserveRequest, ReserveResponse, RestockRequest,
        RestockResponse, SetStockLevelsRequest, SetStockLevelsResponse,
        inventory_server::{Inventory, InventoryServer},
    },
    types::{CommandHeader, ConsistencyToken, Receipt},
};
use prost::{Message, Name};
use tonic::{Request, Response, Status};

pub use self::roles::METHOD_ROLES;
use crate::{SERVICE, commands::InventoryError};

/// How long a query waits for the positions that it asks for with `at_least`.
const PATIENCE: Duration = Duration::from_secs(5);

/// Everything that the handlers use.
#[derive(Clone)]
pub struct InventoryService {
    /// Own log.
    pub log: EventLog,
    /// See [`crate::projections::availability`].
    pub availability: ReadModel,
    /// See [`crate::projections::movements`].
    pub movements: ReadModel,
    /// See [`crate::projections::catalogue`].
    pub catalogue: ReadModel,
}

/// Where everything of a tenant lives: a reservation spans SKUs and sites, so they share a partition.
pub fn partition(log: &EventLog, tenant: &TenantId) -> u32 {
    log.partition_for(tenant, tenant.as_str())
}

impl InventoryService {
    /// As a tonic service.
    pub fn into_server(self) -> InventoryServer<Self> {
        InventoryServer::new(self).max_encoding_message_size(ordo_rpc::MAX_MESSAGE)
    }

    /// The command that `request` asks for.
    fn command<T: Message + Name>(
        &self,
        request: &Request<T>,
        header: Option<&CommandHeader>,
    ) -> Result<Command, Status> {
        let tenant = ordo_rpc::tenant(request)?;
        let command = ordo_rpc::command(request, header, partition(&self.log, &tenant))?;
        Ok(command.fingerprint(ordo_rpc::fingerprint(request.get_ref())))
    }

    /// Decides and records; the answer and its receipt.
    async fn execute<T, F>(&self, command: Command, decide: F) -> Result<(T, Receipt), Status>
    where
        T: Message + Default + 'static,
        F: Fn(&mut Unit<'_>) -> Result<T, Halt<InventoryError>> + Send + 'static,
    {
        let done = self
            .log
            .execute(command, decide)
            .await
            .map_err(ordo_rpc::status)?;
        let receipt = ordo_rpc::receipt(SERVICE, &done);
        Ok((done.answer, receipt))
    }
}

/// Waits until `model` has seen what the query asks for.
async fn ready(model: &ReadModel, at_least: Option<&ConsistencyToken>) -> Result<(), Status> {
    model
        .wait_for(at_least, PATIENCE)
        .await
        .map_err(ordo_rpc::status)
}

#[tonic::async_trait]
impl Inventory for InventoryService {
    async fn put_product(
        &self,
        request: Request<PutProductRequest>,
    ) -> Result<Response<PutProductResponse>, Status> {
        catalogue::put_product(self, request).await
    }

    async fn put_sku(
        &self,
        request: Request<PutSkuRequest>,
    ) -> Result<Response<PutSkuResponse>, Status> {
        catalogue::put_sku(self, request).await
    }

    async fn get_sku(
        &self,
        request: Request<GetSkuRequest>,
    ) -> Result<Response<GetSkuResponse>, Status> {
        queries::get_sku(self, request).await
    }

    async fn put_site(
        &self,
        request: Request<PutSiteRequest>,
    ) -> Result<Response<PutSiteResponse>, Status> {
        catalogue::put_site(self, request).await
    }

    async fn list_sites(
        &self,
        request: Request<ListSitesRequest>,
    ) -> Result<Response<ListSitesResponse>, Status> {
        queries::list_sites(self, request).await
    }

    async fn set_stock_levels(
        &self,
        request: Request<SetStockLevelsRequest>,
    ) -> Result<Response<SetStockLevelsResponse>, Status> {
        stock::set_levels(self, request).await
    }

    async fn receive_stock(
        &self,
        request: Request<ReceiveStockRequest>,
    ) -> Result<Response<ReceiveStockResponse>, Status> {
        stock::receive(self, request).await
    }

    async fn adjust_stock(
        &self,
        request: Request<AdjustStockRequest>,
    ) -> Result<Response<AdjustStockResponse>, Status> {
        stock::adjust(self, request).await
    }

    async fn restock(
        &self,
        request: Request<RestockRequest>,
    ) -> Result<Response<RestockResponse>, Status> {
        stock::restock(self, request).await
    }

    async fn reserve(
        &self,
        request: Request<ReserveRequest>,
    ) -> Result<Response<ReserveResponse>, Status> {
        reservations::reserve(self, request).await
    }

    async fn release_reservation(
        &self,
        request: Request<ReleaseReservationRequest>,
    ) -> Result<Response<ReleaseReservationResponse>, Status> {
        reservations::release(self, request).await
    }

    async fn consume_reservation(
        &self,
        request: Request<ConsumeReservationRequest>,
    ) -> Result<Response<ConsumeReservationResponse>, Status> {
        reservations::consume(self, request).await
    }

    async fn get_reservation(
        &self,
        request: Request<GetReservationRequest>,
    ) -> Result<Response<GetReservationResponse>, Status> {
        reservations::get(self, request).await
    }

    async fn get_availability(
        &self,
        request: Request<GetAvailabilityRequest>,
    ) -> Result<Response<GetAvailabilityResponse>, Status> {
        queries::get_availability(self, request).await
    }

    async fn list_movements(
        &self,
        request: Request<ListMovementsRequest>,
    ) -> Result<Response<ListMovementsResponse>, Status> {
        queries::list_movements(self, request).await
    }
}
