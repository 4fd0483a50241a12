//! What `verify` checks beside log and read models: the money and the goods of every purchase and case.

use std::collections::HashMap;

use ordo_event_log::{Aggregate, CodecError, EventLog, ReadError, RecordedEvent, TenantId};
use ordo_rpc::CheckOutcome;
use ordo_runtime::Host;

use crate::{case::Case, desk::invariants, purchase::Purchase};

const PURCHASES: &str = "aftersales.purchases";
const CASES: &str = "aftersales.cases";
/// Events read at once.
const BATCH: u32 = 1_000;

/// Adds the checks: nothing claimed above delivered nor promised above captured, nothing received above approved nor
/// refunded above what came back is worth.
pub fn add(host: &mut Host) {
    let log = host.log();
    host.check(PURCHASES, move || {
        let log = log.clone();
        async move { vec![check::<Purchase>(&log, PURCHASES, invariants::of_purchase).await] }
    });
    let log = host.log();
    host.check(CASES, move || {
        let log = log.clone();
        async move { vec![check::<Case>(&log, CASES, invariants::of_case).await] }
    });
}

/// Why the check could not be run.
#[derive(Debug, thiserror::Error)]
enum CheckError {
    #[error("the log cannot be read")]
    Read(#[from] ReadError),
    #[error("an event cannot be read")]
    Codec(#[from] CodecError),
}

async fn check<A: Aggregate>(
    log: &EventLog,
    name: &'static str,
    fault: fn(&A::State) -> Option<String>,
) -> CheckOutcome {
    let mut examined = 0;
    for partition in 0..log.partitions() {
        let states = match fold::<A>(log, partition).await {
            Ok(states) => states,
            Err(error) => return CheckOutcome::could_not_run(name, &error),
        };
        examined += states.len() as u64;
        for ((tenant, id), state) in &states {
            if let Some(fault) = fault(state) {
                let text = format!("{tenant}/{}/{id}: {fault}", A::NAME);
                return CheckOutcome::differs(name, examined, text);
            }
        }
    }
    CheckOutcome::holds(name, examined)
}

type States<S> = HashMap<(TenantId, String), S>;

/// Every stream of `A` in `partition`, folded from the log itself.
async fn fold<A: Aggregate>(
    log: &EventLog,
    partition: u32,
) -> Result<States<A::State>, CheckError> {
    let mut states: States<A::State> = HashMap::new();
    let mut after = 0;
    loop {
        let events = log.read(partition, after, BATCH).await?;
        let Some(last) = events.last() else {
            return Ok(states);
        };
        after = last.position;
        for event in events
            .iter()
            .filter(|event| &*event.stream.aggregate == A::NAME)
        {
            apply::<A>(&mut states, event)?;
        }
    }
}

fn apply<A: Aggregate>(
    states: &mut States<A::State>,
    recorded: &RecordedEvent,
) -> Result<(), CodecError> {
    let event = A::decode(&recorded.type_name, &recorded.payload)?;
    let key = (recorded.tenant.clone(), recorded.stream.id.to_string());
    let state = states.remove(&key).unwrap_or_default();
    states.insert(key, A::evolve(state, &event));
    Ok(())
}
