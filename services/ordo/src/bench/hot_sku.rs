//! `ordo bench hot-sku`: everybody wants the same article at once.

use std::{
    fmt,
    time::{Duration, Instant},
};

use clap::Args;
use futures::future::try_join_all;
use ordo_bench::{MOST_CALLERS, Machine, Stores, count};
use ordo_cluster::MOST_REPLICAS;
use ordo_proto::inventory::{ReservationLine, ReserveRequest};
use serde::Serialize;

use super::shop;
use crate::{
    client::{Client, header},
    fault::Fault,
    private_cluster::{PrivateOptions, on_private_cluster},
};

const SKU: &str = "HOT";

/// What to measure.
#[derive(Debug, Args)]
pub struct HotSkuOptions {
    /// Reservations of one unit each.
    #[arg(long, default_value_t = 10_000, value_parser = count(1..=10_000_000))]
    buyers: usize,
    /// Units there are.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=1_000_000_000))]
    units: i64,
    /// Reservations in flight at once.
    #[arg(long, default_value_t = 256, value_parser = count(1..=MOST_CALLERS))]
    callers: usize,
    /// `sqlite`, `postgres` (a server is started for the run), or the address of a Postgres server
    /// (`postgres://user@host/database`) on which a database is made and dropped again.
    #[arg(long, default_value = "sqlite", value_parser = Stores::OF_A_RUN)]
    store: String,
    /// Processes of each service, 1 to 4; more than one needs Postgres.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = count(1..=MOST_REPLICAS as u64))]
    replicas: usize,
    /// Repetitions, each on an article of its own; the median counts.
    #[arg(long, default_value_t = 5, value_parser = count(1..=1_000))]
    rounds: usize,
}

/// The outcome.
#[derive(Debug, Serialize)]
pub struct HotSkuReport {
    /// Buyers that got their unit, in every round.
    won: usize,
    /// Buyers that got an answer, in every round.
    answered: usize,
    /// From the first call to the last answer; median of the rounds.
    seconds: f64,
    rounds: Vec<f64>,
    buyers: usize,
    units: i64,
    callers: usize,
    store: String,
    replicas: usize,
    machine: Machine,
}

impl fmt::Display for HotSkuReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} buyers, {} at a time, for {} units on {}, {} of each service: {} answered, {} won, in {:.2} s",
            self.buyers,
            self.callers,
            self.units,
            self.store,
            self.replicas,
            self.answered,
            self.won,
            self.seconds
        )?;
        writeln!(f, "rounds: {:?} s", self.rounds)?;
        f.write_str(&self.machine.describe())
    }
}

/// Runs the rounds on a cluster of their own. Fails when a round did not sell exactly what there was.
pub async fn run(options: HotSkuOptions, json: bool) -> Result<HotSkuReport, Fault> {
    let machine = Machine::look();
    let private = PrivateOptions {
        store: &options.store,
        replicas: options.replicas,
        folder: None,
    };
    let rounds = on_private_cluster(private, async |private| {
        let client = Client::of_cluster(private.cluster(), json)?;
        let mut rounds = Vec::new();
        for round in 0..options.rounds {
            rounds.push(sale(&client, &options, round).await?);
        }
        Ok(rounds)
    })
    .await?;
    let sold = usize::try_from(options.units)
        .unwrap_or_default()
        .min(options.buyers);
    let (mut won, mut answered) = (sold, options.buyers);
    for round in &rounds {
        if round.won != sold {
            won = round.won;
        }
        answered = answered.min(round.answered);
    }
    let seconds: Vec<f64> = rounds
        .iter()
        .map(|round| round.took.as_secs_f64())
        .collect();
    Ok(HotSkuReport {
        won,
        answered,
        seconds: ordo_bench::round(ordo_bench::median(&seconds), 3),
        rounds: seconds
            .iter()
            .map(|seconds| ordo_bench::round(*seconds, 3))
            .collect(),
        buyers: options.buyers,
        units: options.units,
        callers: options.callers,
        store: super::kind(&options.store),
        replicas: options.replicas,
        machine: machine.done(),
    })
}

struct Round {
    won: usize,
    answered: usize,
    took: Duration,
}

async fn sale(client: &Client, options: &HotSkuOptions, round: usize) -> Result<Round, Fault> {
    let sku = format!("{SKU}-{round}");
    shop::stock(client, std::slice::from_ref(&sku), options.units).await?;
    let begun = Instant::now();
    let callers = options.callers.min(options.buyers);
    let lanes = try_join_all((0..callers).map(|lane| {
        let (sku, buyers) = (sku.clone(), options.buyers);
        async move {
            let mut inventory = client.inventory()?;
            let (mut won, mut answered) = (0, 0);
            for buyer in (lane..buyers).step_by(callers) {
                let reservation_id = format!("buyer-{round}-{buyer}");
                let request = ReserveRequest {
                    header: header(&reservation_id, None),
                    reservation_id,
                    attempt: 1,
                    lines: vec![ReservationLine {
                        line_id: "1".to_owned(),
                        sku: sku.clone(),
                        quantity: 1,
                    }],
                    all_or_nothing: true,
                    ..ReserveRequest::default()
                };
                let answer = inventory.reserve(request).await?.into_inner();
                answered += 1;
                won += usize::from(!answer.allocations.is_empty());
            }
            Ok::<_, Fault>((won, answered))
        }
    }))
    .await?;
    Ok(Round {
        won: lanes.iter().map(|(won, _)| won).sum(),
        answered: lanes.iter().map(|(_, answered)| answered).sum(),
        took: begun.elapsed(),
    })
}
