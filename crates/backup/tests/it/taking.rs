//! Taking and checking.

use ordo_backup::{BackupError, Kind, MANIFEST, take, verify};

use super::{SERVICE, Shelf, damage, end, on_every_store, open, positions, put, record};

#[tokio::test]
async fn a_backup_holds_everything_that_was_acknowledged_before_it_began_while_writers_go_on() {
    on_every_store(async |store| {
        let url = store.store_url();
        let log = open(&url).await;
        record(&log, 0..40).await;
        let shelf = Shelf::empty();
        let writer = tokio::spawn({
            let log = log.clone();
            async move { record(&log, 40..400).await }
        });
        let (manifest, checked) = take(SERVICE, &url, Kind::Service, &shelf.place("a"))
            .await
            .unwrap();
        writer.await.unwrap();
        assert_eq!(positions(&log).await, [200, 200], "{}", store.name);
        for end in &manifest.partitions {
            assert!((20..=200).contains(&end.position), "{manifest:?}");
        }
        let (read, again) = verify(&shelf.place("a")).await.unwrap();
        assert_eq!((read, again), (manifest, checked));
        end(log).await;
    })
    .await;
}

#[tokio::test]
async fn keys_and_what_can_be_rebuilt_are_not_in_a_service_s_backup() {
    on_every_store(async |store| {
        let url = store.store_url();
        let log = open(&url).await;
        for database in [
            "shop.keys",
            "shop.reserve_all.inbox",
            "shop.projections",
            "shop.list.g3",
            "shopping.log",
        ] {
            put(&url, database, &["x"]).await;
        }
        let shelf = Shelf::empty();
        let (manifest, _) = take(SERVICE, &url, Kind::Service, &shelf.place("service"))
            .await
            .unwrap();
        let databases: Vec<_> = manifest.files.iter().map(|f| f.database.as_str()).collect();
        assert_eq!(databases, ["shop.reserve_all.inbox", "shop.log"]);
        let (manifest, _) = take(SERVICE, &url, Kind::Keys, &shelf.place("keys"))
            .await
            .unwrap();
        let databases: Vec<_> = manifest.files.iter().map(|f| f.database.as_str()).collect();
        assert_eq!(databases, ["shop.keys"]);
        end(log).await;
    })
    .await;
}

#[tokio::test]
async fn a_damaged_file_a_changed_manifest_and_half_a_backup_are_found() {
    let store = ordo_testkit::sqlite().unwrap();
    let url = store.store_url();
    let log = open(&url).await;
    record(&log, 0..20).await;
    let shelf = Shelf::empty();
    for name in ["file", "manifest", "half"] {
        let place = shelf.place(name);
        take(SERVICE, &url, Kind::Service, &place).await.unwrap();
    }
    damage(&shelf.place("file").join("shop.log.db"));
    let found = verify(&shelf.place("file")).await;
    assert!(matches!(found, Err(BackupError::Damaged(_))), "{found:?}");

    let manifest = shelf.place("manifest").join(MANIFEST);
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("\"epoch\": 1", "\"epoch\": 7")).unwrap();
    let found = verify(&shelf.place("manifest")).await;
    assert!(matches!(found, Err(BackupError::Damaged(_))), "{found:?}");

    std::fs::remove_file(shelf.place("half").join(MANIFEST)).unwrap();
    let found = verify(&shelf.place("half")).await;
    assert!(
        matches!(found, Err(BackupError::NotABackup { .. })),
        "{found:?}"
    );
    end(log).await;
}

#[tokio::test]
async fn a_log_whose_chain_is_broken_makes_no_backup() {
    let store = ordo_testkit::sqlite().unwrap();
    let url = store.store_url();
    let log = open(&url).await;
    record(&log, 0..20).await;
    end(log).await;
    let db = url
        .open("shop.log", ordo_sql::OpenOptions::durable())
        .await
        .unwrap();
    db.execute(
        "update events set time = time + 1 where partition = 1 and position = 4",
        &[],
    )
    .await
    .unwrap();
    db.close().await;
    let shelf = Shelf::empty();
    let taken = take(SERVICE, &url, Kind::Service, &shelf.place("a")).await;
    match taken {
        Err(BackupError::Damaged(what)) => assert!(what.contains("position 4"), "{what}"),
        other => panic!("{other:?}"),
    }
    assert!(!shelf.place("a").join(MANIFEST).exists());
}

#[tokio::test]
async fn a_folder_with_something_in_it_and_a_store_without_a_log_are_refused() {
    on_every_store(async |store| {
        let url = store.store_url();
        let shelf = Shelf::empty();
        let taken = take(SERVICE, &url, Kind::Service, &shelf.place("a")).await;
        assert!(
            matches!(taken, Err(BackupError::NothingThere { .. })),
            "{taken:?}"
        );
        let log = open(&url).await;
        take(SERVICE, &url, Kind::Service, &shelf.place("a"))
            .await
            .unwrap();
        let taken = take(SERVICE, &url, Kind::Service, &shelf.place("a")).await;
        assert!(matches!(taken, Err(BackupError::NotEmpty(_))), "{taken:?}");
        end(log).await;
    })
    .await;
}
