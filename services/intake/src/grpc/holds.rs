//! HoldOrder, ReleaseHold and RejectOrder: what reviewers do.

use ordo_proto::intake::{
    HoldOrderRequest, HoldOrderResponse, RejectOrderRequest, RejectOrderResponse,
    ReleaseHoldRequest, ReleaseHoldResponse,
};
use ordo_rpc::Violations;
use tonic::{Request, Status};

use super::{IntakeService, answers, deciding::require_order_id, fields};
use crate::order::{Hold, Intent, Order, Reject, ReleaseHold};

impl IntakeService {
    pub(super) async fn hold(
        &self,
        request: Request<HoldOrderRequest>,
    ) -> Result<HoldOrderResponse, Status> {
        let message = request.get_ref();
        let mut violations = Violations::new();
        require_order_id(&mut violations, &message.order_id);
        fields::require_text(&mut violations, "detail", &message.detail, 500);
        violations.require(
            !message.detail.trim().is_empty(),
            "detail",
            "must say why, for whoever finds the order held",
        );
        violations.finish()?;
        let answer = |order: &Order| HoldOrderResponse {
            receipt: None,
            hold_id: answers::holds(order)
                .pop()
                .map(|hold| hold.hold_id)
                .unwrap_or_default(),
        };
        let intent = Intent::Hold(Hold {
            detail: message.detail.clone(),
        });
        self.carry_out(&request, intent, answer).await
    }

    pub(super) async fn release(
        &self,
        request: Request<ReleaseHoldRequest>,
    ) -> Result<ReleaseHoldResponse, Status> {
        let message = request.get_ref();
        let mut violations = Violations::new();
        require_order_id(&mut violations, &message.order_id);
        violations.require(
            fields::is_code(&message.hold_id, 60),
            "hold_id",
            "must be the id of a hold; GetOrder lists them",
        );
        violations.finish()?;
        let note = message.header.as_ref().map(|header| header.reason.clone());
        let intent = Intent::ReleaseHold(ReleaseHold {
            hold_id: message.hold_id.clone(),
            note: note.unwrap_or_default(),
        });
        let answer = |order: &Order| ReleaseHoldResponse {
            receipt: None,
            status: answers::status(order),
            holds: answers::holds(order),
        };
        self.carry_out(&request, intent, answer).await
    }

    pub(super) async fn reject(
        &self,
        request: Request<RejectOrderRequest>,
    ) -> Result<RejectOrderResponse, Status> {
        let message = request.get_ref();
        let mut violations = Violations::new();
        require_order_id(&mut violations, &message.order_id);
        fields::require_text(&mut violations, "detail", &message.detail, 500);
        violations.finish()?;
        let intent = Intent::Reject(Reject {
            detail: message.detail.clone(),
        });
        let answer = |order: &Order| RejectOrderResponse {
            receipt: None,
            status: answers::status(order),
        };
        self.carry_out(&request, intent, answer).await
    }
}
