use ordo_proto::inventory::{ChannelSku, ProductPut};

use super::*;
use crate::{
    codes::CodeTaken,
    sites::{ALL, Sites},
};

fn sku(sku: &str, barcodes: &[&str], codes: &[&str]) -> SkuPut {
    SkuPut {
        sku: sku.into(),
        barcodes: barcodes.iter().map(|code| (*code).to_owned()).collect(),
        channel_skus: codes
            .iter()
            .map(|code| ChannelSku {
                channel: "taobao".into(),
                code: (*code).to_owned(),
            })
            .collect(),
        ..SkuPut::default()
    }
}

#[test]
fn a_barcode_leads_to_one_sku_even_when_scanners_write_it_otherwise() {
    let mut shop = Shop::open();
    shop.put_sku(sku("MUG", &["416000336108"], &[])).unwrap();
    let taken = CodeTaken {
        code: "00416000336108".into(),
        owner: "MUG".into(),
    };
    assert_eq!(
        shop.put_sku(sku("POT", &["0416000336108"], &[]))
            .unwrap_err(),
        taken.into()
    );
    shop.put_sku(sku("MUG", &[], &[])).unwrap();
    shop.put_sku(sku("POT", &["0416000336108"], &[])).unwrap();
}

#[test]
fn a_channels_code_leads_to_one_sku() {
    let mut shop = Shop::open();
    shop.put_sku(sku("MUG", &[], &["T-1", "T-2"])).unwrap();
    let taken = CodeTaken {
        code: "taobao/T-2".into(),
        owner: "MUG".into(),
    };
    assert_eq!(
        shop.put_sku(sku("POT", &[], &["T-2"])).unwrap_err(),
        taken.into()
    );
    shop.put_sku(sku("MUG", &[], &["T-1"])).unwrap();
    shop.put_sku(sku("POT", &[], &["T-2"])).unwrap();
}

#[test]
fn a_refused_sku_changes_nothing() {
    let mut shop = Shop::open();
    shop.put_sku(sku("MUG", &[], &["T-1"])).unwrap();
    let events = shop.memory.events.len();
    shop.put_sku(sku("POT", &["007"], &["T-1"])).unwrap_err();
    assert_eq!(shop.memory.events.len(), events);
    shop.put_sku(sku("CUP", &["007"], &[])).unwrap();
}

#[test]
fn the_same_sku_again_changes_nothing() {
    let mut shop = Shop::open();
    shop.put_sku(sku("MUG", &["007"], &["T-1"])).unwrap();
    let events = shop.memory.events.len();
    shop.put_sku(sku("MUG", &["007"], &["T-1"])).unwrap();
    assert_eq!(shop.memory.events.len(), events);
}

#[test]
fn a_sku_belongs_to_a_product_that_exists() {
    let mut shop = Shop::open();
    let of = |product_id: &str| SkuPut {
        product_id: product_id.into(),
        ..sku("MUG", &[], &[])
    };
    let unknown = InventoryError::UnknownProduct {
        product_id: "P".into(),
    };
    assert_eq!(shop.put_sku(of("P")).unwrap_err(), unknown);
    let product = ProductPut {
        product_id: "P".into(),
        ..ProductPut::default()
    };
    shop.memory
        .run(|streams| put_product(streams, product))
        .unwrap();
    shop.put_sku(of("P")).unwrap();
}

#[test]
fn a_site_is_listed_for_decisions() {
    let mut shop = Shop::open();
    let sites = shop.memory.get::<Sites>(ALL);
    assert_eq!(sites.iter().count(), 3);
    assert!(sites.get(&"W1".into()).unwrap().serves_orders);
}
