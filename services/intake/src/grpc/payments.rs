//! RecordPayment and RefundPayment.

use ordo_proto::intake::{
    RecordPaymentRequest, RecordPaymentResponse, RefundPaymentRequest, RefundPaymentResponse,
};
use ordo_rpc::Violations;
use tonic::{Request, Status};

use super::{
    IntakeService, answers,
    deciding::require_order_id,
    fields::{self, Currency},
};
use crate::order::{Intent, Order, RefundPayment};

impl IntakeService {
    pub(super) async fn payment(
        &self,
        request: Request<RecordPaymentRequest>,
    ) -> Result<RecordPaymentResponse, Status> {
        let message = request.get_ref();
        let mut violations = Violations::new();
        require_order_id(&mut violations, &message.order_id);
        let mut currency = Currency::default();
        let payment = message.payment.clone().unwrap_or_default();
        let payment = fields::payment(&mut violations, "payment", &payment, &mut currency);
        violations.finish()?;
        let answer = |order: &Order| RecordPaymentResponse {
            receipt: None,
            status: answers::status(order),
            payment_status: answers::payment_status(order),
            holds: answers::holds(order),
        };
        let intent = Intent::RecordPayment(payment);
        self.carry_out(&request, intent, answer).await
    }

    pub(super) async fn refund(
        &self,
        request: Request<RefundPaymentRequest>,
    ) -> Result<RefundPaymentResponse, Status> {
        let message = request.get_ref();
        let mut violations = Violations::new();
        require_order_id(&mut violations, &message.order_id);
        violations.require(
            fields::is_code(&message.refund_id, 100),
            "refund_id",
            "must be 1 to 100 visible ASCII characters",
        );
        fields::require_text(&mut violations, "case_id", &message.case_id, 100);
        let amount =
            Currency::default().amount(&mut violations, "amount", message.amount.as_ref(), 1);
        violations.require(amount.is_some(), "amount", "must be given");
        fields::line_quantities(&mut violations, "lines", &message.lines);
        violations.finish()?;
        let intent = Intent::RefundPayment(RefundPayment {
            refund_id: message.refund_id.clone(),
            case_id: message.case_id.clone(),
            amount: message.amount.clone().unwrap_or_default(),
            lines: message.lines.clone(),
        });
        let answer = |order: &Order| RefundPaymentResponse {
            receipt: None,
            refunded: answers::body(order).map(|body| body.money(body.refunded())),
        };
        self.carry_out(&request, intent, answer).await
    }
}
