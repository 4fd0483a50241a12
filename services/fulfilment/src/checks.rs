//! What an operator's `verify` proves about the log.

use std::collections::HashMap;

use ordo_decider::Decider as _;
use ordo_event_log::{Aggregate as _, CodecError, EventLog, ReadError, TenantId};
use ordo_proto::fulfilment::WorkLine;
use ordo_rpc::CheckOutcome;

use crate::fulfilment_order::{FulfilmentOrder, FulfilmentOrderEvent, FulfilmentOrderState};

/// Name of the check.
pub const QUANTITIES: &str = "fulfilment.quantities";

/// Events read at a time.
const BATCH: u32 = 1_000;

/// Replays every fulfilment order: no step ever has more units than the step before it, and when the work ends each unit that
/// was asked for has left, was missing, or was cancelled. Memory is bounded by the work that is open at one time.
pub async fn quantities(log: &EventLog) -> CheckOutcome {
    let mut examined = 0;
    for partition in 0..log.partitions() {
        match replay(log, partition, &mut examined).await {
            Ok(None) => {}
            Ok(Some(difference)) => return CheckOutcome::differs(QUANTITIES, examined, difference),
            Err(error) => return CheckOutcome::could_not_run(QUANTITIES, &error),
        }
    }
    CheckOutcome::holds(QUANTITIES, examined)
}

async fn replay(
    log: &EventLog,
    partition: u32,
    examined: &mut u64,
) -> Result<Option<String>, ReadError> {
    let mut open: HashMap<(TenantId, String), FulfilmentOrderState> = HashMap::new();
    let mut after = 0;
    loop {
        let events = log.read(partition, after, BATCH).await?;
        let Some(last) = events.last() else {
            return Ok(None);
        };
        after = last.position;
        for recorded in events
            .iter()
            .filter(|event| &*event.stream.aggregate == FulfilmentOrder::NAME)
        {
            let event = match FulfilmentOrder::decode(&recorded.type_name, &recorded.payload) {
                Ok(event) => event,
                Err(CodecError::UnknownType(_)) => continue,
                Err(error) => return Err(error.into()),
            };
            let key = (recorded.tenant.clone(), recorded.stream.id.to_string());
            let before = open.remove(&key).unwrap_or_default();
            let fault = unaccounted(&before, &event);
            let after = FulfilmentOrder::evolve(before, &event);
            if let Some(fault) = fault.or_else(|| unsound(&after)) {
                return Ok(Some(format!(
                    "partition {partition}, position {}: {}: {fault}",
                    recorded.position, recorded.stream.id
                )));
            }
            if after.work().is_ok() {
                open.insert(key, after);
            }
            *examined += 1;
        }
    }
}

/// What is wrong with the way the work ends.
fn unaccounted(before: &FulfilmentOrderState, event: &FulfilmentOrderEvent) -> Option<String> {
    let remaining = sum(&before.work().ok()?.remaining());
    let accounted = match event {
        FulfilmentOrderEvent::Closed(_) => 0,
        FulfilmentOrderEvent::Cancelled(cancelled) => sum(&cancelled.lines),
        _ => return None,
    };
    (remaining != accounted)
        .then(|| format!("it ends with {remaining} units open and {accounted} accounted for"))
}

fn unsound(state: &FulfilmentOrderState) -> Option<String> {
    let lines = &state.work().ok()?.lines;
    let line = lines.iter().find(|line| !line.quantities.are_sound())?;
    Some(format!(
        "line {} counts {:?}",
        line.line_id, line.quantities
    ))
}

fn sum(lines: &[WorkLine]) -> i64 {
    lines.iter().map(|line| line.quantity).sum()
}
