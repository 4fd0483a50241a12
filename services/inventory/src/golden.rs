//! Bytes of events as they were once stored: every version of the code reads them, for ever.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::BTreeMap, fmt::Write as _};

use ordo_event_log::{Aggregate, CodecError};
use ordo_proto::{
    inventory::{
        BackorderDue, BackorderLeft, BackorderQueued, BackorderServed, BarcodeAssigned,
        BarcodeFreed, ChannelSku, ChannelSkuMapped, ChannelSkuUnmapped, LowStockReached,
        LowStockRecovered, ProductPut, ReservationAllocated, ReservationAllocation,
        ReservationConsumed, ReservationExpired, ReservationLine, ReservationReleased,
        ReservationRequested, ReservationShort, ReservationShortage, ReservationUnitsLost,
        SiteKind, SiteListed, SitePut, SkuCostChanged, SkuPriceChanged, SkuPut, SkuStockedAt,
        StockAdjusted, StockCondition, StockIssued, StockLevelsSet, StockReceived,
        StockReservationReleased, StockReserved, StockReturned,
    },
    types::{Money, Region},
};
use prost_types::Timestamp;

use crate::{
    backorder::{Backorder, BackorderEvent},
    codes::{Barcode, BarcodeEvent, ChannelCode, ChannelCodeEvent},
    product::{Product, ProductEvent},
    reservation::{Reservation, ReservationEvent},
    sites::{Site, SiteEvent, Sites, SitesEvent},
    sku::{SkuEvent, SkuItem},
    stock::{Stock, StockEvent},
};

/// `<full type name> <payload in hex>`, one event a line. A changed shape adds a line; none is ever changed or removed.
const STORED: &str = include_str!("golden.txt");

#[test]
fn the_present_shape_of_every_event_is_among_the_stored_ones() {
    let present: String = [
        lines::<Stock>(&stock()),
        lines::<Reservation>(&reservation()),
        lines::<Backorder>(&backorder()),
        lines::<SkuItem>(&sku()),
        lines::<Product>(&[ProductPut {
            product_id: "MUGS".into(),
            name: "Mugs".into(),
            brand: "Kiln".into(),
            category: "kitchen".into(),
            listed: true,
        }
        .into()]),
        lines::<Site>(&[SitePut {
            site_id: site(),
            name: "North".into(),
            kind: SiteKind::Warehouse.into(),
            region: region(),
            priority: 3,
            serves_orders: true,
        }
        .into()]),
        lines::<Sites>(&[SiteListed {
            site_id: site(),
            region: region(),
            priority: 3,
            serves_orders: true,
        }
        .into()]),
        lines::<Barcode>(&[
            BarcodeAssigned {
                barcode: "00416000336108".into(),
                sku: mug(),
            }
            .into(),
            BarcodeFreed {
                barcode: "00416000336108".into(),
                sku: mug(),
            }
            .into(),
        ]),
        lines::<ChannelCode>(&[
            ChannelSkuMapped {
                channel: "taobao".into(),
                code: "T-1".into(),
                sku: mug(),
            }
            .into(),
            ChannelSkuUnmapped {
                channel: "taobao".into(),
                code: "T-1".into(),
                sku: mug(),
            }
            .into(),
        ]),
    ]
    .concat();
    let is_stored = |line: &&str| STORED.lines().any(|stored| stored == *line);
    let new: Vec<&str> = present.lines().filter(|line| !is_stored(line)).collect();
    assert!(new.is_empty(), "not in golden.txt:\n{}", new.join("\n"));
}

#[test]
fn stored_bytes_of_every_version_can_be_read() {
    let readers = readers();
    for line in STORED.lines() {
        let (type_name, hex) = line.split_once(' ').unwrap();
        let bytes: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect();
        let read = readers
            .get(type_name)
            .unwrap_or_else(|| panic!("nothing reads {type_name}"));
        read(type_name, &bytes).unwrap();
    }
    for type_name in readers.keys() {
        assert!(
            STORED.contains(&format!("{type_name} ")),
            "{type_name} has no stored bytes"
        );
    }
}

type Read = fn(&str, &[u8]) -> Result<(), CodecError>;

fn readers() -> BTreeMap<&'static str, Read> {
    fn of<A: Aggregate>(names: &'static [&'static str]) -> Vec<(&'static str, Read)> {
        let read: Read = |name, bytes| A::decode(name, bytes).map(drop);
        names.iter().map(|name| (*name, read)).collect()
    }
    [
        of::<Stock>(StockEvent::type_names()),
        of::<Reservation>(ReservationEvent::type_names()),
        of::<Backorder>(BackorderEvent::type_names()),
        of::<SkuItem>(SkuEvent::type_names()),
        of::<Product>(ProductEvent::type_names()),
        of::<Site>(SiteEvent::type_names()),
        of::<Sites>(SitesEvent::type_names()),
        of::<Barcode>(BarcodeEvent::type_names()),
        of::<ChannelCode>(ChannelCodeEvent::type_names()),
    ]
    .concat()
    .into_iter()
    .collect()
}

fn lines<A: Aggregate>(events: &[A::Event]) -> String {
    let mut lines = String::new();
    for event in events.iter().map(A::encode) {
        let _ = write!(lines, "{} ", event.type_name);
        for byte in &event.payload {
            let _ = write!(lines, "{byte:02x}");
        }
        lines.push('\n');
    }
    lines
}

fn mug() -> String {
    "MUG-RED".into()
}

fn site() -> String {
    "north".into()
}

fn order() -> String {
    "01jd0000000000000000000000".into()
}

fn pounds() -> Option<Money> {
    Some(Money {
        currency_code: "GBP".into(),
        minor_units: 999,
    })
}

fn region() -> Option<Region> {
    Some(Region {
        country_code: "GB".into(),
        province: "West Yorkshire".into(),
        city: "Leeds".into(),
    })
}

fn noon() -> Option<Timestamp> {
    Some(Timestamp {
        seconds: 1_772_366_400,
        nanos: 5_000,
    })
}

fn stock() -> Vec<StockEvent> {
    let (sku, site_id, condition) = (mug, site, StockCondition::Quarantine.into());
    vec![
        StockReceived {
            sku: sku(),
            site_id: site_id(),
            quantity: 5,
            condition,
            lot: "L7".into(),
            cause_id: "PO-1".into(),
            unit_cost: pounds(),
        }
        .into(),
        StockAdjusted {
            sku: sku(),
            site_id: site_id(),
            delta: -2,
            condition,
            reason: "LOSS".into(),
            cause_id: "I-1".into(),
        }
        .into(),
        StockReserved {
            sku: sku(),
            site_id: site_id(),
            reservation_id: order(),
            quantity: 3,
        }
        .into(),
        StockReservationReleased {
            sku: sku(),
            site_id: site_id(),
            reservation_id: order(),
            quantity: 1,
            cause: "CUSTOMER".into(),
        }
        .into(),
        StockIssued {
            sku: sku(),
            site_id: site_id(),
            reservation_id: order(),
            quantity: 2,
            parcel_id: "P1".into(),
        }
        .into(),
        StockReturned {
            sku: sku(),
            site_id: site_id(),
            quantity: 1,
            condition,
            case_id: "C1".into(),
        }
        .into(),
        StockLevelsSet {
            sku: sku(),
            site_id: site_id(),
            safety: 2,
            low_stock_level: 4,
        }
        .into(),
        LowStockReached {
            sku: sku(),
            site_id: site_id(),
            available: 3,
            level: 4,
        }
        .into(),
        LowStockRecovered {
            sku: sku(),
            site_id: site_id(),
            available: 5,
        }
        .into(),
    ]
}

fn reservation() -> Vec<ReservationEvent> {
    let line = || ReservationLine {
        line_id: "1".into(),
        sku: mug(),
        quantity: 3,
    };
    let allocation = || ReservationAllocation {
        line_id: "1".into(),
        sku: mug(),
        site_id: site(),
        quantity: 2,
    };
    vec![
        ReservationRequested {
            reservation_id: order(),
            attempt: 2,
            lines: vec![line()],
            all_or_nothing: true,
            wait_for_stock: true,
            region: region(),
            site_id: site(),
            split_allowed: true,
            expires_at: noon(),
        }
        .into(),
        ReservationAllocated {
            reservation_id: order(),
            attempt: 2,
            allocations: vec![allocation()],
            why: "the order names north".into(),
        }
        .into(),
        ReservationShort {
            reservation_id: order(),
            attempt: 2,
            shortages: vec![ReservationShortage {
                line_id: "1".into(),
                sku: mug(),
                missing: 1,
                unknown_sku: true,
            }],
            waiting: true,
        }
        .into(),
        ReservationReleased {
            reservation_id: order(),
            allocations: vec![allocation()],
            abandoned: vec![line()],
            cause: "CUSTOMER".into(),
        }
        .into(),
        ReservationConsumed {
            reservation_id: order(),
            allocations: vec![allocation()],
            parcel_id: "P1".into(),
        }
        .into(),
        ReservationExpired {
            reservation_id: order(),
            allocations: vec![allocation()],
            abandoned: vec![line()],
        }
        .into(),
        ReservationUnitsLost {
            reservation_id: order(),
            allocations: vec![allocation()],
            cause: "SHORT_PICK".into(),
        }
        .into(),
    ]
}

fn backorder() -> Vec<BackorderEvent> {
    vec![
        BackorderQueued {
            sku: mug(),
            reservation_id: order(),
            quantity: 3,
            site_id: site(),
        }
        .into(),
        BackorderLeft {
            sku: mug(),
            reservation_id: order(),
        }
        .into(),
        BackorderDue { sku: mug() }.into(),
        BackorderServed {
            sku: mug(),
            through: 7,
            done: true,
        }
        .into(),
    ]
}

fn sku() -> Vec<SkuEvent> {
    vec![
        SkuPut {
            sku: mug(),
            product_id: "MUGS".into(),
            name: "Red mug".into(),
            barcodes: vec!["416000336108".into()],
            style: "plain".into(),
            colour: "red".into(),
            size: "M".into(),
            weight_grams: 350,
            fragile: true,
            perishable: true,
            attributes: [("glaze".to_owned(), "matt".to_owned())].into(),
            channel_skus: vec![ChannelSku {
                channel: "taobao".into(),
                code: "T-1".into(),
            }],
        }
        .into(),
        SkuPriceChanged {
            sku: mug(),
            price: pounds(),
            effective_from: noon(),
        }
        .into(),
        SkuCostChanged {
            sku: mug(),
            cost: pounds(),
            effective_from: noon(),
        }
        .into(),
        SkuStockedAt {
            sku: mug(),
            site_id: site(),
        }
        .into(),
    ]
}
