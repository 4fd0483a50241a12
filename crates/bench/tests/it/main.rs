//! Each benchmark in small: that it runs to its end, checks itself and tells what others read. Not how fast.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use clap::{Args, Command, FromArgMatches};
use ordo_bench::{append, project, relay};
use ordo_testkit::Postgres;
use serde_json::Value;

/// The options that these arguments give, or what is wrong with them.
fn parse<A: Args + FromArgMatches>(arguments: &[&str]) -> Result<A, clap::Error> {
    let command = A::augment_args(Command::new("bench").no_binary_name(true));
    A::from_arg_matches(&command.try_get_matches_from(arguments)?)
}

fn keys(report: &impl serde::Serialize) -> Value {
    let line = serde_json::to_string(report).unwrap();
    assert!(!line.contains('\n'));
    serde_json::from_str(&line).unwrap()
}

fn assert_numbers(object: &Value, names: &[&str]) {
    for name in names {
        assert!(object[name].is_number(), "{name} in {object}");
    }
}

#[test]
fn append_measures_all_combinations_unless_told_otherwise() {
    let options: append::AppendOptions = parse(&[]).unwrap();
    assert_eq!(options.store, "sqlite");
    assert_eq!(options.in_flight, [1, 16, 64, 256, 1024]);
    assert_eq!(options.streams.len(), 3);
    assert_eq!((options.rounds, options.fill), (5, 0));
    let options: append::AppendOptions = parse(&[
        "--store",
        "postgres://u@h/d",
        "--in-flight",
        "1,256",
        "--streams",
        "hot,fresh",
        "--fill",
        "5000000",
    ])
    .unwrap();
    assert_eq!(options.in_flight, [1, 256]);
    assert_eq!(
        options.streams,
        [append::Streams::Hot, append::Streams::Fresh]
    );
    assert_eq!(options.fill, 5_000_000);
}

#[test]
fn options_that_make_no_sense_are_refused() {
    for wrong in [
        ["--in-flight", "0"],
        ["--in-flight", "many"],
        ["--streams", "cold"],
        ["--in-flight", "1,5000"],
        ["--rounds", "0"],
        ["--round-ms", "0"],
        ["--round-ms", "18446744073709551615"],
        ["--existing", "0"],
        ["--payload", "0"],
        ["--payload", "524289"],
        ["--partitions", "0"],
        ["--partitions", "1025"],
        ["--store", "mysql/foo"],
        ["--store", ""],
    ] {
        assert!(parse::<append::AppendOptions>(&wrong).is_err(), "{wrong:?}");
    }
    for wrong in [
        ["--events", "0"],
        ["--rounds", "0"],
        ["--lag-seconds", "0"],
        ["--payload", "524289"],
        ["--store", "mysql/foo"],
    ] {
        assert!(parse::<relay::RelayOptions>(&wrong).is_err(), "{wrong:?}");
    }
    for wrong in [
        ["--events", "7"],
        ["--orders", "0"],
        ["--queries", "0"],
        ["--store", "mysql/foo"],
    ] {
        let parsed = parse::<project::ProjectOptions>(&wrong);
        assert!(parsed.is_err(), "{wrong:?}");
    }
    assert!(parse::<project::ProjectOptions>(&["--events", "8", "--orders", "1"]).is_err());
}

#[test]
fn a_store_that_is_refused_is_not_repeated() {
    let wrong = ["--store", "postgers://ordo:s3cr3t@db/ordo"];
    let said = parse::<append::AppendOptions>(&wrong)
        .unwrap_err()
        .to_string();
    assert!(said.contains("postgres://user@host/database"), "{said}");
    assert!(!said.contains("s3cr3t"), "{said}");
}

async fn append_in_small(store: &str, fill: &str) {
    let options = parse(&[
        "--store",
        store,
        "--in-flight",
        "1,8",
        "--streams",
        "fresh,existing,hot",
        "--rounds",
        "1",
        "--round-ms",
        "20",
        "--existing",
        "10",
        "--fill",
        fill,
    ])
    .unwrap();
    let report = append::run(options).await.unwrap();
    let logs = if fill == "0" { 1 } else { 2 };
    let line = keys(&report);
    let rows = line["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 3 * 2 * logs);
    for row in rows {
        assert_numbers(
            row,
            &[
                "in_flight",
                "events_per_second",
                "floor_per_second",
                "ratio",
                "p99_ms",
            ],
        );
        assert!(row["streams"].is_string() && row["store"].is_string());
        assert!(row["events_per_second"].as_f64().unwrap() > 0.0, "{row}");
        assert!(row["floor_per_second"].as_f64().unwrap() > 0.0, "{row}");
    }
    let text = report.to_string();
    assert!(text.contains("load average"), "{text}");
    assert_eq!(
        text.contains("these figures mean nothing"),
        cfg!(debug_assertions)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn append_tells_its_rows_on_sqlite_also_beside_a_filled_log() {
    append_in_small("sqlite", "500").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn append_tells_its_rows_on_a_given_postgres_and_leaves_nothing_there() {
    let url = Postgres::start_shared()
        .await
        .unwrap()
        .fresh_database()
        .await
        .unwrap();
    append_in_small(&url, "0").await;
    let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&url)
        .await
        .unwrap();
    let left: Vec<String> =
        sqlx::query_scalar("select nspname::text from pg_namespace where nspname like 'bench%'")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relay_tells_its_ratio_and_its_lag() {
    let options = parse(&["--events", "300", "--rounds", "1", "--lag-seconds", "1"]).unwrap();
    let line = keys(&relay::run(options).await.unwrap());
    assert_numbers(&line, &["ratio", "events_per_second", "floor_per_second"]);
    assert_numbers(&line["lag"], &["p50_ms", "p99_ms", "events_per_second"]);
    assert!(line["ratio"].as_f64().unwrap() > 0.0);
}
