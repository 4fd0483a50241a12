//! What `verify` checks beside log and read models, over every order.

use std::collections::HashMap;

use ordo_decider::Decider as _;
use ordo_event_log::{Aggregate, CodecError, EventLog, ReadError, TenantId};
use ordo_rpc::CheckOutcome;
use ordo_runtime::Host;

use crate::order::{Body, Order, Phase};

/// Invariant 6: refunded ≤ captured, in all and per payment; what an ended order keeps is what is due.
pub const PAYMENTS: &str = "orders.payments";
/// Units add up: nothing shipped, reserved or cancelled beyond what was ordered.
pub const UNITS: &str = "orders.units";
/// Invariant 7: every order is at an end, or something or somebody is about to move it.
pub const LIVE: &str = "orders.live";

/// Events read at once.
const BATCH: u32 = 1_000;

/// Adds the checks.
pub fn add(host: &mut Host) {
    type Rule = fn(Phase, &Body) -> Option<String>;
    let rules: [(&'static str, Rule); 3] = [(PAYMENTS, payments), (UNITS, units), (LIVE, live)];
    for (name, rule) in rules {
        let log = host.log();
        host.check(name, move || {
            let log = log.clone();
            async move { vec![check(&log, name, rule).await] }
        });
    }
}

/// Why a check could not be run.
#[derive(Debug, thiserror::Error)]
enum CheckError {
    #[error("the log cannot be read")]
    Read(#[from] ReadError),
    #[error("an event cannot be read")]
    Codec(#[from] CodecError),
}

/// The first order that breaks `rule`, if any.
pub async fn check(
    log: &EventLog,
    name: &'static str,
    rule: fn(Phase, &Body) -> Option<String>,
) -> CheckOutcome {
    let mut examined = 0;
    for partition in 0..log.partitions() {
        let orders = match fold(log, partition).await {
            Ok(orders) => orders,
            Err(error) => return CheckOutcome::could_not_run(name, &error),
        };
        examined += orders.len() as u64;
        for ((tenant, order_id), order) in &orders {
            if let Some((phase, body)) = order.placed()
                && let Some(fault) = rule(phase, body)
            {
                let text = format!("{tenant}/order/{order_id}: {fault}");
                return CheckOutcome::differs(name, examined, text);
            }
        }
    }
    CheckOutcome::holds(name, examined)
}

/// Every order of a partition, folded from the log itself.
async fn fold(
    log: &EventLog,
    partition: u32,
) -> Result<HashMap<(TenantId, String), Order>, CheckError> {
    let mut orders: HashMap<(TenantId, String), Order> = HashMap::new();
    let mut after = 0;
    loop {
        let events = log.read(partition, after, BATCH).await?;
        let Some(last) = events.last() else {
            return Ok(orders);
        };
        after = last.position;
        for event in events
            .iter()
            .filter(|event| &*event.stream.aggregate == Order::NAME)
        {
            let decoded = Order::decode(&event.type_name, &event.payload)?;
            let order = orders
                .entry((event.tenant.clone(), event.stream.id.to_string()))
                .or_default();
            *order = Order::evolve(std::mem::take(order), &decoded);
        }
    }
}

/// See [`PAYMENTS`].
pub fn payments(phase: Phase, body: &Body) -> Option<String> {
    if let Some(payment) = body
        .payments
        .iter()
        .find(|payment| payment.refunded > payment.captured)
    {
        return Some(format!(
            "payment {} is refunded beyond what was captured",
            payment.id
        ));
    }
    let told: i64 = body.refunds.iter().map(|refund| refund.amount).sum();
    if told != body.refunded() {
        return Some(format!(
            "refunds add up to {told}, their parts to {}",
            body.refunded()
        ));
    }
    match phase {
        Phase::Cancelled | Phase::Rejected if body.paid() > 0 => Some(format!(
            "{} minor units of an order that ended are not paid back",
            body.paid()
        )),
        Phase::Completed if body.paid() > body.due().max(0) => Some(format!(
            "{} minor units are kept, {} are due",
            body.paid(),
            body.due()
        )),
        _ => None,
    }
}

/// See [`UNITS`].
pub fn units(phase: Phase, body: &Body) -> Option<String> {
    body.lines.iter().find_map(|line| {
        let q = body.quantities(line);
        let sound = q.cancelled + q.shipped + q.reserved <= q.ordered
            && (phase.ended() || q.released <= q.reserved)
            && q.delivered <= q.shipped
            && q.returned <= q.shipped
            && q.refunded <= q.ordered;
        (!sound).then(|| format!("line {}: {q:?}", line.line.line_id))
    })
}

/// See [`LIVE`].
pub fn live(phase: Phase, body: &Body) -> Option<String> {
    let moves = match phase {
        Phase::Completed | Phase::Cancelled | Phase::Rejected => true,
        // Nothing was done for it: a hold says why, and whom it waits for.
        Phase::Received => !body.holds.is_empty(),
        Phase::Open => {
            let with_inventory = body.lines.iter().any(|line| line.awaited > 0);
            let with_warehouse = body
                .fulfilments
                .iter()
                .any(|fulfilment| !fulfilment.open.is_empty());
            let under_way = body.lines.iter().any(|line| line.shipped > line.settled());
            // A timer completes it.
            !body.holds.is_empty()
                || with_inventory
                || with_warehouse
                || under_way
                || body.all_settled()
        }
    };
    (!moves).then(|| format!("{phase:?}, and nothing would move it"))
}
