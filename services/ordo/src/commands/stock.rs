//! `ordo stock …`

use std::process::ExitCode;

use clap::Subcommand;
use ordo_proto::{
    inventory::{
        AdjustStockRequest, GetAvailabilityRequest, ListMovementsRequest, ReceiveStockLine,
        ReceiveStockRequest, ReleaseReservationRequest, StockCondition,
    },
    types::Page,
};

use super::{catalogue::done, parse};
use crate::{
    client::{Client, header},
    fault::Fault,
    output::{json, more, say, table, time, word},
};

/// What can be done with stock.
#[derive(Debug, Subcommand)]
pub enum StockCommand {
    /// Book a delivery in: all lines or none.
    #[command(after_help = "Example: ordo stock receive main TEA-1:10 TEA-2:5 --cause PO-77")]
    Receive {
        /// Where.
        site_id: String,
        /// `SKU:QUANTITY`, once for each line.
        #[arg(required = true, value_parser = parse::order_line)]
        lines: Vec<parse::OrderLine>,
        /// Purchase order or delivery note.
        #[arg(long, default_value = "")]
        cause: String,
    },
    /// Show what is on hand, reserved and available.
    #[command(after_help = "Example: ordo stock show TEA-1 TEA-2 --site main")]
    Show {
        /// SKUs; all of them, by page, when not given.
        skus: Vec<String>,
        /// Only there.
        #[arg(long, default_value = "")]
        site: String,
        /// How many rows, 1 to 500.
        #[arg(long, default_value_t = 50, value_parser = parse::page_size())]
        size: u32,
        /// `next_page_token` of the previous page.
        #[arg(long, default_value = "")]
        page: String,
    },
    /// Correct the number of units, with a reason.
    #[command(
        allow_negative_numbers = true,
        after_help = ADJUST_EXAMPLES
    )]
    Adjust {
        /// Article.
        sku: String,
        /// Where.
        site_id: String,
        /// Units more, or less when negative.
        delta: i64,
        /// Upper-case code, such as DAMAGE, LOSS or COUNT.
        #[arg(long)]
        reason: String,
        /// Which of the units there.
        #[arg(long, default_value = "sellable", value_parser = parse::words(StockCondition::as_str_name, CONDITION))]
        condition: StockCondition,
    },
    /// Give back what an order has reserved and what it waits for. Orders do this by themselves; it is for reservations whose
    /// order is gone, as after a restore.
    #[command(after_help = "Example: ordo stock release 01kq --cause ORDER_LOST")]
    Release {
        /// Reservation: the id of its order.
        reservation_id: String,
        /// Why: upper-case code.
        #[arg(long, default_value = "OPERATOR")]
        cause: String,
    },
    /// List movements, newest first.
    #[command(after_help = "Example: ordo stock movements TEA-1 --site main --size 20")]
    Movements {
        /// Article.
        sku: String,
        /// Only there.
        #[arg(long, default_value = "")]
        site: String,
        /// How many, 1 to 500.
        #[arg(long, default_value_t = 50, value_parser = parse::page_size())]
        size: u32,
        /// `next_page_token` of the previous page.
        #[arg(long, default_value = "")]
        page: String,
    },
}

const ADJUST_EXAMPLES: &str = "\
Example:
  ordo stock adjust TEA-1 main -2 --reason DAMAGE
  ordo stock adjust TEA-1 main -1 --reason REPAIRED --condition quarantine    # a returned unit is looked at and fine:
  ordo stock adjust TEA-1 main 1 --reason REPAIRED                            # it can be sold again";

const CONDITION: &str = "STOCK_CONDITION_";

/// Runs one of them.
pub async fn run(client: &Client, command: StockCommand) -> Result<ExitCode, Fault> {
    let mut inventory = client.inventory()?;
    match command {
        StockCommand::Receive {
            site_id,
            lines,
            cause,
        } => {
            let lines = lines.into_iter().map(|line| ReceiveStockLine {
                sku: line.sku,
                quantity: line.quantity,
                condition: StockCondition::Sellable.into(),
                ..ReceiveStockLine::default()
            });
            let request = ReceiveStockRequest {
                header: header("receive-stock", None),
                site_id,
                lines: lines.collect(),
                cause_id: cause,
            };
            let answer = inventory.receive_stock(request).await?.into_inner();
            done(client, &answer)?;
        }
        StockCommand::Show {
            skus,
            site,
            size,
            page,
        } => {
            let request = GetAvailabilityRequest {
                skus,
                site_id: site,
                page: Some(Page { size, token: page }),
                at_least: None,
            };
            let answer = inventory.get_availability(request).await?.into_inner();
            if client.json {
                json(&answer)?;
            } else {
                let mut rows = table(&[
                    "SKU",
                    "site",
                    "on hand",
                    "reserved",
                    "safety",
                    "available",
                    "quarantine",
                    "damaged",
                    "backordered",
                ]);
                for row in answer.availability {
                    let numbers = [
                        row.on_hand,
                        row.reserved,
                        row.safety,
                        row.available,
                        row.quarantine,
                        row.damaged,
                        row.backordered,
                    ];
                    rows.add_row(
                        [row.sku, row.site_id]
                            .into_iter()
                            .chain(numbers.map(|n| n.to_string())),
                    );
                }
                say!("{rows}")?;
                more(&answer.next_page_token)?;
            }
        }
        StockCommand::Adjust {
            sku,
            site_id,
            delta,
            reason,
            condition,
        } => {
            let request = AdjustStockRequest {
                header: header("adjust-stock", None),
                sku,
                site_id,
                delta,
                condition: condition.into(),
                reason,
                ..AdjustStockRequest::default()
            };
            let answer = inventory.adjust_stock(request).await?.into_inner();
            if client.json {
                json(&answer)?;
            } else {
                match condition {
                    StockCondition::Sellable => say!("{} on hand", answer.on_hand)?,
                    other => {
                        let condition = word(other.as_str_name(), CONDITION);
                        say!("{} on hand ({condition})", answer.on_hand)?;
                    }
                }
            }
        }
        StockCommand::Release {
            reservation_id,
            cause,
        } => {
            let request = ReleaseReservationRequest {
                header: header("release-reservation", None),
                reservation_id,
                cause,
                ..ReleaseReservationRequest::default()
            };
            let answer = inventory.release_reservation(request).await?.into_inner();
            done(client, &answer)?;
        }
        StockCommand::Movements {
            sku,
            site,
            size,
            page,
        } => {
            let request = ListMovementsRequest {
                sku,
                site_id: site,
                page: Some(Page { size, token: page }),
                ..ListMovementsRequest::default()
            };
            let answer = inventory.list_movements(request).await?.into_inner();
            if client.json {
                json(&answer)?;
            } else {
                let mut rows = table(&[
                    "time",
                    "site",
                    "kind",
                    "condition",
                    "units",
                    "reserved",
                    "cause",
                    "reason",
                    "by",
                ]);
                for row in answer.movements {
                    let condition = word(row.condition().as_str_name(), CONDITION);
                    rows.add_row([
                        time(row.time.as_ref()),
                        row.site_id,
                        row.kind,
                        condition,
                        format!("{:+}", row.delta),
                        format!("{:+}", row.reserved_delta),
                        row.cause_id,
                        row.reason,
                        row.actor.map(|actor| actor.id).unwrap_or_default(),
                    ]);
                }
                say!("{rows}")?;
                more(&answer.next_page_token)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
