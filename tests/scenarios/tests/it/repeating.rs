//! `ordo` is run again after its answer was lost.

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
    let (status, why) = shop
        .ordo(["verify", "--check", "nonsense"])
        .await
        .unwrap_err();
    assert!(
        status == Some(3) && why.contains("there is no check"),
        "{why}"
    );
    shop.close().await;
}
