//! CompleteInformation and AmendAddress: changes to what an order says.

use ordo_event_log::{ExecuteError, Receipt, TenantId};
use ordo_proto::intake::{
    AmendAddressRequest, AmendAddressResponse, CompleteInformationRequest,
    CompleteInformationResponse, DeliveryMethod, PaymentTerms,
};
use ordo_rpc::Violations;
use prost::Message;
use tonic::{Request, Status};

use super::{
    IntakeService, answers,
    deciding::{answered, require_order_id},
    fields::{self, Currency},
    place_request::is_sku,
};
use crate::{
    order::{
        AmendAddress, CompleteInformation, CompletedLine, Intent, LARGEST_QUANTITY, Order,
        OrderError, PersonalChange,
    },
    personal::{self, Recipient},
};

/// How often a change of the recipient is merged anew when somebody else changed it meanwhile.
const MERGES: u32 = 5;

impl IntakeService {
    pub(super) async fn complete(
        &self,
        request: Request<CompleteInformationRequest>,
    ) -> Result<CompleteInformationResponse, Status> {
        let message = request.get_ref();
        let completed = read_completion(message)?;
        let command = self.command(&request)?;
        let tenant = ordo_rpc::tenant(&request)?;
        let given = Recipient {
            contact: message.contact.clone(),
            address: message.address.clone(),
        };
        // Another delivery method needs other parts of the recipient.
        let personal_concerned = given != Recipient::default()
            || completed.delivery_method != DeliveryMethod::Unspecified;
        let order_id = message.order_id.clone();
        let answer = |order: &Order| CompleteInformationResponse {
            receipt: None,
            status: answers::status(order),
            holds: answers::holds(order),
        };
        let done = if personal_concerned {
            let intent = |change| {
                Intent::CompleteInformation(Box::new(CompleteInformation {
                    personal: Some(change),
                    ..completed.clone()
                }))
            };
            self.change_recipient(&tenant, command, &order_id, given, intent, answer)
                .await?
        } else {
            let intent = Intent::CompleteInformation(Box::new(completed));
            self.decide(command, &order_id, intent, answer)
                .await
                .map_err(ordo_rpc::status)?
        };
        Ok(answered(&done))
    }

    pub(super) async fn amend(
        &self,
        request: Request<AmendAddressRequest>,
    ) -> Result<AmendAddressResponse, Status> {
        let message = request.get_ref();
        let mut violations = Violations::new();
        require_order_id(&mut violations, &message.order_id);
        fields::contact(&mut violations, message.contact.as_ref());
        fields::address(&mut violations, message.address.as_ref());
        violations.require(
            message.contact.is_some() || message.address.is_some(),
            "address",
            "a contact or an address must be given",
        );
        violations.finish()?;
        let command = self.command(&request)?;
        let tenant = ordo_rpc::tenant(&request)?;
        let given = Recipient {
            contact: message.contact.clone(),
            address: message.address.clone(),
        };
        let intent = |change| Intent::AmendAddress(Box::new(AmendAddress { change }));
        let answer = |order: &Order| AmendAddressResponse {
            receipt: None,
            holds: answers::holds(order),
        };
        let order_id = message.order_id.clone();
        let done = self
            .change_recipient(&tenant, command, &order_id, given, intent, answer)
            .await?;
        Ok(answered(&done))
    }

    /// Merges `given` with the order's recipient and lets the order decide; anew when the recipient was changed by
    /// somebody else in between.
    async fn change_recipient<T, F>(
        &self,
        tenant: &TenantId,
        command: ordo_event_log::Command,
        order_id: &str,
        given: Recipient,
        intent: impl Fn(PersonalChange) -> Intent,
        answer: F,
    ) -> Result<Receipt<T>, Status>
    where
        T: Message + Default + 'static,
        F: Fn(&Order) -> T + Copy + Send + 'static,
    {
        let mut tries = 0;
        loop {
            tries += 1;
            let (order, _) = self
                .orders
                .get(tenant, order_id)
                .await
                .map_err(ordo_rpc::status)?;
            let Some((_, body)) = order.placed() else {
                return Err(ordo_rpc::status(OrderError::NoSuchOrder));
            };
            let change = personal::merge(&self.vault, tenant, body, given.clone(), "amend")
                .await
                .map_err(ordo_rpc::status)?;
            match self
                .decide(command.clone(), order_id, intent(change), answer)
                .await
            {
                Err(ExecuteError::Refused(OrderError::PersonalDataChanged)) if tries < MERGES => {}
                decided => return decided.map_err(ordo_rpc::status),
            }
        }
    }
}

fn read_completion(message: &CompleteInformationRequest) -> Result<CompleteInformation, Status> {
    let mut violations = Violations::new();
    let v = &mut violations;
    require_order_id(v, &message.order_id);
    fields::contact(v, message.contact.as_ref());
    fields::address(v, message.address.as_ref());
    v.optional_choice(
        message.payment_terms,
        PaymentTerms::as_str_name,
        "payment_terms",
    );
    v.optional_choice(
        message.delivery_method,
        DeliveryMethod::as_str_name,
        "delivery_method",
    );
    v.require(
        message.lines.len() <= 2_000,
        "lines",
        "must be at most 2000 lines",
    );
    let mut currency = Currency::default();
    let mut lines = Vec::new();
    for (index, line) in message.lines.iter().enumerate() {
        let field = format!("lines[{index}]");
        let named_before = message.lines[..index]
            .iter()
            .any(|earlier| earlier.line_id == line.line_id);
        v.require(
            fields::is_code(&line.line_id, 20) && !named_before,
            format!("{field}.line_id"),
            "must be 1 to 20 visible ASCII characters, named once",
        );
        v.require(
            is_sku(&line.sku),
            format!("{field}.sku"),
            "must be at most 64 characters without white space and `@`",
        );
        v.require(
            (0..=LARGEST_QUANTITY).contains(&line.quantity),
            format!("{field}.quantity"),
            format!("must be from 0 (unchanged) to {LARGEST_QUANTITY}"),
        );
        fields::require_text(v, &format!("{field}.title"), &line.title, 300);
        let price = format!("{field}.unit_price");
        let unit_price = currency.amount(v, &price, line.unit_price.as_ref(), 0);
        v.require(
            !(line.no_charge && unit_price.is_some_and(|price| price > 0)),
            price,
            "must be 0 or absent for a line without charge",
        );
        lines.push(CompletedLine {
            line_id: line.line_id.clone(),
            sku: line.sku.clone(),
            quantity: line.quantity,
            unit_price,
            no_charge: line.no_charge,
            title: line.title.clone(),
        });
    }
    let completed = CompleteInformation {
        personal: None,
        lines,
        currency: currency.code().to_owned(),
        delivery_method: message.delivery_method(),
        payment_terms: message.payment_terms(),
    };
    violations.finish()?;
    Ok(completed)
}
