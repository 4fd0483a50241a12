//! CancelOrder and ConfirmDelivery.

use ordo_proto::intake::{
    CancelOrderRequest, CancelOrderResponse, ConfirmDeliveryRequest, ConfirmDeliveryResponse,
};
use ordo_rpc::Violations;
use tonic::{Request, Status};

use super::{IntakeService, answers, deciding::require_order_id, fields};
use crate::order::{Cancel, ConfirmDelivery, Intent, Order};

/// Cause of what customers cancel, themselves or through the shop's people.
const CUSTOMER: &str = "CUSTOMER";

impl IntakeService {
    pub(super) async fn cancel(
        &self,
        request: Request<CancelOrderRequest>,
    ) -> Result<CancelOrderResponse, Status> {
        let message = request.get_ref();
        let mut violations = Violations::new();
        require_order_id(&mut violations, &message.order_id);
        fields::line_quantities(&mut violations, "lines", &message.lines);
        violations.finish()?;
        let detail = message.header.as_ref().map(|header| header.reason.clone());
        let intent = Intent::Cancel(Cancel {
            lines: message.lines.clone(),
            cause: CUSTOMER.to_owned(),
            detail: detail.unwrap_or_default(),
            by_case: ordo_rpc::identity(&request)?.has(ordo_rpc::role::SERVICE),
        });
        let answer = |order: &Order| CancelOrderResponse {
            receipt: None,
            status: answers::status(order),
            pending: answers::body(order).is_some_and(|body| !body.cancellations.is_empty()),
        };
        self.carry_out(&request, intent, answer).await
    }

    pub(super) async fn confirm(
        &self,
        request: Request<ConfirmDeliveryRequest>,
    ) -> Result<ConfirmDeliveryResponse, Status> {
        let message = request.get_ref();
        let mut violations = Violations::new();
        require_order_id(&mut violations, &message.order_id);
        violations.finish()?;
        let intent = Intent::ConfirmDelivery(ConfirmDelivery {
            accepted: message.accepted,
        });
        let answer = |order: &Order| ConfirmDeliveryResponse {
            receipt: None,
            status: answers::status(order),
        };
        self.carry_out(&request, intent, answer).await
    }
}
