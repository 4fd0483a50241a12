use ordo_proto::fulfilment::FulfilmentOrderStatus;

use super::*;
use crate::fulfilment_order::FulfilmentOrderError;

fn open(instruction: FulfilmentOrderOpened) -> FulfilmentOrderCommand {
    FulfilmentOrderCommand::Open(Box::new(instruction))
}

fn faulty(detail: &str) -> FulfilmentOrderError {
    FulfilmentOrderError::FaultyInstruction {
        detail: detail.into(),
    }
}

#[test]
fn an_instruction_opens_a_fulfilment_order() {
    let outcome = given([])
        .when(open(instruction([units("1", 3), units("2", 1)])))
        .then([opened()]);
    assert_eq!(outcome.state.status(), FulfilmentOrderStatus::Open);
}

#[test]
fn the_same_instruction_again_changes_nothing() {
    let again = || open(instruction([units("1", 3), units("2", 1)]));
    given([opened()]).when(again()).then_nothing();
    given(all_picked()).when(again()).then_nothing();
}

#[test]
fn another_instruction_under_the_same_id_is_refused() {
    given([opened()])
        .when(open(instruction([units("1", 2), units("2", 1)])))
        .then_error(FulfilmentOrderError::AlreadyOpened);
    given([
        opened(),
        started("wang"),
        short("1", 3),
        short("2", 1),
        closed(),
    ])
    .when(open(instruction([units("1", 3), units("2", 1)])))
    .then_error(FulfilmentOrderError::AlreadyOpened);
}

#[test]
fn an_instruction_that_nobody_can_carry_out_is_refused() {
    let no_site = FulfilmentOrderOpened {
        site_id: String::new(),
        ..instruction([units("1", 1)])
    };
    let no_sku = WorkLine {
        sku: String::new(),
        ..units("1", 1)
    };
    given([])
        .when(open(no_site))
        .then_error(faulty("it names no site"));
    given([])
        .when(open(instruction([])))
        .then_error(faulty("it has no lines"));
    given([])
        .when(open(instruction([units("1", 1), units("1", 1)])))
        .then_error(faulty("line `1` is there twice"));
    given([])
        .when(open(instruction([no_sku])))
        .then_error(faulty("line `1` names no SKU"));
    given([])
        .when(open(instruction([units("1", 0)])))
        .then_error(faulty("line `1` wants 0 units"));
}

#[test]
fn nothing_can_be_done_with_an_unknown_fulfilment_order() {
    let commands = [
        start("wang"),
        record(pick("1", 1)),
        FulfilmentOrderCommand::RecordCheck { lines: vec![] },
        FulfilmentOrderCommand::Pack {
            check: Default::default(),
            parcels: vec![],
        },
        dispatch([]),
        FulfilmentOrderCommand::ChangeAddress(Default::default()),
        cancel(),
    ];
    for command in commands {
        given([])
            .when(command)
            .then_error(FulfilmentOrderError::NotFound);
    }
}
