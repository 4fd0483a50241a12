//! Inventory and fulfilment as intake sees them: they remember what they were asked, once per command id, and fail as they
//! are told.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex},
};

use ordo_proto::{
    fulfilment::{self, fulfilment_server::Fulfilment},
    inventory::{self, inventory_server::Inventory},
    types::{CommandHeader, LineQuantity},
};
use tonic::{Code, Request, Response, Status};

/// How the next call goes wrong.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// Nothing happens.
    Before(Code),
    /// It happens, but the answer is lost.
    After(Code),
    /// It is refused for good, with this code and reason.
    Refused(Code, &'static str),
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    Reserve(inventory::ReserveRequest),
    Release(inventory::ReleaseReservationRequest),
    Stop(fulfilment::CancelFulfilmentRequest),
}

/// What a neighbour was asked; shared by its clones.
#[derive(Clone, Default)]
pub struct Neighbour(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    troubles: VecDeque<Trouble>,
    /// Tries, also of calls that failed.
    tries: usize,
    /// Carried out, in order, once per command id.
    done: Vec<(String, Asked)>,
    /// What a stopped fulfilment order still held.
    stopped: Vec<LineQuantity>,
}

impl Neighbour {
    /// Lets the next calls go wrong, one each.
    pub fn trouble(&self, troubles: impl IntoIterator<Item = Trouble>) {
        self.0.lock().unwrap().troubles.extend(troubles);
    }

    /// What the next stopped fulfilment orders still hold.
    pub fn will_stop(&self, lines: Vec<LineQuantity>) {
        self.0.lock().unwrap().stopped = lines;
    }

    /// What was carried out, in order.
    pub fn asked(&self) -> Vec<Asked> {
        let inner = self.0.lock().unwrap();
        inner.done.iter().map(|(_, asked)| asked.clone()).collect()
    }

    /// Calls, also failed ones.
    pub fn tries(&self) -> usize {
        self.0.lock().unwrap().tries
    }

    fn take(&self, header: Option<&CommandHeader>, asked: Asked) -> Result<(), Status> {
        let id = header
            .map(|header| header.command_id.clone())
            .unwrap_or_default();
        assert!(!id.is_empty(), "every command of a reaction has an id");
        let mut inner = self.0.lock().unwrap();
        inner.tries += 1;
        let trouble = inner.troubles.pop_front();
        match trouble {
            Some(Trouble::Before(code)) => return Err(Status::new(code, "away")),
            Some(Trouble::Refused(code, reason)) => return Err(refused(code, reason)),
            Some(Trouble::After(_)) | None => {}
        }
        match inner.done.iter().find(|(known, _)| *known == id) {
            Some((_, earlier)) => {
                assert_eq!(*earlier, asked, "the same command with other content")
            }
            None => inner.done.push((id, asked)),
        }
        match trouble {
            Some(Trouble::After(code)) => Err(Status::new(code, "gone")),
            _ => Ok(()),
        }
    }
}

fn refused(code: Code, reason: &'static str) -> Status {
    let declared = ordo_rpc::Reason {
        name: reason,
        code,
        meaning: "",
        way_out: "",
    };
    ordo_rpc::status(ordo_rpc::Refusal::new(&declared, "no"))
}

/// Methods that nobody calls here, in the shape that `async_trait` gives to the others.
macro_rules! not_asked {
    ($($method:ident($request:ty) -> $response:ty;)+) => {
        $(
            fn $method<'life0, 'async_trait>(
                &'life0 self,
                _: Request<$request>,
            ) -> Pin<Box<dyn Future<Output = Result<Response<$response>, Status>> + Send + 'async_trait>>
            where
                'life0: 'async_trait,
                Self: 'async_trait,
            {
                Box::pin(async { Err(Status::unimplemented(stringify!($method))) })
            }
        )+
    };
}

#[tonic::async_trait]
impl Inventory for Neighbour {
    async fn reserve(
        &self,
        request: Request<inventory::ReserveRequest>,
    ) -> Result<Response<inventory::ReserveResponse>, Status> {
        let request = request.into_inner();
        self.take(request.header.clone().as_ref(), Asked::Reserve(request))?;
        Ok(Response::new(Default::default()))
    }

    async fn release_reservation(
        &self,
        request: Request<inventory::ReleaseReservationRequest>,
    ) -> Result<Response<inventory::ReleaseReservationResponse>, Status> {
        let request = request.into_inner();
        self.take(request.header.clone().as_ref(), Asked::Release(request))?;
        Ok(Response::new(Default::default()))
    }

    not_asked! {
        put_product(inventory::PutProductRequest) -> inventory::PutProductResponse;
        put_sku(inventory::PutSkuRequest) -> inventory::PutSkuResponse;
        get_sku(inventory::GetSkuRequest) -> inventory::GetSkuResponse;
        put_site(inventory::PutSiteRequest) -> inventory::PutSiteResponse;
        list_sites(inventory::ListSitesRequest) -> inventory::ListSitesResponse;
        set_stock_levels(inventory::SetStockLevelsRequest) -> inventory::SetStockLevelsResponse;
        receive_stock(inventory::ReceiveStockRequest) -> inventory::ReceiveStockResponse;
        adjust_stock(inventory::AdjustStockRequest) -> inventory::AdjustStockResponse;
        restock(inventory::RestockRequest) -> inventory::RestockResponse;
        consume_reservation(inventory::ConsumeReservationRequest) -> inventory::ConsumeReservationResponse;
        get_reservation(inventory::GetReservationRequest) -> inventory::GetReservationResponse;
        get_availability(inventory::GetAvailabilityRequest) -> inventory::GetAvailabilityResponse;
        list_movements(inventory::ListMovementsRequest) -> inventory::ListMovementsResponse;
    }
}

#[tonic::async_trait]
impl Fulfilment for Neighbour {
    async fn cancel_fulfilment(
        &self,
        request: Request<fulfilment::CancelFulfilmentRequest>,
    ) -> Result<Response<fulfilment::CancelFulfilmentResponse>, Status> {
        let request = request.into_inner();
        self.take(request.header.clone().as_ref(), Asked::Stop(request))?;
        let lines = self.0.lock().unwrap().stopped.clone();
        Ok(Response::new(fulfilment::CancelFulfilmentResponse {
            receipt: None,
            lines,
        }))
    }

    not_asked! {
        list_work(fulfilment::ListWorkRequest) -> fulfilment::ListWorkResponse;
        get_fulfilment_order(fulfilment::GetFulfilmentOrderRequest) -> fulfilment::GetFulfilmentOrderResponse;
        start_picking(fulfilment::StartPickingRequest) -> fulfilment::StartPickingResponse;
        record_pick(fulfilment::RecordPickRequest) -> fulfilment::RecordPickResponse;
        record_check(fulfilment::RecordCheckRequest) -> fulfilment::RecordCheckResponse;
        pack(fulfilment::PackRequest) -> fulfilment::PackResponse;
        dispatch(fulfilment::DispatchRequest) -> fulfilment::DispatchResponse;
        record_tracking(fulfilment::RecordTrackingRequest) -> fulfilment::RecordTrackingResponse;
        assign_tracking(fulfilment::AssignTrackingRequest) -> fulfilment::AssignTrackingResponse;
        get_parcel(fulfilment::GetParcelRequest) -> fulfilment::GetParcelResponse;
    }
}
