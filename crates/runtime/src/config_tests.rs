#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fmt::Write as _;

use super::*;
use crate::settings::Setting;

/// Enough to pass.
const LEAST: &[(&str, &str)] = &[("auth.jwks", "{}")];

fn faults(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let pairs = pairs.iter().copied();
    match ServiceConfig::from_pairs(pairs) {
        Ok(_) => Vec::new(),
        Err(faults) => faults
            .0
            .into_iter()
            .map(|fault| (fault.key, fault.fault))
            .collect(),
    }
}

#[test]
fn the_defaults_need_only_keys_to_sign_in_with() {
    assert_eq!(faults(LEAST), []);
    assert_eq!(faults(&[])[0].0, "auth.jwks_file");
}

#[test]
fn every_fault_is_named_at_once() {
    let found = faults(&[
        ("listen", "nowhere"),
        ("store", "mysql://x"),
        ("partitions", "0"),
        ("shutdown_timeout", "soon"),
        ("nats.url", "nats://x"),
        ("nats.replicas", "2"),
        ("nats.user", "u"),
        ("peers.intake", "intake:7101"),
        ("auth.jwks_file", "/nonexistent"),
        ("tls.cert_file", "Cargo.toml"),
        ("telemetry.log_format", "xml"),
        ("limits.max_in_flight", "0"),
        ("natz.url", "x"),
        ("telemetry.log_filtre", "x"),
    ]);
    let keys: Vec<&str> = found.iter().map(|(key, _)| key.as_str()).collect();
    for key in [
        "listen",
        "store",
        "partitions",
        "shutdown_timeout",
        "nats.replicas",
        "nats.password_file",
        "peers.intake",
        "auth.jwks_file",
        "auth.signing_key_file",
        "tls.cert_file",
        "telemetry.log_format",
        "limits.max_in_flight",
        "natz.url",
        "telemetry.log_filtre",
    ] {
        assert!(keys.contains(&key), "{key} in {found:?}");
    }
    let hint = |key: &str| found.iter().find(|(at, _)| at == key).unwrap().1.clone();
    assert!(hint("natz.url").contains("`nats.url`"));
    assert!(hint("telemetry.log_filtre").contains("`telemetry.log_filter`"));
}

#[test]
fn https_peers_need_an_authority() {
    let found = faults(&[
        ("auth.jwks", "{}"),
        ("auth.token_file", "Cargo.toml"),
        ("peers.intake", "https://intake:7101"),
    ]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "tls.peer_ca_file");
}

#[test]
fn a_store_password_never_shows_in_a_fault() {
    let found = faults(&[("auth.jwks", "{}"), ("store", "postgre://u:s3cr3t@h/db")]);
    assert_eq!(found.len(), 1);
    assert!(!found[0].1.contains("s3cr3t"));
}

#[test]
fn a_files_faults_say_where_they_stand() {
    let mut values = Values::new();
    values
        .add_toml(
            "listen = 5\n[nats]\nreplicas = 'x'\n[auth]\njwks = '{}'",
            "intake.toml",
        )
        .unwrap();
    let text = ServiceConfig::from_values(values).unwrap_err().to_string();
    assert!(
        text.contains("listen (intake.toml): expected an address"),
        "{text}"
    );
    assert!(
        text.contains("nats.replicas (intake.toml): expected 1, 3 or 5"),
        "{text}"
    );
}

#[test]
fn values_arrive_in_their_fields() {
    let mut values = Values::new();
    values
        .add_toml(
            "listen = '0.0.0.0:7101'\npartitions = 8\nshutdown_timeout = '5m'\n[nats]\nurl = ['nats://a', 'nats://b']\n[auth]\njwks = '{}'\n[telemetry]\nlog_format = 'json'",
            "x",
        )
        .unwrap();
    let config = ServiceConfig::from_values(values).unwrap();
    assert_eq!(config.listen.port(), 7101);
    assert_eq!(config.partitions, Some(8));
    assert_eq!(config.shutdown_timeout, Duration::from_secs(300));
    assert_eq!(config.nats.unwrap().url, "nats://a,nats://b");
    assert_eq!(config.telemetry.log_format, LogFormat::Json);
}

#[test]
fn the_document_lists_every_setting() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/CONFIGURATION.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once("<!-- settings -->").unwrap();
    let (present, after) = rest.split_once("<!-- end -->").unwrap();
    let wanted = table(&Reader::settings_of::<ServiceConfig>());
    if present == wanted {
        return;
    }
    assert!(
        std::env::var_os("UPDATE_DOCS").is_some(),
        "docs/CONFIGURATION.md is out of date; run the test again with UPDATE_DOCS=1"
    );
    std::fs::write(
        &path,
        format!("{before}<!-- settings -->{wanted}<!-- end -->{after}"),
    )
    .unwrap();
}

fn table(settings: &[Setting]) -> String {
    let mut out = String::from("\n\n| setting | default | meaning |\n|---|---|---|\n");
    for Setting {
        key,
        default,
        meaning,
    } in settings
    {
        let default = match default.as_str() {
            "" => String::new(),
            default => format!("`{default}`"),
        };
        writeln!(out, "| `{key}` | {default} | {meaning} |").unwrap();
    }
    out.push('\n');
    out
}
