//! `ordo work pick` and `ordo work check`

use clap::Args;
use ordo_proto::{
    fulfilment::{
        CheckLine, FulfilmentOrder, FulfilmentOrderStatus, RecordCheckRequest, RecordPickRequest,
        ShortPickReason, StartPickingRequest,
    },
    types::LineQuantity,
};

use super::{get, print};
use crate::{
    client::{Client, header},
    commands::parse,
    fault::Fault,
    output::{json, say, word},
};

pub const PICK_EXAMPLES: &str = "\
Example:
  ordo work pick 01kq-F1                                          # everything that is still wanted
  ordo work pick 01kq-F1 --line 1:2 --worker li
  ordo work pick 01kq-F1 --missing 1:1 --reason mismatch          # everything else of it was there
  ordo work pick 01kq-F1 --missing 1:1 --reason not-in-stock      # the bin is empty: what nobody has reserved is written off";

/// What was picked.
#[derive(Debug, Args)]
pub struct PickOptions {
    /// Fulfilment order id.
    #[arg(value_parser = parse::text)]
    id: String,
    /// `LINE:QUANTITY`; everything still wanted and not missing when not given.
    #[arg(long = "line", value_name = "LINE:QUANTITY", value_parser = parse::line_quantity)]
    lines: Vec<LineQuantity>,
    /// `LINE:QUANTITY` that could not be found; stock is corrected by the reason, and the rest is sourced again.
    #[arg(long, value_name = "LINE:QUANTITY", value_parser = parse::line_quantity, requires = "reason")]
    missing: Vec<LineQuantity>,
    /// Why units are missing. `mismatch` and `damaged` take the missing units from stock. `not-in-stock` says that the bin is
    /// empty: every unit of the SKU at this site that nobody has reserved is written off.
    #[arg(long, requires = "missing", value_parser = parse::words(ShortPickReason::as_str_name, "SHORT_PICK_REASON_"))]
    reason: Option<ShortPickReason>,
    /// Who picks; refused when somebody else is at it. When not given: whoever is at it, else the caller.
    #[arg(long, value_parser = parse::text)]
    worker: Option<String>,
    /// Take it over from the worker who has it.
    #[arg(long)]
    take_over: bool,
}

/// What was found on the check.
#[derive(Debug, Args)]
pub struct CheckOptions {
    /// Fulfilment order id.
    #[arg(value_parser = parse::text)]
    id: String,
    /// `LINE:QUANTITY` that did not pass; everything else that was picked passed.
    #[arg(long, value_name = "LINE:QUANTITY", value_parser = parse::line_quantity, requires = "reason")]
    failed: Vec<LineQuantity>,
    /// Why units did not pass, such as DAMAGED or WRONG_ITEM.
    #[arg(long, requires = "failed", value_parser = parse::text)]
    reason: Option<String>,
}

/// Records picks, beginning the work when nobody has.
pub async fn pick(client: &Client, options: PickOptions) -> Result<(), Fault> {
    let mut fulfilment = client.fulfilment()?;
    let PickOptions { id, worker, .. } = options;
    let order = get(client, id.clone(), None).await?;
    // Whoever is named has to be the one who is at it, or becomes that: fulfilment says no when it is another.
    if worker.is_some() || options.take_over || order.status() == FulfilmentOrderStatus::Open {
        let request = StartPickingRequest {
            header: header("start", None),
            fulfilment_order_id: id.clone(),
            worker: worker.unwrap_or_default(),
            take_over: options.take_over,
        };
        fulfilment.start_picking(request).await?;
    }
    let picks = picks(&order, options.lines, options.missing);
    if picks.is_empty() {
        return Err(Fault::refused(
            "TOO_MANY_PICKED",
            format_args!("nothing is left to pick on {id}"),
        ));
    }
    let mut picked = None;
    for pick in picks {
        let reason = options.reason.filter(|_| pick.missing > 0);
        let request = RecordPickRequest {
            header: header(&pick.line_id, None),
            fulfilment_order_id: id.clone(),
            line_id: pick.line_id,
            quantity: pick.quantity,
            missing: pick.missing,
            reason: reason.unwrap_or_default().into(),
            ..RecordPickRequest::default()
        };
        let answer = fulfilment.record_pick(request).await?.into_inner();
        picked = answer.receipt.and_then(|receipt| receipt.token);
    }
    let order = get(client, id, picked).await?;
    if client.json {
        return json(&order);
    }
    print(&order)
}

/// What is recorded for one line.
#[derive(Debug, PartialEq, Eq)]
struct Pick {
    line_id: String,
    quantity: i64,
    missing: i64,
}

/// Joins what was picked and what is missing by line. Without named lines everything is picked that is not missing.
fn picks(
    order: &FulfilmentOrder,
    lines: Vec<LineQuantity>,
    missing: Vec<LineQuantity>,
) -> Vec<Pick> {
    let named = !lines.is_empty();
    let lines = if named { lines } else { still_to_pick(order) };
    let mut picks: Vec<Pick> = Vec::new();
    let mut add = |line_id: String, quantity: i64, absent: i64| match picks
        .iter_mut()
        .find(|pick| pick.line_id == line_id)
    {
        Some(pick) => {
            pick.quantity += quantity;
            pick.missing += absent;
        }
        None => picks.push(Pick {
            line_id,
            quantity,
            missing: absent,
        }),
    };
    for LineQuantity { line_id, quantity } in lines {
        add(line_id, quantity, 0);
    }
    for LineQuantity { line_id, quantity } in missing {
        add(line_id, if named { 0 } else { -quantity }, quantity);
    }
    if !named {
        for pick in &mut picks {
            // The service says what is wrong with more missing units than wanted ones.
            pick.quantity = pick.quantity.max(0);
        }
    }
    picks
}

/// What the lines still want.
pub fn still_to_pick(order: &FulfilmentOrder) -> Vec<LineQuantity> {
    order
        .lines
        .iter()
        .filter_map(|view| {
            let line = view.line.as_ref()?;
            let quantity = line.quantity - view.picked - view.short_picked;
            (quantity > 0).then(|| LineQuantity {
                line_id: line.line_id.clone(),
                quantity,
            })
        })
        .collect()
}

/// Records a check.
pub async fn check(client: &Client, options: CheckOptions) -> Result<(), Fault> {
    let mut lines = Vec::new();
    if !options.failed.is_empty() {
        let order = get(client, options.id.clone(), None).await?;
        lines = checked(&order, &options.failed, &options.reason.unwrap_or_default());
    }
    let request = RecordCheckRequest {
        header: header("record-check", None),
        fulfilment_order_id: options.id,
        lines,
    };
    let answer = client
        .fulfilment()?
        .record_check(request)
        .await?
        .into_inner();
    if client.json {
        return json(&answer);
    }
    say!(
        "{}",
        word(answer.status().as_str_name(), "FULFILMENT_ORDER_STATUS_")
    )
}

/// What passed and what did not, for every line with units that wait for the check, and every line that is named.
fn checked(order: &FulfilmentOrder, failed: &[LineQuantity], reason: &str) -> Vec<CheckLine> {
    let failed_of = |line_id: &str| -> i64 {
        let of_line = failed.iter().filter(|line| line.line_id == line_id);
        of_line.map(|line| line.quantity).sum()
    };
    let mut lines = Vec::new();
    for view in &order.lines {
        let line_id = view.line.as_ref().map(|line| line.line_id.clone());
        let line_id = line_id.unwrap_or_default();
        let failed = failed_of(&line_id);
        let passed = (view.picked - view.checked - failed).max(0);
        if passed > 0 || failed > 0 {
            lines.push(CheckLine {
                line_id,
                passed,
                failed,
                reason: if failed > 0 {
                    reason.to_owned()
                } else {
                    String::new()
                },
            });
        }
    }
    let unknown = failed.iter().filter(|line| {
        let known = |checked: &CheckLine| checked.line_id == line.line_id;
        !lines.iter().any(known)
    });
    let unknown: Vec<CheckLine> = unknown
        .map(|line| CheckLine {
            line_id: line.line_id.clone(),
            failed: line.quantity,
            reason: reason.to_owned(),
            ..CheckLine::default()
        })
        .collect();
    lines.extend(unknown);
    lines
}

#[cfg(test)]
mod tests {
    use ordo_proto::fulfilment::{WorkLine, WorkLineView};

    use super::*;

    fn order() -> FulfilmentOrder {
        let line = |line_id: &str, quantity, picked| WorkLineView {
            line: Some(WorkLine {
                line_id: line_id.to_owned(),
                quantity,
                ..WorkLine::default()
            }),
            picked,
            ..WorkLineView::default()
        };
        FulfilmentOrder {
            lines: vec![line("1", 3, 1), line("2", 2, 2), line("3", 1, 0)],
            ..FulfilmentOrder::default()
        }
    }

    fn units(line_id: &str, quantity: i64) -> LineQuantity {
        LineQuantity {
            line_id: line_id.to_owned(),
            quantity,
        }
    }

    fn pick(line_id: &str, quantity: i64, missing: i64) -> Pick {
        Pick {
            line_id: line_id.to_owned(),
            quantity,
            missing,
        }
    }

    #[test]
    fn everything_that_is_not_missing_is_picked_unless_lines_are_named() {
        let all = picks(&order(), vec![], vec![]);
        assert_eq!(all, [pick("1", 2, 0), pick("3", 1, 0)]);
        let short = picks(&order(), vec![], vec![units("1", 1), units("3", 1)]);
        assert_eq!(short, [pick("1", 1, 1), pick("3", 0, 1)]);
        let named = picks(&order(), vec![units("1", 1)], vec![units("1", 1)]);
        assert_eq!(named, [pick("1", 1, 1)]);
        let too_many = picks(&order(), vec![], vec![units("9", 1)]);
        assert_eq!(
            too_many.last(),
            Some(&pick("9", 0, 1)),
            "the service refuses it"
        );
    }

    #[test]
    fn what_did_not_fail_the_check_passed() {
        let lines = checked(&order(), &[units("2", 1), units("9", 1)], "DAMAGED");
        let told: Vec<_> = lines
            .iter()
            .map(|line| {
                (
                    line.line_id.as_str(),
                    line.passed,
                    line.failed,
                    line.reason.as_str(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("1", 1, 0, ""),
                ("2", 1, 1, "DAMAGED"),
                ("9", 0, 1, "DAMAGED")
            ]
        );
    }
}
