//! Events in, then what became of the log. Every reaction runs twice for every event: the second time changes nothing.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use ordo_event_log::{Command, EventLogConfig, Halt, TenantId, Timestamp, Unit};
use ordo_projection::{Reaction, Timer};
use ordo_proto::inventory::{
    BackorderDue, BackorderServed, ReservationLine, ReservationRequested, SitePut, SkuPut,
    StockCondition,
};
use ordo_testkit::{TestStore, sqlite};

use super::*;
use crate::{
    commands::{self, Receipt, ReceiptLine},
    projections::testing::{event, tenant},
    reservation::Reservation,
};

struct Shop {
    log: EventLog,
    _store: TestStore,
}

impl Shop {
    /// W1, which serves orders, and the SKU MUG.
    async fn open() -> Self {
        let store = sqlite().unwrap();
        let log = EventLog::open(EventLogConfig::new("inventory", store.store_url()))
            .await
            .unwrap();
        let shop = Self { log, _store: store };
        shop.run(|unit| {
            let site = SitePut {
                site_id: "W1".into(),
                serves_orders: true,
                ..SitePut::default()
            };
            commands::put_site(unit, site)?;
            let sku = SkuPut {
                sku: "MUG".into(),
                ..SkuPut::default()
            };
            commands::put_sku(unit, sku, None, None, Timestamp(0))
        })
        .await;
        shop
    }

    async fn run(
        &self,
        decide: impl Fn(&mut Unit<'_>) -> Result<(), Halt<InventoryError>> + Send + 'static,
    ) {
        let command = Command::new(tenant(), partition(&self.log, &tenant()));
        self.log.execute(command, decide).await.unwrap();
    }

    async fn receive(&self, quantity: i64) {
        self.run(move |unit| {
            let line = ReceiptLine {
                sku: "MUG".into(),
                quantity,
                condition: StockCondition::Sellable,
                lot: String::new(),
                unit_cost: None,
            };
            let receipt = Receipt {
                site_id: "W1".into(),
                lines: vec![line],
                cause_id: String::new(),
            };
            commands::receive(unit, receipt)
        })
        .await;
    }

    async fn reserve(&self, request: ReservationRequested) {
        self.run(move |unit| commands::reserve(unit, request.clone()).map(drop))
            .await;
    }

    async fn held(&self, id: &str) -> i64 {
        let (reservation, _) = self
            .log
            .state::<Reservation>(0, &tenant(), id)
            .await
            .unwrap();
        reservation.open().iter().map(|open| open.quantity).sum()
    }

    async fn end(&self) -> u64 {
        self.log.read_head(0).await.unwrap().position
    }

    /// All events so far, from the log itself.
    async fn events(&self) -> Vec<RecordedEvent> {
        self.log.read(0, 0, 10_000).await.unwrap()
    }

    /// Lets the reaction see every event twice, and those that follow, until nothing follows.
    async fn react(&self, reaction: &impl Reaction) {
        let mut seen = 0;
        loop {
            let events = self.events().await;
            let Some(new) = events.get(seen..).filter(|new| !new.is_empty()) else {
                return;
            };
            seen = events.len();
            for event in new.iter().filter(|event| reaction.entity(event).is_some()) {
                let context = || ReactionContext::for_event("inventory", reaction.name(), event, 1);
                reaction.react(event, &mut context()).await.unwrap();
                let end = self.end().await;
                reaction.react(event, &mut context()).await.unwrap();
                assert_eq!(self.end().await, end, "the second run changed something");
            }
        }
    }
}

fn wants(id: &str, quantity: i64) -> ReservationRequested {
    ReservationRequested {
        reservation_id: id.into(),
        attempt: 1,
        lines: vec![ReservationLine {
            line_id: "1".into(),
            sku: "MUG".into(),
            quantity,
        }],
        wait_for_stock: true,
        split_allowed: true,
        ..ReservationRequested::default()
    }
}

#[tokio::test]
async fn units_that_arrive_go_to_those_who_wait_in_their_order() {
    let shop = Shop::open().await;
    for id in ["A", "B", "C"] {
        shop.reserve(wants(id, 2)).await;
    }
    shop.receive(3).await;
    shop.react(&RetryWaiting::new(shop.log.clone())).await;
    assert_eq!(
        (
            shop.held("A").await,
            shop.held("B").await,
            shop.held("C").await
        ),
        (2, 1, 0)
    );
}

#[tokio::test]
async fn a_queue_longer_than_one_piece_is_served_to_its_end() {
    let shop = Shop::open().await;
    for number in 0..250 {
        shop.reserve(wants(&format!("o{number}"), 1)).await;
    }
    shop.receive(250).await;
    shop.react(&RetryWaiting::new(shop.log.clone())).await;
    for number in [0, 99, 100, 249] {
        assert_eq!(shop.held(&format!("o{number}")).await, 1, "waiter {number}");
    }
}

#[tokio::test]
async fn only_queues_that_are_due_concern_the_retry() {
    let shop = Shop::open().await;
    let retry = RetryWaiting::new(shop.log.clone());
    let due = event(1, ("backorder", "MUG"), &BackorderDue { sku: "MUG".into() });
    assert_eq!(retry.entity(&due).as_deref(), Some("shop/MUG"));
    let request = event(2, ("reservation", "A"), &wants("A", 1));
    assert_eq!(retry.entity(&request), None);
    let end = shop.end().await;
    let served = event(
        3,
        ("backorder", "MUG"),
        &BackorderServed {
            sku: "MUG".into(),
            through: 1,
            done: true,
        },
    );
    let mut context = ReactionContext::for_event("inventory", "retry_waiting", &served, 1);
    retry.react(&served, &mut context).await.unwrap();
    assert_eq!(
        shop.end().await,
        end,
        "nothing is left to do after the last piece"
    );
}

#[tokio::test]
async fn a_reservation_that_ends_gets_a_timer_that_gives_everything_back() {
    let shop = Shop::open().await;
    shop.receive(2).await;
    let due = Timestamp(Timestamp::now().0 + 1_000_000);
    let request = ReservationRequested {
        expires_at: Some(due.into()),
        ..wants("A", 2)
    };
    shop.reserve(request.clone()).await;
    let expiry = ExpireReservations::new(shop.log.clone());
    let requested = event(1, ("reservation", "A"), &request);
    assert_eq!(expiry.entity(&requested).as_deref(), Some("shop/A"));
    let mut context = ReactionContext::for_event("inventory", expiry.name(), &requested, 1);
    expiry.react(&requested, &mut context).await.unwrap();
    let scheduled: Vec<_> = context
        .scheduled()
        .map(|(key, due, payload)| (key.to_owned(), due, payload.to_vec()))
        .collect();
    assert_eq!(scheduled, [("expiry".to_owned(), due, b"A".to_vec())]);

    let timer = |due: Timestamp| Timer {
        entity: "shop/A".into(),
        tenant: tenant(),
        key: "expiry".into(),
        due,
        payload: b"A".to_vec(),
        cause: Default::default(),
    };
    let fire = async |timer: Timer| {
        let mut context = ReactionContext::for_timer("inventory", expiry.name(), &timer, 1);
        expiry.on_timer(&timer, &mut context).await.unwrap();
    };
    fire(timer(Timestamp(due.0 - 1))).await;
    assert_eq!(
        shop.held("A").await,
        2,
        "a timer of an earlier attempt changes nothing"
    );
    fire(timer(due)).await;
    assert_eq!(shop.held("A").await, 0);
    let end = shop.end().await;
    fire(timer(due)).await;
    assert_eq!(shop.end().await, end, "the second run changed something");
}

#[tokio::test]
async fn an_attempt_without_an_end_lifts_the_timer_and_a_damaged_timer_is_shown_to_a_human() {
    let shop = Shop::open().await;
    let expiry = ExpireReservations::new(shop.log.clone());
    let lasting = event(1, ("reservation", "A"), &wants("A", 2));
    let mut context = ReactionContext::for_event("inventory", expiry.name(), &lasting, 1);
    expiry.react(&lasting, &mut context).await.unwrap();
    assert_eq!(context.scheduled().count(), 0);
    let damaged = Timer {
        entity: "shop/A".into(),
        tenant: TenantId::new("shop").unwrap(),
        key: "expiry".into(),
        due: Timestamp(1),
        payload: vec![0xff],
        cause: Default::default(),
    };
    let mut context = ReactionContext::for_timer("inventory", expiry.name(), &damaged, 1);
    let refused = expiry.on_timer(&damaged, &mut context).await;
    assert!(matches!(refused, Err(ReactionError::Park(_))));
}
