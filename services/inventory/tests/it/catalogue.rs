//! Products, SKUs, codes, prices, sites.

use ordo_event_log::{TenantId, Timestamp};
use ordo_proto::{
    inventory::{
        ChannelSku, GetSkuRequest, ListSitesRequest, PutProductRequest, PutSiteRequest,
        PutSkuRequest, SiteKind, Sku, get_sku_request::Key,
    },
    types::{Money, Region},
};
use ordo_rpc::role;
use ordo_testkit::{sqlite, stores};

use crate::shop::{Shop, fields, header, reason, token};

const BARCODE: &str = "416000336108";

fn pounds(minor_units: i64) -> Option<Money> {
    Some(Money {
        currency_code: "GBP".into(),
        minor_units,
    })
}

fn taobao(code: &str) -> ChannelSku {
    ChannelSku {
        channel: "taobao".into(),
        code: code.into(),
    }
}

fn red_mug() -> PutSkuRequest {
    PutSkuRequest {
        sku: "MUG-RED".into(),
        product_id: "MUGS".into(),
        name: "Red mug".into(),
        barcodes: vec![BARCODE.into()],
        fragile: true,
        attributes: [("glaze".to_owned(), "matt".to_owned())].into(),
        channel_skus: vec![taobao("T-1")],
        ..PutSkuRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sku_is_found_by_its_code_its_barcode_and_a_channels_code_with_the_price_of_the_time() {
    for store in stores().await.unwrap() {
        let shop = Shop::open(store).await;
        let mut clerk = shop.client(&[role::CLERK]);
        let product = PutProductRequest {
            product_id: "MUGS".into(),
            name: "Mugs".into(),
            ..PutProductRequest::default()
        };
        clerk.put_product(product).await.unwrap();
        let dated = |price: i64, from: i64| PutSkuRequest {
            price: pounds(price),
            cost: pounds(price / 2),
            effective_from: Some(Timestamp(from).into()),
            ..red_mug()
        };
        clerk.put_sku(dated(999, 1_000_000)).await.unwrap();
        let put = clerk
            .put_sku(dated(799, 2_000_000))
            .await
            .unwrap()
            .into_inner();
        let ask = async |key: Key, as_of: Option<i64>| -> Sku {
            let request = GetSkuRequest {
                key: Some(key),
                at_least: token(&put.receipt),
                as_of: as_of.map(|time| Timestamp(time).into()),
            };
            shop.client(&[role::CHANNEL])
                .get_sku(request)
                .await
                .unwrap()
                .into_inner()
                .sku
                .unwrap()
        };
        let by_code = ask(Key::Sku("MUG-RED".into()), None).await;
        assert_eq!(
            (by_code.price.clone(), by_code.cost.clone()),
            (pounds(799), pounds(399)),
            "{}",
            shop.store_name
        );
        assert_eq!(
            by_code.attributes.get("glaze").map(String::as_str),
            Some("matt")
        );
        assert_eq!(
            ask(Key::Barcode(format!("0{BARCODE}")), None).await,
            by_code
        );
        assert_eq!(ask(Key::ChannelSku(taobao("T-1")), None).await, by_code);
        assert_eq!(
            ask(Key::Sku("MUG-RED".into()), Some(1_500_000)).await.price,
            pounds(999)
        );
        assert_eq!(ask(Key::Sku("MUG-RED".into()), Some(1)).await.price, None);
        shop.receive("MUG-RED", 1).await;
        shop.expect_sound().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_leads_to_another_sku_is_refused_and_nothing_is_lost() {
    let shop = Shop::open(sqlite().unwrap()).await;
    let mut clerk = shop.client(&[role::CLERK]);
    let mug = PutSkuRequest {
        product_id: String::new(),
        ..red_mug()
    };
    clerk.put_sku(mug.clone()).await.unwrap();
    let pot = PutSkuRequest {
        sku: "POT".into(),
        name: "Pot".into(),
        ..mug
    };
    assert_eq!(reason(clerk.put_sku(pot.clone()).await), "CODE_TAKEN");
    let missing = PutSkuRequest {
        product_id: "NONE".into(),
        ..pot
    };
    assert_eq!(reason(clerk.put_sku(missing).await), "UNKNOWN_PRODUCT");
    let unmapped = GetSkuRequest {
        key: Some(Key::ChannelSku(taobao("T-9"))),
        ..GetSkuRequest::default()
    };
    assert_eq!(reason(clerk.get_sku(unmapped).await), "UNKNOWN_SKU");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_sku_is_named_at_once() {
    let shop = Shop::open(sqlite().unwrap()).await;
    let faulty = PutSkuRequest {
        sku: "has space@".into(),
        name: " ".into(),
        barcodes: vec!["416000336109".into(), "x".into(), BARCODE.into()],
        weight_grams: -1,
        price: Some(Money {
            currency_code: "RMB".into(),
            minor_units: -1,
        }),
        cost: Some(Money {
            currency_code: "CNY".into(),
            minor_units: 1_000_000_000_000_001,
        }),
        channel_skus: vec![ChannelSku {
            channel: "".into(),
            code: "".into(),
        }],
        ..PutSkuRequest::default()
    };
    let expected = [
        "sku",
        "name",
        "weight_grams",
        "barcodes[0]",
        "barcodes[1]",
        "channel_skus[0].channel",
        "channel_skus[0].code",
        "price.currency_code",
        "price.minor_units",
        "cost.minor_units",
    ];
    assert_eq!(fields(shop.admin().put_sku(faulty).await), expected);
    assert_eq!(
        fields(shop.admin().get_sku(GetSkuRequest::default()).await),
        ["key"]
    );
    let site = PutSiteRequest {
        site_id: "a b".into(),
        region: Some(Region {
            country_code: "ZZ".into(),
            ..Region::default()
        }),
        ..PutSiteRequest::default()
    };
    assert_eq!(
        fields(shop.admin().put_site(site).await),
        ["site_id", "name", "region.country_code", "kind"]
    );
    assert_eq!(
        fields(shop.admin().put_product(PutProductRequest::default()).await),
        ["product_id", "name"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sites_are_listed_and_other_tenants_see_none_of_it() {
    let shop = Shop::open(sqlite().unwrap()).await;
    let desk = PutSiteRequest {
        header: header("desk"),
        site_id: "DESK".into(),
        name: "Front desk".into(),
        kind: SiteKind::Shop.into(),
        serves_no_orders: true,
        ..PutSiteRequest::default()
    };
    let put = shop.admin().put_site(desk).await.unwrap().into_inner();
    let request = || ListSitesRequest {
        at_least: token(&put.receipt),
    };
    let sites = shop
        .client(&[role::CLERK])
        .list_sites(request())
        .await
        .unwrap()
        .into_inner()
        .sites;
    let told: Vec<_> = sites
        .iter()
        .map(|site| (site.site_id.as_str(), site.serves_orders))
        .collect();
    assert_eq!(told, [("DESK", false), ("W1", true)]);

    let other = TenantId::new("shop-2").unwrap();
    let mut stranger = shop.client_of(&other, &[role::ADMIN]);
    assert_eq!(
        stranger
            .list_sites(request())
            .await
            .unwrap()
            .into_inner()
            .sites,
        []
    );
    let sku = GetSkuRequest {
        key: Some(Key::Sku("MUG".into())),
        ..GetSkuRequest::default()
    };
    assert_eq!(reason(stranger.get_sku(sku).await), "UNKNOWN_SKU");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_refused() {
    let shop = Shop::open(sqlite().unwrap()).await;
    let mut viewer = shop.client(&[role::VIEWER]);
    assert_eq!(reason(viewer.put_sku(red_mug()).await), "ROLE_MISSING");
    assert_eq!(
        reason(viewer.reserve(crate::shop::wants("A", "MUG", 1)).await),
        "ROLE_MISSING"
    );
    let mut clerk = shop.client(&[role::CLERK]);
    assert_eq!(
        reason(clerk.put_site(PutSiteRequest::default()).await),
        "ROLE_MISSING"
    );
}
