//! Specifications of whole commands, over streams in memory.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod catalogue;
mod easing;
mod invariants;
mod movements;
mod reserving;
mod waiting;

use ordo_proto::inventory::{
    ReservationLine, ReservationRequested, SitePut, SkuPut, StockCondition,
};

use super::{testing::Memory, *};
use crate::{
    conservation::{Ledger, agrees},
    ids::{Place, ReservationId, SiteId, Sku},
    reservation::{Allocation, Reservation},
    stock::Stock,
};

/// A shop in memory.
#[derive(Default)]
struct Shop {
    memory: Memory,
    /// What the events so far, up to this many, count.
    ledger: Ledger,
    counted: usize,
}

impl Shop {
    /// Sites W1 and W2 that serve orders, in this order, DESK that serves none, and SKUs MUG, POT and CUP.
    fn open() -> Self {
        let mut shop = Self::default();
        for (site_id, priority, serves_orders) in
            [("W1", 1, true), ("W2", 2, true), ("DESK", 0, false)]
        {
            let put = SitePut {
                site_id: site_id.into(),
                priority,
                serves_orders,
                ..SitePut::default()
            };
            shop.memory.run(|streams| put_site(streams, put)).unwrap();
        }
        for sku in ["MUG", "POT", "CUP"] {
            shop.put_sku(SkuPut {
                sku: sku.into(),
                ..SkuPut::default()
            })
            .unwrap();
        }
        shop
    }

    fn put_sku(&mut self, put: SkuPut) -> Result<(), InventoryError> {
        let from = ordo_event_log::Timestamp(0);
        self.memory
            .run(|streams| put_sku(streams, put, None, None, from))
    }

    fn receive(&mut self, site_id: &str, sku: &str, quantity: i64) {
        let line = ReceiptLine {
            sku: sku.into(),
            quantity,
            condition: StockCondition::Sellable,
            lot: String::new(),
            unit_cost: None,
        };
        let receipt = Receipt {
            site_id: site_id.into(),
            lines: vec![line],
            cause_id: String::new(),
        };
        self.memory
            .run(|streams| receive(streams, receipt))
            .unwrap();
    }

    fn reserve(&mut self, request: ReservationRequested) -> Result<Outcome, InventoryError> {
        self.memory.run(|streams| reserve(streams, request))
    }

    fn release_all(&mut self, id: &str) -> Vec<Allocation> {
        let cause = "CUSTOMER".to_owned();
        self.memory
            .run(|streams| release(streams, &id.into(), Vec::new(), None, cause))
            .unwrap()
    }

    /// Serves the queue of `sku`, `limit` waiters at a time, until nothing is due. The number of calls.
    fn serve(&mut self, sku: &str, limit: u32) -> usize {
        let mut calls = 0;
        loop {
            calls += 1;
            let served = self
                .memory
                .run(|streams| serve_backorder(streams, &sku.into(), limit));
            if served.unwrap().done {
                return calls;
            }
            assert!(calls < 10_000, "serving {sku} does not end");
        }
    }

    fn reservation(&mut self, id: &str) -> Reservation {
        self.memory.get::<Reservation>(id)
    }

    fn stock(&mut self, sku: &str, site_id: &str) -> Stock {
        self.memory.get::<Stock>(&format!("{sku}@{site_id}"))
    }

    /// Units reserved for the order, in all.
    fn held(&mut self, id: &str) -> i64 {
        self.reservation(id)
            .open()
            .iter()
            .map(|open| open.quantity)
            .sum()
    }

    /// Every rule of the check `stock.conservation`.
    #[track_caller]
    fn check(&mut self) {
        for (_, event) in &self.memory.events[self.counted..] {
            self.ledger.apply(event.type_name, &event.payload).unwrap();
        }
        self.counted = self.memory.events.len();
        assert_eq!(self.ledger.difference(), None);
        for (place, count) in self.ledger.counts() {
            let state = self.memory.get::<Stock>(&place.stream_id());
            assert!(agrees(&state, count), "{place}: {state:?} is not {count:?}");
        }
    }
}

/// Attempt 1 of an order that wants (SKU, units) per line, waits for nothing and may be split.
fn wants(id: &str, lines: &[(&str, i64)]) -> ReservationRequested {
    let line = |(number, (sku, quantity)): (usize, &(&str, i64))| ReservationLine {
        line_id: (number + 1).to_string(),
        sku: (*sku).into(),
        quantity: *quantity,
    };
    ReservationRequested {
        reservation_id: id.into(),
        attempt: 1,
        lines: lines.iter().enumerate().map(line).collect(),
        split_allowed: true,
        ..ReservationRequested::default()
    }
}

/// The same, and waits.
fn waits_for(id: &str, lines: &[(&str, i64)]) -> ReservationRequested {
    ReservationRequested {
        wait_for_stock: true,
        ..wants(id, lines)
    }
}

/// The same, and wants all or nothing.
fn waits_for_all(id: &str, lines: &[(&str, i64)]) -> ReservationRequested {
    ReservationRequested {
        all_or_nothing: true,
        ..waits_for(id, lines)
    }
}
