//! SQLite chooses the indexes that the tables are meant to be read by, whatever it knows of their contents.

#![allow(clippy::unwrap_used)]

use ordo_projection::TableRow;
use ordo_sql::{OpenOptions, StoreUrl, params};

use super::{KeyRow, SCHEMA};

#[tokio::test]
async fn the_keys_of_an_order_are_found_without_walking_those_of_its_tenant() {
    let folder = tempfile::tempdir().unwrap();
    let store = StoreUrl::SqliteDir(folder.path().to_owned());
    let db = store.open("plan", OpenOptions::durable()).await.unwrap();
    for statement in SCHEMA {
        db.execute(statement, &[]).await.unwrap();
    }
    let plan = db
        .fetch_all(
            // As `Tx::fetch_by_keys` asks.
            &format!(
                "explain query plan select t.{} from (values (?, ?)) k cross join order_key t
                 where t.tenant = k.column1 and t.order_id = k.column2",
                KeyRow::COLUMNS.join(", t.")
            ),
            &params!["acme", "1"],
        )
        .await
        .unwrap();
    let steps: Vec<_> = plan.iter().map(|row| row.text(3).unwrap()).collect();
    let search = steps
        .iter()
        .find(|step| step.contains("SEARCH t "))
        .unwrap();
    assert!(
        search.contains("order_key_order (tenant=? AND order_id=?)"),
        "{steps:?}"
    );
}
