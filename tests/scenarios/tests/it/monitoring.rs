//! What an operator watches is really there: alerts, dashboard and docs/OPERATIONS.md name metrics that a running cluster exports.

use std::{collections::BTreeSet, fs, path::Path};

use ordo_cluster::SERVICES;
use ordo_scenarios::{Shop, Store};
use ordo_testkit::eventually;
use yaml_rust2::{Yaml, YamlLoader};

fn text(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read_to_string(root.join(path)).unwrap()
}

/// Names of what all services export.
async fn exported(shop: &Shop) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for service in SERVICES {
        let metrics = shop.http_get(service, "/metrics").await.unwrap();
        for line in metrics.lines() {
            let name = line
                .strip_prefix("# TYPE ")
                .and_then(|rest| rest.split(' ').next());
            names.extend(name.map(str::to_owned));
        }
    }
    names
}

/// Every `ordo_…` in a text, without what Prometheus adds to histograms and summaries.
fn named(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("ordo_"))
        .map(|word| {
            let parts = ["_bucket", "_count", "_sum"];
            let whole = parts.iter().find_map(|part| word.strip_suffix(part));
            whole.unwrap_or(word).to_owned()
        })
        .collect()
}

/// `(name, expression, runbook)` of every alert.
fn alerts() -> Vec<(String, String, String)> {
    let documents = YamlLoader::load_from_str(&text("deploy/alerts/ordo.rules.yaml")).unwrap();
    let mut alerts = Vec::new();
    for group in documents[0]["groups"].as_vec().unwrap() {
        for rule in group["rules"].as_vec().unwrap() {
            let part = |node: &Yaml| node.as_str().unwrap_or_default().to_owned();
            let severity = part(&rule["labels"]["severity"]);
            assert!(matches!(&*severity, "page" | "warn"), "{rule:?}");
            let summary = part(&rule["annotations"]["summary"]);
            assert!(!summary.is_empty(), "{rule:?}");
            alerts.push((
                part(&rule["alert"]),
                part(&rule["expr"]),
                part(&rule["annotations"]["runbook_url"]),
            ));
        }
    }
    assert!(alerts.len() > 15, "{alerts:?}");
    alerts
}

#[test]
fn every_alert_has_a_runbook() {
    let operations = text("docs/OPERATIONS.md");
    for (alert, expression, runbook) in alerts() {
        assert!(
            alert.starts_with("Ordo") && !expression.is_empty(),
            "{alert}"
        );
        assert_eq!(
            runbook,
            format!("docs/OPERATIONS.md#{}", alert.to_lowercase())
        );
        assert!(
            operations
                .lines()
                .any(|line| line == format!("#### {alert}")),
            "docs/OPERATIONS.md says nothing about {alert}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_of_alerts_dashboard_and_handbook_are_exported_by_a_running_cluster() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.verify().await;
    let mut wanted = BTreeSet::new();
    for (_, expression, _) in alerts() {
        wanted.append(&mut named(&expression));
    }
    let dashboard = text("deploy/dashboards/ordo.json");
    assert!(dashboard.contains("ordo_log_commit_seconds"));
    wanted.append(&mut named(&dashboard));
    // Lags are measured every few seconds.
    eventually(ordo_scenarios::PATIENCE, async || {
        let there = exported(&shop).await;
        let missing: Vec<_> = wanted.difference(&there).collect();
        if !missing.is_empty() {
            eprintln!("not exported yet: {missing:?}");
        }
        missing.is_empty()
    })
    .await;
    // The other way round: nothing is exported that the handbook does not explain.
    let explained = named(&text("docs/OPERATIONS.md"));
    let unexplained: BTreeSet<_> = exported(&shop)
        .await
        .into_iter()
        .filter(|name| name.starts_with("ordo_") && !explained.contains(name))
        .collect();
    assert!(
        unexplained.is_empty(),
        "not in docs/OPERATIONS.md: {unexplained:?}"
    );
    shop.close().await;
}
