//! Whatever is asked in whatever order, no unit is counted at a step before it passed the one before.

use ordo_decider::Decider;
use proptest::prelude::*;

use super::*;
use crate::fulfilment_order::{
    CheckPolicy, CheckedLine, FulfilmentOrderState, ParcelContents, Quantities,
};

fn any_line() -> impl Strategy<Value = String> {
    prop_oneof![8 => Just("1".to_owned()), 8 => Just("2".to_owned()), 1 => Just("9".to_owned())]
}

fn any_units() -> impl Strategy<Value = i64> {
    prop_oneof![20 => 0..4_i64, 1 => Just(-1), 1 => Just(i64::MAX), 1 => Just(i64::MIN)]
}

fn any_command() -> impl Strategy<Value = FulfilmentOrderCommand> {
    let pick = (any_line(), any_units(), any_units()).prop_map(|(line_id, quantity, missing)| {
        record(Pick {
            line_id,
            quantity,
            missing: missing / 2,
            reason: ShortPickReason::Mismatch,
            ..Pick::default()
        })
    });
    let checked =
        (any_line(), any_units(), any_units()).prop_map(|(line_id, passed, failed)| CheckedLine {
            line_id,
            passed,
            failed,
            reason: "TORN".into(),
        });
    let check = prop::collection::vec(checked, 0..3)
        .prop_map(|lines| FulfilmentOrderCommand::RecordCheck { lines });
    let parcel =
        prop::collection::vec((any_line(), any_units()), 0..3).prop_map(|lines| ParcelContents {
            lines,
            ..ParcelContents::default()
        });
    let policy = prop_oneof![Just(CheckPolicy::Optional), Just(CheckPolicy::Required)];
    let pack = (policy, prop::collection::vec(parcel, 0..3))
        .prop_map(|(check, parcels)| FulfilmentOrderCommand::Pack { check, parcels });
    let parcels = prop_oneof![Just(vec![]), Just(vec!["P1"]), Just(vec!["P2", "P1"])];
    prop_oneof![
        8 => pick,
        4 => check,
        4 => pack,
        3 => parcels.prop_map(dispatch),
        1 => Just(start("chen")),
        1 => prop::bool::weighted(0.2).prop_map(|stop| if stop { cancel() } else { start("wang") }),
    ]
}

proptest! {
    #[test]
    fn any_sequence_of_commands_keeps_the_quantities_sound(
        commands in prop::collection::vec(any_command(), 1..60),
    ) {
        let mut events = vec![opened()];
        let mut state = FulfilmentOrder::fold(&events);
        for command in commands {
            let Ok(decided) = FulfilmentOrder::decide(&state, command) else { continue };
            state = decided.iter().fold(state, FulfilmentOrder::evolve);
            events.extend(decided);
            if let FulfilmentOrderState::Open(work) | FulfilmentOrderState::InProgress(work) = &state {
                for line in &work.lines {
                    prop_assert!(line.quantities.are_sound(), "{line:?} after {events:?}");
                }
            }
        }
        prop_assert_eq!(&state, &FulfilmentOrder::fold(&events), "stored events give the same state");
        every_unit_is_accounted_for(&events)?;
    }
}

/// Once it has ended: asked = missing + left + cancelled, each unit once.
fn every_unit_is_accounted_for(events: &[FulfilmentOrderEvent]) -> Result<(), TestCaseError> {
    let ended = events.iter().any(|event| {
        matches!(
            event,
            FulfilmentOrderEvent::Closed(_) | FulfilmentOrderEvent::Cancelled(_)
        )
    });
    let mut accounted = 0;
    for event in events {
        accounted += match event {
            FulfilmentOrderEvent::LineShortPicked(short) => short.missing,
            FulfilmentOrderEvent::ParcelDispatched(left) => {
                left.lines.iter().map(|l| l.quantity).sum()
            }
            FulfilmentOrderEvent::Cancelled(cancelled) => {
                cancelled.lines.iter().map(|l| l.quantity).sum()
            }
            _ => 0,
        };
    }
    let asked = Quantities::asked(4).wanted();
    prop_assert!(accounted <= asked, "{accounted} units accounted for");
    prop_assert!(
        !ended || accounted == asked,
        "ended with {accounted} of {asked} units"
    );
    Ok(())
}
