use ordo_proto::fulfilment::FulfilmentOrderStatus;

use super::*;
use crate::fulfilment_order::{FulfilmentOrderError, Scan};

fn take_over(worker: &str) -> FulfilmentOrderCommand {
    FulfilmentOrderCommand::StartPicking {
        worker: worker.into(),
        take_over: true,
    }
}

fn missing(line_id: &str, missing: i64) -> Pick {
    Pick {
        missing,
        reason: ShortPickReason::NotInStock,
        ..pick(line_id, 0)
    }
}

fn scanned(barcode: &str, skus: &[&str]) -> Pick {
    Pick {
        scan: Some(Scan {
            barcode: barcode.into(),
            skus: skus.iter().map(|sku| (*sku).to_owned()).collect(),
        }),
        ..pick("1", 1)
    }
}

fn picked_by_scan(barcode: &str) -> FulfilmentOrderEvent {
    LinePicked {
        fulfilment_order_id: ID.into(),
        line_id: "1".into(),
        sku: "SKU-1".into(),
        quantity: 1,
        barcode: barcode.into(),
    }
    .into()
}

#[test]
fn a_worker_starts_picking() {
    let outcome = given([opened()])
        .when(start("wang"))
        .then([started("wang")]);
    assert_eq!(outcome.state.status(), FulfilmentOrderStatus::Picking);
}

#[test]
fn starting_twice_changes_nothing() {
    given([opened(), started("wang")])
        .when(start("wang"))
        .then_nothing();
}

#[test]
fn a_second_worker_must_say_that_they_take_over() {
    given([opened(), started("wang")])
        .when(start("chen"))
        .then_error(FulfilmentOrderError::BeingPicked {
            worker: "wang".into(),
        });
    let outcome = given([opened(), started("wang")])
        .when(take_over("chen"))
        .then([started("chen")]);
    assert_eq!(outcome.state.work().unwrap().worker, "chen");
}

#[test]
fn the_first_pick_starts_picking() {
    given([opened()])
        .when(record(pick("1", 2)))
        .then([started("wang"), picked("1", 2)]);
}

#[test]
fn picking_ends_when_every_unit_is_picked_or_missing() {
    let outcome = given([opened(), started("wang"), picked("1", 3)])
        .when(record(pick("2", 1)))
        .then([picked("2", 1)]);
    assert_eq!(outcome.state.status(), FulfilmentOrderStatus::Picked);

    let outcome = given([opened(), started("wang"), picked("1", 3)])
        .when(record(missing("2", 1)))
        .then([short("2", 1)]);
    assert_eq!(outcome.state.status(), FulfilmentOrderStatus::Picked);
}

#[test]
fn some_units_may_be_picked_and_others_missing_in_one_report() {
    let some = Pick {
        quantity: 2,
        ..missing("1", 1)
    };
    given([opened(), started("wang")])
        .when(record(some))
        .then([picked("1", 2), short("1", 1)]);
}

#[test]
fn a_fulfilment_order_of_which_nothing_is_found_closes() {
    let outcome = given([opened(), started("wang"), short("1", 3)])
        .when(record(missing("2", 1)))
        .then([short("2", 1), closed()]);
    assert_eq!(outcome.state.status(), FulfilmentOrderStatus::Cancelled);
}

#[test]
fn it_closes_when_the_rest_is_missing_after_a_part_has_left() {
    let events = [
        opened(),
        started("wang"),
        picked("1", 3),
        packed_unchecked(1, [units("1", 3)]),
        dispatched(1, [units("1", 3)]),
    ];
    let outcome = given(events)
        .when(record(missing("2", 1)))
        .then([short("2", 1), closed()]);
    assert_eq!(outcome.state.status(), FulfilmentOrderStatus::Dispatched);
}

#[test]
fn no_more_is_picked_than_is_wanted() {
    let too_many = |reported, wanted| FulfilmentOrderError::TooManyPicked {
        line_id: "1".into(),
        reported,
        wanted,
    };
    given([opened()])
        .when(record(pick("1", 4)))
        .then_error(too_many(4, 3));
    given([opened(), started("wang"), picked("1", 2), short("1", 1)])
        .when(record(pick("1", 1)))
        .then_error(too_many(1, 0));
    given([opened()])
        .when(record(Pick {
            quantity: i64::MAX,
            ..missing("1", i64::MAX)
        }))
        .then_error(too_many(i64::MAX, 3));
}

#[test]
fn a_report_must_count_something() {
    let bad = || FulfilmentOrderError::BadQuantity {
        line_id: "1".into(),
    };
    given([opened()])
        .when(record(pick("1", 0)))
        .then_error(bad());
    given([opened()])
        .when(record(pick("1", -1)))
        .then_error(bad());
    given([opened()])
        .when(record(missing("1", -1)))
        .then_error(bad());
}

#[test]
fn an_unknown_line_is_refused() {
    given([opened()])
        .when(record(pick("9", 1)))
        .then_error(FulfilmentOrderError::UnknownLine {
            line_id: "9".into(),
        });
}

#[test]
fn missing_units_need_a_reason() {
    let unexplained = Pick {
        reason: ShortPickReason::Unspecified,
        ..missing("1", 1)
    };
    given([opened()]).when(record(unexplained)).then_error(
        FulfilmentOrderError::ShortReasonMissing {
            line_id: "1".into(),
        },
    );
}

#[test]
fn a_scan_may_be_the_code_of_the_sku_or_one_of_its_barcodes() {
    given([opened(), started("wang")])
        .when(record(scanned("SKU-1", &[])))
        .then([picked_by_scan("SKU-1")]);
    given([opened(), started("wang")])
        .when(record(scanned("4006381333931", &["SKU-7", "SKU-1"])))
        .then([picked_by_scan("4006381333931")]);
}

#[test]
fn the_scan_of_another_item_is_refused_and_named() {
    let wrong = |belongs_to: &[&str]| FulfilmentOrderError::WrongItem {
        line_id: "1".into(),
        sku: "SKU-1".into(),
        barcode: "4006381333931".into(),
        belongs_to: belongs_to.iter().map(|sku| (*sku).to_owned()).collect(),
    };
    given([opened()])
        .when(record(scanned("4006381333931", &["SKU-7"])))
        .then_error(wrong(&["SKU-7"]));
    given([opened()])
        .when(record(scanned("4006381333931", &[])))
        .then_error(wrong(&[]));
    assert_eq!(
        wrong(&["SKU-7"]).to_string(),
        "`4006381333931` is not SKU-1, it is SKU-7"
    );
}

#[test]
fn units_that_failed_the_check_are_picked_again() {
    let mut events = all_picked();
    events.push(checked("1", 2, 1));
    let outcome = given(events)
        .when(record(pick("1", 1)))
        .then([picked("1", 1)]);
    assert_eq!(outcome.state.status(), FulfilmentOrderStatus::Picked);
}
