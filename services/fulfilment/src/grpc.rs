//! `ordo.fulfilment.v1.Fulfilment`.

mod fields;
mod lists;
mod outbound;
mod recipient;
mod roles;
mod shelves;
mod tracking;

use std::time::Duration;

use ordo_event_log::{Command, EventLog, Halt, Unit};
use ordo_privacy::Vault;
use ordo_projection::ReadModel;
use ordo_proto::{
    fulfilment::{
        AssignTrackingRequest, AssignTrackingResponse, CancelFulfilmentRequest,
        CancelFulfilmentResponse, DispatchRequest, DispatchResponse, GetFulfilmentOrderRequest,
        GetFulfilmentOrderResponse, GetParcelRequest, GetParcelResponse, ListWorkRequest,
        ListWorkResponse, PackRequest, PackResponse, RecordCheckRequest, RecordCheckResponse,
        RecordPickRequest, RecordPickResponse, RecordTrackingRequest, RecordTrackingResponse,
        StartPickingRequest, StartPickingResponse,
        fulfilment_server::{Fulfilment, FulfilmentServer},
    },
    types::{CommandHeader, ConsistencyToken, Receipt},
};
use ordo_rpc::{Refusal, shared};
use prost::{Message, Name};
use tonic::{Request, Response, Status};

pub use self::roles::METHOD_ROLES;
use crate::{
    SERVICE, commands::CommandError, fulfilment_order::CheckPolicy, projections::work::ListError,
};

/// How long a query waits for the positions that it asks for with `at_least`.
const PATIENCE: Duration = Duration::from_secs(5);

/// Everything that the handlers use.
#[derive(Clone)]
pub struct FulfilmentService {
    /// Own log.
    pub log: EventLog,
    /// See [`crate::projections::work`].
    pub work: ReadModel,
    /// See [`crate::projections::parcels`].
    pub parcels: ReadModel,
    /// See [`crate::projections::barcodes`].
    pub barcodes: ReadModel,
    /// Opens what is sealed for the packing desk.
    pub vault: Vault,
    /// Whether goods must be checked before they are packed.
    pub check: CheckPolicy,
}

impl FulfilmentService {
    /// As a tonic service.
    pub fn into_server(self) -> FulfilmentServer<Self> {
        FulfilmentServer::new(self).max_encoding_message_size(ordo_rpc::MAX_MESSAGE)
    }

    /// The command that `request` asks for on streams of `order_id`.
    fn command<T: Message + Name>(
        &self,
        request: &Request<T>,
        header: Option<&CommandHeader>,
        order_id: &str,
    ) -> Result<Command, Status> {
        let tenant = ordo_rpc::tenant(request)?;
        let partition = self.log.partition_for(&tenant, order_id);
        let command = ordo_rpc::command(request, header, partition)?;
        Ok(command.fingerprint(ordo_rpc::fingerprint(request.get_ref())))
    }

    /// Decides and records; the answer and its receipt.
    async fn execute<T, F>(&self, command: Command, decide: F) -> Result<(T, Receipt), Status>
    where
        T: Message + Default + 'static,
        F: Fn(&mut Unit<'_>) -> Result<T, Halt<CommandError>> + Send + 'static,
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

impl From<ListError> for Refusal {
    fn from(error: ListError) -> Self {
        match error {
            ListError::Sql(error) => error.into(),
            ListError::Decode(error) => {
                tracing::error!(%error, "a row of the read model is damaged");
                Self::new(
                    &shared::STORED_DATA_UNREADABLE,
                    shared::STORED_DATA_UNREADABLE.meaning,
                )
            }
        }
    }
}

#[tonic::async_trait]
impl Fulfilment for FulfilmentService {
    async fn list_work(
        &self,
        request: Request<ListWorkRequest>,
    ) -> Result<Response<ListWorkResponse>, Status> {
        lists::list_work(self, request).await
    }

    async fn get_fulfilment_order(
        &self,
        request: Request<GetFulfilmentOrderRequest>,
    ) -> Result<Response<GetFulfilmentOrderResponse>, Status> {
        lists::get_fulfilment_order(self, request).await
    }

    async fn start_picking(
        &self,
        request: Request<StartPickingRequest>,
    ) -> Result<Response<StartPickingResponse>, Status> {
        shelves::start_picking(self, request).await
    }

    async fn record_pick(
        &self,
        request: Request<RecordPickRequest>,
    ) -> Result<Response<RecordPickResponse>, Status> {
        shelves::record_pick(self, request).await
    }

    async fn record_check(
        &self,
        request: Request<RecordCheckRequest>,
    ) -> Result<Response<RecordCheckResponse>, Status> {
        shelves::record_check(self, request).await
    }

    async fn pack(&self, request: Request<PackRequest>) -> Result<Response<PackResponse>, Status> {
        outbound::pack(self, request).await
    }

    async fn dispatch(
        &self,
        request: Request<DispatchRequest>,
    ) -> Result<Response<DispatchResponse>, Status> {
        outbound::dispatch(self, request).await
    }

    async fn cancel_fulfilment(
        &self,
        request: Request<CancelFulfilmentRequest>,
    ) -> Result<Response<CancelFulfilmentResponse>, Status> {
        outbound::cancel(self, request).await
    }

    async fn assign_tracking(
        &self,
        request: Request<AssignTrackingRequest>,
    ) -> Result<Response<AssignTrackingResponse>, Status> {
        tracking::assign(self, request).await
    }

    async fn record_tracking(
        &self,
        request: Request<RecordTrackingRequest>,
    ) -> Result<Response<RecordTrackingResponse>, Status> {
        tracking::record(self, request).await
    }

    async fn get_parcel(
        &self,
        request: Request<GetParcelRequest>,
    ) -> Result<Response<GetParcelResponse>, Status> {
        lists::get_parcel(self, request).await
    }
}
