//! From a checked request to a decision of its order.

use ordo_event_log::{Command, Halt, Receipt, TenantId, Timestamp};
use ordo_proto::{
    intake,
    types::{self, CommandHeader},
};
use ordo_rpc::Violations;
use prost::{Message, Name};
use tonic::{Request, Status};

use super::IntakeService;
use crate::order::{self, Intent, Order, OrderError};

impl IntakeService {
    /// The command that `request` asks for, on the order's partition. The request without its header tells a retry from
    /// another command.
    pub(super) fn command<R: OrderRequest>(&self, request: &Request<R>) -> Result<Command, Status> {
        let message = request.get_ref();
        let tenant = ordo_rpc::tenant(request)?;
        let partition = self.orders.partition(&tenant, message.order_id());
        let fingerprint = self.fingerprint(&tenant, &message.without_header())?;
        let command = ordo_rpc::command(request, message.header(), partition)?;
        Ok(command
            .fingerprint(fingerprint)
            .prefetch::<Order>(message.order_id()))
    }

    /// Lets the order decide on a checked request; `answer` reads off the order what the caller is told beside the receipt.
    pub(super) async fn carry_out<R: OrderRequest>(
        &self,
        request: &Request<R>,
        intent: Intent,
        answer: impl Fn(&Order) -> R::Answer + Send + 'static,
    ) -> Result<R::Answer, Status> {
        let command = self.command(request)?;
        let order_id = request.get_ref().order_id();
        let decided = self.decide(command, order_id, intent, answer).await;
        Ok(answered(&decided.map_err(ordo_rpc::status)?))
    }

    /// Keyed, so that it is not a plain hash of personal data.
    pub(super) fn fingerprint(
        &self,
        tenant: &TenantId,
        message: &impl Name,
    ) -> Result<[u8; 32], Status> {
        let content = ordo_rpc::content(message);
        self.vault
            .fingerprint(tenant.as_str(), &content)
            .map_err(ordo_rpc::status)
    }

    /// Lets the order decide; `answer` reads off the order what the caller is told.
    pub(super) async fn decide<T, F>(
        &self,
        command: Command,
        order_id: &str,
        intent: Intent,
        answer: F,
    ) -> Result<Receipt<T>, ordo_event_log::ExecuteError<OrderError>>
    where
        T: Message + Default + 'static,
        F: Fn(&Order) -> T + Send + 'static,
    {
        let at = prost_types::Timestamp::from(Timestamp::now());
        let order_id = order_id.to_owned();
        let decided = self.orders.log().execute(command, move |unit| {
            let intent = intent.clone();
            let order = unit.decide::<Order>(&order_id, order::Command { at, intent })?;
            Ok::<T, Halt<OrderError>>(answer(order))
        });
        decided.await
    }
}

/// The answer of a command on an order, with its receipt.
pub(super) fn answered<A: OrderAnswer>(decided: &Receipt<A>) -> A {
    decided.answer.clone().with(receipt(decided))
}

/// A command on an existing order as it comes in.
pub(super) trait OrderRequest: Message + Name + Clone {
    /// What is answered.
    type Answer: OrderAnswer;

    fn order_id(&self) -> &str;
    fn header(&self) -> Option<&CommandHeader>;
    fn without_header(&self) -> Self;
}

/// The answer to one.
pub(super) trait OrderAnswer: Message + Default + Clone + 'static {
    fn with(self, receipt: Option<types::Receipt>) -> Self;
}

/// Every such request has `header` and `order_id`, and every answer `receipt`.
macro_rules! order_requests {
    ($($request:ident => $answer:ident,)+) => {
        $(
            impl OrderRequest for intake::$request {
                type Answer = intake::$answer;

                fn order_id(&self) -> &str {
                    &self.order_id
                }

                fn header(&self) -> Option<&CommandHeader> {
                    self.header.as_ref()
                }

                fn without_header(&self) -> Self {
                    Self { header: None, ..self.clone() }
                }
            }

            impl OrderAnswer for intake::$answer {
                fn with(self, receipt: Option<types::Receipt>) -> Self {
                    Self { receipt, ..self }
                }
            }
        )+
    };
}

order_requests! {
    AmendAddressRequest => AmendAddressResponse,
    CancelOrderRequest => CancelOrderResponse,
    CompleteInformationRequest => CompleteInformationResponse,
    ConfirmDeliveryRequest => ConfirmDeliveryResponse,
    HoldOrderRequest => HoldOrderResponse,
    RecordPaymentRequest => RecordPaymentResponse,
    RefundPaymentRequest => RefundPaymentResponse,
    RejectOrderRequest => RejectOrderResponse,
    ReleaseHoldRequest => ReleaseHoldResponse,
}

/// The field that every command on an existing order has.
pub(super) fn require_order_id(violations: &mut Violations, order_id: &str) {
    violations.require(
        !order_id.is_empty() && order_id.len() <= 100,
        "order_id",
        "must be the id of an order",
    );
}

/// The receipt as answered.
pub(super) fn receipt<T>(receipt: &Receipt<T>) -> Option<types::Receipt> {
    Some(ordo_rpc::receipt(crate::SERVICE, receipt))
}
