//! Whoever changes the tables is found out.

use ordo_event_log::{EventLog, Verification};

use crate::fixture::*;

crate::on_both_stores!(
    an_untouched_log_has_no_differences,
    a_changed_payload_breaks_the_hash_chain,
    every_other_stored_field_is_covered_by_the_hash_chain,
    a_removed_event_is_noticed,
    a_head_that_names_another_event_is_noticed,
    a_missing_or_invented_result_is_noticed,
    an_unreadable_event_is_a_difference_and_no_error,
);

/// Nine events by five commands, two of them with ids, on two streams.
async fn prepare(ground: &Ground) -> EventLog {
    let log = ground.open().await;
    put(&log, command(), "a", 10).await.unwrap();
    for n in 0..4 {
        transfer(&log, command().id(format!("t-{n}")), "a", "b", 1)
            .await
            .unwrap();
    }
    log
}

/// The only check that fails, and its difference.
#[track_caller]
fn only_failure(found: &Verification) -> (&'static str, &str) {
    let failed: Vec<_> = found
        .checks
        .iter()
        .filter_map(|check| Some((check.name, check.difference.as_deref()?)))
        .collect();
    assert_eq!(failed.len(), 1, "{found:#?}");
    failed[0]
}

fn fails(found: &Verification, name: &str) -> bool {
    found
        .checks
        .iter()
        .any(|check| check.name == name && check.difference.is_some())
}

async fn an_untouched_log_has_no_differences(ground: Ground) {
    let log = prepare(&ground).await;
    let found = log.verify(0).await.unwrap();
    assert!(found.ok(), "{found:#?}");
    assert_eq!(found.head, log.read_head(0).await.unwrap());
    let names: Vec<_> = found.checks.iter().map(|check| check.name).collect();
    assert_eq!(
        names,
        [
            "log.positions",
            "log.hash_chain",
            "log.head",
            "log.stream_versions",
            "log.commands"
        ]
    );
    assert!(found.checks.iter().all(|check| check.examined > 0));
}

async fn a_changed_payload_breaks_the_hash_chain(ground: Ground) {
    let log = prepare(&ground).await;
    let byte = if ground.is_postgres() {
        "'\\x0814'::bytea"
    } else {
        "x'0814'"
    };
    assert_eq!(
        ground
            .tamper(&format!(
                "update events set payload = {byte} where position = 4"
            ))
            .await,
        1
    );
    let found = log.verify(0).await.unwrap();
    let (name, difference) = only_failure(&found);
    assert_eq!(name, "log.hash_chain");
    assert!(difference.contains("position 4"), "{difference}");
}

async fn every_other_stored_field_is_covered_by_the_hash_chain(ground: Ground) {
    let log = prepare(&ground).await;
    let (id, nothing) = if ground.is_postgres() {
        (
            "decode('00000000000070008000000000000000', 'hex')",
            "''::bytea",
        )
    } else {
        ("x'00000000000070008000000000000000'", "x''")
    };
    for (change, back) in [
        ("tenant = 'other'".to_owned(), "tenant = 'acme'"),
        ("aggregate = 'tills'".to_owned(), "aggregate = 'till'"),
        ("stream_id = 'c'".to_owned(), "stream_id = 'b'"),
        ("version = 7".to_owned(), "version = 2"),
        ("epoch = 0".to_owned(), "epoch = 1"),
        ("type = 'test.v1.Else'".to_owned(), "type = 'test.v1.Moved'"),
        ("time = time + 1".to_owned(), "time = time - 1"),
        (
            format!("event_id = {id}, metadata = {nothing}"),
            "position = 4",
        ),
    ] {
        assert_eq!(
            ground
                .tamper(&format!("update events set {change} where position = 4"))
                .await,
            1
        );
        let found = log.verify(0).await.unwrap();
        assert!(fails(&found, "log.hash_chain"), "{change}: {found:#?}");
        ground
            .tamper(&format!("update events set {back} where position = 4"))
            .await;
    }
}

async fn a_removed_event_is_noticed(ground: Ground) {
    let log = prepare(&ground).await;
    assert_eq!(
        ground.tamper("delete from events where position = 5").await,
        1
    );
    let found = log.verify(0).await.unwrap();
    for name in [
        "log.positions",
        "log.hash_chain",
        "log.stream_versions",
        "log.commands",
    ] {
        assert!(fails(&found, name), "{name}: {found:#?}");
    }
    let positions = &found.checks[0];
    assert_eq!(
        positions.difference.as_deref(),
        Some("position 6 follows position 4")
    );
}

async fn a_head_that_names_another_event_is_noticed(ground: Ground) {
    let log = prepare(&ground).await;
    ground
        .tamper("update heads set position = position + 1")
        .await;
    let found = log.verify(0).await.unwrap();
    assert_eq!(only_failure(&found).0, "log.head");
    // The last event cut off, and the head left.
    ground
        .tamper("update heads set position = position - 1")
        .await;
    ground.tamper("delete from events where position = 9").await;
    assert!(fails(&log.verify(0).await.unwrap(), "log.head"));
}

async fn a_missing_or_invented_result_is_noticed(ground: Ground) {
    let log = prepare(&ground).await;
    ground
        .tamper("update commands set position = position - 2 where command_id = 't-2'")
        .await;
    let found = log.verify(0).await.unwrap();
    let (name, difference) = only_failure(&found);
    assert_eq!(name, "log.commands");
    assert!(
        difference.contains("position 6") && difference.contains("t-2"),
        "{difference}"
    );
    ground
        .tamper("update commands set position = position + 2 where command_id = 't-2'")
        .await;
    assert!(log.verify(0).await.unwrap().ok());

    ground
        .tamper("delete from commands where command_id = 't-1'")
        .await;
    let found = log.verify(0).await.unwrap();
    assert!(only_failure(&found).1.contains("missing"), "{found:#?}");
}

async fn an_unreadable_event_is_a_difference_and_no_error(ground: Ground) {
    let log = prepare(&ground).await;
    ground
        .tamper("update events set tenant = 'NOT A TENANT' where position = 3")
        .await;
    let found = log.verify(0).await.unwrap();
    let chain = &found.checks[1];
    assert!(
        chain.difference.as_deref().unwrap().contains("position 3"),
        "{found:#?}"
    );
}
