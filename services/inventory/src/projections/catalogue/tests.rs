#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::projections::testing::{event, tables_after, tenant};

fn mug(name: &str) -> SkuPut {
    SkuPut {
        sku: "MUG".into(),
        name: name.into(),
        attributes: [("glaze".to_owned(), "matt".to_owned())].into(),
        ..SkuPut::default()
    }
}

fn price(minor_units: i64, from: i64) -> SkuPriceChanged {
    SkuPriceChanged {
        sku: "MUG".into(),
        price: Some(pounds(minor_units)),
        effective_from: Some(Timestamp(from).into()),
    }
}

fn pounds(minor_units: i64) -> Money {
    Money {
        currency_code: "GBP".into(),
        minor_units,
    }
}

fn site(site_id: &str, priority: i32, serves_orders: bool) -> SitePut {
    SitePut {
        site_id: site_id.into(),
        priority,
        serves_orders,
        ..SitePut::default()
    }
}

#[tokio::test]
async fn a_sku_is_told_as_last_put_with_the_price_and_cost_of_a_time() {
    let stream = ("sku", "MUG");
    let cost = SkuCostChanged {
        sku: "MUG".into(),
        cost: Some(pounds(400)),
        effective_from: Some(Timestamp(50).into()),
    };
    let events = [
        event(1, stream, &mug("Mug")),
        event(2, stream, &price(999, 100)),
        event(3, stream, &price(799, 300)),
        event(4, stream, &mug("Red mug")),
        event(5, stream, &cost),
        event(6, stream, &price(899, 200)),
    ];
    for tables in tables_after(&Catalogue, &events, 2).await {
        let at = async |time| {
            sku(&tables.db, &tenant(), "MUG", Timestamp(time))
                .await
                .unwrap()
                .unwrap()
        };
        let now = at(1_000).await;
        assert_eq!(
            (
                now.name.as_str(),
                now.attributes.get("glaze").unwrap().as_str()
            ),
            ("Red mug", "matt")
        );
        assert_eq!(
            (now.price, now.cost),
            (Some(pounds(799)), Some(pounds(400)))
        );
        assert_eq!(at(250).await.price, Some(pounds(899)));
        let early = at(49).await;
        assert_eq!((early.price, early.cost), (None, None));
        assert_eq!(
            sku(&tables.db, &tenant(), "POT", Timestamp(0))
                .await
                .unwrap(),
            None
        );
        let other = TenantId::new("other").unwrap();
        assert_eq!(
            sku(&tables.db, &other, "MUG", Timestamp(0)).await.unwrap(),
            None
        );
    }
}

#[tokio::test]
async fn codes_lead_to_the_sku_that_has_them_now() {
    let taobao = ChannelSku {
        channel: "taobao".into(),
        code: "T-1".into(),
    };
    let code = || "00416000336108".to_owned();
    let events = [
        event(
            1,
            ("barcode", "b"),
            &BarcodeAssigned {
                barcode: code(),
                sku: "MUG".into(),
            },
        ),
        event(
            2,
            ("channel_sku", "c"),
            &ChannelSkuMapped {
                channel: "taobao".into(),
                code: "T-1".into(),
                sku: "MUG".into(),
            },
        ),
    ];
    for tables in tables_after(&Catalogue, &events, 1).await {
        for barcode in ["416000336108", "0416000336108", "00416000336108"] {
            let found = sku_of_barcode(&tables.db, &tenant(), barcode)
                .await
                .unwrap();
            assert_eq!(found.as_deref(), Some("MUG"), "{barcode}");
        }
        assert_eq!(
            sku_of_barcode(&tables.db, &tenant(), "no barcode")
                .await
                .unwrap(),
            None
        );
        let found = sku_of_channel_code(&tables.db, &tenant(), &taobao)
            .await
            .unwrap();
        assert_eq!(found.as_deref(), Some("MUG"));
    }
    let moved = [
        event(
            3,
            ("barcode", "b"),
            &BarcodeFreed {
                barcode: code(),
                sku: "MUG".into(),
            },
        ),
        event(
            4,
            ("barcode", "b"),
            &BarcodeAssigned {
                barcode: code(),
                sku: "POT".into(),
            },
        ),
        event(
            5,
            ("channel_sku", "c"),
            &ChannelSkuUnmapped {
                channel: "taobao".into(),
                code: "T-1".into(),
                sku: "MUG".into(),
            },
        ),
    ];
    for size in [1, 100] {
        for tables in tables_after(&Catalogue, &[events.as_slice(), &moved].concat(), size).await {
            let found = sku_of_barcode(&tables.db, &tenant(), "416000336108")
                .await
                .unwrap();
            assert_eq!(found.as_deref(), Some("POT"));
            assert_eq!(
                sku_of_channel_code(&tables.db, &tenant(), &taobao)
                    .await
                    .unwrap(),
                None
            );
        }
    }
}

#[tokio::test]
async fn sites_are_listed_in_the_order_in_which_they_are_tried() {
    let events = [
        event(1, ("site", "A"), &site("A", 2, true)),
        event(2, ("site", "B"), &site("B", 1, true)),
        event(3, ("site", "C"), &site("C", 2, true)),
        event(4, ("site", "C"), &site("C", 0, false)),
    ];
    for tables in tables_after(&Catalogue, &events, 100).await {
        let sites = sites(&tables.db, &tenant()).await.unwrap();
        let told: Vec<_> = sites
            .iter()
            .map(|site| (site.site_id.as_str(), site.serves_orders))
            .collect();
        assert_eq!(told, [("C", false), ("B", true), ("A", true)]);
    }
}
