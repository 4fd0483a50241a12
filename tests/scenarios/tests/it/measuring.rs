//! The benchmarks of whole clusters: that they run, and say what those read who compare them; and what goes before what.

use ordo_cluster::SERVICES;
use ordo_scenarios::{
    Shop, Store,
    program::{ordo, said},
};
use serde_json::Value;

/// The last line of `ordo bench … --json`.
async fn bench(arguments: &[&str]) -> Value {
    let home = tempfile::tempdir().unwrap();
    let mut command = ordo(home.path());
    command.args(["--json", "bench"]).args(arguments);
    let told = said(command).await.unwrap();
    serde_json::from_str(told.lines().last().unwrap()).unwrap()
}

#[tokio::test]
async fn orders_are_placed_and_measured() {
    let told = bench(&[
        "orders",
        "--seconds",
        "2",
        "--callers",
        "4",
        "--articles",
        "20",
    ])
    .await;
    for key in [
        "orders_per_second",
        "accepted_per_second",
        "place_p50_ms",
        "place_p99_ms",
        "cpu_ms_per_order",
        "rss_mb",
    ] {
        assert!(
            told[key].as_f64().is_some_and(|figure| figure > 0.0),
            "{key}: {told}"
        );
    }
}

#[tokio::test]
async fn a_flash_sale_is_measured_and_sells_what_there_is() {
    let told = bench(&[
        "hot-sku",
        "--buyers",
        "60",
        "--units",
        "7",
        "--callers",
        "16",
        "--rounds",
        "2",
    ])
    .await;
    assert_eq!(
        (told["won"].as_u64(), told["answered"].as_u64()),
        (Some(7), Some(60)),
        "{told}"
    );
    assert!(
        told["seconds"]
            .as_f64()
            .is_some_and(|seconds| seconds > 0.0),
        "{told}"
    );
}

/// Names and niceness of a process's threads.
fn threads(pid: u32) -> Vec<(String, i64)> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks
        .map(|task| {
            let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
            let (name, rest) = stat.split_once(") ").unwrap();
            let name = name.split_once('(').unwrap().1.to_owned();
            // The 19th field of proc(5); the third is the first of `rest`.
            (name, rest.split(' ').nth(16).unwrap().parse().unwrap())
        })
        .collect()
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn read_models_and_reactions_give_way_to_calls_and_the_log() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.settle().await;
    for service in SERVICES {
        let pid = shop.cluster.pid(service).unwrap().unwrap();
        let threads = threads(pid);
        let niceness = |name: &str| -> Vec<i64> {
            let named = threads
                .iter()
                .filter(|(thread, _)| thread.starts_with(name));
            named.map(|(_, niceness)| *niceness).collect()
        };
        let foreground = niceness("tokio-rt-worker");
        let usual = foreground[0];
        assert!(foreground.iter().all(|&is| is == usual), "{threads:?}");
        let background = niceness("background");
        assert!(background.iter().all(|&is| is > usual), "{threads:?}");
        let databases = niceness("sqlx-sqlite");
        assert!(databases.contains(&usual), "the log's: {threads:?}");
        assert!(databases.iter().any(|&is| is > usual), "{threads:?}");
    }
    shop.close().await;
}
