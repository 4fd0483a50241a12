//! From a checked request to a decision of its order.

use ordo_event_log::{Command, Halt, Receipt, TenantId, Timestamp};
use ordo_proto::types::CommandHeader;
use ordo_rpc::Violations;
use prost::Message;
use tonic::{Request, Status};

use super::IntakeService;
use crate::order::{self, Intent, Order, OrderError};

impl IntakeService {
    /// The command that `request` asks for, on the order's partition. `content` is the request without its header: what
    /// tells a retry from another command.
    pub(super) fn command<T>(
        &self,
        request: &Request<T>,
        header: Option<&CommandHeader>,
        order_id: &str,
        content: &impl Message,
    ) -> Result<Command, Status> {
        let tenant = ordo_rpc::tenant(request)?;
        let partition = self.orders.partition(&tenant, order_id);
        let fingerprint = self.fingerprint(&tenant, content)?;
        let command = ordo_rpc::command(request, header, partition)?;
        Ok(command.fingerprint(fingerprint).prefetch::<Order>(order_id))
    }

    /// Keyed, so that it is not a plain hash of personal data.
    pub(super) fn fingerprint(
        &self,
        tenant: &TenantId,
        content: &impl Message,
    ) -> Result<[u8; 32], Status> {
        let bytes = content.encode_to_vec();
        self.vault
            .fingerprint(tenant.as_str(), &bytes)
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

/// The field that every command on an existing order has.
pub(super) fn require_order_id(violations: &mut Violations, order_id: &str) {
    violations.require(
        !order_id.is_empty() && order_id.len() <= 100,
        "order_id",
        "must be the id of an order",
    );
}

/// The receipt as answered.
pub(super) fn receipt<T>(receipt: &Receipt<T>) -> Option<ordo_proto::types::Receipt> {
    Some(ordo_rpc::receipt(crate::SERVICE, receipt))
}
