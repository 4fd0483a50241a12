//! `ordo demo`: a year of a real shop, or a part of it, on a private cluster.

use std::{
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use futures::StreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use ordo_cluster::Cluster;

use crate::{
    client::Client,
    fault::Fault,
    output::say,
    private_cluster::{PrivateOptions, on_private_cluster},
    settled::settled,
};

mod countries;
mod replay;
mod report;
mod retail;
mod shop;

/// How long read models, reactions and relays may take to catch up with the last command.
const PATIENCE: Duration = Duration::from_secs(120);

/// What to replay.
#[derive(Debug, Args)]
pub struct DemoOptions {
    /// How many orders.
    #[arg(long, default_value_t = 1000)]
    orders: usize,
    /// CSV file in the form of Online Retail II, `.zst` allowed; the project's sample when not given.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// `sqlite`, `postgres` (a server is started for the run), or the address of a Postgres server
    /// (`postgres://user@host/database`) on which a database is made and dropped again.
    #[arg(long, default_value = "sqlite", value_parser = ordo_bench::Stores::OF_A_RUN)]
    store: String,
    /// Orders that are under way at once.
    #[arg(long, default_value_t = 48)]
    callers: usize,
    /// Use this folder, and leave it there; a temporary one when not given.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Runs the demo.
pub async fn run(options: DemoOptions, json: bool) -> Result<ExitCode, Fault> {
    let (data, given) = match &options.data {
        Some(path) => (path.clone(), true),
        None => (sample()?, false),
    };
    let limit = options.orders;
    let history = tokio::task::spawn_blocking(move || retail::read(&data, Some(limit)))
        .await
        .map_err(|error| Fault::because("reading the order history", error))?
        .map_err(|error| match given {
            true => Fault::usage(error).about("--data"),
            false => Fault::local(error),
        })?;
    if !json {
        say!("starting a private cluster")?;
    }
    let private = PrivateOptions {
        store: &options.store,
        replicas: 1,
        folder: options.folder.as_deref(),
    };
    let report = on_private_cluster(private, async |private| {
        replay_and_verify(&options, private.cluster(), history, json).await
    })
    .await?;
    if json {
        say!("{}", report.to_json())?;
    } else {
        say!("{report}")?;
    }
    Ok(if report.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn replay_and_verify(
    options: &DemoOptions,
    cluster: &Cluster,
    history: retail::History,
    json: bool,
) -> Result<report::Report, Fault> {
    let client = Client::of_cluster(cluster, json)?;
    shop::stock(&client, &history).await?;
    let started = Instant::now();
    let bar = progress(history.orders.len() as u64);
    let replay = Arc::new(replay::Replay::new(client.clone()));
    let orders = history.orders.iter().cloned().enumerate();
    let mut begun = futures::stream::iter(orders)
        .map(|(index, order)| {
            let replay = Arc::clone(&replay);
            tokio::spawn(async move { Ok::<_, Fault>((index, replay.begin(&order).await?)) })
        })
        .buffer_unordered(options.callers.max(1));
    let mut lives = vec![replay::Life::default(); history.orders.len()];
    while let Some(life) = begun.next().await {
        let (index, life) = life.map_err(|error| Fault::because("replaying an order", error))??;
        lives[index] = life;
        bar.inc(1);
    }
    bar.finish_and_clear();
    let behind = see_holds_pass(&client, &replay, &history, &mut lives).await?;
    let seconds = started.elapsed();
    report::verify(&client, &history, &lives, behind, seconds).await
}

/// Goes on with held orders until those that are left are held with everything done that follows from the others: for a
/// person to decide. Tells what still was behind, if something was.
async fn see_holds_pass(
    client: &Client,
    replay: &replay::Replay,
    history: &retail::History,
    lives: &mut [replay::Life],
) -> Result<Option<String>, Fault> {
    loop {
        let behind = settled(client, PATIENCE).await?;
        let mut went_on = false;
        for (order, life) in history.orders.iter().zip(lives.iter_mut()) {
            if life.held {
                went_on |= replay.go_on(order, life).await?;
            }
        }
        if behind.is_some() || !went_on {
            return Ok(behind);
        }
    }
}

fn progress(total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(
        "{elapsed_precise} [{bar:40}] {pos}/{len} orders, {per_sec}, {eta} left",
    );
    let bar = ProgressBar::new(total);
    bar.enable_steady_tick(Duration::from_millis(200));
    match style {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    }
}

/// The sample in the checkout around the running program or the current folder.
fn sample() -> Result<PathBuf, Fault> {
    const SAMPLE: &str = "tests/data/online_retail/invoices.csv.zst";
    let this = std::env::current_exe().unwrap_or_default();
    let here = std::env::current_dir().unwrap_or_default();
    this.ancestors()
        .chain(here.ancestors())
        .map(|folder| folder.join(SAMPLE))
        .find(|path| path.is_file())
        .ok_or_else(|| {
            Fault::local(format_args!(
                "{SAMPLE} is not around here: name a file with --data"
            ))
        })
}
