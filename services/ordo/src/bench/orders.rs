//! `ordo bench orders`: orders from the channel's call to the warehouse's desk, through all services.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Args;
use futures::future::try_join_all;
use ordo_bench::{Latencies, MOST_CALLERS, Machine, Stores, count, round};
use ordo_proto::intake::{FulfilmentStatus, ListOrdersRequest};
use serde::Serialize;
use tokio::task::JoinSet;

use super::{
    shop,
    usage::{Usage, bytes_under},
};
use crate::{
    client::{Client, every_page},
    fault::Fault,
    private_cluster::{PrivateCluster, PrivateOptions, on_private_cluster},
    settled::settled,
};

/// How long everything may take to catch up.
const PATIENCE: Duration = Duration::from_secs(900);
/// Orders before the measurement, so that connections, caches and statements are there.
const WARM_UP: Duration = Duration::from_secs(2);
/// Units of each article: nothing is ever short.
const UNITS: i64 = 1_000_000;

/// What to measure.
#[derive(Debug, Args)]
pub struct OrdersOptions {
    /// Length of the measurement: the first half at full load, the second at half the rate found in the first.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(2..=86_400))]
    seconds: u64,
    /// Callers at full load; each waits for the answer before it places the next order.
    #[arg(long, default_value_t = 64, value_parser = count(1..=MOST_CALLERS))]
    callers: usize,
    /// Lines of an order.
    #[arg(long, default_value_t = 3, value_parser = count(1..=2_000))]
    lines: usize,
    /// Articles in the catalogue.
    #[arg(long, default_value_t = 1_000, value_parser = count(1..=1_000_000))]
    articles: usize,
    /// `sqlite`, `postgres` (a server is started for the run), or the address of a Postgres server
    /// (`postgres://user@host/database`) on which a database is made and dropped again.
    #[arg(long, default_value = "sqlite", value_parser = Stores::OF_A_RUN)]
    store: String,
}

/// The outcome.
#[derive(Debug, Serialize)]
pub struct OrdersReport {
    /// From the first call at full load until every order is reserved, with the warehouse, and so in the order list.
    pub orders_per_second: f64,
    /// Durable answers at full load.
    pub accepted_per_second: f64,
    /// PlaceOrder at full load.
    pub accepted_p50_ms: f64,
    /// See `accepted_p50_ms`.
    pub accepted_p99_ms: f64,
    /// PlaceOrder at half of `orders_per_second`, from when it was due to be sent.
    pub place_p50_ms: f64,
    /// See `place_p50_ms`.
    pub place_p99_ms: f64,
    /// See `place_p50_ms`.
    pub place_p999_ms: f64,
    /// How long everything took to catch up after the last order at half rate.
    pub caught_up_after_ms: f64,
    /// Processor time of all processes, load client and Postgres included, per order at full load.
    pub cpu_ms_per_order: f64,
    /// The same by process.
    pub cpu_ms_per_order_by_process: BTreeMap<String, f64>,
    /// Resident memory of services and broker at the end, in MiB.
    pub rss_mb: f64,
    /// The same by process.
    pub rss_mb_by_process: BTreeMap<String, f64>,
    /// What the databases grew by per order: logs, inboxes and read models.
    pub database_bytes_per_order: u64,
    /// What the broker's store grew by per order.
    pub broker_bytes_per_order: u64,
    /// Orders placed at full load.
    pub orders: usize,
    /// Load and sizes.
    pub callers: usize,
    /// See `callers`.
    pub lines: usize,
    /// See `callers`.
    pub articles: usize,
    /// `sqlite` or `postgres`.
    pub store: String,
    /// On what.
    pub machine: Machine,
}

/// Runs the benchmark on a cluster of its own. Fails when an order did not arrive.
pub async fn run(options: OrdersOptions, json: bool) -> Result<OrdersReport, Fault> {
    let private = PrivateOptions {
        store: &options.store,
        replicas: 1,
        folder: None,
    };
    on_private_cluster(private, async |private| {
        measure(&options, private, json).await
    })
    .await
}

async fn measure(
    options: &OrdersOptions,
    private: &PrivateCluster,
    json: bool,
) -> Result<OrdersReport, Fault> {
    let machine = Machine::look();
    let client = Client::of_cluster(private.cluster(), json)?;
    let load = Arc::new(Load {
        articles: shop::articles(options.articles),
        lines: options.lines,
        next: AtomicUsize::new(0),
    });
    shop::stock(&client, &load.articles, UNITS).await?;
    load.at_once(&client, options.callers, WARM_UP).await?;
    all_done(&client).await?;

    let half = Duration::from_secs(options.seconds) / 2;
    let before = Usage::look(private.cluster());
    let bytes_before = Bytes::look(private).await?;
    let begun = Instant::now();
    let full = load.at_once(&client, options.callers, half).await?;
    let accepted_in = begun.elapsed();
    all_done(&client).await?;
    let done_in = begun.elapsed();
    let orders = full.len();
    let after = Usage::look(private.cluster());
    let bytes = Bytes::look(private).await?;
    let cpu = after.cpu_ms_per_order(&before, orders);
    let rate = orders as f64 / done_in.as_secs_f64();

    let paced = load.at_rate(&client, rate / 2.0, half).await?;
    let last = Instant::now();
    all_done(&client).await?;
    let caught_up_after = last.elapsed();
    all_arrived(&client, load.next.load(Ordering::Relaxed)).await?;

    let rss = Usage::look(private.cluster()).rss_mb;
    let per_order = |grown: u64| grown / orders.max(1) as u64;
    Ok(OrdersReport {
        orders_per_second: round(rate, 1),
        accepted_per_second: round(orders as f64 / accepted_in.as_secs_f64(), 1),
        accepted_p50_ms: full.percentile_ms(0.5),
        accepted_p99_ms: full.percentile_ms(0.99),
        place_p50_ms: paced.percentile_ms(0.5),
        place_p99_ms: paced.percentile_ms(0.99),
        place_p999_ms: paced.percentile_ms(0.999),
        caught_up_after_ms: round(caught_up_after.as_secs_f64() * 1e3, 0),
        cpu_ms_per_order: round(cpu.values().sum(), 3),
        cpu_ms_per_order_by_process: rounded(cpu, 3),
        rss_mb: round(rss.values().sum(), 1),
        rss_mb_by_process: rounded(rss, 1),
        database_bytes_per_order: per_order(bytes.database.saturating_sub(bytes_before.database)),
        broker_bytes_per_order: per_order(bytes.broker.saturating_sub(bytes_before.broker)),
        orders,
        callers: options.callers,
        lines: load.lines,
        articles: load.articles.len(),
        store: super::kind(&options.store),
        machine: machine.done(),
    })
}

/// Places orders, each once.
struct Load {
    articles: Vec<String>,
    lines: usize,
    next: AtomicUsize,
}

impl Load {
    /// `callers` callers, each with one order in flight, for as long as `time`.
    async fn at_once(
        self: &Arc<Self>,
        client: &Client,
        callers: usize,
        time: Duration,
    ) -> Result<Latencies, Fault> {
        let end = Instant::now() + time;
        let callers = (0..callers).map(|_| {
            let (load, client) = (Arc::clone(self), client.clone());
            tokio::spawn(async move {
                let mut latencies = Latencies::default();
                while Instant::now() < end {
                    let due = Instant::now();
                    load.place(&client).await?;
                    latencies.add(due.elapsed());
                }
                Ok::<_, Fault>(latencies)
            })
        });
        let answers = try_join_all(callers)
            .await
            .map_err(|error| Fault::because("placing orders", error))?;
        let mut all = Latencies::default();
        for answer in answers {
            all.append(answer?);
        }
        Ok(all)
    }

    /// `rate` orders a second for as long as `time`, whether earlier ones are answered or not. Latencies count from when
    /// an order was due to be sent.
    async fn at_rate(
        self: &Arc<Self>,
        client: &Client,
        rate: f64,
        time: Duration,
    ) -> Result<Latencies, Fault> {
        let begun = Instant::now();
        let mut calls = JoinSet::new();
        let orders = (rate * time.as_secs_f64()) as u32;
        for order in 0..orders {
            let due = begun + Duration::from_secs_f64(f64::from(order) / rate);
            tokio::time::sleep_until(due.into()).await;
            let (load, client) = (Arc::clone(self), client.clone());
            calls.spawn(async move {
                load.place(&client).await?;
                Ok::<_, Fault>(due.elapsed())
            });
        }
        let mut latencies = Latencies::default();
        while let Some(call) = calls.join_next().await {
            latencies.add(call.map_err(|error| Fault::because("placing orders", error))??);
        }
        Ok(latencies)
    }

    async fn place(&self, client: &Client) -> Result<(), Fault> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let request = shop::order(number, self.lines, &self.articles);
        client.intake()?.place_order(request).await?;
        Ok(())
    }
}

async fn all_done(client: &Client) -> Result<(), Fault> {
    match settled(client, PATIENCE).await? {
        None => Ok(()),
        Some(behind) => Err(Fault::local(format_args!(
            "after {} s still {behind}",
            PATIENCE.as_secs()
        ))),
    }
}

/// Every order is with the warehouse.
async fn all_arrived(client: &Client, placed: usize) -> Result<(), Fault> {
    let mut arrived = 0;
    let ask = async |page| {
        let request = ListOrdersRequest {
            fulfilment_statuses: vec![FulfilmentStatus::Released.into()],
            page,
            ..ListOrdersRequest::default()
        };
        Ok(client.intake()?.list_orders(request).await?.into_inner())
    };
    every_page(ask, |answer| {
        arrived += answer.orders.len();
        Ok(answer.next_page_token)
    })
    .await?;
    if arrived == placed {
        Ok(())
    } else {
        Err(Fault::local(format_args!(
            "{placed} orders were placed and {arrived} are with the warehouse"
        )))
    }
}

/// Sizes on disk.
struct Bytes {
    database: u64,
    broker: u64,
}

impl Bytes {
    async fn look(private: &PrivateCluster) -> Result<Self, Fault> {
        let home = private.cluster().home();
        Ok(Self {
            database: match private.database() {
                Some(database) => database
                    .bytes()
                    .await
                    .map_err(|error| Fault::because("measuring the database", error))?,
                None => bytes_under(&home.join("data"), &|_| true),
            },
            broker: bytes_under(&home.join("nats"), &|_| true),
        })
    }
}

fn rounded(values: BTreeMap<String, f64>, digits: i32) -> BTreeMap<String, f64> {
    values
        .into_iter()
        .map(|(name, value)| (name, round(value, digits)))
        .collect()
}

impl std::fmt::Display for OrdersReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{} orders of {} lines over {} articles on {}, {} callers",
            self.orders, self.lines, self.articles, self.store, self.callers
        )?;
        let rows = [
            ("end to end", format!("{} orders/s", self.orders_per_second)),
            (
                "accepted at full load",
                format!("{} orders/s", self.accepted_per_second),
            ),
            (
                "PlaceOrder at full load",
                format!(
                    "p50 {} ms, p99 {} ms",
                    self.accepted_p50_ms, self.accepted_p99_ms
                ),
            ),
            (
                "PlaceOrder at half rate",
                format!(
                    "p50 {} ms, p99 {} ms, p99.9 {} ms",
                    self.place_p50_ms, self.place_p99_ms, self.place_p999_ms
                ),
            ),
            (
                "caught up after half rate",
                format!("{} ms", self.caught_up_after_ms),
            ),
            (
                "processor per order",
                format!(
                    "{} ms: {:?}",
                    self.cpu_ms_per_order, self.cpu_ms_per_order_by_process
                ),
            ),
            (
                "resident memory",
                format!("{} MiB: {:?}", self.rss_mb, self.rss_mb_by_process),
            ),
            (
                "bytes per order",
                format!(
                    "{} in the databases, {} at the broker",
                    self.database_bytes_per_order, self.broker_bytes_per_order
                ),
            ),
        ];
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        for (name, value) in rows {
            table.add_row([name.to_owned(), value]);
        }
        writeln!(f, "{table}")?;
        f.write_str(&self.machine.describe())
    }
}
