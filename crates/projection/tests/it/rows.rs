use ordo_projection::{Rows, Tx, table};
use ordo_sql::{OpenOptions, params};
use ordo_testkit::stores;

table! {
    /// A line of an order.
    pub struct LineRow in "line" {
        key { order_id: String, line: i64 }
        units: i64,
        note: Option<String>,
        open: bool,
        body: Vec<u8>,
    }
}

table! {
    /// Nothing but a key.
    pub struct TagRow in "tag" {
        key { name: String }
    }
}

fn key(order: &str, line: i64) -> (String, i64) {
    (order.to_owned(), line)
}

async fn begin(store: &ordo_testkit::TestStore) -> (ordo_sql::Db, Tx) {
    let db = store
        .store_url()
        .open("test.rows", OpenOptions::disposable())
        .await
        .unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.execute_script(
        "create table line (order_id text not null, line bigint not null, units bigint not null, note text,
            open bigint not null, body bytea not null, primary key (order_id, line));
         create table tag (name text primary key)",
    )
    .await
    .unwrap();
    (db, tx)
}

#[tokio::test]
async fn rows_are_loaded_changed_and_saved() {
    for store in stores().await.unwrap() {
        let (db, mut tx) = begin(&store).await;
        let mut lines = Rows::<LineRow>::load(&mut tx, [key("a", 1), key("a", 1), key("b", 1)])
            .await
            .unwrap();
        assert!(lines.get(&key("a", 1)).is_none());
        for line in 1..=3 {
            let row = lines.entry(key("a", line));
            assert_eq!((row.order_id.as_str(), row.line, row.units), ("a", line, 0));
            row.units = line * 10;
            row.open = true;
        }
        lines.entry(key("b", 1)).note = Some("gift".to_owned());
        lines.save(&mut tx).await.unwrap();

        let mut lines = Rows::<LineRow>::load(&mut tx, [key("a", 2), key("b", 1), key("c", 1)])
            .await
            .unwrap();
        assert_eq!(lines.iter().count(), 2);
        assert_eq!(
            lines.get(&key("b", 1)).unwrap().note.as_deref(),
            Some("gift")
        );
        lines.get_mut(&key("a", 2)).unwrap().units = 99;
        // What is in memory is not loaded over.
        lines
            .load_groups(
                &mut tx,
                &["order_id"],
                [params!["a"].into(), params!["a"].into()],
            )
            .await
            .unwrap();
        let units: Vec<_> = lines
            .range(&key("a", i64::MIN))
            .take_while(|(key, _)| key.0 == "a")
            .map(|(_, row)| row.units)
            .collect();
        assert_eq!(units, [10, 99, 30], "{}", store.name);
        lines.update_range(
            &key("a", i64::MIN),
            |key| key.0 == "a",
            |row| {
                row.open = false;
                row.line != 1
            },
        );
        assert!(lines.remove(&key("b", 1)).is_some());
        lines.remove(&key("c", 1));
        lines.remove(&key("a", 3));
        lines.entry(key("a", 3)).units = 5;
        lines.save(&mut tx).await.unwrap();
        // Saved once: what somebody else writes after it stays.
        tx.execute("update line set units = 1000 where line = 2", &[])
            .await
            .unwrap();
        lines.save(&mut tx).await.unwrap();

        let found = tx
            .fetch_all(
                "select order_id, line, units, open from line order by order_id, line",
                &[],
            )
            .await
            .unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|row| {
                (
                    row.text(0).unwrap(),
                    row.i64(1).unwrap(),
                    row.i64(2).unwrap(),
                    row.bool(3).unwrap(),
                )
            })
            .collect();
        let expected = [
            ("a", 1, 10, true),
            ("a", 2, 1000, false),
            ("a", 3, 5, false),
        ];
        assert_eq!(
            found,
            expected.map(|(order, line, units, open)| (order.to_owned(), line, units, open)),
            "{}",
            store.name
        );
        tx.commit().await.unwrap();
        db.close().await;
    }
}

#[tokio::test]
async fn a_row_that_is_only_a_key_can_be_saved_twice() {
    for store in stores().await.unwrap() {
        let (db, mut tx) = begin(&store).await;
        for _ in 0..2 {
            let mut tags = Rows::<TagRow>::default();
            tags.entry(("red".to_owned(),));
            tags.insert(
                ("blue".to_owned(),),
                TagRow {
                    name: "blue".to_owned(),
                },
            );
            tags.save(&mut tx).await.unwrap();
        }
        assert_eq!(
            tx.fetch_all("select name from tag", &[])
                .await
                .unwrap()
                .len(),
            2,
            "{}",
            store.name
        );
        drop(tx);
        db.close().await;
    }
}
