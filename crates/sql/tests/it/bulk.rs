use ordo_sql::{Db, OpenOptions, SqlError, Value, params};
use ordo_testkit::stores;

async fn open(store: &ordo_testkit::TestStore) -> Db {
    let db = store
        .store_url()
        .open("test.views", OpenOptions::disposable())
        .await
        .unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.execute_script(
        "create table item (shop text not null, n bigint not null, note text, amount bigint, body bytea,
            primary key (shop, n))",
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    db
}

const COLUMNS: &[&str] = &["shop", "n", "note", "amount", "body"];

fn row(n: i64, amount: Option<i64>) -> Vec<Value> {
    let note = (n % 3 == 0).then(|| format!("note {n}"));
    params![
        format!("shop-{}", n % 7),
        n,
        note,
        amount,
        n.to_be_bytes().to_vec()
    ]
    .into()
}

#[tokio::test]
async fn many_rows_are_inserted_updated_found_and_deleted_over_all_statement_sizes() {
    for store in stores().await.unwrap() {
        let db = open(&store).await;
        for count in [0_i64, 1, 3, 255, 256, 257, 499, 500, 501, 1_000, 11_000] {
            let mut tx = db.begin().await.unwrap();
            let rows = (0..count).map(|n| row(n, None)).collect();
            let inserted = tx
                .insert_many("insert into item", COLUMNS, rows, "")
                .await
                .unwrap();
            assert_eq!(inserted, count as u64, "{}", store.name);
            let rows = (0..count).map(|n| row(n, Some(n * 2))).collect();
            let upsert = "on conflict (shop, n) do update set amount = excluded.amount";
            tx.insert_many("insert into item", COLUMNS, rows, upsert)
                .await
                .unwrap();

            let keys = (-5..count)
                .map(|n| params![format!("shop-{}", n % 7), n].into())
                .collect();
            let found = tx
                .fetch_by_keys(
                    "item",
                    &["n", "amount", "note", "body"],
                    &["shop", "n"],
                    keys,
                )
                .await
                .unwrap();
            assert_eq!(found.len() as i64, count);
            for row in &found {
                let n = row.i64(0).unwrap();
                assert_eq!(row.i64(1).unwrap(), n * 2);
                assert_eq!(
                    row.opt_text(2).unwrap(),
                    (n % 3 == 0).then(|| format!("note {n}"))
                );
                assert_eq!(row.bytes(3).unwrap(), n.to_be_bytes());
            }
            let rows = (0..count)
                .map(|n| params![n, format!("shop-{}", n % 7), n * 3, "changed"].into())
                .collect();
            let updated = tx
                .update_by_keys("item", &["n", "shop"], &["amount", "note"], rows)
                .await
                .unwrap();
            assert_eq!(updated, count as u64);
            let sql = "select count(*) from item where amount = n * 3 and note = 'changed'";
            assert_eq!(
                tx.fetch_all(sql, &[]).await.unwrap()[0].i64(0).unwrap(),
                count,
                "{}",
                store.name
            );

            let group = tx
                .fetch_by_keys("item", &["n"], &["shop"], vec![params!["shop-1"].into()])
                .await
                .unwrap();
            assert_eq!(group.len() as i64, (count + 5) / 7);

            let keys = (0..count)
                .map(|n| params![format!("shop-{}", n % 7), n].into())
                .collect();
            let deleted = tx
                .delete_by_keys("item", &["shop", "n"], keys)
                .await
                .unwrap();
            assert_eq!(deleted, count as u64);
            tx.commit().await.unwrap();
        }
        db.close().await;
    }
}

#[tokio::test]
async fn a_row_of_another_width_and_a_column_of_two_kinds_are_refused() {
    for store in stores().await.unwrap() {
        let db = open(&store).await;
        let mut tx = db.begin().await.unwrap();
        let narrow = tx
            .insert_many(
                "insert into item",
                COLUMNS,
                vec![params!["a", 1_i64].into()],
                "",
            )
            .await;
        assert!(
            matches!(narrow, Err(SqlError::Parameter { .. })),
            "{narrow:?}"
        );
        let no_shop = vec![
            params!["a", 1_i64].into(),
            params![None::<String>, 2_i64].into(),
        ];
        let nameless = tx
            .insert_many("insert into item", &["shop", "n"], no_shop, "")
            .await;
        let why = nameless.unwrap_err().to_string();
        assert!(why.contains("shop is NULL"), "{why}");
        if store.name == "postgres" {
            let rows = vec![params!["a", 1_i64].into(), params!["b", "two"].into()];
            let mixed = tx
                .insert_many("insert into item", &["shop", "n"], rows, "")
                .await;
            assert!(
                matches!(mixed, Err(SqlError::Parameter { index: 2, .. })),
                "{mixed:?}"
            );
        }
        drop(tx);
        db.close().await;
    }
}

#[tokio::test]
async fn rows_are_inserted_and_found_without_a_transaction_around_them() {
    for store in stores().await.unwrap() {
        let db = open(&store).await;
        let rows = |count| (0..count).map(|n| row(n, None)).collect();
        let insert = |rows| {
            let again = "on conflict (shop, n) do nothing";
            db.insert_many("insert into item", COLUMNS, rows, again)
        };
        assert_eq!(insert(rows(300)).await.unwrap(), 300, "{}", store.name);
        // Only those that were not there count.
        assert_eq!(insert(rows(301)).await.unwrap(), 1, "{}", store.name);
        let keys = (290..310).map(|n| params![format!("shop-{}", n % 7), n].into());
        let found = db
            .fetch_by_keys("item", &["n"], &["shop", "n"], keys.collect())
            .await
            .unwrap();
        let mut found: Vec<_> = found.iter().map(|row| row.i64(0).unwrap()).collect();
        found.sort_unstable();
        assert_eq!(found, (290..=300).collect::<Vec<_>>(), "{}", store.name);
        db.close().await;
    }
}
