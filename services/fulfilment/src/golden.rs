//! Bytes of events as they were once stored: every version of the code reads them, for ever.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fmt::Write as _;

use ordo_event_log::Aggregate;
use ordo_proto::{
    fulfilment::{
        FulfilmentAddressChanged, FulfilmentOrderCancelled, FulfilmentOrderClosed,
        FulfilmentOrderOpened, LineChecked, LinePicked, LineShortPicked, ParcelDelivered,
        ParcelDispatched, ParcelHandedOver, ParcelPacked, PickingStarted, ShortPickReason,
        TrackingNumberAssigned, TrackingRecorded, TrackingStatus, WorkLine,
    },
    types::{Money, Region, Sealed},
};
use prost_types::Timestamp;

use crate::{
    fulfilment_order::{FulfilmentOrder, FulfilmentOrderEvent},
    parcel::{Parcel, ParcelEvent},
};

/// `<full type name> <payload in hex>`, one event a line. A changed shape adds a line; none is ever changed or removed.
const STORED: &str = include_str!("golden.txt");

#[test]
fn the_present_shape_of_every_event_is_among_the_stored_ones() {
    let mut present = String::new();
    for event in fulfilment_order() {
        write_line(&mut present, &FulfilmentOrder::encode(&event));
    }
    for event in parcel() {
        write_line(&mut present, &Parcel::encode(&event));
    }
    for line in present.lines() {
        assert!(
            STORED.lines().any(|stored| stored == line),
            "not in golden.txt: {line}"
        );
    }
}

#[test]
fn stored_bytes_of_every_version_can_be_read() {
    for line in STORED.lines() {
        let (type_name, hex) = line.split_once(' ').unwrap();
        let bytes: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect();
        let read = FulfilmentOrder::decode(type_name, &bytes).is_ok()
            || Parcel::decode(type_name, &bytes).is_ok();
        assert!(read, "{type_name}");
    }
    for type_name in FulfilmentOrderEvent::type_names()
        .iter()
        .chain(ParcelEvent::type_names())
    {
        assert!(
            STORED.contains(&format!("{type_name} ")),
            "{type_name} has no stored bytes"
        );
    }
}

fn write_line(lines: &mut String, event: &ordo_event_log::EncodedEvent) {
    let _ = write!(lines, "{} ", event.type_name);
    for byte in &event.payload {
        let _ = write!(lines, "{byte:02x}");
    }
    lines.push('\n');
}

fn sealed(text: &str) -> Option<Sealed> {
    Some(Sealed {
        key_id: "shop/anna/1".into(),
        nonce: vec![7; 24].into(),
        ciphertext: text.as_bytes().to_vec().into(),
    })
}

fn units() -> Vec<WorkLine> {
    vec![WorkLine {
        line_id: "1".into(),
        sku: "TEA-1".into(),
        title: "Tea".into(),
        quantity: 3,
    }]
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

fn fulfilment_order() -> Vec<FulfilmentOrderEvent> {
    let id = || "o-F1".to_owned();
    vec![
        FulfilmentOrderOpened {
            fulfilment_order_id: id(),
            order_id: "o".into(),
            site_id: "north".into(),
            lines: units(),
            channel: "shopify".into(),
            channel_order_number: "1001".into(),
            delivery_method: "SHIP".into(),
            contact: sealed("contact"),
            address: sealed("address"),
            region: region(),
            gift_wrap: true,
            gift_message: sealed("message"),
            packaging: "eco".into(),
            collect_on_delivery: Some(Money {
                currency_code: "GBP".into(),
                minor_units: 1_250,
            }),
        }
        .into(),
        PickingStarted {
            fulfilment_order_id: id(),
            worker: "wang".into(),
        }
        .into(),
        LinePicked {
            fulfilment_order_id: id(),
            line_id: "1".into(),
            sku: "TEA-1".into(),
            quantity: 2,
            barcode: "4006381333931".into(),
        }
        .into(),
        LineShortPicked {
            fulfilment_order_id: id(),
            order_id: "o".into(),
            site_id: "north".into(),
            line_id: "1".into(),
            sku: "TEA-1".into(),
            missing: 1,
            reason: ShortPickReason::Damaged.into(),
        }
        .into(),
        LineChecked {
            fulfilment_order_id: id(),
            line_id: "1".into(),
            passed: 1,
            failed: 1,
            reason: "TORN".into(),
            order_id: "o".into(),
            site_id: "north".into(),
            sku: "TEA-1".into(),
        }
        .into(),
        ParcelPacked {
            fulfilment_order_id: id(),
            parcel_id: "o-F1-P1".into(),
            lines: units(),
            weight_grams: 900,
            carton: "M".into(),
            check_skipped: true,
        }
        .into(),
        ParcelDispatched {
            fulfilment_order_id: id(),
            order_id: "o".into(),
            site_id: "north".into(),
            parcel_id: "o-F1-P1".into(),
            carrier: "Swift".into(),
            tracking_number: "S1".into(),
            lines: units(),
        }
        .into(),
        FulfilmentOrderClosed {
            fulfilment_order_id: id(),
            order_id: "o".into(),
        }
        .into(),
        FulfilmentOrderCancelled {
            fulfilment_order_id: id(),
            order_id: "o".into(),
            cause: "CUSTOMER".into(),
            lines: units(),
        }
        .into(),
        FulfilmentAddressChanged {
            fulfilment_order_id: id(),
            contact: sealed("contact"),
            address: sealed("address"),
            region: region(),
        }
        .into(),
    ]
}

fn parcel() -> Vec<ParcelEvent> {
    let id = || "o-F1-P1".to_owned();
    vec![
        ParcelHandedOver {
            parcel_id: id(),
            fulfilment_order_id: "o-F1".into(),
            order_id: "o".into(),
            site_id: "north".into(),
            carrier: "Swift".into(),
            tracking_number: "S1".into(),
            lines: units(),
        }
        .into(),
        TrackingNumberAssigned {
            parcel_id: id(),
            fulfilment_order_id: "o-F1".into(),
            order_id: "o".into(),
            carrier: "Swift".into(),
            tracking_number: "S2".into(),
        }
        .into(),
        TrackingRecorded {
            parcel_id: id(),
            status: TrackingStatus::OutForDelivery.into(),
            description: "on the van".into(),
            place: "Leeds".into(),
            occurred_at: noon(),
            scan_id: "s-1".into(),
        }
        .into(),
        ParcelDelivered {
            parcel_id: id(),
            order_id: "o".into(),
            fulfilment_order_id: "o-F1".into(),
            lines: units(),
            delivered_at: noon(),
        }
        .into(),
    ]
}
