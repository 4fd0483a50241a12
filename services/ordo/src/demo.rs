//! `ordo demo`: a year of a real shop, or a part of it, on a private cluster.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use futures::StreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use ordo_cluster::{Cluster, ClusterOptions, Lines, Ports, Programs};

use crate::{client::Client, fault::Fault};

mod countries;
mod database;
mod replay;
mod report;
mod retail;
mod shop;

/// What to replay.
#[derive(Debug, Args)]
pub struct DemoOptions {
    /// How many orders.
    #[arg(long, default_value_t = 1000)]
    orders: usize,
    /// CSV file in the form of Online Retail II, `.zst` allowed; the project's sample when not given.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// `sqlite`, or a Postgres server (`postgres://user@host/database`) on which a database is made and dropped again.
    #[arg(long, default_value = "sqlite")]
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
    let data = match &options.data {
        Some(path) => path.clone(),
        None => sample()?,
    };
    let limit = options.orders;
    let history = tokio::task::spawn_blocking(move || retail::read(&data, Some(limit)))
        .await
        .map_err(|error| Fault::because("reading the order history", error))?
        .map_err(Fault::local)?;
    let temporary = tempfile::Builder::new()
        .prefix("ordo-demo-")
        .tempdir()
        .map_err(|error| Fault::because("making a folder", error))?;
    let home = options.folder.as_deref().unwrap_or(temporary.path());
    let database = database::prepare(&options.store).await?;
    let verdict = on_cluster(&options, home, database.as_ref(), history, json).await;
    if let Some(database) = database {
        database.remove().await?;
    }
    verdict
}

async fn on_cluster(
    options: &DemoOptions,
    home: &Path,
    database: Option<&database::Database>,
    history: retail::History,
    json: bool,
) -> Result<ExitCode, Fault> {
    let cluster = ClusterOptions {
        home: home.to_owned(),
        store: database.map(|database| database.url.clone()),
        tenant: "demo".to_owned(),
        ports: Ports::Free,
        programs: Programs::find().map_err(Fault::local)?,
        settings: Vec::new(),
    };
    let say = |text: &str| {
        if !json {
            println!("{text}");
        }
    };
    say(&format!("starting a private cluster in {}", home.display()));
    let cluster = Cluster::start(cluster, Lines::ignored())
        .await
        .map_err(Fault::local)?;
    let result = tokio::select! {
        result = replay_and_verify(options, &cluster, history, json) => result,
        _ = tokio::signal::ctrl_c() => Err(Fault::local("interrupted")),
    };
    let stopped = cluster.stop().await.map_err(Fault::local);
    let report = result?;
    stopped?;
    if json {
        println!("{}", report.to_json());
    } else {
        println!("{report}");
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
    let client = Client::new(
        cluster.file(),
        cluster.keys().admin(),
        Some(cluster.keys().operator()),
        &cluster.file().tenant,
        json,
    )?;
    shop::stock(&client, &history).await?;
    let started = Instant::now();
    let bar = progress(history.orders.len() as u64);
    let replay = Arc::new(replay::Replay::new(client.clone()));
    let mut lives = futures::stream::iter(history.orders.clone())
        .map(|order| {
            let replay = Arc::clone(&replay);
            tokio::spawn(async move { replay.live(&order).await })
        })
        .buffered(options.callers.max(1));
    let mut ends = Vec::with_capacity(history.orders.len());
    while let Some(end) = lives.next().await {
        ends.push(end.map_err(|error| Fault::because("replaying an order", error))??);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let seconds = started.elapsed();
    report::verify(&client, &history, &ends, seconds).await
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
