//! `ordo case …`

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::{Args, Subcommand};
use ordo_proto::{
    aftersales::{
        Case, CaseKind, CaseLine, CaseStatus, DecideRequest, Decision, GetCaseRequest,
        GetPurchaseRequest, GetPurchaseResponse, ListCasesRequest, OpenCaseRequest,
        RecordReturnParcelRequest, RefundRequest,
    },
    types::{LineQuantity, Page},
};

use super::{
    catalogue::done,
    order::{WhichOrder, order_id},
    parse,
};
use crate::{
    client::{Client, header},
    fault::Fault,
    output::{json, money, more, say, table, time, word},
};

mod receive;

/// How long a delivery may take to become known to aftersales.
const PATIENCE: Duration = Duration::from_secs(5);

/// Returns, exchanges and refunds.
#[derive(Debug, Subcommand)]
pub enum CaseCommand {
    /// Ask for a return, exchange or refund.
    #[command(after_help = OPEN_EXAMPLES)]
    Open(Box<OpenOptions>),
    /// Show a case.
    #[command(after_help = "Example: ordo case show 01kq-C1")]
    Show {
        /// Case id.
        #[arg(value_parser = parse::text)]
        case_id: String,
    },
    /// List cases, newest first.
    #[command(after_help = "Example: ordo case list --order phone/1001 --status approved")]
    List {
        /// Of this order: its id, or `CHANNEL/NUMBER`.
        #[arg(long, value_parser = parse::text)]
        order: Option<String>,
        /// In this state; may be given several times.
        #[arg(long = "status", value_name = "STATUS", value_parser = parse::words(CaseStatus::as_str_name, "CASE_STATUS_"))]
        statuses: Vec<CaseStatus>,
        /// How many, 1 to 500.
        #[arg(long, default_value_t = 50, value_parser = parse::page_size())]
        size: u32,
        /// `next_page_token` of the previous page.
        #[arg(long, default_value = "")]
        page: String,
    },
    /// Approve a case, or a part of it.
    #[command(after_help = "Example: ordo case approve 01kq-C1 --line 1:1")]
    Approve {
        /// Case id.
        #[arg(value_parser = parse::text)]
        case_id: String,
        /// `LINE:QUANTITY`; everything that was asked for when not given.
        #[arg(long = "line", value_name = "LINE:QUANTITY", value_parser = parse::line_quantity)]
        lines: Vec<LineQuantity>,
    },
    /// Reject a case; the customer reads the reason.
    #[command(after_help = "Example: ordo case reject 01kq-C1 \"worn\"")]
    Reject {
        /// Case id.
        #[arg(value_parser = parse::text)]
        case_id: String,
        /// Why.
        #[arg(value_parser = parse::text)]
        reason: String,
    },
    /// Take the request back, as long as nothing came back, was refunded or was sent in advance.
    #[command(after_help = "Example: ordo case withdraw 01kq-C1")]
    Withdraw {
        /// Case id.
        #[arg(value_parser = parse::text)]
        case_id: String,
    },
    /// Record the parcel that the customer sends back.
    #[command(after_help = "Example: ordo case parcel 01kq-C1 --carrier SF --tracking SF900800700")]
    Parcel {
        /// Case id.
        #[arg(value_parser = parse::text)]
        case_id: String,
        /// Carrier.
        #[arg(long, value_parser = parse::text)]
        carrier: String,
        /// Tracking number.
        #[arg(long, value_parser = parse::text)]
        tracking: String,
    },
    /// Record what came back, resellable or not.
    #[command(after_help = receive::EXAMPLES)]
    Receive(receive::ReceiveOptions),
    /// Grant a refund; everything refundable when no amount is given.
    #[command(after_help = "Example: ordo case refund 01kq-C1 --amount 12.50 --last")]
    Refund {
        /// Case id.
        #[arg(value_parser = parse::text)]
        case_id: String,
        /// Amount, such as 12.50.
        #[arg(long, allow_negative_numbers = true)]
        amount: Option<String>,
        /// ISO 4217 code.
        #[arg(long, default_value = "CNY")]
        currency: String,
        /// Nothing more will be refunded: the case closes once this is settled.
        #[arg(long)]
        last: bool,
    },
}

const OPEN_EXAMPLES: &str = "\
Example:
  ordo case open phone/1001 --approve                                        # everything comes back
  ordo case open phone/1001 --kind exchange --line 1:1 --replacement TEA-1-L --reason WRONG_SIZE
  ordo case open phone/1001 --kind refund-only --amount 5.00 --reason LATE   # goodwill";

/// What the customer asks for.
#[derive(Debug, Args)]
pub struct OpenOptions {
    #[command(flatten)]
    order: WhichOrder,
    /// What it is.
    #[arg(long, default_value = "return", value_parser = parse::words(CaseKind::as_str_name, "CASE_KIND_"))]
    kind: CaseKind,
    /// `LINE:QUANTITY`; everything that can still be claimed when not given.
    #[arg(long = "line", value_name = "LINE:QUANTITY", value_parser = parse::line_quantity)]
    lines: Vec<LineQuantity>,
    /// Upper-case code, such as CHANGED_MIND, DEFECTIVE, WRONG_ITEM.
    #[arg(long, default_value = "CHANGED_MIND", value_parser = parse::text)]
    reason: String,
    /// Refund only: how much, such as 5.00; without --line it is goodwill. What was paid for the lines when not given.
    #[arg(long, allow_negative_numbers = true)]
    amount: Option<String>,
    /// ISO 4217 code of the amount.
    #[arg(long, default_value = "CNY")]
    currency: String,
    /// Exchange: the SKU that is wanted instead; the same when not given.
    #[arg(long, value_name = "SKU", value_parser = parse::text)]
    replacement: Option<String>,
    /// Where the goods come back to; the site that shipped when not given.
    #[arg(long, value_parser = parse::text)]
    site: Option<String>,
    /// Approve at once.
    #[arg(long)]
    approve: bool,
    /// The exchange ships before the return is in.
    #[arg(long)]
    in_advance: bool,
}

/// Runs one of them.
pub async fn run(client: &Client, command: CaseCommand) -> Result<ExitCode, Fault> {
    let mut aftersales = client.aftersales()?;
    match command {
        CaseCommand::Open(options) => open(client, *options).await?,
        CaseCommand::Show { case_id } => {
            let request = GetCaseRequest {
                case_id,
                at_least: None,
            };
            let answer = aftersales.get_case(request).await?.into_inner();
            if client.json {
                json(&answer)?;
            } else {
                print(&answer.case.unwrap_or_default())?;
            }
        }
        CaseCommand::List {
            order,
            statuses,
            size,
            page,
        } => {
            let order_id = match order {
                Some(order) => order_id(client, &order).await?,
                None => String::new(),
            };
            let request = ListCasesRequest {
                order_id,
                statuses: statuses.into_iter().map(Into::into).collect(),
                page: Some(Page { size, token: page }),
                ..ListCasesRequest::default()
            };
            list(client, request).await?;
        }
        CaseCommand::Approve { case_id, lines } => {
            decide(client, case_id, Decision::Approve, lines, String::new()).await?;
        }
        CaseCommand::Reject { case_id, reason } => {
            decide(client, case_id, Decision::Reject, vec![], reason).await?;
        }
        CaseCommand::Parcel {
            case_id,
            carrier,
            tracking,
        } => {
            let request = RecordReturnParcelRequest {
                header: header("record-return-parcel", None),
                case_id,
                carrier,
                tracking_number: tracking,
            };
            let answer = aftersales.record_return_parcel(request).await?.into_inner();
            done(client, &answer)?;
        }
        CaseCommand::Withdraw { case_id } => {
            decide(client, case_id, Decision::Withdraw, vec![], String::new()).await?;
        }
        CaseCommand::Receive(options) => receive::receive(client, options).await?,
        CaseCommand::Refund {
            case_id,
            amount,
            currency,
            last,
        } => {
            let amount = amount
                .map(|amount| parse::amount(&amount, &currency))
                .transpose()
                .map_err(Fault::usage)?;
            let request = RefundRequest {
                header: header("refund", None),
                case_id,
                amount,
                last,
            };
            let answer = aftersales.refund(request).await?.into_inner();
            if client.json {
                json(&answer)?;
            } else {
                say!("{} {}", answer.refund_id, money(answer.amount.as_ref()))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn open(client: &Client, options: OpenOptions) -> Result<(), Fault> {
    let order_id = options.order.id(client).await?;
    let amount = options.amount.as_deref();
    let amount = amount
        .map(|amount| parse::amount(amount, &options.currency))
        .transpose()
        .map_err(Fault::usage)?;
    let lines = if options.lines.is_empty() && amount.is_none() {
        claimable(client, &order_id).await?
    } else {
        options.lines
    };
    let lines = lines.into_iter().map(|line| CaseLine {
        line_id: line.line_id,
        quantity: line.quantity,
        reason: options.reason.clone(),
        replacement_sku: options.replacement.clone().unwrap_or_default(),
        ..CaseLine::default()
    });
    let request = OpenCaseRequest {
        header: header("open-case", Some(&options.reason)),
        order_id,
        kind: options.kind.into(),
        lines: lines.collect(),
        amount,
        ship_in_advance: options.in_advance,
        site_id: options.site.unwrap_or_default(),
        approve: options.approve,
    };
    let answer = client.aftersales()?.open_case(request).await?.into_inner();
    if client.json {
        return json(&answer);
    }
    say!(
        "{} {}",
        answer.case_id,
        word(answer.status().as_str_name(), "CASE_STATUS_")
    )
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
            return Err(Fault::refused(
                "UNITS_NOT_CLAIMABLE",
                format_args!(
                    "nothing of {order_id} can be claimed: it is not delivered yet, or all of it is in a case already"
                ),
            ));
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
    lines: Vec<LineQuantity>,
    reason: String,
) -> Result<(), Fault> {
    let request = DecideRequest {
        header: header("decide", None),
        case_id,
        decision: decision.into(),
        lines,
        reason,
    };
    let answer = client.aftersales()?.decide(request).await?.into_inner();
    if client.json {
        return json(&answer);
    }
    say!("{}", word(answer.status().as_str_name(), "CASE_STATUS_"))
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
    say!("{rows}")?;
    more(&answer.next_page_token)
}

/// The SKU that an exchange sends: the one that comes back when no other was asked for.
fn replacement(line: &CaseLine) -> &str {
    match line.replacement_sku.as_str() {
        "" => &line.sku,
        wanted => wanted,
    }
}

fn print(case: &Case) -> Result<(), Fault> {
    say!(
        "{}  {}  {} {}",
        case.case_id,
        word(case.kind().as_str_name(), "CASE_KIND_"),
        word(case.status().as_str_name(), "CASE_STATUS_"),
        case.outcome
    )?;
    say!("order {}", case.order_id)?;
    if !case.rejection.is_empty() {
        say!("rejected: {}", case.rejection)?;
    }
    if !case.replacement_order_id.is_empty() {
        say!("replacement order {}", case.replacement_order_id)?;
    }
    let is_exchange = case.kind() == CaseKind::Exchange;
    let titles = [
        "line",
        "SKU",
        "replacement",
        "reason",
        "asked",
        "approved",
        "resellable",
        "not resellable",
    ];
    let titles = titles.into_iter();
    let titles: Vec<&str> = titles
        .filter(|title| is_exchange || *title != "replacement")
        .collect();
    let mut rows = table(&titles);
    for view in &case.lines {
        let line = view.line.clone().unwrap_or_default();
        let sent = is_exchange.then(|| replacement(&line).to_owned());
        let asked = [line.line_id, line.sku];
        let numbers = [
            line.quantity,
            view.approved,
            view.resellable,
            view.not_resellable,
        ];
        rows.add_row(
            (asked.into_iter().chain(sent).chain([line.reason]))
                .chain(numbers.map(|units| units.to_string())),
        );
    }
    say!("{rows}")?;
    for refund in &case.refunds {
        let status = word(refund.status().as_str_name(), "REFUND_STATUS_");
        say!(
            "refund {} {} {status} {}",
            refund.refund_id,
            money(refund.amount.as_ref()),
            refund.failure
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_names_what_is_sent() {
        let mut line = CaseLine {
            sku: "TEA-S".to_owned(),
            ..CaseLine::default()
        };
        assert_eq!(replacement(&line), "TEA-S");
        line.replacement_sku = "TEA-L".to_owned();
        assert_eq!(replacement(&line), "TEA-L");
    }
}
