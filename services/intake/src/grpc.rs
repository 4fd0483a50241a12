//! The gRPC services `ordo.intake.v1.Intake` and `ordo.privacy.v1.KeyStore`.

mod answers;
mod deciding;
mod edits;
mod fields;
mod holds;
mod key_store;
mod lifecycle;
mod payments;
mod place_order;
pub mod place_request;
mod queries;

use ordo_privacy::Vault;
use ordo_projection::ReadModel;
use ordo_proto::intake::{
    AmendAddressRequest, AmendAddressResponse, CancelOrderRequest, CancelOrderResponse,
    CompleteInformationRequest, CompleteInformationResponse, ConfirmDeliveryRequest,
    ConfirmDeliveryResponse, GetOrderRequest, GetOrderResponse, GetTimelineRequest,
    GetTimelineResponse, HoldOrderRequest, HoldOrderResponse, ListOrdersRequest,
    ListOrdersResponse, PlaceOrderRequest, PlaceOrderResponse, RecordPaymentRequest,
    RecordPaymentResponse, RefundPaymentRequest, RefundPaymentResponse, RejectOrderRequest,
    RejectOrderResponse, ReleaseHoldRequest, ReleaseHoldResponse, intake_server::Intake,
};
use ordo_rpc::{MethodRoles, role};
use tonic::{Request, Response, Status};

pub use key_store::KeyStoreService;

use crate::{audit::Audit, config::ShopRules, orders::Orders};

/// Serves orders.
#[derive(Clone)]
pub struct IntakeService {
    orders: Orders,
    vault: Vault,
    audit: Audit,
    list: ReadModel,
    codes: ReadModel,
    rules: ShopRules,
}

impl IntakeService {
    /// Serves `orders`, sealed by `vault`, found in `list`; codes mean what `codes` says.
    pub fn new(
        orders: Orders,
        vault: Vault,
        audit: Audit,
        list: ReadModel,
        codes: ReadModel,
        rules: ShopRules,
    ) -> Self {
        Self {
            orders,
            vault,
            audit,
            list,
            codes,
            rules,
        }
    }
}

/// Who may call what.
pub fn roles() -> MethodRoles {
    const PLACE: &[&str] = &[
        role::ADMIN,
        role::CHANNEL,
        role::CLERK,
        role::AGENT,
        role::SERVICE,
    ];
    const READ: &[&str] = &[
        role::ADMIN,
        role::OPERATOR,
        role::CHANNEL,
        role::CLERK,
        role::REVIEWER,
        role::FINANCE,
        role::AGENT,
        role::PACKER,
        role::WAREHOUSE,
        role::VIEWER,
        role::SERVICE,
    ];
    const EDIT: &[&str] = &[
        role::ADMIN,
        role::CHANNEL,
        role::CLERK,
        role::REVIEWER,
        role::AGENT,
        role::SERVICE,
    ];
    const REVIEW: &[&str] = &[role::ADMIN, role::REVIEWER, role::AGENT];
    const HOLD: &[&str] = &[
        role::ADMIN,
        role::CLERK,
        role::REVIEWER,
        role::AGENT,
        role::SERVICE,
    ];
    const PAY: &[&str] = &[
        role::ADMIN,
        role::CHANNEL,
        role::CLERK,
        role::FINANCE,
        role::SERVICE,
    ];
    const REFUND: &[&str] = &[role::ADMIN, role::FINANCE, role::SERVICE];
    MethodRoles::new(&[
        ("/ordo.intake.v1.Intake/PlaceOrder", PLACE),
        ("/ordo.intake.v1.Intake/GetOrder", READ),
        ("/ordo.intake.v1.Intake/ListOrders", READ),
        ("/ordo.intake.v1.Intake/GetTimeline", READ),
        ("/ordo.intake.v1.Intake/CompleteInformation", EDIT),
        ("/ordo.intake.v1.Intake/RecordPayment", PAY),
        ("/ordo.intake.v1.Intake/AmendAddress", EDIT),
        ("/ordo.intake.v1.Intake/CancelOrder", EDIT),
        ("/ordo.intake.v1.Intake/HoldOrder", HOLD),
        ("/ordo.intake.v1.Intake/ReleaseHold", REVIEW),
        ("/ordo.intake.v1.Intake/RejectOrder", REVIEW),
        ("/ordo.intake.v1.Intake/ConfirmDelivery", PLACE),
        ("/ordo.intake.v1.Intake/RefundPayment", REFUND),
        ("/ordo.privacy.v1.KeyStore/GetDataKeys", &[role::SERVICE]),
        (
            "/ordo.privacy.v1.KeyStore/EraseSubject",
            &[role::ADMIN, role::SERVICE],
        ),
    ])
}

#[tonic::async_trait]
impl Intake for IntakeService {
    async fn place_order(
        &self,
        request: Request<PlaceOrderRequest>,
    ) -> Result<Response<PlaceOrderResponse>, Status> {
        self.place(request).await.map(Response::new)
    }

    async fn get_order(
        &self,
        request: Request<GetOrderRequest>,
    ) -> Result<Response<GetOrderResponse>, Status> {
        self.order(request).await.map(Response::new)
    }

    async fn list_orders(
        &self,
        request: Request<ListOrdersRequest>,
    ) -> Result<Response<ListOrdersResponse>, Status> {
        self.list(request).await.map(Response::new)
    }

    async fn get_timeline(
        &self,
        request: Request<GetTimelineRequest>,
    ) -> Result<Response<GetTimelineResponse>, Status> {
        self.timeline(request).await.map(Response::new)
    }

    async fn complete_information(
        &self,
        request: Request<CompleteInformationRequest>,
    ) -> Result<Response<CompleteInformationResponse>, Status> {
        self.complete(request).await.map(Response::new)
    }

    async fn record_payment(
        &self,
        request: Request<RecordPaymentRequest>,
    ) -> Result<Response<RecordPaymentResponse>, Status> {
        self.payment(request).await.map(Response::new)
    }

    async fn amend_address(
        &self,
        request: Request<AmendAddressRequest>,
    ) -> Result<Response<AmendAddressResponse>, Status> {
        self.amend(request).await.map(Response::new)
    }

    async fn cancel_order(
        &self,
        request: Request<CancelOrderRequest>,
    ) -> Result<Response<CancelOrderResponse>, Status> {
        self.cancel(request).await.map(Response::new)
    }

    async fn hold_order(
        &self,
        request: Request<HoldOrderRequest>,
    ) -> Result<Response<HoldOrderResponse>, Status> {
        self.hold(request).await.map(Response::new)
    }

    async fn release_hold(
        &self,
        request: Request<ReleaseHoldRequest>,
    ) -> Result<Response<ReleaseHoldResponse>, Status> {
        self.release(request).await.map(Response::new)
    }

    async fn reject_order(
        &self,
        request: Request<RejectOrderRequest>,
    ) -> Result<Response<RejectOrderResponse>, Status> {
        self.reject(request).await.map(Response::new)
    }

    async fn confirm_delivery(
        &self,
        request: Request<ConfirmDeliveryRequest>,
    ) -> Result<Response<ConfirmDeliveryResponse>, Status> {
        self.confirm(request).await.map(Response::new)
    }

    async fn refund_payment(
        &self,
        request: Request<RefundPaymentRequest>,
    ) -> Result<Response<RefundPaymentResponse>, Status> {
        self.refund(request).await.map(Response::new)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_method_has_its_roles() {
        let services = ["ordo.intake.v1.Intake", "ordo.privacy.v1.KeyStore"];
        assert_eq!(super::roles().faults(&services), Vec::<String>::new());
    }
}
