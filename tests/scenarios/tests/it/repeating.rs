//! `ordo`, the command line: run again after its answer was lost, and what it tells.

use ordo_scenarios::{Shop, Store};
use serde_json::Value;

#[tokio::test]
async fn a_command_that_is_repeated_under_its_id_is_done_once() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.ordo(["catalogue", "site", "shelf"]).await.unwrap();
    shop.ordo(["catalogue", "sku", "CUP", "--name", "Cup"])
        .await
        .unwrap();
    let receive = ["stock", "receive", "shelf", "CUP:7", "--command-id", "po-1"];
    let first = shop.ordo(receive).await.unwrap();
    assert_eq!(shop.ordo(receive).await.unwrap(), first);
    let other = ["stock", "receive", "shelf", "CUP:8", "--command-id", "po-1"];
    let (status, why) = shop.ordo(other).await.unwrap_err();
    assert!(
        status == Some(3) && why.contains("COMMAND_ID_REUSED"),
        "{status:?} {why}"
    );

    shop.cluster.take_down("inventory").await.unwrap();
    let adjust = [
        "--json", "stock", "adjust", "CUP", "shelf", "-2", "--reason", "LOSS",
    ];
    let (status, why) = shop.ordo(adjust).await.unwrap_err();
    assert_eq!(status, Some(5), "{why}");
    let why: Value = serde_json::from_str(&why).unwrap();
    let id = why["error"]["command_id"].as_str().unwrap().to_owned();
    assert_eq!(why["error"]["reason"], "SERVICE_UNREACHABLE", "{why}");
    let address = &shop.cluster.file().services["inventory"];
    assert_eq!(why["error"]["metadata"]["peer"], "inventory", "{why}");
    assert_eq!(why["error"]["metadata"]["address"], *address, "{why}");
    shop.cluster.resume("inventory").await.unwrap();
    let again = adjust.into_iter().chain(["--command-id", &id]);
    for _ in 0..2 {
        let done = shop.ordo(again.clone()).await.unwrap();
        let done: Value = serde_json::from_str(&done).unwrap();
        assert_eq!(done["onHand"], "5", "{done}");
    }
    shop.close().await;
}

#[tokio::test]
async fn a_check_is_found_without_naming_its_service() {
    let shop = Shop::open(Store::Sqlite).await;
    let told = shop
        .ordo(["verify", "--check", "stock.conservation"])
        .await
        .unwrap();
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.contains("inventory"), "{told}");
    let two = [
        "verify",
        "--check",
        "stock.conservation",
        "--check",
        "orders.units",
    ];
    let told = shop.ordo(two).await.unwrap();
    assert_eq!(told.lines().count(), 2, "{told}");
    assert!(
        told.contains("inventory") && told.contains("intake"),
        "{told}"
    );
    let (status, why) = shop
        .ordo([
            "verify",
            "--check",
            "nonsense",
            "--check",
            "stock.conservation",
        ])
        .await
        .unwrap_err();
    assert!(
        status == Some(3) && why.contains("there is no check"),
        "{why}"
    );
    shop.close().await;
}

#[tokio::test]
async fn units_that_cannot_be_sold_are_counted_apart_and_taken_out() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.ordo(["catalogue", "site", "shelf"]).await.unwrap();
    shop.ordo(["catalogue", "sku", "CUP"]).await.unwrap();
    let adjust = |units: &'static str| {
        let place = ["stock", "adjust", "CUP", "shelf", units, "--reason"];
        let which = ["COUNT", "--condition", "quarantine"];
        place.into_iter().chain(which)
    };
    let told = shop.ordo(adjust("3")).await.unwrap();
    assert!(told.contains("3 on hand (quarantine)"), "{told}");
    let told = shop.ordo(adjust("-2")).await.unwrap();
    assert!(told.contains("1 on hand (quarantine)"), "{told}");
    ordo_testkit::eventually(ordo_scenarios::PATIENCE, async || {
        let told = shop.ordo(["stock", "movements", "CUP"]).await.unwrap();
        let of_quarantine = told.lines().filter(|line| line.contains("quarantine"));
        of_quarantine.count() == 2
    })
    .await;
    let (status, why) = shop.ordo(adjust("-2")).await.unwrap_err();
    assert!(
        status == Some(3) && why.contains("ADJUSTMENT_TAKES_TOO_MANY"),
        "{why}"
    );
    shop.close().await;
}

#[tokio::test]
async fn who_waits_for_stock_is_told_what_became_of_it() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.stock("TEA", 1).await;
    let place = |number: &'static str| {
        let order = ["order", "place", "--number", number, "--line", "TEA:1:5.00"];
        let paid = [
            "--paid",
            "card",
            "--name",
            "Alice",
            "--phone",
            "13800138000",
        ];
        let to = ["--country", "SG", "--street", "1 Lakeside Road", "--wait"];
        order.into_iter().chain(paid).chain(to)
    };
    let told = shop.ordo(place("1")).await.unwrap();
    assert!(told.contains("open, stock reserved"), "{told}");
    let told = shop.ordo(place("2")).await.unwrap();
    assert!(told.contains("no stock reserved: held"), "{told}");
    let told = shop.ordo(place("2").chain(["--json"])).await.unwrap();
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["fulfilmentStatus"], "FULFILMENT_STATUS_UNRESERVED");
    shop.close().await;
}
