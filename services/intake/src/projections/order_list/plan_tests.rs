//! SQLite chooses the indexes that the tables are meant to be read by, whatever it knows of their contents.

#![allow(clippy::unwrap_used)]

use ordo_projection::TableRow;
use ordo_sql::{OpenOptions, StoreUrl, Value, params};

use super::{
    KeyRow, SCHEMA, key,
    query::{Query, Sort, statement},
};

/// The steps in which the statement will be carried out.
async fn plan(sql: &str, params: &[Value]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let store = StoreUrl::SqliteDir(folder.path().to_owned());
    let db = store.open("plan", OpenOptions::durable()).await.unwrap();
    for statement in SCHEMA {
        db.execute(statement, &[]).await.unwrap();
    }
    let explain = format!("explain query plan {sql}");
    let plan = db.fetch_all(&explain, params).await.unwrap();
    plan.iter().map(|row| row.text(3).unwrap()).collect()
}

#[tokio::test]
async fn orders_of_a_channels_number_are_found_without_walking_the_list() {
    let number = Query {
        tenant: "acme".into(),
        channel_order_number: "T-1".into(),
        limit: 50,
        ..Query::default()
    };
    let with_more = Query {
        statuses: vec![1],
        customer_id: "c-1".into(),
        channel: "taobao".into(),
        keys: vec![(key::SKU, "TEA".into())],
        sort: Sort::Amount,
        ..number.clone()
    };
    for query in [number, with_more] {
        let (sql, params) = statement(&query);
        let steps = plan(&sql, &params).await;
        let found = steps
            .iter()
            .find(|step| step.contains("SEARCH order_list "))
            .unwrap_or_else(|| panic!("{steps:?}"));
        assert!(
            found.contains("order_list_number (tenant=? AND channel_order_number=?)"),
            "{steps:?}"
        );
    }
}

#[tokio::test]
async fn the_keys_of_an_order_are_found_without_walking_those_of_its_tenant() {
    // As `Tx::fetch_by_keys` asks.
    let sql = format!(
        "select t.{} from (values (?, ?)) k cross join order_key t
         where t.tenant = k.column1 and t.order_id = k.column2",
        KeyRow::COLUMNS.join(", t.")
    );
    let steps = plan(&sql, &params!["acme", "1"]).await;
    let search = steps
        .iter()
        .find(|step| step.contains("SEARCH t "))
        .unwrap();
    assert!(
        search.contains("order_key_order (tenant=? AND order_id=?)"),
        "{steps:?}"
    );
}
