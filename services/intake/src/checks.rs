//! What `verify` checks beside log and read models, over every order.

use ordo_event_log::CodecError;
use ordo_projection::ReadModel;
use ordo_rpc::CheckOutcome;
use ordo_runtime::Host;
use ordo_sql::SqlError;

use crate::{
    order::{Body, Order, Phase},
    projections::order_list,
};

/// Invariant 6: refunded ≤ captured, in all and per payment; what an ended order keeps is what is due.
pub const PAYMENTS: &str = "orders.payments";
/// Units add up: nothing shipped, reserved or cancelled beyond what was ordered.
pub const UNITS: &str = "orders.units";
/// Invariant 7: every order is at an end, or something or somebody is about to move it.
pub const LIVE: &str = "orders.live";

/// Orders read at once.
const PAGE: u32 = 500;

type Rule = fn(Phase, &Body) -> Option<String>;
const RULES: [(&str, Rule); 3] = [(PAYMENTS, payments), (UNITS, units), (LIVE, live)];

/// Adds the checks. They walk the orders' folded states in `list`; that those are what the log says is what
/// `projection.order_list` checks.
pub fn add(host: &mut Host, list: &ReadModel) {
    let list = list.clone();
    host.check("orders", move || {
        let list = list.clone();
        async move { check(&list).await }
    });
}

/// Why the checks could not be run.
#[derive(Debug, thiserror::Error)]
enum CheckError {
    #[error("the read model cannot be read")]
    Sql(#[from] SqlError),
    #[error("an order's state cannot be read")]
    Codec(#[from] CodecError),
}

/// One outcome per rule, with the first order that breaks it.
async fn check(list: &ReadModel) -> Vec<CheckOutcome> {
    let mut outcomes = RULES.map(|(name, _)| CheckOutcome::holds(name, 0));
    if let Err(error) = walk(list, &mut outcomes).await {
        return RULES
            .map(|(name, _)| CheckOutcome::could_not_run(name, &error))
            .into();
    }
    outcomes.into()
}

async fn walk(list: &ReadModel, outcomes: &mut [CheckOutcome; 3]) -> Result<(), CheckError> {
    let mut after = (String::new(), String::new());
    loop {
        let page = order_list::states(&list.db(), (&after.0, &after.1), PAGE).await?;
        let Some((tenant, order_id, _)) = page.last() else {
            return Ok(());
        };
        after = (tenant.clone(), order_id.clone());
        for (tenant, order_id, state) in &page {
            let order = Order::from_bytes(state)?;
            let Some((phase, body)) = order.placed() else {
                continue;
            };
            for (outcome, (_, rule)) in outcomes.iter_mut().zip(RULES) {
                outcome.examined += 1;
                if outcome.difference.is_none() {
                    let fault = rule(phase, body);
                    outcome.difference =
                        fault.map(|fault| format!("{tenant}/order/{order_id}: {fault}"));
                }
            }
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
            "{} of an order that ended is not paid back",
            body.shown(body.paid())
        )),
        Phase::Completed if body.paid() > body.due().max(0) => Some(format!(
            "{} is kept, {} is due",
            body.shown(body.paid()),
            body.shown(body.due())
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
