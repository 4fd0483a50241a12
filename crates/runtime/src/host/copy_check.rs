//! The check that the broker's copy is the log.

use std::time::{Duration, Instant};

use ordo_bus::{Bus, verify_copy};
use ordo_event_log::EventLog;
use ordo_rpc::{CheckOutcome, Checks};

const NAME: &str = "broker.copy";
/// How long the relay may take to heal a copy that was lost or damaged a moment ago. What differs longer than that is a fault.
const HEALING: Duration = Duration::from_secs(20);
/// How long a broker that is away is waited for. Nothing is known about the copy then.
const BROKER_AWAY: Duration = Duration::from_secs(5);
/// Pause between two looks at a copy that is being healed.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Adds the check to those that operators run.
pub(super) fn add(checks: &mut Checks, bus: &Bus, log: &EventLog) {
    let (bus, log) = (bus.clone(), log.clone());
    checks.add(NAME, move || {
        let (bus, log) = (bus.clone(), log.clone());
        async move { vec![healed(&bus, &log).await] }
    });
}

/// The verdict once the copy is whole, or after the time that healing, or the broker's return, may take.
async fn healed(bus: &Bus, log: &EventLog) -> CheckOutcome {
    let began = Instant::now();
    loop {
        let outcome = compare(bus, log).await;
        let Some(difference) = &outcome.difference else {
            return outcome;
        };
        let patience = if bus.is_connected() {
            HEALING
        } else {
            BROKER_AWAY
        };
        if began.elapsed() > patience {
            let waited = format!("{difference} (waited {} s)", began.elapsed().as_secs());
            return CheckOutcome {
                difference: Some(waited),
                ..outcome
            };
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Compares every partition; a copy that lacks what the log held at the beginning has not caught up.
async fn compare(bus: &Bus, log: &EventLog) -> CheckOutcome {
    let mut examined = 0;
    for partition in 0..log.partitions() {
        let head = match log.read_head(partition).await {
            Ok(head) => head.position,
            Err(error) => return CheckOutcome::could_not_run(NAME, &error),
        };
        let report = match verify_copy(bus, log, partition).await {
            Ok(report) => report,
            Err(error) => return CheckOutcome::could_not_run(NAME, &error),
        };
        examined += report.compared;
        let text = match report.difference {
            Some(difference) => Some(format!(
                "partition {partition}, position {}: {}",
                difference.position, difference.detail
            )),
            None if report.last < head => Some(format!(
                "partition {partition}: the copy ends at {}, the log at {head}",
                report.last
            )),
            None => None,
        };
        if let Some(text) = text {
            return CheckOutcome::differs(NAME, examined, text);
        }
    }
    CheckOutcome::holds(NAME, examined)
}
