//! The desk's commands inside the order's partition: both streams are read and written in one step.

use ordo_event_log::{Aggregate, Halt, Unit};

use crate::{
    case::{Case, CaseState},
    desk::{self, Decision, DeskCommand, DeskError, Opening},
    ids::CaseId,
    purchase::{Purchase, PurchaseCommand, PurchaseError, PurchaseState},
};

/// Opens the order's next case and answers its id.
pub fn open(unit: &mut Unit<'_>, opening: &Opening) -> Result<(CaseId, Decision), Halt<DeskError>> {
    let order_id = &opening.order_id;
    let purchase = unit.state::<Purchase>(order_id)?.clone();
    let case_id = CaseId::new(order_id, purchase.cases().saturating_add(1));
    let command = DeskCommand::Open(Opening {
        case_id: case_id.to_string(),
        ..opening.clone()
    });
    let decision = record(unit, &case_id, &purchase, &CaseState::Unopened, command)?;
    Ok((case_id, decision))
}

/// Decides `command` on a case and its purchase.
pub fn on_case(
    unit: &mut Unit<'_>,
    case_id: &CaseId,
    command: DeskCommand,
) -> Result<Decision, Halt<DeskError>> {
    let purchase = unit.state::<Purchase>(case_id.order_id())?.clone();
    let case = unit.state::<Case>(&case_id.to_string())?.clone();
    record(unit, case_id, &purchase, &case, command)
}

/// Records one of intake's facts on a purchase.
pub fn on_purchase(
    unit: &mut Unit<'_>,
    order_id: &str,
    command: PurchaseCommand,
) -> Result<(), Halt<PurchaseError>> {
    unit.decide::<Purchase>(order_id, command)?;
    Ok(())
}

fn record(
    unit: &mut Unit<'_>,
    case_id: &CaseId,
    purchase: &PurchaseState,
    case: &CaseState,
    command: DeskCommand,
) -> Result<Decision, Halt<DeskError>> {
    let mut decision = desk::decide(purchase, case, command).map_err(Halt::Refuse)?;
    emit::<Purchase>(
        unit,
        case_id.order_id(),
        std::mem::take(&mut decision.purchase_events),
    )?;
    emit::<Case>(
        unit,
        &case_id.to_string(),
        std::mem::take(&mut decision.case_events),
    )?;
    Ok(decision)
}

fn emit<A: Aggregate>(
    unit: &mut Unit<'_>,
    id: &str,
    events: Vec<A::Event>,
) -> Result<(), Halt<DeskError>> {
    if !events.is_empty() {
        unit.emit::<A>(id, events)?;
    }
    Ok(())
}
