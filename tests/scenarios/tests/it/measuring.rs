//! The benchmarks of whole clusters: that they run, and say what those read who compare them.

use ordo_scenarios::program::{ordo, said};
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
