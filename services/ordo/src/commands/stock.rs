//! `ordo stock …`

use std::{collections::HashSet, process::ExitCode};

use clap::Subcommand;
use ordo_proto::{
    inventory::{
        AdjustStockRequest, GetAvailabilityRequest, ListMovementsRequest, ReceiveStockLine,
        ReceiveStockRequest, ReleaseReservationRequest, StockCondition,
    },
    types::Page,
};

use super::{
    catalogue::{done, is_known},
    parse,
};
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
        #[arg(value_parser = parse::text)]
        site_id: String,
        /// `SKU:QUANTITY`, once for each line.
        #[arg(required = true, value_parser = parse::order_line)]
        lines: Vec<parse::OrderLine>,
        /// Purchase order or delivery note.
        #[arg(long, value_parser = parse::text)]
        cause: Option<String>,
    },
    /// Show what is on hand, reserved and available.
    #[command(after_help = "Example: ordo stock show TEA-1 TEA-2 --site main")]
    Show {
        /// SKUs; all of them, by page, when not given.
        #[arg(value_parser = parse::text)]
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
        #[arg(value_parser = parse::text)]
        sku: String,
        /// Where.
        #[arg(value_parser = parse::text)]
        site_id: String,
        /// Units more, or less when negative.
        delta: i64,
        /// Upper-case code, such as DAMAGE, LOSS or COUNT.
        #[arg(long, value_parser = parse::text)]
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
        #[arg(value_parser = parse::text)]
        reservation_id: String,
        /// Why: upper-case code.
        #[arg(long, default_value = "OPERATOR", value_parser = parse::text)]
        cause: String,
    },
    /// List movements, newest first.
    #[command(after_help = "Example: ordo stock movements TEA-1 --site main --size 20")]
    Movements {
        /// Article.
        #[arg(value_parser = parse::text)]
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
                cause_id: cause.unwrap_or_default(),
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
            let one_page = page.is_empty();
            let request = GetAvailabilityRequest {
                skus: skus.clone(),
                site_id: site,
                page: Some(Page { size, token: page }),
                at_least: None,
            };
            let answer = inventory.get_availability(request).await?.into_inner();
            let one_page = one_page && answer.next_page_token.is_empty();
            let rows = answer.availability.iter();
            let found: HashSet<String> = rows.map(|row| row.sku.clone()).collect();
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
                if skus.is_empty() || !found.is_empty() {
                    say!("{rows}")?;
                }
                more(&answer.next_page_token)?;
            }
            tell_missing(client, skus, found, one_page).await?;
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
                sku: sku.clone(),
                site_id: site,
                page: Some(Page { size, token: page }),
                ..ListMovementsRequest::default()
            };
            let answer = inventory.list_movements(request).await?.into_inner();
            let none = answer.movements.is_empty();
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
            if none && !is_known(client, &sku).await? {
                return Err(unknown(&[sku]));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Says why there is no row of an SKU that was asked for: there is none in stock, or nothing is known of it. Without `one_page` a
/// row may be on another page.
async fn tell_missing(
    client: &Client,
    asked: Vec<String>,
    mut told: HashSet<String>,
    one_page: bool,
) -> Result<(), Fault> {
    let mut nobodys = Vec::new();
    for sku in asked {
        if !told.insert(sku.clone()) {
            continue;
        }
        if !is_known(client, &sku).await? {
            nobodys.push(sku);
        } else if one_page && !client.json {
            say!("no stock of {sku} there")?;
        }
    }
    if nobodys.is_empty() {
        return Ok(());
    }
    Err(unknown(&nobodys))
}

fn unknown(skus: &[String]) -> Fault {
    Fault::refused(
        "UNKNOWN_SKU",
        format_args!(
            "nothing is known of {}: the catalogue has no such SKU",
            skus.join(", ")
        ),
    )
}
