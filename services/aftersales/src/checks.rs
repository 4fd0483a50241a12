//! What `verify` checks beside log and read models: the money and the goods of every purchase and case.

use futures::StreamExt as _;
use ordo_event_log::{Aggregate, CodecError, EventLog, ReadError, RecordedEvent, TenantId};
use ordo_rpc::CheckOutcome;
use ordo_runtime::Host;

use crate::{case::Case, desk::invariants, purchase::Purchase};

const PURCHASES: &str = "aftersales.purchases";
const CASES: &str = "aftersales.cases";
/// Events read at once.
const BATCH: u32 = 1_000;
/// Streams folded at once.
const AT_ONCE: usize = 8;

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
        match walk::<A>(log, partition, fault, &mut examined).await {
            Ok(None) => {}
            Ok(Some(difference)) => return CheckOutcome::differs(name, examined, difference),
            Err(error) => return CheckOutcome::could_not_run(name, &error),
        }
    }
    CheckOutcome::holds(name, examined)
}

/// The first fault of a stream of `A` in `partition`. A stream's first event stands in the log once: there the stream is read
/// and folded by itself, so that a few purchases or cases are in memory, however many there are.
async fn walk<A: Aggregate>(
    log: &EventLog,
    partition: u32,
    fault: fn(&A::State) -> Option<String>,
    examined: &mut u64,
) -> Result<Option<String>, CheckError> {
    let mut after = 0;
    loop {
        let events = log.read(partition, after, BATCH).await?;
        let Some(last) = events.last() else {
            return Ok(None);
        };
        after = last.position;
        let first = |event: &RecordedEvent| {
            &*event.stream.aggregate == A::NAME && event.stream_version == 1
        };
        let folding = events
            .into_iter()
            .filter(first)
            .map(|event| fold::<A>(log.clone(), partition, event));
        let mut folded = futures::stream::iter(folding).buffered(AT_ONCE);
        while let Some(state) = folded.next().await {
            let (tenant, id, state) = state?;
            *examined += 1;
            if let Some(fault) = fault(&state) {
                return Ok(Some(format!("{tenant}/{}/{id}: {fault}", A::NAME)));
            }
        }
    }
}

/// Tenant and id of the stream that begins with `first`, and its state, folded from the log itself.
async fn fold<A: Aggregate>(
    log: EventLog,
    partition: u32,
    first: RecordedEvent,
) -> Result<(TenantId, String, A::State), CheckError> {
    let RecordedEvent { tenant, stream, .. } = first;
    let mut state = A::State::default();
    let mut version = 0;
    loop {
        let events = log
            .read_stream(partition, &tenant, &stream, version, BATCH)
            .await?;
        for recorded in &events {
            let event = A::decode(&recorded.type_name, &recorded.payload)?;
            state = A::evolve(state, &event);
            version = recorded.stream_version;
        }
        if events.len() < BATCH as usize {
            return Ok((tenant, stream.id.to_string(), state));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::convert::Infallible;

    use ordo_event_log::{Command, EventLogConfig, Halt, TenantId};
    use ordo_proto::{
        aftersales::{PurchasePaymentRecorded, PurchaseRefundGranted},
        types::Money,
    };

    use super::*;
    use crate::purchase::PurchaseEvent;

    fn gbp(minor_units: i64) -> Option<Money> {
        Some(Money {
            currency_code: "GBP".to_owned(),
            minor_units,
        })
    }

    fn paid() -> PurchaseEvent {
        PurchasePaymentRecorded {
            payment_id: "p1".to_owned(),
            amount: gbp(500),
        }
        .into()
    }

    fn granted(refund: u32, minor_units: i64) -> PurchaseEvent {
        PurchaseRefundGranted {
            refund_id: format!("C1-R{refund}"),
            amount: gbp(minor_units),
            ..PurchaseRefundGranted::default()
        }
        .into()
    }

    async fn write(log: &EventLog, orders: std::ops::Range<u32>, event: PurchaseEvent) {
        let command = Command::new(TenantId::new("shop-1").unwrap(), 0);
        let written = log.execute(command, move |unit| -> Result<(), Halt<Infallible>> {
            for order in orders.clone() {
                unit.emit::<Purchase>(&format!("o{order}"), vec![event.clone()])?;
            }
            Ok(())
        });
        written.await.unwrap();
    }

    /// Streams whose events stand among each other's in the log, over several of its pages.
    #[tokio::test]
    async fn every_purchase_is_examined_by_itself_and_the_one_that_is_wrong_is_named() {
        let store = ordo_testkit::sqlite().unwrap();
        let log = EventLog::open(EventLogConfig::new("aftersales", store.store_url()))
            .await
            .unwrap();
        let purchases = BATCH / 2 + 100;
        for event in [paid(), granted(1, 500)] {
            for first in (0..purchases).step_by(100) {
                write(&log, first..first + 100, event.clone()).await;
            }
        }
        let outcome = check::<Purchase>(&log, PURCHASES, invariants::of_purchase).await;
        assert_eq!(outcome, CheckOutcome::holds(PURCHASES, purchases.into()));
        write(&log, 7..8, granted(2, 1)).await;
        let outcome = check::<Purchase>(&log, PURCHASES, invariants::of_purchase).await;
        let expected = "shop-1/purchase/o7: 501 minor units granted or refunded, 500 captured";
        assert_eq!(outcome.difference.as_deref(), Some(expected));
        assert_eq!(outcome.examined, 8);
    }
}
