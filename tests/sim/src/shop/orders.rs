//! Channels push orders, customers pay and change their minds.

use ordo_proto::{
    intake::{
        CancelOrderRequest, DeliveryMethod, GetOrderRequest, Order, Payment, PaymentStatus,
        PaymentTerms, PlaceOrderLine, PlaceOrderRequest, RecordPaymentRequest, ShortStockPolicy,
        get_order_request::Key,
    },
    types::{Address, Contact, LineQuantity},
};

use super::{SKUS, Shop, money};
use crate::{command, query};

impl Shop {
    /// A channel pushes orders, some of them twice.
    pub(super) async fn sell(self, channel: &'static str) {
        let mut number = 0;
        while self.is_open() {
            self.pause(1_800).await;
            number += 1;
            let request = self.request(channel, number);
            let world = &self.people.world;
            let twice = world.below(6) == 0;
            let place = || async {
                let answer = command!(self.people, intake.place_order(request.clone()));
                answer.ok().map(|answer| answer.order_id)
            };
            let placed = if twice {
                let (one, other) = tokio::join!(biased; place(), place());
                if one.is_some() && other.is_some() && one != other {
                    world.violated(format!(
                        "one order of channel {channel} became two: {one:?} and {other:?}"
                    ));
                }
                one.or(other)
            } else {
                place().await
            };
            match placed {
                Some(order_id) => self.taken(&order_id),
                None => world.note("not.taken", format_args!("{channel} {number}")),
            }
        }
    }

    fn request(&self, channel: &str, number: u32) -> PlaceOrderRequest {
        let world = &self.people.world;
        let mut skus = SKUS.to_vec();
        let lines: Vec<PlaceOrderLine> = (0..1 + world.below(2))
            .map(|_| {
                let sku = skus.remove(world.below(skus.len() as u64) as usize);
                PlaceOrderLine {
                    channel_sku: sku.to_owned(),
                    sku: sku.to_owned(),
                    title: format!("Article {sku}"),
                    quantity: 1 + world.below(3) as i64,
                    unit_price: Some(money(1000)),
                    ..PlaceOrderLine::default()
                }
            })
            .collect();
        let due: i64 = lines.iter().map(|line| line.quantity * 1000).sum();
        let paid = match world.below(6) {
            0 => 0,
            1 => 1000.min(due - 500),
            _ => due,
        };
        let payments = (paid > 0).then(|| Payment {
            payment_id: format!("pay-{channel}-{number}"),
            method: "card".to_owned(),
            amount: Some(money(paid)),
            ..Payment::default()
        });
        let policy = world.pick(&[
            ShortStockPolicy::Wait,
            ShortStockPolicy::ShipAvailable,
            ShortStockPolicy::Ask,
            ShortStockPolicy::Cancel,
        ]);
        PlaceOrderRequest {
            header: self.people.header(),
            channel: channel.to_owned(),
            channel_order_number: number.to_string(),
            channel_customer_id: format!("customer-{}", world.below(3)),
            lines,
            due: Some(money(due)),
            payment_terms: PaymentTerms::Prepaid.into(),
            payments: payments.into_iter().collect(),
            delivery_method: DeliveryMethod::Ship.into(),
            contact: Some(Contact {
                name: "Quentin Zyxwick".to_owned(),
                phone: "+44 20 7946 0123".to_owned(),
                email: String::new(),
            }),
            address: Some(Address {
                country_code: "GB".to_owned(),
                province: "London".to_owned(),
                city: "London".to_owned(),
                district: String::new(),
                street: "17 Vermilionplatz".to_owned(),
                postcode: "N1 9GU".to_owned(),
            }),
            short_stock_policy: policy.unwrap_or(ShortStockPolicy::Wait).into(),
            ..PlaceOrderRequest::default()
        }
    }

    /// The order as it is.
    pub async fn order(&self, order_id: &str) -> Option<Order> {
        let request = GetOrderRequest {
            key: Some(Key::OrderId(order_id.to_owned())),
            at_least: None,
        };
        query!(self.people, intake.get_order(request)).ok()?.order
    }

    /// Customers cancel orders, or parts of them.
    pub(super) async fn cancel(self) {
        while self.is_open() {
            self.pause(5_000).await;
            let Some(order_id) = self.some_order() else {
                continue;
            };
            let part = LineQuantity {
                line_id: "1".to_owned(),
                quantity: 1,
            };
            let request = CancelOrderRequest {
                header: self.people.header(),
                order_id,
                lines: (self.people.world.below(2) == 0)
                    .then_some(part)
                    .into_iter()
                    .collect(),
            };
            let _ = command!(self.people, intake.cancel_order(request));
        }
    }

    /// Customers pay what is still due.
    pub(super) async fn collect_payments(self) {
        while self.is_open() {
            self.pause(2_500).await;
            let Some(order_id) = self.some_order() else {
                continue;
            };
            let Some(order) = self.order(&order_id).await else {
                continue;
            };
            if !matches!(
                order.payment_status(),
                PaymentStatus::Unpaid | PaymentStatus::PartlyPaid
            ) {
                continue;
            }
            let amount = [500, 1000, 2000][self.people.world.below(3) as usize];
            let request = RecordPaymentRequest {
                header: self.people.header(),
                order_id,
                payment: Some(Payment {
                    payment_id: format!("later-{:x}", self.people.world.below(1 << 40)),
                    method: "transfer".to_owned(),
                    amount: Some(money(amount)),
                    ..Payment::default()
                }),
            };
            let _ = command!(self.people, intake.record_payment(request));
        }
    }
}
