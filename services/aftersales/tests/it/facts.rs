//! Intake's events of an order, for its log.

use ordo_decider::Decider;
use ordo_event_log::{Aggregate, CodecError, Command, EncodedEvent, EventLog, TenantId};
use ordo_proto::{
    intake::{
        Amounts, FulfilmentRequested, LinesDelivered, LinesShipped, OrderLine, OrderPlaced,
        PaymentCaptured,
    },
    types::{ConsistencyToken, LineQuantity, Money},
};

ordo_event_log::events! {
    /// What intake tells.
    pub enum OrderEvent {
        Placed(ordo_proto::intake::OrderPlaced),
        Held(ordo_proto::intake::OrderHeld),
        Completed(ordo_proto::intake::InformationCompleted),
        Requested(ordo_proto::intake::FulfilmentRequested),
        Paid(ordo_proto::intake::PaymentCaptured),
        Shipped(ordo_proto::intake::LinesShipped),
        Delivered(ordo_proto::intake::LinesDelivered),
        Cancelled(ordo_proto::intake::LinesCancelled),
        Refunded(ordo_proto::intake::PaymentRefunded),
    }
}

/// Intake's stream `order`.
pub struct Order;

impl Decider for Order {
    type State = ();
    type Command = Vec<OrderEvent>;
    type Event = OrderEvent;
    type Error = std::convert::Infallible;

    fn decide((): &(), command: Vec<OrderEvent>) -> Result<Vec<OrderEvent>, Self::Error> {
        Ok(command)
    }

    fn evolve((): (), _: &OrderEvent) {}
}

impl Aggregate for Order {
    const NAME: &'static str = "order";

    fn encode(event: &OrderEvent) -> EncodedEvent {
        event.encode_event()
    }

    fn decode(type_name: &str, payload: &[u8]) -> Result<OrderEvent, CodecError> {
        OrderEvent::decode_event(type_name, payload)
    }
}

/// Records `events` of an order in intake's log.
pub async fn tell(
    log: &EventLog,
    tenant: &TenantId,
    order_id: &str,
    events: Vec<OrderEvent>,
) -> ConsistencyToken {
    let partition = log.partition_for(tenant, order_id);
    let id = order_id.to_owned();
    let receipt = log
        .execute(Command::new(tenant.clone(), partition), move |unit| {
            unit.decide::<Order>(&id, events.clone())?;
            Ok::<(), ordo_event_log::Halt<std::convert::Infallible>>(())
        })
        .await
        .unwrap();
    ordo_rpc::receipt("intake", &receipt).token.unwrap()
}

pub fn gbp(minor_units: i64) -> Money {
    Money {
        currency_code: "GBP".to_owned(),
        minor_units,
    }
}

pub fn units(line_id: &str, quantity: i64) -> LineQuantity {
    LineQuantity {
        line_id: line_id.to_owned(),
        quantity,
    }
}

/// Two mugs for 20.00, a plate for 9.00, 1.00 freight: 30.00 due.
pub fn placed(order_id: &str, customer_id: &str) -> OrderEvent {
    let line = |line_id: &str, sku: &str, quantity, total| OrderLine {
        line_id: line_id.to_owned(),
        sku: sku.to_owned(),
        title: sku.to_lowercase(),
        quantity,
        total: Some(gbp(total)),
        ..OrderLine::default()
    };
    OrderPlaced {
        order_id: order_id.to_owned(),
        customer_id: customer_id.to_owned(),
        channel: "pos".to_owned(),
        channel_order_number: format!("no-{order_id}"),
        lines: vec![line("1", "MUG", 2, 2_000), line("2", "PLATE", 1, 900)],
        amounts: Some(Amounts {
            goods: Some(gbp(2_900)),
            charges: Some(gbp(100)),
            due: Some(gbp(3_000)),
            ..Amounts::default()
        }),
        ..OrderPlaced::default()
    }
    .into()
}

pub fn paid(amount: i64) -> OrderEvent {
    PaymentCaptured {
        payment_id: "p1".to_owned(),
        method: "card".to_owned(),
        amount: Some(gbp(amount)),
        ..PaymentCaptured::default()
    }
    .into()
}

/// Everything leaves site `north` and arrives.
pub fn delivered(order_id: &str) -> Vec<OrderEvent> {
    let fulfilment_order_id = format!("{order_id}-F1");
    let lines = vec![units("1", 2), units("2", 1)];
    vec![
        FulfilmentRequested {
            fulfilment_order_id: fulfilment_order_id.clone(),
            order_id: order_id.to_owned(),
            site_id: "north".to_owned(),
            ..FulfilmentRequested::default()
        }
        .into(),
        LinesShipped {
            fulfilment_order_id: fulfilment_order_id.clone(),
            parcel_id: format!("{fulfilment_order_id}-P1"),
            lines: lines.clone(),
            ..LinesShipped::default()
        }
        .into(),
        LinesDelivered {
            parcel_id: format!("{fulfilment_order_id}-P1"),
            lines,
        }
        .into(),
    ]
}
