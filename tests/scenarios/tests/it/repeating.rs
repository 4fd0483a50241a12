//! `ordo`, the command line: run again after its answer was lost, and what it tells.

use ordo_scenarios::{Shop, Store, orders::order};
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
    let told = shop.ordo(place(" 2 ")).await.unwrap();
    assert!(told.contains("taken before; nothing new"), "{told}");
    let told = shop.ordo(place("2").chain(["--json"])).await.unwrap();
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["fulfilmentStatus"], "FULFILMENT_STATUS_UNRESERVED");
    shop.close().await;
}

#[tokio::test]
async fn an_order_is_placed_under_every_number_and_from_a_file() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.stock("TEA", 10).await;
    for number in ["x".repeat(100), "\u{5355}".repeat(45)] {
        let order = [
            "order",
            "place",
            "--number",
            &number,
            "--line",
            "TEA:1:5.00",
        ];
        let told = shop.ordo(order.into_iter().chain(["--paid", "card"])).await;
        assert!(told.is_ok(), "{told:?}");
    }
    let file = shop.cluster.home().join("order.json");
    let order = serde_json::json!({
        "channel": "web",
        "channelOrderNumber": "1",
        "lines": [{
            "channelSku": "TEA",
            "sku": "TEA",
            "quantity": "1",
            "unitPrice": { "currencyCode": "CNY", "minorUnits": "500" },
        }],
        "paymentTerms": "PAYMENT_TERMS_CASH_ON_DELIVERY",
        "deliveryMethod": "DELIVERY_METHOD_SHIP",
        "contact": { "name": "Alice", "phone": "13800138000" },
        "address": { "countryCode": "SG", "street": "1 Lakeside Road" },
    });
    std::fs::write(&file, order.to_string()).unwrap();
    let file = file.to_str().unwrap();
    let told = shop
        .ordo(["order", "place", "--file", file, "--wait"])
        .await;
    let told = told.unwrap();
    assert!(told.contains("open, stock reserved"), "{told}");
    shop.close().await;
}

#[tokio::test]
async fn whoever_is_named_picks_only_where_nobody_else_does() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.stock("TEA", 10).await;
    let order_id = shop.placed(order("1", &[("TEA", 4)])).await;
    let work = shop.work_of(&order_id, 1).await;
    let id = work[0].fulfilment_order_id.as_str();
    let pick = |further: &'static [&'static str]| {
        let one = ["work", "pick", id, "--line", "1:1"];
        one.into_iter().chain(further.iter().copied())
    };
    shop.ordo(pick(&["--worker", "li"])).await.unwrap();
    let (status, why) = shop.ordo(pick(&["--worker", "wang"])).await.unwrap_err();
    assert_eq!(status, Some(3), "{why}");
    assert!(why.contains("BEING_PICKED") && why.contains("li"), "{why}");
    assert!(why.contains("`--take-over`"), "{why}");
    shop.ordo(pick(&["--worker", "li"])).await.unwrap();
    let taken_over = pick(&["--worker", "wang", "--take-over"]);
    shop.ordo(taken_over).await.unwrap();
    let (_, why) = shop.ordo(pick(&["--worker", "li"])).await.unwrap_err();
    assert!(why.contains("BEING_PICKED"), "{why}");
    let told = shop.ordo(pick(&["--json"])).await.unwrap();
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["worker"], "wang", "{told}");
    assert_eq!(told["lines"][0]["picked"], "4", "{told}");
    shop.close().await;
}

#[tokio::test]
async fn an_sku_is_found_by_its_barcode_and_an_unknown_one_is_told_as_that() {
    let shop = Shop::open(Store::Sqlite).await;
    let sku = ["catalogue", "sku", "TEA-1", "--barcode", "6901234567892"];
    shop.ordo(sku).await.unwrap();
    for code in ["TEA-1", "6901234567892"] {
        ordo_testkit::eventually(ordo_scenarios::PATIENCE, async || {
            let told = shop.ordo(["catalogue", "show", code]).await;
            told.is_ok_and(|told| told.contains("TEA-1"))
        })
        .await;
    }
    let told = shop.ordo(["stock", "show", "TEA-1"]).await.unwrap();
    assert!(told.contains("no stock of TEA-1"), "{told}");
    for unknown in [
        &["catalogue", "show", "6901234567885"][..],
        &["catalogue", "show", "TEA-2"],
        &["stock", "show", "TEA-1", "TEA-2"],
        &["stock", "movements", "TEA-2"],
    ] {
        let (status, why) = shop.ordo(unknown).await.unwrap_err();
        assert_eq!(status, Some(3), "{unknown:?}: {why}");
        assert!(why.contains("UNKNOWN_SKU"), "{unknown:?}: {why}");
    }
    shop.close().await;
}

#[tokio::test]
async fn an_exchange_shows_what_is_sent_for_what_comes_back() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.stock("TEA", 1).await;
    shop.stock("TEA-L", 1).await;
    let order_id = shop.placed(order("1", &[("TEA", 1)])).await;
    shop.fulfil(&order_id).await;
    let open = ["case", "open", &order_id, "--line", "1:1"];
    let exchange = ["--kind", "exchange", "--replacement", "TEA-L", "--json"];
    let mut case_id = String::new();
    // Aftersales may not have heard of the delivery yet.
    ordo_testkit::eventually(ordo_scenarios::PATIENCE, async || {
        match shop.ordo(open.into_iter().chain(exchange)).await {
            Ok(told) => {
                let told: Value = serde_json::from_str(&told).unwrap();
                told["caseId"].as_str().unwrap().clone_into(&mut case_id);
                true
            }
            Err((status, why)) => {
                assert_eq!(status, Some(3), "{why}");
                false
            }
        }
    })
    .await;
    shop.case_when(&case_id, |case| !case.lines.is_empty())
        .await;
    let told = shop.ordo(["case", "show", &case_id]).await.unwrap();
    assert!(
        told.contains("replacement") && told.contains("TEA-L") && told.contains(&order_id),
        "{told}"
    );
    shop.close().await;
}
