//! `ordo case receive`

use clap::Args;
use ordo_proto::{
    aftersales::{GetCaseRequest, ReceiptLine, RecordReceiptRequest},
    types::LineQuantity,
};

use crate::{
    client::{Client, header},
    commands::parse,
    fault::Fault,
    output::{json, money, say, word},
};

pub const EXAMPLES: &str = "\
Example:
  ordo case receive 01kq-C1                                          # everything came back resellable
  ordo case receive 01kq-C1 --line 1:2 --damaged 1:1 --remark \"box wet\"
  ordo case receive 01kq-C1 --damaged 1:1 --nothing-more             # and the rest will not come";

/// What came back.
#[derive(Debug, Args)]
pub struct ReceiveOptions {
    /// Case id.
    #[arg(value_parser = parse::text)]
    case_id: String,
    /// `LINE:QUANTITY` that came back and can be sold again; without --line and --damaged everything that is still expected.
    #[arg(long = "line", value_name = "LINE:QUANTITY", value_parser = parse::line_quantity)]
    lines: Vec<LineQuantity>,
    /// `LINE:QUANTITY` that came back and cannot be sold again: it goes to quarantine.
    #[arg(long, visible_alias = "not-resellable", value_name = "LINE:QUANTITY", value_parser = parse::line_quantity)]
    damaged: Vec<LineQuantity>,
    /// What was noticed, for the record.
    #[arg(long, value_parser = parse::text)]
    remark: Option<String>,
    /// Where it came back to; the case's site when not given.
    #[arg(long, value_parser = parse::text)]
    site: Option<String>,
    /// Nothing (more) came, and nothing will.
    #[arg(long)]
    nothing_more: bool,
}

/// Records it.
pub async fn receive(client: &Client, options: ReceiveOptions) -> Result<(), Fault> {
    let mut aftersales = client.aftersales()?;
    let mut lines = joined(&options.lines, &options.damaged);
    if lines.is_empty() && options.remark.is_some() && !options.nothing_more {
        // A remark needs lines to stand at.
        let request = GetCaseRequest {
            case_id: options.case_id.clone(),
            at_least: None,
        };
        let case = aftersales.get_case(request).await?.into_inner().case;
        for view in case.unwrap_or_default().lines {
            let expected = view.approved - view.resellable - view.not_resellable;
            if expected > 0 {
                lines.push(ReceiptLine {
                    line_id: view.line.unwrap_or_default().line_id,
                    resellable: expected,
                    ..ReceiptLine::default()
                });
            }
        }
    }
    if let Some(remark) = &options.remark {
        for line in &mut lines {
            line.remark.clone_from(remark);
        }
    }
    let request = RecordReceiptRequest {
        header: header("record-receipt", None),
        case_id: options.case_id,
        lines,
        site_id: options.site.unwrap_or_default(),
        last: options.nothing_more,
    };
    let answer = aftersales.record_receipt(request).await?.into_inner();
    if client.json {
        return json(&answer);
    }
    say!(
        "{}, still refundable {}",
        word(answer.status().as_str_name(), "CASE_STATUS_"),
        money(answer.refundable.as_ref())
    )
}

/// One entry for each line.
fn joined(resellable: &[LineQuantity], damaged: &[LineQuantity]) -> Vec<ReceiptLine> {
    let mut lines: Vec<ReceiptLine> = Vec::new();
    let all = resellable.iter().map(|line| (line, true));
    for (line, sound) in all.chain(damaged.iter().map(|line| (line, false))) {
        let place = lines.iter().position(|known| known.line_id == line.line_id);
        let place = place.unwrap_or_else(|| {
            lines.push(ReceiptLine {
                line_id: line.line_id.clone(),
                ..ReceiptLine::default()
            });
            lines.len() - 1
        });
        let units = match sound {
            true => &mut lines[place].resellable,
            false => &mut lines[place].not_resellable,
        };
        *units = units.saturating_add(line.quantity);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_and_damaged_units_of_a_line_are_told_together() {
        let units = |line_id: &str, quantity| LineQuantity {
            line_id: line_id.to_owned(),
            quantity,
        };
        let lines = joined(
            &[units("1", 2), units("2", 1), units("1", 1)],
            &[units("3", 1), units("1", 4)],
        );
        let told: Vec<_> = lines
            .iter()
            .map(|line| (line.line_id.as_str(), line.resellable, line.not_resellable))
            .collect();
        assert_eq!(told, [("1", 3, 4), ("2", 1, 0), ("3", 0, 1)]);
    }
}
