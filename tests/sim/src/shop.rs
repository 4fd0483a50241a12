//! What happens in a shop: orders of all kinds, payments, cancellations, deliveries of goods, the warehouse's work, returns.

mod orders;
mod returns;
mod warehouse;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ordo_proto::{
    inventory::{
        PutSiteRequest, PutSkuRequest, ReceiveStockLine, ReceiveStockRequest, SiteKind,
        StockCondition,
    },
    types::Money,
};
use tokio::task::JoinSet;

use crate::{command, people::People};

/// What is sold.
pub const SKUS: [&str; 3] = ["TEA", "CUP", "POT"];
/// Where it is kept.
pub const SITES: [&str; 2] = ["main", "east"];

/// A shop and those who work there.
#[derive(Clone)]
pub struct Shop {
    /// How they call.
    pub people: People,
    /// Orders that were taken.
    orders: Arc<Mutex<Vec<String>>>,
}

impl Shop {
    /// A shop that is still empty.
    pub fn new(people: People) -> Self {
        Self {
            people,
            orders: Arc::default(),
        }
    }

    /// Orders that were taken so far.
    pub fn orders(&self) -> Vec<String> {
        let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders.clone()
    }

    fn taken(&self, order_id: &str) {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if !orders.iter().any(|known| known == order_id) {
            orders.push(order_id.to_owned());
        }
    }

    fn some_order(&self) -> Option<String> {
        self.people.world.pick(&self.orders())
    }

    async fn pause(&self, most: u64) {
        let millis = self.people.world.below(most);
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }

    fn is_open(&self) -> bool {
        self.people.world.now() < self.people.world.weather.lasts
    }

    /// Sites, articles, and some stock.
    pub async fn furnish(&self) {
        for site_id in SITES {
            let request = PutSiteRequest {
                header: self.people.header(),
                site_id: site_id.to_owned(),
                name: site_id.to_owned(),
                kind: SiteKind::Warehouse.into(),
                ..PutSiteRequest::default()
            };
            let _ = command!(self.people, inventory.put_site(request));
        }
        for sku in SKUS {
            let request = PutSkuRequest {
                header: self.people.header(),
                sku: sku.to_owned(),
                name: format!("Article {sku}"),
                price: Some(money(1000)),
                ..PutSkuRequest::default()
            };
            let _ = command!(self.people, inventory.put_sku(request));
            self.receive(sku, "main", 5).await;
        }
    }

    /// Goods come in.
    pub async fn receive(&self, sku: &str, site_id: &str, quantity: i64) {
        let request = ReceiveStockRequest {
            header: self.people.header(),
            site_id: site_id.to_owned(),
            lines: vec![ReceiveStockLine {
                sku: sku.to_owned(),
                quantity,
                condition: StockCondition::Sellable.into(),
                ..ReceiveStockLine::default()
            }],
            cause_id: "delivery".to_owned(),
        };
        let _ = command!(self.people, inventory.receive_stock(request));
    }

    /// Everybody works until the shop closes.
    pub async fn trade(&self) {
        let mut everybody = JoinSet::new();
        for channel in ["web", "app"] {
            everybody.spawn(self.clone().sell(channel));
        }
        everybody.spawn(self.clone().cancel());
        everybody.spawn(self.clone().collect_payments());
        everybody.spawn(self.clone().restock());
        for site in SITES {
            everybody.spawn(self.clone().work(site));
        }
        everybody.spawn(self.clone().take_back());
        while let Some(ended) = everybody.join_next().await {
            if let Err(panic) = ended {
                self.people
                    .world
                    .violated(format!("a client panicked: {panic}"));
            }
        }
    }

    /// Goods keep coming in.
    async fn restock(self) {
        while self.is_open() {
            self.pause(4_000).await;
            let world = &self.people.world;
            let (sku, site) = (world.pick(&SKUS), world.pick(&SITES));
            let quantity = 1 + world.below(6) as i64;
            self.receive(sku.unwrap_or_default(), site.unwrap_or_default(), quantity)
                .await;
        }
    }
}

/// An amount in the shop's currency.
pub fn money(minor_units: i64) -> Money {
    Money {
        currency_code: "GBP".to_owned(),
        minor_units,
    }
}
