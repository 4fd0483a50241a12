//! Inventory as fulfilment sees it: does each command once, remembers what it was asked, and fails as it is told.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use ordo_proto::{
    inventory::{
        AdjustStockRequest, AdjustStockResponse, ConsumeReservationRequest,
        ConsumeReservationResponse, inventory_server::Inventory,
    },
    types::CommandHeader,
};
use ordo_rpc::{Reason, Refusal, shared};
use tonic::{Code, Request, Response, Status};

/// How the next command goes wrong.
#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    /// Nothing happens.
    Before,
    /// It happens, and the answer is lost.
    After,
    /// Fewer units may be taken.
    TakesTooMany,
    /// Nothing is known of the reservation.
    NotFound,
    /// The reservation does not hold the units.
    NotReserved,
}

/// Shared by its clones.
#[derive(Clone, Default)]
pub struct Stock(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    troubles: VecDeque<Trouble>,
    tries: usize,
    /// By command id.
    adjusted: BTreeMap<String, AdjustStockRequest>,
    consumed: BTreeMap<String, ConsumeReservationRequest>,
}

impl Stock {
    /// Lets the next commands go wrong, one each.
    pub fn trouble(&self, troubles: impl IntoIterator<Item = Trouble>) {
        self.0.lock().unwrap().troubles.extend(troubles);
    }

    /// Whether every trouble has happened.
    pub fn is_at_peace(&self) -> bool {
        self.0.lock().unwrap().troubles.is_empty()
    }

    /// Adjustments that were carried out, without their headers, by condition (sellable first).
    pub fn adjusted(&self) -> Vec<AdjustStockRequest> {
        let inner = self.0.lock().unwrap();
        let bare = |request: &AdjustStockRequest| AdjustStockRequest {
            header: None,
            ..request.clone()
        };
        let mut adjusted: Vec<_> = inner.adjusted.values().map(bare).collect();
        adjusted.sort_by_key(|request| request.condition);
        adjusted
    }

    /// Parcels that were consumed.
    pub fn consumed(&self) -> Vec<ConsumeReservationRequest> {
        self.0.lock().unwrap().consumed.values().cloned().collect()
    }

    /// Commands that came in, failed ones too.
    pub fn tries(&self) -> usize {
        self.0.lock().unwrap().tries
    }

    fn take<R: Clone + PartialEq>(
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
        inner.tries += 1;
        let trouble = inner.troubles.pop_front();
        match trouble {
            Some(Trouble::Before) => return Err(Status::unavailable("away")),
            Some(Trouble::TakesTooMany) => {
                return Err(refused(
                    "ADJUSTMENT_TAKES_TOO_MANY",
                    Code::FailedPrecondition,
                ));
            }
            Some(Trouble::NotFound) => {
                return Err(refused("RESERVATION_NOT_FOUND", Code::NotFound));
            }
            Some(Trouble::NotReserved) => {
                return Err(refused("NOT_RESERVED", Code::FailedPrecondition));
            }
            Some(Trouble::After) | None => {}
        }
        let first = done(&mut inner)
            .entry(id)
            .or_insert_with(|| request.clone());
        if *first != request {
            return Err(ordo_rpc::status(Refusal::new(
                &shared::COMMAND_ID_REUSED,
                "another content",
            )));
        }
        match trouble {
            Some(Trouble::After) => Err(Status::unavailable("gone")),
            _ => Ok(()),
        }
    }
}

fn refused(name: &'static str, code: Code) -> Status {
    let declared = Reason {
        name,
        code,
        meaning: "",
        way_out: "",
    };
    ordo_rpc::status(Refusal::new(&declared, "fewer units than that"))
}

macro_rules! inventory {
    (impl { $($done:tt)* } not_asked { $($method:ident($request:ident) -> $response:ident;)+ }) => {
        #[tonic::async_trait]
        impl Inventory for Stock {
            $($done)*
            $(async fn $method(
                &self,
                _: Request<ordo_proto::inventory::$request>,
            ) -> Result<Response<ordo_proto::inventory::$response>, Status> {
                Err(Status::unimplemented(stringify!($method)))
            })+
        }
    };
}

inventory! {
    impl {
        async fn adjust_stock(
            &self,
            request: Request<AdjustStockRequest>,
        ) -> Result<Response<AdjustStockResponse>, Status> {
            let request = request.into_inner();
            let header = request.header.clone();
            self.take(header.as_ref(), request, |inner| &mut inner.adjusted)?;
            Ok(Response::new(Default::default()))
        }

        async fn consume_reservation(
            &self,
            request: Request<ConsumeReservationRequest>,
        ) -> Result<Response<ConsumeReservationResponse>, Status> {
            let request = request.into_inner();
            let header = request.header.clone();
            self.take(header.as_ref(), request, |inner| &mut inner.consumed)?;
            Ok(Response::new(Default::default()))
        }
    }
    not_asked {
        put_product(PutProductRequest) -> PutProductResponse;
        put_sku(PutSkuRequest) -> PutSkuResponse;
        get_sku(GetSkuRequest) -> GetSkuResponse;
        put_site(PutSiteRequest) -> PutSiteResponse;
        list_sites(ListSitesRequest) -> ListSitesResponse;
        set_stock_levels(SetStockLevelsRequest) -> SetStockLevelsResponse;
        receive_stock(ReceiveStockRequest) -> ReceiveStockResponse;
        reserve(ReserveRequest) -> ReserveResponse;
        release_reservation(ReleaseReservationRequest) -> ReleaseReservationResponse;
        get_reservation(GetReservationRequest) -> GetReservationResponse;
        restock(RestockRequest) -> RestockResponse;
        get_availability(GetAvailabilityRequest) -> GetAvailabilityResponse;
        list_movements(ListMovementsRequest) -> ListMovementsResponse;
    }
}
