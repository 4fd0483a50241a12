use futures::TryStreamExt as _;
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
        "create table item (id text primary key, n bigint, note text, body bytea);
         create index item_n on item (n);",
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    db
}

const INSERT: &str = "insert into item (id, n, note, body) values ($1, $2, $3, $4)";

#[tokio::test]
async fn every_kind_of_value_comes_back_as_it_went_in() {
    for store in stores().await.unwrap() {
        let db = open(&store).await;
        db.execute(INSERT, &params!["a", i64::MIN, "ünï ' $1", vec![0_u8, 255]])
            .await
            .unwrap();
        db.execute(INSERT, &params!["b", Value::Null, Value::Null, Value::Null])
            .await
            .unwrap();
        db.execute(INSERT, &params!["c", true, "", Vec::<u8>::new()])
            .await
            .unwrap();
        let rows = db
            .fetch_all("select id, n, note, body from item order by id", &[])
            .await
            .unwrap();
        assert_eq!(
            (rows[0].i64("n").unwrap(), rows[0].text(2).unwrap()),
            (i64::MIN, "ünï ' $1".to_owned())
        );
        assert_eq!(rows[0].bytes("body").unwrap(), [0, 255]);
        assert_eq!(
            (
                rows[1].opt_i64(1).unwrap(),
                rows[1].opt_text(2).unwrap(),
                rows[1].opt_bytes(3).unwrap()
            ),
            (None, None, None)
        );
        assert!(rows[2].bool(1).unwrap());
        assert_eq!(rows[2].value(2).unwrap(), Value::Text(String::new()));
        assert_eq!(rows[2].value(3).unwrap(), Value::Bytes(Vec::new()));
        assert_eq!(rows[1].value(3).unwrap(), Value::Null);
        assert_eq!((rows[0].len(), rows[0].column_name(3)), (4, "body"));
        db.close().await;
    }
}

#[tokio::test]
async fn a_wrong_column_is_an_error_that_names_it() {
    for store in stores().await.unwrap() {
        let db = open(&store).await;
        db.execute(INSERT, &params!["a", -1_i64, Value::Null, Value::Null])
            .await
            .unwrap();
        let row = db
            .fetch_optional("select * from item", &[])
            .await
            .unwrap()
            .unwrap();
        for error in [row.text("note").unwrap_err(), row.i64("note").unwrap_err()] {
            assert!(
                matches!(&error, SqlError::Column { column, .. } if column == "note"),
                "{error}"
            );
        }
        assert!(row.u64("n").unwrap_err().to_string().contains("negative"));
        assert!(row.i64("absent").is_err() && row.i64(9).is_err() && row.i64("id").is_err());
        db.close().await;
    }
}

#[tokio::test]
async fn integers_of_expressions_are_read() {
    for store in stores().await.unwrap() {
        let db = open(&store).await;
        db.execute(INSERT, &params!["a", 5_i64, Value::Null, Value::Null])
            .await
            .unwrap();
        let sql = "select count(*), cast(sum(n) as bigint), 1, max(n) is null from item";
        let row = db.fetch_optional(sql, &[]).await.unwrap().unwrap();
        let values: Vec<_> = (0..4).map(|index| row.i64(index).unwrap()).collect();
        assert_eq!(values, [1, 5, 1, 0], "{}", store.name);
        db.close().await;
    }
}

#[tokio::test]
async fn what_can_go_wrong_is_told_apart() {
    for store in stores().await.unwrap() {
        let db = open(&store).await;
        db.execute(INSERT, &params!["a", 1_i64, Value::Null, Value::Null])
            .await
            .unwrap();
        let twice = db
            .execute(INSERT, &params!["a", 1_i64, Value::Null, Value::Null])
            .await
            .unwrap_err();
        assert!(
            twice.is_unique_violation() && !twice.is_transient(),
            "{twice:?}"
        );
        let missing = db
            .fetch_all("select * from nowhere", &[])
            .await
            .map(|_| ())
            .unwrap_err();
        assert!(
            matches!(missing, SqlError::Refused { .. }) && !missing.is_transient(),
            "{missing:?}"
        );
        db.close().await;
        let closed = db.fetch_all("select 1", &[]).await.map(|_| ()).unwrap_err();
        assert!(matches!(closed, SqlError::Closed), "{closed:?}");
    }
}

#[tokio::test]
async fn a_transaction_is_all_or_nothing_and_readers_do_not_wait_for_it() {
    for store in stores().await.unwrap() {
        let db = open(&store).await;
        let mut tx = db.begin().await.unwrap();
        let row = tx
            .fetch_optional(
                "insert into item (id, n) values ($1, $2) returning n",
                &params!["a", 7_i64],
            )
            .await
            .unwrap()
            .unwrap();
        assert_eq!(row.i64("n").unwrap(), 7);
        let count = async || {
            db.fetch_all("select id from item", &[])
                .await
                .unwrap()
                .len()
        };
        assert_eq!(count().await, 0, "{}: not committed", store.name);
        drop(tx);
        let mut tx = db.begin().await.unwrap();
        assert_eq!(
            tx.fetch_all("select id from item", &[])
                .await
                .unwrap()
                .len(),
            0,
            "rolled back"
        );
        tx.execute("insert into item (id) values ('b')", &[])
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(count().await, 1);
        db.close().await;
    }
}

#[tokio::test]
async fn a_snapshot_stays_at_one_moment_and_streams_its_rows() {
    for store in stores().await.unwrap() {
        let db = open(&store).await;
        db.execute("insert into item (id) values ('a')", &[])
            .await
            .unwrap();
        let mut snapshot = db.snapshot().await.unwrap();
        assert_eq!(
            snapshot
                .fetch_all("select id from item", &[])
                .await
                .unwrap()
                .len(),
            1
        );
        db.execute("insert into item (id) values ('b')", &[])
            .await
            .unwrap();
        let seen: Vec<_> = snapshot
            .fetch("select id from item", &[])
            .unwrap()
            .and_then(async |row| row.text(0))
            .try_collect()
            .await
            .unwrap();
        assert_eq!(seen, ["a"], "{}", store.name);
        let written = snapshot.execute("delete from item", &[]).await;
        assert!(written.is_err(), "a snapshot does not write");
        drop(snapshot);
        let all: Vec<_> = db
            .fetch("select id from item order by id", &[])
            .unwrap()
            .try_collect()
            .await
            .unwrap();
        assert_eq!(all.len(), 2);
        db.close().await;
    }
}

#[tokio::test]
async fn arrays_are_for_postgres_only() {
    for store in stores().await.unwrap() {
        let db = open(&store).await;
        let sql = "select count(*) from unnest($1::text[]) as a (x) where x is not null";
        let array = [Value::Texts(vec![Some("a".to_owned()), None])];
        let answer = db.fetch_optional(sql, &array).await;
        match store.name {
            "sqlite" => assert!(matches!(answer, Err(SqlError::Parameter { index: 1, .. }))),
            _ => assert_eq!(answer.unwrap().unwrap().i64(0).unwrap(), 1),
        }
        db.close().await;
    }
}
