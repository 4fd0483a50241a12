use ordo_proto::{
    intake::{HoldReason, OrderStatus, PlaceOrderLine, PlaceOrderRequest},
    inventory::{BarcodeAssigned, ChannelSkuMapped, ReservationShortage, SkuPut},
};
use ordo_testkit::eventually;

use crate::{
    facts::{self, Catalogue},
    neighbours::Asked,
    requests::*,
    shop::{PATIENCE, Shop},
};

fn unmapped(number: &str, channel: &str, code: &str) -> PlaceOrderRequest {
    let line = PlaceOrderLine {
        sku: String::new(),
        channel_sku: code.into(),
        ..line("", 1, 1_000)
    };
    PlaceOrderRequest {
        channel: channel.into(),
        lines: vec![line],
        charges: vec![],
        due: None,
        payments: vec![paid("p1", 1_000)],
        ..order(number)
    }
}

async fn sku_of(shop: &Shop, order_id: &str) -> String {
    shop.order(order_id).await.lines[0]
        .line
        .clone()
        .unwrap()
        .sku
}

#[tokio::test]
async fn an_order_with_an_unknown_code_is_freed_when_the_catalogue_learns_it() {
    let shop = Shop::open().await;
    let by_mapping = shop.place(unmapped("1", "taobao", "tb-1")).await;
    let by_barcode = shop.place(unmapped("2", "pos", "6901234567892")).await;
    let by_own = shop.place(unmapped("3", "phone", "OWN-3")).await;
    for placed in [&by_mapping, &by_barcode, &by_own] {
        let reasons: Vec<_> = placed.holds.iter().map(|hold| hold.reason()).collect();
        assert_eq!(reasons, [HoldReason::UnmappedSku]);
    }
    let mapped = ChannelSkuMapped {
        channel: "taobao".into(),
        code: "tb-1".into(),
        sku: "A".into(),
    };
    facts::tell::<Catalogue>(&shop.inventory_log, &shop.tenant, "1", mapped).await;
    let barcode = BarcodeAssigned {
        barcode: "06901234567892".into(),
        sku: "B".into(),
    };
    facts::tell::<Catalogue>(&shop.inventory_log, &shop.tenant, "2", barcode).await;
    let own = SkuPut {
        sku: "OWN-3".into(),
        ..SkuPut::default()
    };
    facts::tell::<Catalogue>(&shop.inventory_log, &shop.tenant, "3", own).await;
    for (placed, sku) in [(by_mapping, "A"), (by_barcode, "B"), (by_own, "OWN-3")] {
        shop.order_when(&placed.order_id, |order| {
            order.status() == OrderStatus::Open
        })
        .await;
        assert_eq!(sku_of(&shop, &placed.order_id).await, sku);
    }
    // From now on the code is known at once.
    let next = shop.place(unmapped("4", "taobao", "tb-1")).await;
    assert_eq!(next.status(), OrderStatus::Open);
    assert_eq!(sku_of(&shop, &next.order_id).await, "A");
    shop.is_sound().await;
}

#[tokio::test]
async fn a_sku_that_inventory_does_not_know_is_tried_again_when_it_is_put() {
    let shop = Shop::open().await;
    let order_id = shop.place(order("T-1")).await.order_id;
    let missing = ReservationShortage {
        line_id: "2".into(),
        sku: "B".into(),
        missing: 1,
        unknown_sku: true,
    };
    shop.lack(&order_id, 1, false, vec![missing]).await;
    let held = shop
        .order_when(&order_id, |order| !order.holds.is_empty())
        .await;
    assert_eq!(held.holds[0].reason(), HoldReason::UnmappedSku);
    assert_eq!(held.holds[0].fields, ["lines[1].sku"]);
    let put = SkuPut {
        sku: "B".into(),
        ..SkuPut::default()
    };
    facts::tell::<Catalogue>(&shop.inventory_log, &shop.tenant, "B", put).await;
    eventually(PATIENCE, async || shop.inventory.asked().len() == 2).await;
    let Asked::Reserve(again) = &shop.inventory.asked()[1] else {
        panic!("asked again")
    };
    assert_eq!((again.attempt, again.lines.len()), (2, 2));
}
