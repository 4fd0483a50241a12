//! Intake and inventory as aftersales sees them: they remember what they were asked, do it once per command id, and fail as
//! they are told.

use std::{
    collections::{BTreeMap, VecDeque},
    pin::Pin,
    sync::{Arc, Mutex},
};

use ordo_proto::{
    intake::{self, intake_server::Intake},
    inventory::{self, inventory_server::Inventory},
    types::CommandHeader,
};
use tonic::{Code, Request, Response, Status};

/// How the next call goes wrong.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// Nothing happens.
    Before(Code),
    /// It happens, but the answer is lost.
    After(Code),
    /// It is refused for good, with this reason.
    Refused(&'static str),
}

/// What a neighbour was asked; shared by its clones.
#[derive(Clone, Default)]
pub struct Neighbour(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    troubles: VecDeque<Trouble>,
    /// Tries by command id, also of calls that failed.
    tries: BTreeMap<String, usize>,
    refunds: BTreeMap<String, intake::RefundPaymentRequest>,
    orders: BTreeMap<String, intake::PlaceOrderRequest>,
    cancellations: BTreeMap<String, intake::CancelOrderRequest>,
    restocks: BTreeMap<String, inventory::RestockRequest>,
}

impl Neighbour {
    /// Lets the next calls go wrong, one each.
    pub fn trouble(&self, troubles: impl IntoIterator<Item = Trouble>) {
        self.0.lock().unwrap().troubles.extend(troubles);
    }

    /// Whether every trouble has happened.
    pub fn is_at_peace(&self) -> bool {
        self.0.lock().unwrap().troubles.is_empty()
    }

    /// Refunds that were carried out.
    pub fn refunds(&self) -> Vec<intake::RefundPaymentRequest> {
        self.0.lock().unwrap().refunds.values().cloned().collect()
    }

    /// Orders that were placed.
    pub fn orders(&self) -> Vec<intake::PlaceOrderRequest> {
        self.0.lock().unwrap().orders.values().cloned().collect()
    }

    /// Orders that were cancelled.
    pub fn cancellations(&self) -> Vec<intake::CancelOrderRequest> {
        self.0
            .lock()
            .unwrap()
            .cancellations
            .values()
            .cloned()
            .collect()
    }

    /// Goods that came in.
    pub fn restocks(&self) -> Vec<inventory::RestockRequest> {
        self.0.lock().unwrap().restocks.values().cloned().collect()
    }

    /// How often each command was sent.
    pub fn tries(&self) -> Vec<usize> {
        self.0.lock().unwrap().tries.values().copied().collect()
    }

    fn take<R>(
        &self,
        header: Option<&CommandHeader>,
        request: R,
        done: fn(&mut Inner) -> &mut BTreeMap<String, R>,
    ) -> Result<(), Status> {
        let id = header
            .map(|header| header.command_id.clone())
            .unwrap_or_default();
        assert!(!id.is_empty(), "every command of a reaction has an id");
        let mut inner = self.0.lock().unwrap();
        *inner.tries.entry(id.clone()).or_default() += 1;
        let trouble = inner.troubles.pop_front();
        match trouble {
            Some(Trouble::Before(code)) => return Err(Status::new(code, "away")),
            Some(Trouble::Refused(reason)) => return Err(refused(reason)),
            Some(Trouble::After(_)) | None => {}
        }
        done(&mut inner).entry(id).or_insert(request);
        match trouble {
            Some(Trouble::After(code)) => Err(Status::new(code, "gone")),
            _ => Ok(()),
        }
    }
}

fn refused(reason: &'static str) -> Status {
    let declared = ordo_rpc::Reason {
        name: reason,
        code: Code::FailedPrecondition,
        meaning: "",
        way_out: "",
    };
    ordo_rpc::status(ordo_rpc::Refusal::new(&declared, "not that much"))
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
impl Intake for Neighbour {
    async fn refund_payment(
        &self,
        request: Request<intake::RefundPaymentRequest>,
    ) -> Result<Response<intake::RefundPaymentResponse>, Status> {
        let request = request.into_inner();
        let header = request.header.clone();
        self.take(header.as_ref(), request, |inner| &mut inner.refunds)?;
        Ok(Response::new(Default::default()))
    }

    async fn place_order(
        &self,
        request: Request<intake::PlaceOrderRequest>,
    ) -> Result<Response<intake::PlaceOrderResponse>, Status> {
        let request = request.into_inner();
        let (header, number) = (request.header.clone(), request.channel_order_number.clone());
        self.take(header.as_ref(), request, |inner| &mut inner.orders)?;
        Ok(Response::new(intake::PlaceOrderResponse {
            order_id: replacement_of(&number),
            ..Default::default()
        }))
    }

    async fn cancel_order(
        &self,
        request: Request<intake::CancelOrderRequest>,
    ) -> Result<Response<intake::CancelOrderResponse>, Status> {
        let request = request.into_inner();
        let header = request.header.clone();
        self.take(header.as_ref(), request, |inner| &mut inner.cancellations)?;
        Ok(Response::new(Default::default()))
    }

    not_asked! {
        get_order(intake::GetOrderRequest) -> intake::GetOrderResponse;
        list_orders(intake::ListOrdersRequest) -> intake::ListOrdersResponse;
        get_timeline(intake::GetTimelineRequest) -> intake::GetTimelineResponse;
        complete_information(intake::CompleteInformationRequest) -> intake::CompleteInformationResponse;
        record_payment(intake::RecordPaymentRequest) -> intake::RecordPaymentResponse;
        amend_address(intake::AmendAddressRequest) -> intake::AmendAddressResponse;
        hold_order(intake::HoldOrderRequest) -> intake::HoldOrderResponse;
        release_hold(intake::ReleaseHoldRequest) -> intake::ReleaseHoldResponse;
        reject_order(intake::RejectOrderRequest) -> intake::RejectOrderResponse;
        confirm_delivery(intake::ConfirmDeliveryRequest) -> intake::ConfirmDeliveryResponse;
    }
}

/// The id of the order that intake places for a case.
pub fn replacement_of(case_id: &str) -> String {
    format!("r{}", case_id.replace('-', "").to_lowercase())
}

#[tonic::async_trait]
impl Inventory for Neighbour {
    async fn restock(
        &self,
        request: Request<inventory::RestockRequest>,
    ) -> Result<Response<inventory::RestockResponse>, Status> {
        let request = request.into_inner();
        let header = request.header.clone();
        self.take(header.as_ref(), request, |inner| &mut inner.restocks)?;
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
        reserve(inventory::ReserveRequest) -> inventory::ReserveResponse;
        release_reservation(inventory::ReleaseReservationRequest) -> inventory::ReleaseReservationResponse;
        consume_reservation(inventory::ConsumeReservationRequest) -> inventory::ConsumeReservationResponse;
        get_reservation(inventory::GetReservationRequest) -> inventory::GetReservationResponse;
        get_availability(inventory::GetAvailabilityRequest) -> inventory::GetAvailabilityResponse;
        list_movements(inventory::ListMovementsRequest) -> inventory::ListMovementsResponse;
    }
}
