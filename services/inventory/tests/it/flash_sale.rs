//! Ten thousand buyers, one hundred units.

use std::time::Instant;

use futures::{StreamExt as _, stream};
use ordo_event_log::{Command, EventLog, EventLogConfig, Halt, TenantId, Timestamp, Unit};
use ordo_inventory::{
    commands::{self, InventoryError, Receipt, ReceiptLine},
    conservation,
    grpc::partition,
};
use ordo_proto::inventory::{
    ReservationLine, ReservationRequested, ReserveResponse, SitePut, SkuPut, StockCondition,
};
use ordo_testkit::{TestStore, sqlite, stores};

use crate::shop::{Shop, wants};

const BUYERS: usize = 10_000;
const UNITS: i64 = 100;

struct Sale {
    log: EventLog,
    tenant: TenantId,
}

impl Sale {
    async fn open(store: &TestStore) -> Self {
        let log = EventLog::open(EventLogConfig::new("inventory", store.store_url()))
            .await
            .unwrap();
        let tenant = TenantId::new("shop").unwrap();
        let sale = Self { log, tenant };
        sale.run(|unit| {
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
            commands::put_sku(unit, sku, None, None, Timestamp(0))?;
            let line = ReceiptLine {
                sku: "MUG".into(),
                quantity: UNITS,
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
        sale
    }

    fn partition(&self) -> u32 {
        partition(&self.log, &self.tenant)
    }

    async fn run(
        &self,
        decide: impl Fn(&mut Unit<'_>) -> Result<(), Halt<InventoryError>> + Send + 'static,
    ) {
        let command = Command::new(self.tenant.clone(), self.partition());
        self.log.execute(command, decide).await.unwrap();
    }

    /// Units that the buyer got.
    async fn buy(&self, buyer: usize, wait_for_stock: bool) -> i64 {
        let wish = ReservationRequested {
            reservation_id: format!("order-{buyer}"),
            attempt: 1,
            lines: vec![ReservationLine {
                line_id: "1".into(),
                sku: "MUG".into(),
                quantity: 1,
            }],
            all_or_nothing: true,
            wait_for_stock,
            ..ReservationRequested::default()
        };
        let command =
            Command::new(self.tenant.clone(), self.partition()).id(format!("buy-{buyer}"));
        let done = self
            .log
            .execute(command, move |unit| {
                let outcome = commands::reserve(unit, wish.clone())?;
                Ok::<_, Halt<InventoryError>>(ReserveResponse {
                    allocations: outcome.allocations.iter().map(Into::into).collect(),
                    ..ReserveResponse::default()
                })
            })
            .await
            .unwrap();
        done.answer.allocations.iter().map(|one| one.quantity).sum()
    }

    /// All buyers, as many at once as the log takes.
    async fn rush(&self, wait_for_stock: bool) -> i64 {
        stream::iter(0..BUYERS)
            .map(|buyer| self.buy(buyer, wait_for_stock))
            .buffer_unordered(2_000)
            .fold(0, async |won, units| won + units)
            .await
    }

    async fn expect_sound(&self) {
        let finding = conservation::check(&self.log, self.partition())
            .await
            .unwrap();
        assert_eq!(finding.difference, None);
        assert!(finding.examined > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_reservations_for_one_hundred_units_exactly_one_hundred_win() {
    for store in stores().await.unwrap() {
        let sale = Sale::open(&store).await;
        let begun = Instant::now();
        let won = sale.rush(false).await;
        println!("{}: {BUYERS} buyers in {:?}", store.name, begun.elapsed());
        assert_eq!(won, UNITS, "{}", store.name);
        // Everybody asks once more, as after a broken connection.
        assert_eq!(
            sale.rush(false).await,
            UNITS,
            "{}: the same answers",
            store.name
        );
        sale.expect_sound().await;
        sale.log.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_losers_may_wait_in_line_without_slowing_down_the_rest() {
    let store = sqlite().unwrap();
    let sale = Sale::open(&store).await;
    let begun = Instant::now();
    assert_eq!(sale.rush(true).await, UNITS);
    println!(
        "{BUYERS} buyers, {} in line, in {:?}",
        BUYERS as i64 - UNITS,
        begun.elapsed()
    );
    sale.expect_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn buyers_over_the_network_win_exactly_what_is_there() {
    let shop = Shop::open(sqlite().unwrap()).await;
    shop.receive("MUG", 10).await;
    let client = shop.admin();
    let won = stream::iter(0..300)
        .map(|buyer| {
            let mut client = client.clone();
            async move {
                let answer = client
                    .reserve(wants(&format!("o{buyer}"), "MUG", 1))
                    .await
                    .unwrap();
                answer.into_inner().allocations.len()
            }
        })
        .buffer_unordered(100)
        .fold(0, async |won, units| won + units)
        .await;
    assert_eq!(won, 10);
    shop.expect_sound().await;
}
