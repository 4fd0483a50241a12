//! Restoring.

use ordo_backup::{BackupError, Kind, restore, take};
use ordo_sql::{OpenOptions, StoreUrl, params};

use super::{SERVICE, Shelf, damage, end, names, on_every_store, open, positions, put, record};

async fn assert_whole(store: &StoreUrl, expected: &[u64], epoch: u64) {
    let log = open(store).await;
    assert_eq!(positions(&log).await, expected);
    for partition in 0..log.partitions() {
        let verification = log.verify(partition).await.unwrap();
        assert!(verification.ok(), "{verification:?}");
        assert_eq!(log.read_head(partition).await.unwrap().epoch, epoch);
    }
    // It takes commands, also one that was answered before.
    record(&log, 0..2).await;
    assert_eq!(positions(&log).await, expected);
    record(&log, 1000..1002).await;
    end(log).await;
}

#[tokio::test]
async fn what_came_after_a_backup_is_gone_after_its_restore_and_the_epoch_is_new() {
    on_every_store(async |store| {
        let url = store.store_url();
        let shelf = Shelf::empty();
        let log = open(&url).await;
        record(&log, 0..20).await;
        put(&url, "shop.react.inbox", &["old"]).await;
        take(SERVICE, &url, Kind::Service, &shelf.place("a"))
            .await
            .unwrap();
        record(&log, 20..50).await;
        for (database, value) in [
            ("shop.list.g1", "model"),
            ("shop.projections", "catalogue"),
            ("shop.newer.inbox", "newer"),
            ("shop.keys", "key"),
        ] {
            put(&url, database, &[value]).await;
        }
        end(log).await;

        let refused = restore(SERVICE, &url, &shelf.place("a"), false).await;
        assert!(
            matches!(refused, Err(BackupError::Exists { .. })),
            "{refused:?}"
        );
        let restored = restore(SERVICE, &url, &shelf.place("a"), true)
            .await
            .unwrap();
        assert_eq!(restored.epoch, 2);
        let ends: Vec<_> = restored
            .partitions
            .iter()
            .map(|p| (p.position, p.replaced))
            .collect();
        assert_eq!(ends, [(10, Some(25)), (10, Some(25))], "{}", store.name);
        assert_eq!(
            restored.removed,
            ["shop.list.g1", "shop.newer.inbox", "shop.projections"]
        );
        assert_eq!(names(&url, "shop.react.inbox").await, ["old"]);
        assert_eq!(names(&url, "shop.keys").await, ["key"]);
        assert!(names(&url, "shop.list.g1").await.is_empty());
        assert_whole(&url, &[10, 10], 2).await;

        // Once more the same one: an epoch that was never there.
        let restored = restore(SERVICE, &url, &shelf.place("a"), true)
            .await
            .unwrap();
        assert_eq!(restored.epoch, 3);
        assert_whole(&url, &[10, 10], 3).await;
    })
    .await;
}

#[tokio::test]
async fn a_backup_of_either_store_restores_into_either() {
    let stores = ordo_testkit::stores().await.unwrap();
    let fresh = ordo_testkit::stores().await.unwrap();
    for (from, into) in [(0, 1), (1, 0)] {
        let (from, into) = (stores[from].store_url(), fresh[into].store_url());
        let shelf = Shelf::empty();
        let log = open(&from).await;
        record(&log, 0..30).await;
        put(&from, "shop.react.inbox", &["a", "b"]).await;
        take(SERVICE, &from, Kind::Service, &shelf.place("a"))
            .await
            .unwrap();
        end(log).await;
        let restored = restore(SERVICE, &into, &shelf.place("a"), false)
            .await
            .unwrap();
        // Nobody knows what the log had been before: an epoch from the clock.
        assert!(restored.epoch > 1_700_000_000, "{restored:?}");
        assert_eq!(names(&into, "shop.react.inbox").await, ["a", "b"]);
        assert_whole(&into, &[15, 15], restored.epoch).await;
    }
}

#[tokio::test]
async fn a_running_service_and_a_damaged_or_foreign_backup_are_refused_and_nothing_changes() {
    on_every_store(async |store| {
        let url = store.store_url();
        let shelf = Shelf::empty();
        let log = open(&url).await;
        record(&log, 0..20).await;
        take(SERVICE, &url, Kind::Service, &shelf.place("a"))
            .await
            .unwrap();
        let refused = restore(SERVICE, &url, &shelf.place("a"), true).await;
        assert!(
            matches!(refused, Err(BackupError::Running { .. })),
            "{}: {refused:?}",
            store.name
        );
        record(&log, 20..22).await;
        end(log).await;
        let refused = restore("intake", &url, &shelf.place("a"), true).await;
        assert!(
            matches!(refused, Err(BackupError::OtherService { .. })),
            "{refused:?}"
        );
        damage(&shelf.place("a").join("shop.log.db"));
        let refused = restore(SERVICE, &url, &shelf.place("a"), true).await;
        assert!(
            matches!(refused, Err(BackupError::Damaged(_))),
            "{refused:?}"
        );
        let log = open(&url).await;
        assert_eq!(positions(&log).await, [11, 11]);
        end(log).await;
    })
    .await;
}

#[tokio::test]
async fn restored_keys_bring_nobody_back_who_was_erased_meanwhile() {
    on_every_store(async |store| {
        let url = store.store_url();
        let shelf = Shelf::empty();
        let keys = url
            .open("shop.keys", OpenOptions::durable())
            .await
            .unwrap();
        keys.execute(
            "create table data_keys (key_id text primary key, tenant text not null, subject text not null,
             master_id text not null, wrapped bytea not null)",
            &[],
        )
        .await
        .unwrap();
        for n in 0..3 {
            let (id, subject) = (format!("acme/s{n}/1"), format!("s{n}"));
            keys.execute(
                "insert into data_keys (key_id, tenant, subject, master_id, wrapped) values ($1, $2, $3, $4, $5)",
                &params![&id, "acme", &subject, "m", vec![1_u8, 2]],
            )
            .await
            .unwrap();
        }
        take(SERVICE, &url, Kind::Keys, &shelf.place("keys"))
            .await
            .unwrap();
        keys.execute("delete from data_keys", &[]).await.unwrap();
        keys.close().await;
        // `s1` is erased.
        let log = open(&url).await;
        record(&log, 1..2).await;
        end(log).await;

        let restored = restore(SERVICE, &url, &shelf.place("keys"), true)
            .await
            .unwrap();
        assert_eq!((restored.epoch, restored.erased_again), (0, Some(1)));
        let keys = url
            .open("shop.keys", OpenOptions::durable())
            .await
            .unwrap();
        let rows = keys
            .fetch_all("select subject from data_keys order by subject", &[])
            .await
            .unwrap();
        let subjects: Vec<_> = rows.iter().map(|row| row.text(0).unwrap()).collect();
        assert_eq!(subjects, ["s0", "s2"], "{}", store.name);
        keys.close().await;
        let log = open(&url).await;
        assert_eq!(positions(&log).await, [0, 1], "the log is not touched");
        end(log).await;

        // Where no log is, nobody can say who was erased.
        let bare = Shelf::empty();
        let elsewhere = StoreUrl::SqliteDir(bare.place("keys"));
        let restored = restore(SERVICE, &elsewhere, &shelf.place("keys"), false)
            .await
            .unwrap();
        assert_eq!(restored.erased_again, None);
    })
    .await;
}
