use ordo_proto::fulfilment::FulfilmentOrderStatus;

use super::*;
use crate::fulfilment_order::{CheckPolicy, FulfilmentOrderError, ParcelContents};

fn pack(check: CheckPolicy, parcels: impl Into<Vec<ParcelContents>>) -> FulfilmentOrderCommand {
    FulfilmentOrderCommand::Pack {
        check,
        parcels: parcels.into(),
    }
}

fn parcel(lines: &[(&str, i64)]) -> ParcelContents {
    ParcelContents {
        lines: lines
            .iter()
            .map(|(line, units)| ((*line).to_owned(), *units))
            .collect(),
        ..ParcelContents::default()
    }
}

fn all_checked() -> Vec<FulfilmentOrderEvent> {
    let mut events = all_picked();
    events.extend([checked("1", 3, 0), checked("2", 1, 0)]);
    events
}

#[test]
fn without_parcels_everything_goes_in_one() {
    let outcome = given(all_checked())
        .when(pack(CheckPolicy::Required, []))
        .then([packed(1, [units("1", 3), units("2", 1)])]);
    assert_eq!(outcome.state.status(), FulfilmentOrderStatus::Packed);
}

#[test]
fn the_only_parcel_may_leave_its_contents_out_and_still_have_a_weight() {
    let weighed = ParcelContents {
        weight_grams: 900,
        carton: "M".into(),
        ..ParcelContents::default()
    };
    given(all_checked())
        .when(pack(CheckPolicy::Optional, [weighed]))
        .then([ParcelPacked {
            fulfilment_order_id: ID.into(),
            parcel_id: format!("{ID}-P1"),
            lines: vec![units("1", 3), units("2", 1)],
            weight_grams: 900,
            carton: "M".into(),
            check_skipped: false,
        }
        .into()]);
}

#[test]
fn one_order_may_need_several_parcels() {
    given(all_checked())
        .when(pack(
            CheckPolicy::Required,
            [parcel(&[("1", 2)]), parcel(&[("1", 1), ("2", 1)])],
        ))
        .then([
            packed(1, [units("1", 2)]),
            packed(2, [units("1", 1), units("2", 1)]),
        ]);
}

#[test]
fn parcels_packed_later_are_numbered_on() {
    let mut events = all_checked();
    events.push(packed(1, [units("1", 2)]));
    given(events)
        .when(pack(CheckPolicy::Required, []))
        .then([packed(2, [units("1", 1), units("2", 1)])]);
}

#[test]
fn a_parcel_says_when_its_check_was_skipped() {
    let mut events = all_picked();
    events.push(checked("1", 3, 0));
    given(events)
        .when(pack(
            CheckPolicy::Optional,
            [parcel(&[("1", 3)]), parcel(&[("2", 1)])],
        ))
        .then([
            packed(1, [units("1", 3)]),
            packed_unchecked(2, [units("2", 1)]),
        ]);
}

#[test]
fn a_required_check_cannot_be_skipped() {
    let not_checked = |line_id: &str, unchecked| FulfilmentOrderError::NotChecked {
        line_id: line_id.into(),
        unchecked,
    };
    given(all_picked())
        .when(pack(CheckPolicy::Required, []))
        .then_error(not_checked("1", 3));
    let mut events = all_picked();
    events.push(checked("1", 2, 0));
    given(events)
        .when(pack(CheckPolicy::Required, [parcel(&[("1", 3)])]))
        .then_error(not_checked("1", 1));
}

#[test]
fn with_a_required_check_everything_means_everything_checked() {
    let mut events = all_picked();
    events.push(checked("1", 2, 0));
    given(events)
        .when(pack(CheckPolicy::Required, []))
        .then([packed(1, [units("1", 2)])]);
}

#[test]
fn no_more_is_packed_than_was_picked_over_all_parcels_of_the_command() {
    given(all_checked())
        .when(pack(
            CheckPolicy::Required,
            [parcel(&[("1", 2)]), parcel(&[("1", 2)])],
        ))
        .then_error(FulfilmentOrderError::TooManyPacked {
            line_id: "1".into(),
            wanted: 2,
            picked: 1,
        });
}

#[test]
fn without_picked_units_there_is_nothing_to_pack() {
    given([opened()])
        .when(pack(CheckPolicy::Optional, []))
        .then_error(FulfilmentOrderError::NothingToPack);
    given(two_parcels())
        .when(pack(CheckPolicy::Optional, []))
        .then_error(FulfilmentOrderError::NothingToPack);
}

#[test]
fn a_parcel_among_several_needs_contents() {
    given(all_checked())
        .when(pack(
            CheckPolicy::Required,
            [parcel(&[("1", 1)]), parcel(&[])],
        ))
        .then_error(FulfilmentOrderError::EmptyParcel);
}

#[test]
fn contents_must_be_lines_of_the_order_and_count_something() {
    given(all_checked())
        .when(pack(CheckPolicy::Required, [parcel(&[("9", 1)])]))
        .then_error(FulfilmentOrderError::UnknownLine {
            line_id: "9".into(),
        });
    given(all_checked())
        .when(pack(CheckPolicy::Required, [parcel(&[("1", 0)])]))
        .then_error(FulfilmentOrderError::BadQuantity {
            line_id: "1".into(),
        });
}
