//! A service goes back to a backup while the others go on: all of them agree again.

use std::ops::Range;

use futures::future::join_all;
use ordo_proto::intake::{HoldReason, OrderStatus};
use ordo_scenarios::{
    Shop, Store,
    orders::{order, quantities},
    seen_when,
};
use serde_json::Value;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Folder for a backup of the service.
fn shelf(shop: &Shop, service: &str) -> String {
    let folder = shop.cluster.home().join(format!("backup-{service}"));
    folder.to_str().unwrap().to_owned()
}

/// Backs up a service that is at work.
async fn back_up(shop: &Shop, service: &str) {
    let folder = shelf(shop, service);
    let taken = shop.ordo(["--json", "backup", service, "--to", &folder]);
    let taken = json(&taken.await.unwrap());
    assert_eq!(taken["manifest"]["service"], service);
    assert!(taken["verified"]["events"].as_u64() > Some(0), "{taken}");
    let again = shop.ordo(["backup", "verify", &folder]).await.unwrap();
    assert!(again.starts_with(&format!("good: {service}")), "{again}");
}

/// Stops the service, restores it and starts it again.
async fn go_back(shop: &Shop, service: &'static str) {
    let folder = shelf(shop, service);
    let restore = ["--json", "restore", service, "--from", &folder, "--replace"];
    let (status, why) = shop.ordo(restore).await.unwrap_err();
    assert!(
        status == Some(1) && why.contains("stop every replica"),
        "{status:?} {why}"
    );
    shop.cluster.take_down(service).await.unwrap();
    let (status, why) = shop.ordo(&restore[..5]).await.unwrap_err();
    assert!(
        status == Some(2) && why.contains("--replace"),
        "{status:?} {why}"
    );
    let restored = json(&shop.ordo(restore).await.unwrap());
    assert_eq!(restored["epoch"], 2, "{restored}");
    let partitions = restored["partitions"].as_array().unwrap();
    let gone = partitions.iter().map(|at| at["gone"].as_u64().unwrap());
    assert!(gone.sum::<u64>() > 0, "{restored}");
    shop.cluster.resume(service).await.unwrap();
}

/// Pushes orders of one unit each, and waits until all have it.
async fn place(shop: &Shop, numbers: Range<u32>) -> Vec<String> {
    let placed = numbers.map(|number| shop.placed(order(&number.to_string(), &[("TEA", 1)])));
    let ids = join_all(placed).await;
    for id in &ids {
        shop.order_when(id, |order| quantities(order, |at| at.reserved) == [1])
            .await;
    }
    ids
}

async fn everyone_agrees_after_a_restore(store: Store) {
    let shop = Shop::open(store).await;
    shop.stock("TEA", 100).await;
    place(&shop, 0..5).await;
    let cancelled = place(&shop, 90..91).await.remove(0);
    tokio::join!(
        async {
            back_up(&shop, "inventory").await;
            back_up(&shop, "intake").await;
        },
        place(&shop, 5..10),
    );
    let later = place(&shop, 10..20).await;
    shop.cancel(&cancelled, vec![]).await.unwrap();
    shop.order_when(&cancelled, |order| order.status() == OrderStatus::Cancelled)
        .await;
    shop.settle().await;

    // Inventory forgets reservations that orders count on. Intake asks for them again.
    go_back(&shop, "inventory").await;
    shop.available_when("TEA", |row| row.on_hand == 100 && row.reserved == 20)
        .await;
    shop.verify().await;

    // Intake forgets orders. The channel pushes all of them again: those that are there are not doubled.
    go_back(&shop, "intake").await;
    let again = place(&shop, 0..20).await;
    let lost = later.iter().filter(|id| !again.contains(id)).count();
    assert_eq!(lost, 10, "what was placed after the backup has new ids");
    // It has forgotten a cancellation, too. That the warehouse stopped and inventory has given the units to others is told again: they are
    // promised to nobody twice, and somebody looks at the order.
    let forgotten = shop
        .order_when(&cancelled, |order| {
            quantities(order, |at| at.reserved) == [0]
        })
        .await;
    assert_eq!(forgotten.holds.len(), 1, "{forgotten:?}");
    assert_eq!(forgotten.holds[0].reason(), HoldReason::Review);
    shop.cancel(&cancelled, vec![]).await.unwrap();
    shop.order_when(&cancelled, |order| order.status() == OrderStatus::Cancelled)
        .await;
    shop.settle().await;
    // Of the lost orders, too, until a person gives it back.
    shop.available_when("TEA", |row| row.on_hand == 100 && row.reserved == 30)
        .await;
    shop.verify().await;
    let verdicts = shop.ordo(["verify"]).await.unwrap();
    assert!(!verdicts.contains("FAIL"), "{verdicts}");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_agrees_after_services_on_sqlite_went_back_to_their_backups() {
    everyone_agrees_after_a_restore(Store::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_agrees_after_services_on_postgres_went_back_to_their_backups() {
    everyone_agrees_after_a_restore(Store::Postgres).await;
}

/// Orders with a hold, and how many those are.
async fn held(shop: &Shop, ids: &[String]) -> usize {
    let orders = join_all(ids.iter().map(|id| shop.get(id))).await;
    let held = |order: &ordo_proto::intake::Order| {
        order
            .holds
            .iter()
            .any(|hold| hold.reason() == HoldReason::ShortStock)
    };
    orders
        .into_iter()
        .filter(|order| held(order.as_ref().unwrap()))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_inventory_received_and_gave_out_after_its_backup_is_promised_once() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.stock("TEA", 1).await;
    back_up(&shop, "inventory").await;
    shop.receive("TEA", 4).await;
    let ids = place(&shop, 0..5).await;
    for id in &ids {
        shop.work_of(id, 1).await;
    }
    shop.settle().await;

    // One unit is left for five orders that the warehouse works on.
    go_back(&shop, "inventory").await;
    seen_when(async || held(&shop, &ids).await, |held| *held == 4).await;
    shop.available_when("TEA", |row| row.on_hand == 1 && row.reserved == 1)
        .await;

    // What came in is entered again, and belongs to them before anybody else.
    shop.receive("TEA", 4).await;
    seen_when(async || held(&shop, &ids).await, |held| *held == 0).await;
    let late = shop.placed(order("late", &[("TEA", 1)])).await;
    shop.order_when(&late, |order| {
        order
            .holds
            .iter()
            .any(|hold| hold.reason() == HoldReason::ShortStock)
    })
    .await;
    for id in &ids {
        shop.fulfil(id).await;
    }
    shop.settle().await;
    shop.available_when("TEA", |row| row.on_hand == 0 && row.reserved == 0)
        .await;
    shop.verify().await;
    shop.close().await;
}
