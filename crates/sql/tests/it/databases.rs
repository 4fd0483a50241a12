use ordo_sql::{OpenOptions, SqlError, StoreUrl};
use ordo_testkit::stores;

#[tokio::test]
async fn databases_of_one_store_do_not_see_each_other_and_can_be_removed() {
    for store in stores().await.unwrap() {
        let url = store.store_url();
        let first = url
            .open("test.first", OpenOptions::durable())
            .await
            .unwrap();
        let second = url
            .open("test.second", OpenOptions::disposable())
            .await
            .unwrap();
        first
            .execute("create table only_here (id bigint)", &[])
            .await
            .unwrap();
        assert!(
            second
                .fetch_all("select * from only_here", &[])
                .await
                .is_err(),
            "{}",
            store.name
        );
        first.close().await;
        let again = url
            .open("test.first", OpenOptions::durable())
            .await
            .unwrap();
        assert!(
            again
                .fetch_all("select * from only_here", &[])
                .await
                .unwrap()
                .is_empty()
        );
        again.close().await;
        url.remove("test.first").await.unwrap();
        url.remove("test.first").await.unwrap();
        let empty = url
            .open("test.first", OpenOptions::durable())
            .await
            .unwrap();
        assert!(
            empty
                .fetch_all("select * from only_here", &[])
                .await
                .is_err()
        );
        empty.close().await;
        second.close().await;
    }
}

#[tokio::test]
async fn many_open_the_same_new_database_at_once() {
    for store in stores().await.unwrap() {
        let url = store.store_url();
        let opened = futures::future::join_all(
            (0..8).map(|_| url.open("test.shared", OpenOptions::durable())),
        )
        .await;
        for db in opened {
            let db = db.unwrap();
            assert_eq!(
                db.fetch_all("select 1", &[]).await.unwrap().len(),
                1,
                "{}",
                store.name
            );
            db.close().await;
        }
    }
}

#[tokio::test]
async fn handles_of_one_database_are_counted() {
    for store in stores().await.unwrap() {
        let db = store
            .store_url()
            .open("test.counted", OpenOptions::durable())
            .await
            .unwrap();
        let other = db.clone();
        assert_eq!(db.handles(), 2);
        drop(other);
        assert_eq!(db.handles(), 1);
        db.close().await;
    }
}

#[tokio::test]
async fn an_error_never_shows_the_password() {
    for url in [
        "postgres://ordo:s3cr3t@127.0.0.1:1/ordo",
        "postgres://ordo:s3cr3t@127.0.0.1:notaport/ordo",
    ] {
        let store: StoreUrl = url.parse().unwrap();
        let error = store
            .open("test.log", OpenOptions::durable())
            .await
            .unwrap_err();
        let mut text = format!("{store} {store:?} {error} {error:?}");
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text.push_str(&format!(" {cause} {cause:?}"));
            source = cause.source();
        }
        assert!(!text.contains("s3cr3t"), "{text}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_transient_error() {
    let store: StoreUrl = "postgres://ordo@127.0.0.1:1/ordo".parse().unwrap();
    let error = store
        .open("test.log", OpenOptions::durable())
        .await
        .unwrap_err();
    assert!(
        matches!(error, SqlError::Unavailable(_)) && error.is_transient(),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_transaction_that_sqlite_undoes_on_its_own_is_followed_by_others() {
    let store = ordo_testkit::sqlite().unwrap();
    let url = store.store_url();
    let db = url.open("test.full", OpenOptions::durable()).await.unwrap();
    db.execute("create table crate (goods blob)", &[])
        .await
        .unwrap();
    // As on a full disk.
    db.execute("pragma max_page_count = 4", &[]).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let full = tx
        .execute("insert into crate (goods) values (zeroblob(100000))", &[])
        .await;
    assert!(full.is_err());
    drop(tx);

    let mut tx = db.begin().await.unwrap();
    tx.execute("insert into crate (goods) values (zeroblob(10))", &[])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let rows = db.fetch_all("select goods from crate", &[]).await.unwrap();
    assert_eq!(rows.len(), 1);
    db.close().await;
}
