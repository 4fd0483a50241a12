//! `ordo case …`

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Subcommand;
use ordo_proto::{
    aftersales::{
        Case, CaseKind, CaseLine, CaseStatus, DecideRequest, Decision, GetCaseRequest,
        GetPurchaseRequest, GetPurchaseResponse, ListCasesRequest, OpenCaseRequest,
        RecordReceiptRequest, RecordReturnParcelRequest, RefundRequest,
    },
    types::{LineQuantity, Page},
};

use super::{catalogue::done, parse};
use crate::{
    client::{Client, header},
    fault::Fault,
    output::{json, money, table, time, word},
};

/// How long a delivery may take to become known to aftersales.
const PATIENCE: Duration = Duration::from_secs(5);

/// Returns, exchanges and refunds.
#[derive(Debug, Subcommand)]
pub enum CaseCommand {
    /// Ask for a return, exchange or refund.
    Open {
        /// Order id.
        order_id: String,
        /// return, exchange or refund-only.
        #[arg(long, default_value = "return")]
        kind: String,
        /// `LINE:QUANTITY`; everything that can still be claimed when not given.
        #[arg(long = "line", value_parser = parse::line_quantity)]
        lines: Vec<LineQuantity>,
        /// Upper-case code, such as CHANGED_MIND, DEFECTIVE, WRONG_ITEM.
        #[arg(long, default_value = "CHANGED_MIND")]
        reason: String,
        /// Approve at once.
        #[arg(long)]
        approve: bool,
        /// The exchange ships before the return is in.
        #[arg(long)]
        in_advance: bool,
    },
    /// Show a case.
    Show {
        /// Case id.
        case_id: String,
    },
    /// List cases, newest first.
    List {
        /// Of this order.
        #[arg(long, default_value = "")]
        order: String,
        /// requested, approved, rejected, received or closed.
        #[arg(long = "status", value_name = "STATUS")]
        statuses: Vec<String>,
        /// How many, 1 to 500.
        #[arg(long, default_value_t = 50)]
        size: u32,
        /// `next_page_token` of the previous page.
        #[arg(long, default_value = "")]
        page: String,
    },
    /// Approve a case.
    Approve {
        /// Case id.
        case_id: String,
    },
    /// Reject a case; the customer reads the reason.
    Reject {
        /// Case id.
        case_id: String,
        /// Why.
        reason: String,
    },
    /// Take the request back, as long as nothing came back, was refunded or was sent in advance.
    Withdraw {
        /// Case id.
        case_id: String,
    },
    /// Record the parcel that the customer sends back.
    Parcel {
        /// Case id.
        case_id: String,
        /// Carrier.
        #[arg(long)]
        carrier: String,
        /// Tracking number.
        #[arg(long)]
        tracking: String,
    },
    /// Record that everything approved came back resellable.
    Receive {
        /// Case id.
        case_id: String,
        /// Nothing (more) came, and nothing will.
        #[arg(long)]
        nothing_more: bool,
    },
    /// Grant a refund; everything refundable when no amount is given.
    Refund {
        /// Case id.
        case_id: String,
        /// Amount, such as 12.50.
        #[arg(long)]
        amount: Option<String>,
        /// ISO 4217 code.
        #[arg(long, default_value = "CNY")]
        currency: String,
        /// Nothing more will be refunded: the case closes once this is settled.
        #[arg(long)]
        last: bool,
    },
}

/// Runs one of them.
pub async fn run(client: &Client, command: CaseCommand) -> Result<ExitCode, Fault> {
    let mut aftersales = client.aftersales()?;
    match command {
        CaseCommand::Open {
            order_id,
            kind,
            lines,
            reason,
            approve,
            in_advance,
        } => {
            let kind = parse::enum_value(&kind, "CASE_KIND_", CaseKind::from_str_name)
                .map_err(Fault::local)?;
            let lines = if lines.is_empty() {
                claimable(client, &order_id).await?
            } else {
                lines
            };
            let request = OpenCaseRequest {
                header: header(None, None),
                order_id,
                kind: kind.into(),
                lines: lines
                    .into_iter()
                    .map(|line| CaseLine {
                        line_id: line.line_id,
                        quantity: line.quantity,
                        reason: reason.clone(),
                        ..CaseLine::default()
                    })
                    .collect(),
                ship_in_advance: in_advance,
                approve,
                ..OpenCaseRequest::default()
            };
            let answer = aftersales.open_case(request).await?.into_inner();
            if client.json {
                json(&answer)?;
            } else {
                println!(
                    "{} {}",
                    answer.case_id,
                    word(answer.status().as_str_name(), "CASE_STATUS_")
                );
            }
        }
        CaseCommand::Show { case_id } => {
            let request = GetCaseRequest {
                case_id,
                at_least: None,
            };
            let answer = aftersales.get_case(request).await?.into_inner();
            if client.json {
                json(&answer)?;
            } else {
                print(&answer.case.unwrap_or_default());
            }
        }
        CaseCommand::List {
            order,
            statuses,
            size,
            page,
        } => {
            let statuses = statuses
                .iter()
                .map(|text| {
                    parse::enum_value(text, "CASE_STATUS_", CaseStatus::from_str_name)
                        .map(Into::into)
                })
                .collect::<Result<_, _>>()
                .map_err(Fault::local)?;
            let request = ListCasesRequest {
                order_id: order,
                statuses,
                page: Some(Page { size, token: page }),
                ..ListCasesRequest::default()
            };
            list(client, request).await?;
        }
        CaseCommand::Approve { case_id } => {
            decide(client, case_id, Decision::Approve, String::new()).await?
        }
        CaseCommand::Reject { case_id, reason } => {
            decide(client, case_id, Decision::Reject, reason).await?
        }
        CaseCommand::Parcel {
            case_id,
            carrier,
            tracking,
        } => {
            let request = RecordReturnParcelRequest {
                header: header(None, None),
                case_id,
                carrier,
                tracking_number: tracking,
            };
            let answer = aftersales.record_return_parcel(request).await?.into_inner();
            done(client, &answer)?;
        }
        CaseCommand::Withdraw { case_id } => {
            decide(client, case_id, Decision::Withdraw, String::new()).await?
        }
        CaseCommand::Receive {
            case_id,
            nothing_more,
        } => {
            let request = RecordReceiptRequest {
                header: header(None, None),
                case_id,
                last: nothing_more,
                ..RecordReceiptRequest::default()
            };
            let answer = aftersales.record_receipt(request).await?.into_inner();
            if client.json {
                json(&answer)?;
            } else {
                println!(
                    "{}, still refundable {}",
                    word(answer.status().as_str_name(), "CASE_STATUS_"),
                    money(answer.refundable.as_ref())
                );
            }
        }
        CaseCommand::Refund {
            case_id,
            amount,
            currency,
            last,
        } => {
            let amount = amount
                .map(|amount| parse::amount(&amount, &currency))
                .transpose()
                .map_err(Fault::local)?;
            let request = RefundRequest {
                header: header(None, None),
                case_id,
                amount,
                last,
            };
            let answer = aftersales.refund(request).await?.into_inner();
            if client.json {
                json(&answer)?;
            } else {
                println!("{} {}", answer.refund_id, money(answer.amount.as_ref()));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Everything of the order that can be claimed. A delivery that was recorded a moment ago is waited for.
async fn claimable(client: &Client, order_id: &str) -> Result<Vec<LineQuantity>, Fault> {
    let request = GetPurchaseRequest {
        order_id: order_id.to_owned(),
        at_least: None,
    };
    let end = Instant::now() + PATIENCE;
    loop {
        let lines = match client.aftersales()?.get_purchase(request.clone()).await {
            Ok(purchase) => left_to_claim(purchase.into_inner()),
            Err(status) if status.code() == tonic::Code::NotFound && Instant::now() < end => vec![],
            Err(status) => return Err(status.into()),
        };
        if !lines.is_empty() {
            return Ok(lines);
        }
        if Instant::now() > end {
            return Err(Fault::local(format_args!(
                "nothing of {order_id} can be claimed: it is not delivered yet, or all of it is in a case already"
            )));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn left_to_claim(purchase: GetPurchaseResponse) -> Vec<LineQuantity> {
    let lines = purchase.lines.into_iter().filter_map(|view| {
        let quantity = view.delivered - view.claimed;
        (quantity > 0).then(|| LineQuantity {
            line_id: view.line.unwrap_or_default().line_id,
            quantity,
        })
    });
    lines.collect()
}

async fn decide(
    client: &Client,
    case_id: String,
    decision: Decision,
    reason: String,
) -> Result<(), Fault> {
    let request = DecideRequest {
        header: header(None, None),
        case_id,
        decision: decision.into(),
        lines: vec![],
        reason,
    };
    let answer = client.aftersales()?.decide(request).await?.into_inner();
    if client.json {
        return json(&answer);
    }
    println!("{}", word(answer.status().as_str_name(), "CASE_STATUS_"));
    Ok(())
}

async fn list(client: &Client, request: ListCasesRequest) -> Result<(), Fault> {
    let answer = client.aftersales()?.list_cases(request).await?.into_inner();
    if client.json {
        return json(&answer);
    }
    let mut rows = table(&["case", "kind", "status", "outcome", "opened"]);
    for case in &answer.cases {
        rows.add_row([
            case.case_id.clone(),
            word(case.kind().as_str_name(), "CASE_KIND_"),
            word(case.status().as_str_name(), "CASE_STATUS_"),
            case.outcome.clone(),
            time(case.opened_at.as_ref()),
        ]);
    }
    println!("{rows}");
    if !answer.next_page_token.is_empty() {
        println!("more: --page {}", answer.next_page_token);
    }
    Ok(())
}

fn print(case: &Case) {
    println!(
        "{}  {}  {} {}",
        case.case_id,
        word(case.kind().as_str_name(), "CASE_KIND_"),
        word(case.status().as_str_name(), "CASE_STATUS_"),
        case.outcome
    );
    if !case.rejection.is_empty() {
        println!("rejected: {}", case.rejection);
    }
    if !case.replacement_order_id.is_empty() {
        println!("replacement order {}", case.replacement_order_id);
    }
    let mut rows = table(&[
        "line",
        "SKU",
        "reason",
        "asked",
        "approved",
        "resellable",
        "not resellable",
    ]);
    for view in &case.lines {
        let line = view.line.clone().unwrap_or_default();
        rows.add_row([
            line.line_id,
            line.sku,
            line.reason,
            line.quantity.to_string(),
            view.approved.to_string(),
            view.resellable.to_string(),
            view.not_resellable.to_string(),
        ]);
    }
    println!("{rows}");
    for refund in &case.refunds {
        let status = word(refund.status().as_str_name(), "REFUND_STATUS_");
        println!(
            "refund {} {} {status} {}",
            refund.refund_id,
            money(refund.amount.as_ref()),
            refund.failure
        );
    }
}
