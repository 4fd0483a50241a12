//! The gRPC service `ordo.aftersales.v1.Aftersales`.

mod answers;
mod checks;
mod commands;
mod queries;

use ordo_event_log::EventLog;
use ordo_projection::{Reactor, ReadModel};
use ordo_proto::aftersales::{
    DecideRequest, DecideResponse, GetCaseRequest, GetCaseResponse, GetPurchaseRequest,
    GetPurchaseResponse, ListCasesRequest, ListCasesResponse, OpenCaseRequest, OpenCaseResponse,
    RecordReceiptRequest, RecordReceiptResponse, RecordReturnParcelRequest,
    RecordReturnParcelResponse, RefundRequest, RefundResponse, aftersales_server::Aftersales,
};
use ordo_rpc::{MethodRoles, role};
use tonic::{Request, Response, Status};

use crate::config::Rules;

/// Serves the desk.
#[derive(Clone)]
pub struct AftersalesService {
    log: EventLog,
    cases: ReadModel,
    /// Keeps the purchases up with intake.
    following: Reactor,
    rules: Rules,
}

impl AftersalesService {
    /// Serves the desk over `log`, the read model `case_list` and the purchases that `following` keeps up with intake.
    pub fn new(log: EventLog, cases: ReadModel, following: Reactor, rules: Rules) -> Self {
        Self {
            log,
            cases,
            following,
            rules,
        }
    }
}

/// Who may call what.
pub fn roles() -> MethodRoles {
    const REQUEST: &[&str] = &[role::ADMIN, role::AGENT, role::CLERK, role::CHANNEL];
    const DECIDE: &[&str] = &[role::ADMIN, role::AGENT, role::CLERK];
    const SENT_BACK: &[&str] = &[
        role::ADMIN,
        role::AGENT,
        role::CLERK,
        role::CHANNEL,
        role::WAREHOUSE,
    ];
    const RECEIVE: &[&str] = &[role::ADMIN, role::AGENT, role::CLERK, role::WAREHOUSE];
    const PAY: &[&str] = &[role::ADMIN, role::AGENT, role::FINANCE];
    const READ: &[&str] = &[
        role::ADMIN,
        role::OPERATOR,
        role::AGENT,
        role::CLERK,
        role::CHANNEL,
        role::REVIEWER,
        role::FINANCE,
        role::WAREHOUSE,
        role::VIEWER,
        role::SERVICE,
    ];
    MethodRoles::new(&[
        ("/ordo.aftersales.v1.Aftersales/OpenCase", REQUEST),
        ("/ordo.aftersales.v1.Aftersales/Decide", DECIDE),
        (
            "/ordo.aftersales.v1.Aftersales/RecordReturnParcel",
            SENT_BACK,
        ),
        ("/ordo.aftersales.v1.Aftersales/RecordReceipt", RECEIVE),
        ("/ordo.aftersales.v1.Aftersales/Refund", PAY),
        ("/ordo.aftersales.v1.Aftersales/GetCase", READ),
        ("/ordo.aftersales.v1.Aftersales/ListCases", READ),
        ("/ordo.aftersales.v1.Aftersales/GetPurchase", READ),
    ])
}

#[tonic::async_trait]
impl Aftersales for AftersalesService {
    async fn open_case(
        &self,
        request: Request<OpenCaseRequest>,
    ) -> Result<Response<OpenCaseResponse>, Status> {
        self.open(request).await.map(Response::new)
    }

    async fn decide(
        &self,
        request: Request<DecideRequest>,
    ) -> Result<Response<DecideResponse>, Status> {
        self.decide_on(request).await.map(Response::new)
    }

    async fn record_return_parcel(
        &self,
        request: Request<RecordReturnParcelRequest>,
    ) -> Result<Response<RecordReturnParcelResponse>, Status> {
        self.sent_back(request).await.map(Response::new)
    }

    async fn record_receipt(
        &self,
        request: Request<RecordReceiptRequest>,
    ) -> Result<Response<RecordReceiptResponse>, Status> {
        self.receive(request).await.map(Response::new)
    }

    async fn refund(
        &self,
        request: Request<RefundRequest>,
    ) -> Result<Response<RefundResponse>, Status> {
        self.pay_back(request).await.map(Response::new)
    }

    async fn get_case(
        &self,
        request: Request<GetCaseRequest>,
    ) -> Result<Response<GetCaseResponse>, Status> {
        self.case(request).await.map(Response::new)
    }

    async fn list_cases(
        &self,
        request: Request<ListCasesRequest>,
    ) -> Result<Response<ListCasesResponse>, Status> {
        self.cases(request).await.map(Response::new)
    }

    async fn get_purchase(
        &self,
        request: Request<GetPurchaseRequest>,
    ) -> Result<Response<GetPurchaseResponse>, Status> {
        self.purchase(request).await.map(Response::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_names_the_roles_that_may_call_it() {
        assert_eq!(
            roles().faults(&["ordo.aftersales.v1.Aftersales"]),
            Vec::<String>::new()
        );
    }
}
