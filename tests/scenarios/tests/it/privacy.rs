//! Personal data is nowhere in clear, and gone after erasure.

use std::{fs, path::Path};

use ordo_proto::{
    intake::{GetOrderRequest, get_order_request::Key},
    privacy::EraseSubjectRequest,
};
use ordo_scenarios::{
    Shop, Store, TENANT,
    orders::{NAME, PHONE, STREET, order},
};

#[tokio::test]
async fn no_database_broker_store_or_log_holds_name_phone_or_street() {
    let shop = Shop::open_with(
        Store::Sqlite,
        &[(
            "telemetry.log_filter",
            "trace,h2=info,hyper=info,tower=info",
        )],
    )
    .await;
    shop.stock("TEA", 5).await;
    let mut request = order("1", &[("TEA", 1)]);
    request.gift_message = "Felicitations Grandmamma".to_owned();
    let id = shop.placed(request).await;
    shop.fulfil(&id).await;
    shop.verify().await;
    let home = shop.cluster.home().to_owned();
    let mut scanned = 0;
    scan(&home, &mut scanned);
    assert!(scanned > 100_000, "only {scanned} bytes were scanned");
    shop.close().await;
}

fn scan(folder: &Path, scanned: &mut usize) {
    // Files and folders may go away while the cluster runs.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            scan(&path, scanned);
            continue;
        }
        let Ok(bytes) = fs::read(&path) else { continue };
        *scanned += bytes.len();
        for clear in [
            NAME,
            PHONE,
            STREET,
            "447946",
            "Felicitations",
            "Zyxwick",
            "Vermilion",
        ] {
            let found = bytes
                .windows(clear.len())
                .any(|window| window == clear.as_bytes());
            assert!(!found, "{} holds `{clear}`", path.display());
        }
    }
}

#[tokio::test]
async fn personal_data_is_opened_for_those_who_need_it_masked_for_others_and_gone_after_erasure() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.stock("TEA", 5).await;
    let id = shop.placed(order("1", &[("TEA", 1)])).await;
    let customer = shop.get(&id).await.unwrap();
    assert_eq!(customer.contact.as_ref().unwrap().name, NAME);

    let viewer = shop.as_caller("vera", TENANT, &["viewer"]);
    let tenant = ordo_event_log::TenantId::new(TENANT).unwrap();
    let call = ordo_rpc::Call::new(&tenant);
    let get = GetOrderRequest {
        key: Some(Key::OrderId(id.clone())),
        at_least: None,
    };
    let masked = viewer
        .intake(&call)
        .unwrap()
        .get_order(get)
        .await
        .unwrap()
        .into_inner()
        .order
        .unwrap();
    let shown = format!("{masked:?}");
    assert!(
        !shown.contains(NAME) && !shown.contains(STREET) && !shown.contains(PHONE),
        "{shown}"
    );

    let erase = EraseSubjectRequest {
        subject: customer.customer_id,
    };
    let admin = shop.as_caller("root", TENANT, &["admin"]);
    let erased = admin
        .key_store(&call)
        .unwrap()
        .erase_subject(erase)
        .await
        .unwrap()
        .into_inner();
    assert!(erased.erased);
    let gone = shop
        .order_when(&id, |order| order.personal_data_erased)
        .await;
    assert!(gone.contact.is_none() && gone.address.is_none());
    shop.verify().await;
    shop.close().await;
}
