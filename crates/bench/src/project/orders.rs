//! Orders as intake writes them: placed and held until paid, paid and opened, reserved, shipped, completed.

use std::convert::Infallible;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use ordo_decider::Decider;
use ordo_event_log::{Aggregate, CodecError, Command, EncodedEvent, EventLog, TenantId};
use ordo_proto::{
    intake::{
        Allocation, Amounts, Charge, DeliveryMethod, Hold, HoldReason, HoldReleased, LinesShipped,
        OrderCompleted, OrderHeld, OrderLine, OrderOpened, OrderPlaced, PaymentCaptured,
        PaymentTerms, ShortStockPolicy, StockReserved, Wishes,
    },
    types::{LineQuantity, Money, Region},
};
use prost::Name;

use crate::{
    error::{BenchError, During as _},
    sample,
};

/// Events of each order.
pub(super) const EVENTS_PER_ORDER: u64 = 8;
/// Orders that are under way at once: between two events of an order stand those of others.
const WINDOW: u64 = 2000;
/// Commands in flight.
const IN_FLIGHT: usize = 512;
/// SKUs of the shop.
const SKUS: u64 = 5000;

/// Streams like intake's, written without intake's rules.
struct RawOrder;

impl Decider for RawOrder {
    type State = ();
    type Command = Vec<EncodedEvent>;
    type Event = EncodedEvent;
    type Error = Infallible;

    fn decide(_: &(), events: Vec<EncodedEvent>) -> Result<Vec<EncodedEvent>, Infallible> {
        Ok(events)
    }

    fn evolve(_: (), _: &EncodedEvent) {}
}

impl Aggregate for RawOrder {
    const NAME: &'static str = "order";

    fn encode(event: &EncodedEvent) -> EncodedEvent {
        event.clone()
    }

    fn decode(_: &str, payload: &[u8]) -> Result<EncodedEvent, CodecError> {
        Ok(EncodedEvent {
            type_name: "",
            payload: Bytes::copy_from_slice(payload),
        })
    }
}

/// Writes so many orders, a window at a time.
pub(super) async fn write(
    log: &EventLog,
    tenant: &TenantId,
    orders: u64,
) -> Result<(), BenchError> {
    let mut first = 0;
    while first < orders {
        let window: Vec<Order> = (first..orders.min(first + WINDOW))
            .map(|number| Order::new(log, tenant, number))
            .collect();
        for stage in [placed, paid, reserved, shipped, completed] {
            let mut writes = stream::iter(&window)
                .map(|order| order.write(log, tenant, stage(order)))
                .buffer_unordered(IN_FLIGHT);
            while let Some(written) = writes.next().await {
                written?;
            }
        }
        first += WINDOW;
    }
    Ok(())
}

struct Order {
    id: String,
    number: u64,
}

impl Order {
    fn new(log: &EventLog, tenant: &TenantId, number: u64) -> Self {
        let partition = (number % u64::from(log.partitions())) as u32;
        Self {
            id: log.new_id_in(tenant, partition),
            number,
        }
    }

    async fn write(
        &self,
        log: &EventLog,
        tenant: &TenantId,
        events: Vec<EncodedEvent>,
    ) -> Result<(), BenchError> {
        let partition = log.partition_for(tenant, &self.id);
        let mut command = Command::new(tenant.clone(), partition).metadata(sample::metadata());
        if events
            .first()
            .is_some_and(|event| event.type_name.ends_with("OrderPlaced"))
        {
            command = command.new_stream::<RawOrder>(&self.id);
        }
        let id = self.id.clone();
        log.execute::<u64, Infallible, _>(command, move |unit| {
            unit.emit::<RawOrder>(&id, events.clone())?;
            Ok(1)
        })
        .await
        .during("filling intake's log")?;
        Ok(())
    }

    /// Three lines.
    fn lines(&self) -> impl Iterator<Item = (String, String, i64)> {
        (1..=3_u64).map(|line| {
            let sku = sku((self.number * 7 + line * 13) % SKUS);
            (line.to_string(), sku, (line % 2 + 1) as i64)
        })
    }

    fn due(&self) -> Money {
        money(2990 + (self.number % 997) as i64 * 10)
    }

    fn quantities(&self) -> Vec<LineQuantity> {
        self.lines()
            .map(|(line_id, _, quantity)| LineQuantity { line_id, quantity })
            .collect()
    }
}

/// The number as a SKU.
pub(super) fn sku(number: u64) -> String {
    format!("SKU-{number:05}")
}

/// The channel's number of an order.
pub(super) fn channel_number(order: u64) -> String {
    format!("N{order:09}")
}

/// The customer of an order: each has about four.
pub(super) fn customer(order: u64) -> String {
    format!("customer-{}", order / 4)
}

fn money(minor_units: i64) -> Money {
    Money {
        currency_code: "GBP".to_owned(),
        minor_units,
    }
}

fn encoded<M: Name>(message: &M) -> EncodedEvent {
    EncodedEvent {
        type_name: name::<M>(),
        payload: message.encode_to_vec().into(),
    }
}

/// The full name, which the log wants for ever: there are eight.
fn name<M: Name>() -> &'static str {
    match M::NAME {
        "OrderPlaced" => "ordo.intake.v1.OrderPlaced",
        "OrderHeld" => "ordo.intake.v1.OrderHeld",
        "PaymentCaptured" => "ordo.intake.v1.PaymentCaptured",
        "HoldReleased" => "ordo.intake.v1.HoldReleased",
        "OrderOpened" => "ordo.intake.v1.OrderOpened",
        "StockReserved" => "ordo.intake.v1.StockReserved",
        "LinesShipped" => "ordo.intake.v1.LinesShipped",
        _ => "ordo.intake.v1.OrderCompleted",
    }
}

fn placed(order: &Order) -> Vec<EncodedEvent> {
    let due = order.due();
    let placed = OrderPlaced {
        order_id: order.id.clone(),
        channel: ["shopify", "taobao", "pos", "phone"][(order.number % 4) as usize].to_owned(),
        channel_order_number: channel_number(order.number),
        customer_id: customer(order.number),
        data_subject: customer(order.number),
        lines: order
            .lines()
            .map(|(line_id, sku, quantity)| OrderLine {
                line_id,
                channel_sku: sku.clone(),
                title: format!("An article with a title of usual length, {sku}"),
                sku,
                quantity,
                unit_price: Some(money(590)),
                discount: Some(money(0)),
                total: Some(money(590 * quantity)),
                no_charge: false,
            })
            .collect(),
        charges: vec![Charge {
            code: "FREIGHT".to_owned(),
            title: "Freight".to_owned(),
            amount: Some(money(490)),
        }],
        amounts: Some(Amounts {
            goods: Some(due.clone()),
            charges: Some(money(490)),
            discount: Some(money(490)),
            tax: Some(money(0)),
            due: Some(due),
        }),
        payment_terms: PaymentTerms::Prepaid.into(),
        delivery_method: DeliveryMethod::Ship.into(),
        region: Some(Region {
            country_code: "GB".to_owned(),
            ..Region::default()
        }),
        wishes: Some(Wishes::default()),
        short_stock_policy: ShortStockPolicy::Wait.into(),
        ordered_at: Some(prost_types::Timestamp {
            seconds: 1_700_000_000 + order.number as i64 * 20,
            nanos: 0,
        }),
        ..OrderPlaced::default()
    };
    let held = OrderHeld {
        hold: Some(Hold {
            hold_id: "UNPAID-1".to_owned(),
            reason: HoldReason::Unpaid.into(),
            detail: "nothing is paid yet".to_owned(),
            ..Hold::default()
        }),
    };
    vec![encoded(&placed), encoded(&held)]
}

fn paid(order: &Order) -> Vec<EncodedEvent> {
    vec![
        encoded(&PaymentCaptured {
            payment_id: format!("pay-{}", order.number),
            method: "card".to_owned(),
            amount: Some(order.due()),
            paid_at: None,
        }),
        encoded(&HoldReleased {
            hold_id: "UNPAID-1".to_owned(),
            reason: HoldReason::Unpaid.into(),
            note: String::new(),
        }),
        encoded(&OrderOpened {}),
    ]
}

fn reserved(order: &Order) -> Vec<EncodedEvent> {
    vec![encoded(&StockReserved {
        allocations: order
            .lines()
            .map(|(line_id, sku, quantity)| Allocation {
                line_id,
                sku,
                site_id: "main".to_owned(),
                quantity,
            })
            .collect(),
        attempt: 1,
        reservation_version: 1,
        ..StockReserved::default()
    })]
}

fn shipped(order: &Order) -> Vec<EncodedEvent> {
    vec![encoded(&LinesShipped {
        fulfilment_order_id: format!("{}-F1", order.id),
        parcel_id: format!("{}-F1-P1", order.id),
        lines: order.quantities(),
        carrier: "royal-mail".to_owned(),
        tracking_number: format!("RM{:011}GB", order.number),
    })]
}

fn completed(_: &Order) -> Vec<EncodedEvent> {
    vec![encoded(&OrderCompleted {
        cause: "ACCEPTED".to_owned(),
    })]
}
